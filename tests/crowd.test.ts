import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { until } from '@hbf/drills/until';
import { findChromium } from '@hbf/local-services/find-chromium';
import { makeTestDirectory } from '@hbf/local-services/testing';
import pg from 'pg';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startCrowd } from './support/crowd.ts';
import { createSystem } from './support/system.ts';

const POLLS = `polls:
  - key: best-friend
    question: Cats or dogs?
    options: { a: Cats, b: Dogs }
  - key: in-browsers
    question: Cats or dogs, in browsers?
    options: { a: Cats, b: Dogs }
  - key: several
    question: Which of them?
    options: { a: Cats, b: Dogs }
    choices: { min: 1, max: 2 }
  - key: capacity
    question: Cats or dogs, and how many?
    options: { a: Cats, b: Dogs }
`;
const executablePath = process.env.HBF_NO_BROWSER === '1' ? undefined : findChromium();
const system = await createSystem({ polls: POLLS });

beforeAll(async () => {
  const services = [await system.add('vote'), await system.add('vote'), await system.add('worker')];
  await Promise.all(services.map((service) => service.untilReady()));
});

const votersOf = async (poll: string) => {
  const rows = await system.postgres.query(
    `SELECT count(*)::int AS voters FROM ballots WHERE poll = '${poll}'`,
  );
  return (rows as { voters: number }[])[0]!.voters;
};

async function load(args: string) {
  const crowd = await startCrowd(['load', ...args.split(' ')], system);
  // Where a test fails it would go on voting, and be somebody else to the next.
  onTestFinished(async () => {
    crowd.stop();
    await crowd.exit;
  });
  return crowd;
}

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
    expect(crowd.output).toMatch(
      { 0: /The SLA was held\./, 1: /The SLA was BROKEN\./, 3: /INVALID: the crowd/ }[code!]!,
    );
    expect(crowd.output).toMatch(/^vote +\d+ .*\nresult +[1-9]\d* /m);
    expect(crowd.output).toMatch(/From the vote to the screen: p50 \d/);
    const [, grown, expected] = /turnout: grew by (\d+), expected (\d+)\n/.exec(crowd.output) ?? [];
    expect(grown).toBe(expected);
    expect(await votersOf('best-friend')).toBe(Number(grown));
  });

  it('says that somebody else votes there where one more ballot comes than it cast', async () => {
    const crowd = await load('--rate 5 --duration 60 --watchers 0 --wait 5');
    await until('ballots are accepted', async () => /outcome="accepted"} [1-9]/.test(await crowd.metrics()));
    const page = `${system.voteUrl}/api/polls/best-friend`;
    const [cookie = ''] = (await fetch(page)).headers.getSetCookie();
    const headers = { cookie: cookie.split(';')[0]!, 'content-type': 'application/json' };
    const body = JSON.stringify({ choices: ['a'] });
    await until('a ballot besides is accepted', async () => {
      const answer = await fetch(`${page}/ballots`, { method: 'POST', headers, body });
      return answer.status === 202;
    });
    await system.untilDrained();
    crowd.stop();
    await crowd.exit;
    expect(crowd.output).toMatch(
      /At the end: MORE than this crowd cast: 1 ballots\. Somebody else votes here/,
    );
    expect(crowd.output).not.toContain('MISSING');
  });

  it('sees from outside that ballots are missing which it was told are accepted', async () => {
    const crowd = await load('--rate 5 --duration 60 --watchers 0 --seed two --wait 3 --revotes 0');
    await until('ballots are accepted', async () =>
      /outcome="accepted"} [1-9]\d/.test(await crowd.metrics()),
    );
    // Nobody votes again, or the worker would stop: a ballot could not be taken back from a tally of 0.
    await system.postgres.query(
      `UPDATE tallies SET votes = 0 WHERE poll = 'best-friend'; UPDATE turnouts SET voters = 0 WHERE poll = 'best-friend'`,
    );
    await until(
      'it says so',
      async () => ((await seriesOf(crowd, 'crowd_ledger_drift')) ?? 0) < 0,
      60_000,
      200,
    );
    crowd.stop();
    expect(await crowd.exit).not.toBe(0);
    expect(crowd.output).toContain('The tally is NOT right');
    expect(crowd.output).toMatch(/While it ran, at worst: MISSING: \d+ ballots that were accepted/);
  });
});

