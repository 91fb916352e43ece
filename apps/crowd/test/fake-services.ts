import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** What a fault does with the n-th POST (from 1): nothing, or an answer other than 202, or a broken connection. */
export type Fault = (post: number) => FaultAction | undefined;
export type FaultAction = {
  /** Whether the ballot is counted before the fault shows. */
  counts: boolean;
  answer: 'break' | { status: number; type?: string; retryAfter?: string };
};

/** Vote and result in one small server that counts as the real ones do: the last ballot of a voter. */
export async function startFakeServices(
  setting: {
    eligibility?: 'open' | 'browser';
    fault?: Fault;
    /** What the tally tells instead of what it counted. */
    distort?: (votes: Record<string, number>) => Record<string, number>;
    results?: 'always' | 'after-close';
    phase?: 'open' | 'closed';
    /** How long a ballot waits for its answer. */
    delayMs?: number;
  } = {},
) {
  const cookies = new Set<string>();
  const ballots = new Map<string, string>();
  /** For each POST the voter that sent it. */
  const posts: string[] = [];
  /** What the POSTs showed to pass the limits. */
  const crowdKeys = new Set<string | undefined>();
  /** Who asked for a page: whether a voter was known, and what was to be read. */
  const pages: { known: boolean; accept: string | undefined }[] = [];
  /** What had been counted at each reading of the tally. */
  const readings: number[] = [];

  const poll = {
    key: 'best-friend',
    question: 'Cats or dogs?',
    options: [
      { key: 'a', label: 'Cats' },
      { key: 'b', label: 'Dogs' },
      { key: 'c', label: 'Neither' },
    ],
    eligibility: setting.eligibility ?? 'browser',
    choices: { min: 1, max: 1 },
    phase: setting.phase ?? 'open',
  };

  const tally = () => {
    const counted: Record<string, number> = { a: 7, b: 8, c: 9 };
    for (const choice of ballots.values()) counted[choice]! += 1;
    readings.push(ballots.size);
    const votes = setting.distort && ballots.size > 0 ? setting.distort(counted) : counted;
    const hidden = setting.results === 'after-close';
    return {
      options: poll.options.map((option) => ({ ...option, votes: hidden ? null : votes[option.key] })),
      turnout: Object.values(votes).reduce((sum, count) => sum + count, 0),
      queued: 0,
      status: 'live',
      asOf: new Date().toISOString(),
    };
  };

  const voterOf = (req: IncomingMessage): string | undefined => {
    if (poll.eligibility === 'open') return req.headers['idempotency-key'] as string | undefined;
    const value = /hbf_voter=([^;]+)/.exec(req.headers.cookie ?? '')?.[1];
    return value !== undefined && cookies.has(value) ? value : undefined;
  };

  const cast = async (req: IncomingMessage, res: ServerResponse) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    const voter = voterOf(req);
    if (!voter) return json(res, 401, { type: '/problems/no-voter', title: 'No voter' });
    posts.push(voter);
    crowdKeys.add(req.headers['crowd-key'] as string | undefined);
    if (setting.delayMs) await setTimeout(setting.delayMs);
    const action = setting.fault?.(posts.length);
    if (!action || action.counts) ballots.set(voter, JSON.parse(body).choices[0]);
    if (!action) return json(res, 202, { status: 'accepted', receipt: randomUUID() });
    if (action.answer === 'break') return req.socket.destroy();
    const { status, type, retryAfter } = action.answer;
    if (retryAfter) res.setHeader('retry-after', retryAfter);
    json(res, status, { type: `/problems/${type}`, title: `The fault ${type}` });
  };

  const server = createServer((req, res) => {
    if (req.method === 'POST') return cast(req, res);
    if (req.url?.endsWith('/tally')) return json(res, 200, tally());
    const isPage = req.url === '/p/best-friend';
    if (isPage) pages.push({ known: voterOf(req) !== undefined, accept: req.headers.accept });
    if (!isPage && req.url !== '/api/polls/best-friend') {
      return json(res, 404, { type: '/problems/unknown-poll', title: 'There is no such poll' });
    }
    if (!voterOf(req) && poll.eligibility === 'browser') {
      const value = `${randomUUID()}.dev.mac`;
      cookies.add(value);
      res.setHeader('set-cookie', ['other=1; Path=/', `hbf_voter=${value}; Path=/; HttpOnly`]);
    }
    if (isPage) return res.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>');
    json(res, 200, poll);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    posts,
    crowdKeys,
    pages,
    ballots,
    readings,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function json(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
