/**
 * The edge with the routes and the settings of infra, in front of real replicas. Here it is where Traefik is (TRAEFIK_PATH,
 * or on the PATH); else visibly left out.
 */
import { request } from 'node:http';
import { until } from '@hbf/drills/until';
import { findCommand } from '@hbf/local-services/find-command';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCrowd } from './support/crowd.ts';
import { startEdge } from './support/monitoring.ts';
import { createSystem } from './support/system.ts';

const POLLS = `polls:
  - key: best-friend
    question: Cats or dogs?
    options: { a: Cats, b: Dogs }
`;
/** What is promised of a replica that does not answer, and of every request (ms). */
const OUT_WITHIN_MS = 3_000;
const ANSWERED_WITHIN_MS = 2_000;
const traefik = process.env.TRAEFIK_PATH || findCommand(['traefik']);

describe.skipIf(!traefik)('the edge', async () => {
  if (!traefik) return;
  const system = await createSystem({ polls: POLLS });
  const votes = [await system.add('vote'), await system.add('vote')];
  const worker = await system.add('worker');
  const edge = await startEdge(traefik, system);
  const poll = `${edge.voteUrl}/api/polls/best-friend`;

  beforeAll(async () => {
    await Promise.all([...votes, worker].map((service) => service.untilReady()));
    await until('it leads to vote and to result', async () =>
      (await Promise.all([fetch(edge.voteUrl), fetch(edge.resultUrl)])).every(({ ok }) => ok),
    );
  });

  /** @returns the status at port 80 for a host's name. */
  const statusOf = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(edge.webUrl, { headers: { host } }, (res) => resolve(res.resume().statusCode))
        .once('error', reject)
        .end();
    });
  /** How many requests the edge has counted, by router and status. */
  async function counted(): Promise<Map<string, number>> {
    const text = await (await fetch(`http://${edge.target}/metrics`)).text();
    const lines = text.matchAll(
      /^traefik_router_requests_total\{code="(\d+)".*router="([^"]+)".*\} (\S+)$/gm,
    );
    const all = new Map<string, number>();
    for (const [, code, router, count] of lines) {
      const key = `${router} ${code}`;
      all.set(key, (all.get(key) ?? 0) + Number(count));
    }
    return all;
  }

  it('spreads requests over all replicas', async () => {
    const answered = /_count\{method="GET",route="\/api\/polls\/:poll",status_code="200"\} [1-9]/;
    await until('each has answered some', async () => {
      expect((await fetch(poll)).status).toBe(200);
      return (await Promise.all(votes.map((vote) => vote.metrics()))).every((text) => answered.test(text));
    });
  });

  it('knows vote and result at port 80 by their names, and nobody else', async () => {
    expect(await statusOf('vote.localhost')).toBe(200);
    expect(await statusOf('result.localhost')).toBe(200);
    expect(await statusOf('elsewhere.example')).toBe(404);
  });

  it('lets voters vote and watch through it, and counts sockets apart', async () => {
    const crowd = await startCrowd(['load', '--rate', '30', '--duration', '5', '--watchers', '3'], edge);
    await crowd.exit;
    expect(crowd.output).toContain('The tally is right.');
    expect(crowd.output).toMatch(/From the vote to the screen: p50 \d/);
    expect([...(await counted()).keys()]).toEqual(
      expect.arrayContaining(['vote@file 202', 'vote-read@file 200']),
    );
    // A connection that was taken over has no status of its own, and is counted when it ends.
    await until('the sockets are counted', async () => (await counted()).has('result-live@file 0'));
  });

  it('takes a replica that does not answer out of rotation, and lets no request wait for it', async () => {
    await votes[0]!.pause();
    const paused = performance.now();
    const seen: { at: number; ms: number; status: number }[] = [];
    while (performance.now() - paused < OUT_WITHIN_MS + 2_000) {
      const at = performance.now() - paused;
      const statuses = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const began = performance.now();
          const { status } = await fetch(poll);
          return { at, ms: performance.now() - began, status };
        }),
      );
      seen.push(...statuses);
    }
    await votes[0]!.resume();
    expect(seen.some(({ status }) => status === 504)).toBe(true);
    expect(seen.filter(({ ms }) => ms > ANSWERED_WITHIN_MS)).toEqual([]);
    expect(seen.filter(({ at, status }) => at > OUT_WITHIN_MS && status !== 200)).toEqual([]);
    await until('it is back', async () => {
      const before = await votes[0]!.metrics();
      for (let i = 0; i < 4; i++) await fetch(poll);
      return (await votes[0]!.metrics()) !== before;
    });
  });

  it("shows the service's own page and its own refusal while the store is away", async () => {
    const cookie = (await fetch(poll)).headers.getSetCookie()[0]!.split(';')[0]!;
    await system.redis.kill();
    const page = await fetch(edge.voteUrl);
    expect(await page.text()).toContain('Cats or dogs?');
    const refused = await fetch(`${poll}/ballots`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie },
      body: '{"choices":["a"]}',
    });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    await system.redis.start();
  });

  it('answers 503 by itself where no replica is there, and counts that', async () => {
    for (const vote of votes) await vote.kill();
    await until('nobody is asked any more', async () => (await fetch(poll)).status === 503);
    const failed = [...(await counted())].filter(([key]) => /^vote.* 50[234]$/.test(key));
    expect(failed.length).toBeGreaterThan(0);
    for (const vote of votes) await vote.start();
    await until('a replica is asked again', async () => (await fetch(poll)).status === 200);
  });

  it('writes no address of a client, no path and no header into its log', async () => {
    await fetch(`${edge.resultUrl}/receipts/hush-receipt`, {
      headers: { 'user-agent': 'hush-agent', cookie: 'c=hush-cookie' },
    });
    const lines = await until('the request is logged', () => {
      const all = edge.accessLog();
      return all.some((line) => line.includes('"RouterName":"result-read@file"')) && all;
    });
    expect(lines.join()).not.toContain('hush');
    const keys = new Set(lines.flatMap((line) => Object.keys(JSON.parse(line))));
    expect([...keys].filter((key) => /client|addr|host|path|line|user|header/i.test(key))).toEqual([]);
  });
});
