import { readdirSync } from 'node:fs';
import { until } from '@hbf/drills/until';
import { findChromium } from '@hbf/local-services/find-chromium';
import { makeTestDirectory } from '@hbf/local-services/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCrowd } from './support/crowd.ts';
import { createSystem } from './support/system.ts';

const POLLS = `polls:
  - key: best-friend
    question: Cats or dogs?
    options: { a: Cats, b: Dogs }
`;
const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();
const system = await createSystem({ polls: POLLS });

beforeAll(async () => {
  const services = [await system.add('vote'), await system.add('vote'), await system.add('worker')];
  await Promise.all(services.map((service) => service.untilReady()));
});

const load = (args: string) => startCrowd(['load', ...args.split(' ')], system);

/** The value of a series without labels; undefined while it is not there. */
async function seriesOf(crowd: Awaited<ReturnType<typeof load>>, name: string): Promise<number | undefined> {
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(await crowd.metrics()) ?? [];
  return value === undefined ? undefined : Number(value);
}

describe('crowd load', () => {
  it('finds the tally of real services exactly as its seed and its acknowledgements say, and sees it move', async () => {
    const crowd = await load('--rate 10 --duration 8 --watchers 4 --seed one');
    await until('its sockets watch', async () => (await seriesOf(crowd, 'crowd_sockets')) === 4);
    await until('ballots come to the screen', async () =>
      /_screen_seconds_count [1-9]/.test(await crowd.metrics()),
    );
    expect(await seriesOf(crowd, 'crowd_ledger_drift')).toBe(0);
    const code = await crowd.exit;
    expect(crowd.output).toContain('The tally is right.');
    // Whether it was held depends on the machine; that one follows from the other does not.
    expect(crowd.output).toMatch(code === 0 ? /The SLA was held\./ : /The SLA was BROKEN\./);
    expect(crowd.output).toMatch(/From the vote to the screen: p50 \d/);
    const [, grown, expected] = /turnout: grew by (\d+), expected (\d+)\n/.exec(crowd.output) ?? [];
    expect(grown).toBe(expected);
    const rows = await system.postgres.query(`SELECT count(*)::int AS voters FROM ballots`);
    expect(rows).toEqual([{ voters: Number(grown) }]);
  });

  it('sees from outside that ballots are missing which it was told are accepted', async () => {
    const crowd = await load('--rate 5 --duration 60 --watchers 0 --seed two --wait 3');
    await until('ballots are accepted', async () =>
      /outcome="accepted"} [1-9]\d/.test(await crowd.metrics()),
    );
    await system.postgres.query('UPDATE tallies SET votes = 0; UPDATE turnouts SET voters = 0');
    await until(
      'it says so',
      async () => ((await seriesOf(crowd, 'crowd_ledger_drift')) ?? 0) < 0,
      60_000,
      200,
    );
    crowd.stop();
    expect(await crowd.exit).not.toBe(0);
    expect(crowd.output).toContain('The tally is NOT right');
    expect(crowd.output).toMatch(/the tally was off by up to -\d+ ballots/);
  });
});

describe.skipIf(executablePath === undefined)('crowd browse', () => {
  const browse = (args: string) =>
    startCrowd(['browse', ...args.split(' ')], system, { CHROMIUM_PATH: executablePath! });

  it('lets people vote and watch in real browsers, tells how long pages took, and leaves pictures', async () => {
    const folder = makeTestDirectory('pictures');
    const crowd = await browse(`--voters 2 --duration 8 --think 1 --seed three --screenshots ${folder}`);
    await until(
      'votes are cast',
      async () => /_load_seconds_count\{step="vote"\} [1-9]/.test(await crowd.metrics()),
      60_000,
    );
    expect(await crowd.exit, crowd.output).toBe(0);
    expect(crowd.output).toMatch(/^ {2}vote: [1-9]\d* pages, p50 \d/m);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['0-open.png', '0-vote.png', '0-watch.png']));
  });

  it('names the pages that fail, and there is no browser that it would start in vain', async () => {
    const at = { voteUrl: system.voteUrl, resultUrl: 'http://127.0.0.1:9' };
    const args = ['browse', '--voters', '1', '--duration', '2', '--think', '0'];
    const failing = await startCrowd(args, at, { CHROMIUM_PATH: executablePath! });
    expect(await failing.exit).toBe(1);
    expect(failing.output).toMatch(/FAILED [1-9]\d* times, watch: .*ERR_/);
    const without = await startCrowd(args, at, { CHROMIUM_PATH: '/nowhere/chromium' });
    expect(await without.exit).toBe(1);
    expect(without.output).toMatch(/CHROMIUM_PATH: \/nowhere\/chromium could not be started/);
  });
});
