// Puts what the pages need next to the compiled service.
import { join } from 'node:path';
import { buildPages } from '@hbf/page-kit/build-pages';

await buildPages(join(import.meta.dirname, '..'), 'browser/vote.ts');
