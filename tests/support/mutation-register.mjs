import { register } from 'node:module';

register(new URL('mutation-hooks.mjs', import.meta.url), {
  data: JSON.parse(process.env.HBF_TEST_MUTATIONS ?? '[]'),
});
