/**
 * The profile sla in containers: whatever of it goes away, voting goes on. Where the images of the edge and of the proxy in front
 * of Docker's API are not here and cannot be pulled, visibly left out; the other tools of the profile are not started.
 */
import { docker, tryDocker } from '@hbf/drills/system/compose/docker';
import { until } from '@hbf/drills/until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countedAt } from '../support/counted.ts';
import { run } from './support/containers.ts';
import { createDevelopment } from './support/development.ts';

const UP_MS = 120_000;
/** What is promised of every request (ms). */
const ANSWERED_WITHIN_MS = 2_000;
const IN_FRONT = ['edge', 'socket-proxy'];

const development = await createDevelopment();
const { project, voteUrl, resultUrl, edgeTarget } = development;
afterAll(() => development.close());
const sla = (...args: string[]) => project.compose('--profile', 'sla', ...args);
const container = (service: string, number = 1) => `${project.name}-${service}-${number}`;

/** @returns those images of services that are neither here nor to be had. */
async function missingImages(names: readonly string[]): Promise<string[]> {
  const { services } = JSON.parse(await sla('config', '--format', 'json')) as {
    services: Record<string, { image: string }>;
  };
  const missing: string[] = [];
  for (const name of names) {
    const { image } = services[name]!;
    const isHere = (await tryDocker(['image', 'inspect', image])).code === 0;
    if (!isHere && (await tryDocker(['pull', image])).code !== 0) missing.push(image);
  }
  return missing;
}

const missing = await missingImages(IN_FRONT);
const without = missing.length > 0 ? `, without ${missing.join(' and ')}` : '';

describe.skipIf(missing.length > 0)(`voting through the profile sla${without}`, () => {
  const poll = `${voteUrl}/api/polls/best-friend`;
  /** Ballots that were accepted, and those of which nobody knows. */
  let sure = 0;
  let unsure = 0;

  /** @returns the status of a new voter's ballot; 0 where there was no answer. */
  async function cast(): Promise<number> {
    try {
      // A connection of its own: one that is kept goes on the way that it has taken.
      const page = await fetch(poll, {
        headers: { connection: 'close' },
        signal: AbortSignal.timeout(5_000),
      });
      const cookie = page.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      const { status } = await fetch(`${poll}/ballots`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', cookie, connection: 'close' },
        body: '{"choices":["a"]}',
        signal: AbortSignal.timeout(5_000),
      });
      if (status === 202) sure++;
      else unsure++;
      return status;
    } catch {
      unsure++;
      return 0;
    }
  }

  const untilVotingGoesOn = (what: string, alsoHolds: () => Promise<boolean> = async () => true) =>
    until(
      `ten ballots in a row are accepted, ${what}`,
      async () => {
        for (let i = 0; i < 10; i++) if ((await cast()) !== 202) return false;
        return alsoHolds();
      },
      UP_MS,
      100,
    );

  /** A metric of a container, summed up. */
  async function metric(name: string, port: number, pattern: RegExp): Promise<number> {
    const script = `fetch('http://127.0.0.1:${port}/metrics').then((r) => r.text()).then(console.log)`;
    const text = await run(name, 'node', '-e', script);
    return [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
  }
  const asked = (number: number) =>
    metric(container('vote', number), 9102, /^http_request_duration_seconds_count\S* (\d+)$/gm);
  const ledPast = () =>
    metric(container('ports'), 9105, /^forwarded_connections_total\{port="5002",way="last"\} (\d+)$/gm);
  const counted = async (key: string) => (await countedAt(edgeTarget)).get(key) ?? 0;

  beforeAll(async () => {
    await sla('build', 'vote', 'result', 'worker', 'migrate', 'ports');
    await sla('up', '--detach', '--scale', 'vote=2', 'vote', 'result', 'worker', 'ports', ...IN_FRONT);
    await untilVotingGoesOn('by the edge', async () => (await counted('vote@file 202')) > 0);
  });

  it('uses all replicas', async () => {
    const all = async (...numbers: number[]) => (await Promise.all(numbers.map(asked))).every((n) => n > 0);
    await untilVotingGoesOn('by both', () => all(1, 2));
    await sla('up', '--detach', '--no-recreate', '--scale', 'vote=3', 'vote');
    await untilVotingGoesOn('by three', () => all(1, 2, 3));
  });

  it('goes on past a replica that is killed', async () => {
    await docker(['kill', container('vote', 2)]);
    await untilVotingGoesOn('by the two that are left');
    await docker(['start', container('vote', 2)]);
  });

  it('goes on past an edge that is frozen, and through it when it is not', async () => {
    await sla('pause', 'edge');
    const past = await ledPast();
    await untilVotingGoesOn('past the edge', async () => (await ledPast()) > past);
    await sla('unpause', 'edge');
    const through = await counted('vote@file 202');
    await untilVotingGoesOn('through the edge', async () => (await counted('vote@file 202')) > through);
  });

  it("goes on through an edge that cannot ask Docker's API, when replicas are replaced too", async () => {
    await sla('stop', 'socket-proxy');
    await sla('up', '--detach', '--no-deps', '--force-recreate', '--scale', 'vote=2', 'vote');
    const through = await counted('vote@file 202');
    await untilVotingGoesOn(
      'by replicas of which it was not told',
      async () => (await counted('vote@file 202')) > through,
    );
  });

  it("goes on through an edge that is started while Docker's API is away", async () => {
    await sla('restart', 'edge');
    await untilVotingGoesOn('by name', async () => (await counted('vote-away@file 202')) > 0);
    await sla('up', '--detach', '--no-recreate', ...IN_FRONT);
    await untilVotingGoesOn('as it was told', async () => (await counted('vote@file 202')) > 0);
  });

  it('is refused soon where no replica is there', async () => {
    await sla('kill', 'vote');
    // Its name is gone, for which Docker may look elsewhere.
    await until('the edge says so', async () => (await fetch(poll)).status >= 502, UP_MS);
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      expect([502, 503, 504]).toContain((await fetch(poll)).status);
      expect(performance.now() - began).toBeLessThan(ANSWERED_WITHIN_MS);
    }
    await sla('up', '--detach', '--scale', 'vote=2', 'vote');
    await untilVotingGoesOn('again');
  });

  it('counted every ballot that was accepted, once', async () => {
    // What a tally says is queued is a second old.
    const turnout = await until('all are in the tally', async () => {
      const response = await fetch(`${resultUrl}/api/polls/best-friend/tally`);
      const tally = (await response.json()) as { turnout: number };
      return tally.turnout >= sure && tally.turnout;
    });
    expect(turnout).toBeLessThanOrEqual(sure + unsure);
  });
});