describe('crowd capacity', () => {
  it('raises the rate until the SLA breaks or the last one held, and counts every ballot of all steps', async () => {
    const args = '--poll capacity --ramp 5:10:5 --duration 3 --watchers 2 --seed three'.split(' ');
    const crowd = await startCrowd(['capacity', ...args], system);
    const code = await crowd.exit;
    const rows = [...crowd.output.matchAll(/^(\d+) {2,}.* {2}(\S.*)$/gm)].map(([, rate, verdict]) => [
      Number(rate),
      verdict,
    ]);
    // What breaks is tried twice; the rate is only raised after one that held.
    const held = rows.filter(([, verdict]) => verdict === 'held').map(([rate]) => rate);
    expect([[], [5], [5, 10]], crowd.output).toContainEqual(held);
    expect(rows.length, crowd.output).toBe(held.length < 2 ? held.length + 2 : rows.length);
    expect(code, crowd.output).toBe(held.length > 0 ? 0 : 1);
    const last = held.at(-1);
    expect(crowd.output).toContain(
      last === undefined ? 'No rate held' : `The last rate that held: ${last} visits a second`,
    );
    expect(crowd.output).not.toContain('MISSING');
    await system.untilDrained();
    expect(await votersOf('capacity')).toBeGreaterThan(10);
  });
});

/** Passes everything on to `origin`, but for what ends so: that has a status and a text of its own. */
async function breakParts(origin: string, ending: string, status: number) {
  const server = createServer(async (req, res) => {
    if (req.url!.endsWith(ending)) {
      const type = status === 200 ? 'text/javascript' : 'text/plain';
      res.writeHead(status, { 'content-type': type }).end("throw new Error('broken')");
      return;
    }
    const answer = await fetch(new URL(req.url!, origin));
    const headers = { 'content-type': answer.headers.get('content-type')! };
    res.writeHead(answer.status, headers).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

describe.skipIf(executablePath === undefined)('crowd browse', () => {
  const browse = (
    args: string,
    at: Pick<typeof system, 'voteUrl' | 'resultUrl'> = system,
    poll = 'in-browsers',
  ) =>
    startCrowd(['browse', '--poll', poll, ...args.split(' ')], at, {
      CHROMIUM_PATH: executablePath!,
    });

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
    const pictures = ['open', 'vote', 'watch'].map((step) => `${hostname()}-0-${step}.png`);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(pictures));
  });

  it.each([
    ['in-browsers', 'one option'],
    ['several', 'several options'],
  ])('lets who changes their mind choose something else, in the poll %s, of %s', async (poll) => {
    // With this seed the first two change their minds, and would choose the same if it was left to chance.
    const crowd = await browse('--voters 2 --duration 1 --think 1 --seed change62', system, poll);
    expect(await crowd.exit, crowd.output).toBe(0);
    expect(crowd.output).toMatch(/^ {2}change: [1-9]/m);
    await system.untilDrained();
    const changed = (await system.postgres.query(
      `SELECT prev, choices FROM ballots WHERE poll = '${poll}' AND prev IS NOT NULL`,
    )) as { prev: string[]; choices: string[] }[];
    expect(changed.length).toBeGreaterThanOrEqual(2);
    for (const { prev, choices } of changed) expect(prev).not.toEqual(choices);
  });

  it.each([
    ['a part that does not come', '.css', 404, /FAILED [1-9]\d* times, open: \S+\.css: status 404/],
    ['a script that fails', '.js', 200, /FAILED [1-9]\d* times, open: its script failed: broken/],
  ])('takes a page with %s for one that failed', async (_, ending, status, words) => {
    const broken = await breakParts(system.voteUrl, ending, status);
    const crowd = await browse('--voters 1 --duration 1 --think 0', { ...system, voteUrl: broken.url });
    expect(await crowd.exit, crowd.output).toBe(1);
    await broken.close();
    expect(crowd.output).toMatch(words);
  });

  it('minds no look-up of a receipt without an answer: the page asks again by itself', async () => {
    const result = system.replicas.find(({ app }) => app === 'result')!;
    const unanswered = async () => {
      const count = /_count{.*route="\/api\/receipts\/:receipt",status_code="503"} (\d+)/;
      return Number(count.exec(await result.metrics())?.[1] ?? 0);
    };
    const before = await unanswered();
    const client = new pg.Client({ connectionString: system.postgres.url });
    await client.connect();
    onTestFinished(() => client.end());
    // Look-ups read it, and counting does not.
    await client.query('BEGIN; LOCK TABLE rejected_ballots');
    // With this seed the only one who comes thinks for long after voting.
    const crowd = await browse('--voters 1 --duration 1 --think 5 --seed patient84');
    expect(await crowd.exit, crowd.output).toBe(0);
    expect((await unanswered()) - before).toBeGreaterThan(1);
  });

  it('takes a result that is not live for a page that failed', async () => {
    const worker = system.replicas.find(({ app }) => app === 'worker')!;
    await system.remove(worker);
    await until('the tally says so', async () => {
      const answer = await fetch(`${system.resultUrl}/api/polls/in-browsers/tally`);
      return ((await answer.json()) as { status: string }).status === 'stale';
    });
    const crowd = await browse('--voters 1 --duration 1 --think 0');
    expect(await crowd.exit, crowd.output).toBe(1);
    expect(crowd.output).toMatch(/FAILED 1 times, watch: the tally is not live: the page says "/);
    await (await system.add('worker')).untilReady();
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
