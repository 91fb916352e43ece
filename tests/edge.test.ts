/**
 * The edge with the routes and the settings of infra, in front of real replicas. Here it is where Traefik is (TRAEFIK_PATH,
 * or on the PATH); else visibly left out.
 */
import { request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { connect } from 'node:net';
import { until } from '@hbf/drills/until';
import { findCommand } from '@hbf/local-services/find-command';
import { freePort } from '@hbf/local-services/free-port';
import { beforeAll, describe, expect, it } from 'vitest';
import { countedAt } from './support/counted.ts';
import { startCrowd } from './support/crowd.ts';
import { startEdge } from './support/monitoring.ts';
import { startStandIn } from './support/stand-in.ts';
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

type Seen = { at: number; ms: number; status: number };

/** Asks again and again, four at a time, for longer than a replica may stay in rotation that does not answer. */
async function keepAsking(url: string): Promise<Seen[]> {
  const began = performance.now();
  const seen: Seen[] = [];
  while (performance.now() - began < OUT_WITHIN_MS + 2_000) {
    const at = performance.now() - began;
    const four = Array.from({ length: 4 }, async () => {
      const asked = performance.now();
      const { status } = await fetch(url);
      return { at, ms: performance.now() - asked, status };
    });
    seen.push(...(await Promise.all(four)));
  }
  return seen;
}

function expectOutInTime(seen: readonly Seen[]): void {
  expect(seen.some(({ status }) => status === 504)).toBe(true);
  expect(seen.filter(({ ms }) => ms > ANSWERED_WITHIN_MS)).toEqual([]);
  expect(seen.filter(({ at, status }) => at > OUT_WITHIN_MS && status !== 200)).toEqual([]);
}

/** @returns the status at port 80 for a host's name, and where it leads to. */
const answerFor = (webUrl: string, host: string) =>
  new Promise<{ status: number | undefined; location: string | undefined }>((resolve, reject) => {
    request(webUrl, { headers: { host } }, (res) =>
      resolve({ status: res.resume().statusCode, location: res.headers.location }),
    )
      .once('error', reject)
      .end();
  });

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

  const statusOf = async (host: string) => (await answerFor(edge.webUrl, host)).status;
  const counted = () => countedAt(edge.target);

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
    const seen = await keepAsking(poll);
    await votes[0]!.resume();
    expectOutInTime(seen);
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

  it('lets vote itself give up on a ballot that does not come whole', async () => {
    const { hostname, port } = new URL(edge.voteUrl);
    const socket = connect(Number(port), hostname);
    const head = ['POST /api/polls/best-friend/ballots HTTP/1.1', 'Host: x', 'Content-Length: 100'];
    socket.write([...head, 'Content-Type: application/json', '', '{'].join('\r\n'));
    let answer = '';
    for await (const chunk of socket.setEncoding('utf8')) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('fails soon where no replica is there, and counts that', async () => {
    for (const vote of votes) await vote.kill();
    await until('nobody is asked any more', async () =>
      [...(await counted()).keys()].some((key) => /^vote-read@file 50[234]$/.test(key)),
    );
    const began = performance.now();
    expect([502, 503, 504]).toContain((await fetch(poll)).status);
    expect(performance.now() - began).toBeLessThan(ANSWERED_WITHIN_MS);
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

describe.skipIf(!traefik)('the edge, of replicas that are unwell', async () => {
  if (!traefik) return;
  const [port, metricsPort] = [await freePort(), await freePort()];
  const replicas = await Promise.all(
    Array.from({ length: 5 }, (_, i) => startStandIn(`127.0.0.${i + 2}`, port, metricsPort)),
  );
  const edge = await startEdge(traefik, { replicas });
  const asked = (method: 'GET' | 'POST') => replicas.reduce((sum, one) => sum + one.asked[method], 0);
  const untilAllAnswer = () =>
    until('all of them are asked', async () => {
      const before = replicas.map((one) => one.asked.GET);
      for (let i = 0; i < 2 * replicas.length; i++) await fetch(edge.voteUrl);
      return replicas.every((one, i) => one.asked.GET > before[i]!);
    });

  beforeAll(async () => void (await untilAllAnswer()));

  it('takes three of five that freeze at once out of rotation', async () => {
    for (const one of replicas.slice(0, 3)) one.frozen = true;
    expectOutInTime(await keepAsking(edge.voteUrl));
    for (const one of replicas) one.frozen = false;
    await untilAllAnswer();
  });

  it('asks those that are ready, and where none is, any that lives', async () => {
    for (const one of replicas.slice(1)) one.ready = false;
    await until('one alone is asked', async () => {
      const before = asked('GET') - replicas[0]!.asked.GET;
      for (let i = 0; i < 2 * replicas.length; i++) await fetch(edge.voteUrl);
      return asked('GET') - replicas[0]!.asked.GET === before;
    });
    replicas[0]!.ready = false;
    await untilAllAnswer();
    for (const one of replicas) one.ready = true;
  });

  it('sends a ballot once, though the replica dies with it', async () => {
    for (const one of replicas) one.dies = true;
    const before = asked('POST');
    expect((await fetch(edge.voteUrl, { method: 'POST', body: 'ballot' })).status).toBe(502);
    expect(asked('POST')).toBe(before + 1);
    for (const one of replicas) one.dies = false;
  });

  it('asks another one where it cannot connect, but not with a ballot', async () => {
    replicas[0]!.hide();
    const read: number[] = [];
    const sent: number[] = [];
    for (let i = 0; i < 2 * replicas.length; i++) {
      read.push((await fetch(edge.voteUrl)).status);
      sent.push((await fetch(edge.voteUrl, { method: 'POST', body: 'ballot' })).status);
    }
    expect(new Set(read)).toEqual(new Set([200]));
    expect(new Set(sent)).toEqual(new Set([200, 502]));
  });
});

describe.skipIf(!traefik)('the routes of the edge', async () => {
  if (!traefik) return;
  const [port, metricsPort] = [await freePort(), await freePort()];
  const vote = await startStandIn('127.0.0.7', port, metricsPort);
  const replicas = [vote, { ...vote, app: 'result' }];
  const domain = { DOMAIN: 'example.org', ACME_EMAIL: 'host@example.org' };
  // An address alone asks no authority for a certificate of localhost.
  const untold = await startEdge(
    traefik,
    { replicas },
    { told: false, env: { ACME_EMAIL: domain.ACME_EMAIL } },
  );
  const nowhere = await startEdge(traefik, { replicas: [] }, { told: false });
  const certified = await startEdge(traefik, { replicas }, { env: domain });
  const routersOf = async ({ target }: { target: string }) =>
    (await (await fetch(`http://${target}/api/http/routers?per_page=100`)).json()) as {
      name: string;
      status: string;
      entryPoints: string[];
      tls?: { certResolver: string };
    }[];
  const answerOf = (url: string) => fetch(url).then(({ status }) => status);

  it('lead to vote and result by their names while it was told of no replica, and count that as theirs, but for sockets', async () => {
    await until('it is there', async () => (await answerOf(untold.voteUrl)) === 200);
    expect((await fetch(untold.voteUrl, { method: 'POST', body: 'ballot' })).status).toBe(200);
    expect((await answerFor(untold.webUrl, 'vote.localhost')).status).toBe(200);
    expect(await answerOf(`${untold.resultUrl}/socket.io/`)).toBe(200);
    const routers = [...(await countedAt(untold.target)).keys()];
    expect(routers).toEqual(
      expect.arrayContaining(['vote-away@file 200', 'vote-host-away@file 200', 'result-live-away@file 200']),
    );
  });

  it('lead to the replicas when it is told of them', async () => {
    untold.tell();
    await until('the router of reads is there', async () => {
      expect(await answerOf(untold.voteUrl)).toBe(200);
      return (await countedAt(untold.target)).has('vote-read@file 200');
    });
  });

  it('fail soon where the name is nobody, and count that as theirs', async () => {
    await until('its routes are there', async () =>
      (await routersOf(nowhere)).some(({ name }) => name === 'vote-away@file'),
    );
    const began = performance.now();
    expect([502, 504]).toContain(await answerOf(nowhere.voteUrl));
    expect(performance.now() - began).toBeLessThan(ANSWERED_WITHIN_MS);
    const routers = [...(await countedAt(nowhere.target)).keys()];
    expect(routers.filter((key) => /^vote-away@file 50[24]$/.test(key))).toHaveLength(1);
  });

  it('are all taken with a domain and certificates, to which port 80 leads', async () => {
    const ours = await until('they are there', async () => {
      const all = (await routersOf(certified)).filter(({ name }) => name.endsWith('@file'));
      return all.length > 0 && all;
    });
    expect(ours.filter(({ status }) => status !== 'enabled')).toEqual([]);
    const secure = ours.filter(({ entryPoints }) => entryPoints.includes('websecure'));
    expect(secure.map(({ name }) => name).sort()).toEqual(
      ours
        .map(({ name }) => name)
        .filter((name) => name.includes('-host'))
        .sort(),
    );
    for (const { name, tls } of secure)
      expect({ name, tls }).toMatchObject({ tls: { certResolver: 'acme' } });
    expect(await answerFor(certified.webUrl, 'vote.example.org')).toEqual({
      status: 301,
      location: expect.stringMatching(/^https:\/\/vote\.example\.org/),
    });
    const status = await new Promise((resolve, reject) => {
      // The authority was not reached, so it is a certificate that nobody vouches for.
      const options = { servername: 'vote.example.org', rejectUnauthorized: false };
      requestSecurely(certified.secureUrl, { ...options, headers: { host: 'vote.example.org' } }, (res) =>
        resolve(res.resume().statusCode),
      )
        .once('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });
});
