import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSource } from './root.ts';

type Service = { deploy: { resources: { limits: { memory: string } } } };
const { services } = parse(readSource('compose.release.yaml'), { merge: true }) as {
  services: Record<string, Service>;
};

/** What each container may take (MB of 2^20 bytes), where no variable says otherwise. */
const limits = Object.fromEntries(
  Object.entries(services).map(([name, { deploy }]) => {
    const [, megabytes] = /^(?:\$\{REDIS_MEMORY:-)?(\d+)M\}?$/.exec(deploy.resources.limits.memory)!;
    return [name, Number(megabytes)];
  }),
);
// It starts when migrate is over.
const { seed, ...system } = limits;
const sum = Object.values(system).reduce((total, megabytes) => total + megabytes, 0);

/** A document as one line, since a number may stand on the next. */
const read = (path: string) => readSource(path).replace(/\s+/g, ' ');

describe('the memory of the release', () => {
  it('is within one gigabyte', () => {
    expect(sum * 2 ** 20).toBeLessThanOrEqual(1e9);
  });

  it('is what README.md says of each container and of all', () => {
    expect(read('README.md')).toContain(
      `together **${sum} MB**: vote ${limits.vote}, result ${limits.result}, worker ${limits.worker}, ` +
        `migrate ${limits.migrate}, Redis ${limits.redis}, the counters of the rate limits ${limits.limits}, ` +
        `PostgreSQL ${limits.db}.`,
    );
  });

  it('is what docs/operations.md says of each container and of all', () => {
    const names = ['vote', 'result', 'worker', 'migrate', 'redis', 'limits', 'db'];
    expect(names.toSorted()).toEqual(Object.keys(system).sort());
    const text = read('docs/operations.md');
    expect(text).toContain(
      `| ${names.join(' | ')} | together | ${'| --- '.repeat(names.length + 1)}` +
        `| | ${names.map((name) => limits[name]).join(' | ')} | **${sum} MB** |`,
    );
    expect(text).toContain(`together ${Math.round((sum * 2 ** 20) / 1e6)} million bytes`);
    expect(text).toContain(`\`seed\` has ${seed} MB`);
    expect(text).toContain(`| \`${limits.redis}M\`, \`72mb\` |`);
  });

  it("is what docs/configuration.md says of result's", () => {
    expect(read('docs/configuration.md')).toContain(`the ${limits.result} MB that result has`);
  });
});
