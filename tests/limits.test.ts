/**
 * An operator seeds a system in production through vote's own API, as all others vote: the limits stop the crowd without
 * its key, which says what is to be set, and let it pass with it. The books are right both times.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { APPROVE, pollsFile } from '@hbf/drills/clients/polls';
import { until } from '@hbf/drills/until';
import { makeTestDirectory, startTestRedis } from '@hbf/local-services/testing';
import { beforeAll, expect, it } from 'vitest';
import { createSystem, withRedis } from './support/system.ts';

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

it('counts in a store where it may do what a release allows it, and is refused nothing there', async () => {
  const secrets = makeTestDirectory('secrets');
  execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/secrets.mjs', import.meta.url))], {
    env: { ...process.env, SECRETS_DIR: secrets },
  });
  const aclfile = join(secrets, 'limits_acl');
  chmodSync(aclfile, 0o644);
  appendFileSync(aclfile, 'user onlooker on nopass ~* &* +@all\n');
  const store = await startTestRedis({ settings: { appendonly: 'no', aclfile } });
  const url = new URL(readFileSync(join(secrets, 'limits_url'), 'utf8').trim());
  url.host = new URL(store.url).host;
  const vote = await system.add('vote', {
    env: { NODE_ENV: 'production', LIMIT_VOTER_PER_MINUTE: '2', LIMITS_REDIS_URL: url.href },
  });
  await vote.untilReady();
  await vote.untilLine('the store of the limits is there');
  const poll = `${vote.url}/api/polls/${APPROVE.key}`;
  const [cookie] = (await fetch(poll)).headers.getSetCookie().map((line) => line.split(';')[0]!);
  const cast = async () => {
    const headers = { 'Content-Type': 'application/json', Cookie: cookie! };
    return (await fetch(`${poll}/ballots`, { method: 'POST', headers, body: '{"choices":["oak"]}' })).status;
  };
  // The third is refused, and what its network was charged for it is taken back.
  await until('the voter is stopped', async () => (await cast()) === 429);
  const onlooker = store.url.replace('//', '//onlooker:any@');
  await withRedis(onlooker, async (client) => {
    expect(await client.keys('hbf:limits:voter-minute:*')).toHaveLength(1);
    expect(await client.keys('hbf:limits:address-hour:*')).toHaveLength(1);
    expect(await client.acl('LOG')).toEqual([]);
  });
  // A busy machine may have held an answer up: it is away for a moment then.
  await until('it is there', async () => /^limits_store_away 0$/m.test(await vote.metrics()));
  await withRedis(url.href, async (client) => {
    for (const [name, ...args] of [['KEYS', '*'], ['FLUSHALL'], ['GET', 'other'], ['SET', 'other', '1']])
      await expect(client.call(name!, ...args)).rejects.toThrow('NOPERM');
  });
});
