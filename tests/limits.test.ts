/**
 * An operator seeds a system in production through vote's own API, as all others vote: the limits stop the crowd without
 * its key, which says what is to be set, and let it pass with it. The books are right both times.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { APPROVE, pollsFile } from '@hbf/drills/clients/polls';
import { beforeAll, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';

const crowd = fileURLToPath(new URL('../apps/crowd/dist/main.js', import.meta.url));
const newKey = (kid: string) => `${kid}:${randomBytes(32).toString('hex')}`;
const CROWD_KEY = newKey('c1');

const system = await createSystem({ polls: pollsFile([APPROVE]) });

beforeAll(async () => {
  const services = [
    await system.add('worker'),
    await system.add('vote', {
      env: {
        NODE_ENV: 'production',
        LIMIT_ADDRESS_PER_MINUTE: '100',
        CROWD_KEYS: `${newKey('c2')},${CROWD_KEY}`,
      },
    }),
  ];
  await Promise.all(services.map((service) => service.untilReady()));
});

async function seed(env: Record<string, string>) {
  const args = ['seed', '--poll', APPROVE.key, '--ballots', 'oak=200,elm=100', '--wait', '20'];
  const child = spawn(process.execPath, [crowd, ...args], {
    env: { PATH: process.env.PATH, VOTE_URL: system.voteUrl, RESULT_URL: system.resultUrl, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

const recorded = async () => (await system.conservation()).reduce((sum, { recorded }) => sum + recorded, 0);

it('lets a crowd with its key seed as much as it likes, and the tally grows by exactly that', async () => {
  const { code, output } = await seed({ CROWD_KEY });
  expect(output).toContain('The tally grew by exactly the accepted ballots.');
  expect(code).toBe(0);
  expect(await recorded()).toBe(300);
});

it('stops a crowd without a key at the limit of one address; it says what to set, and what was accepted is counted', async () => {
  const before = await recorded();
  const { code, output } = await seed({});
  expect(code).toBe(1);
  expect(output).toContain('set CROWD_KEY to one of its CROWD_KEYS');
  expect(output).toContain('The tally grew by exactly the accepted ballots, but not all were accepted.');
  expect(await recorded()).toBe(before + 100);
  for (const { drift } of await system.conservation()) expect(drift).toBe(0);
});
