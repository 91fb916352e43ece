import { randomUUID } from 'node:crypto';
import { pause } from './pause.ts';
import { describeReply, isWorthRetrying, type Reply, request, retryAfterMs } from './request.ts';
import { pollUrl, type VotersPoll } from './services.ts';

/** What became of one voter's ballot, and what it took. */
export type Casting = {
  outcome:
    | { kind: 'accepted'; receipt: string }
    /** Surely not in: a second try makes no sense, or none was made in time. */
    | { kind: 'not-accepted'; reason: string; final: boolean }
    /** It may be in or not: some try got no answer, and no later one was accepted. */
    | { kind: 'unconfirmed'; reason: string };
  /** Tries to send the ballot beyond the first. */
  retries: number;
  /** How long each answered POST took (ms). */
  postMs: number[];
};

/** How the voters stand to the vote service's limits. */
export type Limits = {
  /** What lets them pass. */
  crowdKey: string | undefined;
  /** Hears of each ballot that was refused for them, and after how long (ms) it may be sent again, if told. */
  onLimited(afterMs: number | undefined): void;
};

export type Patience = {
  /** From the voter's first request to the last try (ms). */
  forMs: number;
  /** No new try after it; a request in flight still gets its answer. */
  signal: AbortSignal;
};

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const COOKIE = /^(?<pair>(?:__Host-)?hbf_voter=[^;]+)/;

/**
 * One new voter asks for the poll, as a browser does, and casts a ballot. Every retry is made by the same voter, so a
 * ballot whose acceptance was not heard cannot count twice.
 */
export async function castBallot(
  voteUrl: string,
  poll: VotersPoll,
  choices: readonly string[],
  patience: Patience,
  limits: Limits,
): Promise<Casting> {
  const deadline = performance.now() + patience.forMs;
  const url = pollUrl(voteUrl, poll.key);
  const casting: Omit<Casting, 'outcome'> = { retries: 0, postMs: [] };

  const given = await withPatience(() => request(url), deadline, patience.signal);
  if (!given.answered || given.status !== 200) {
    return { ...casting, outcome: refusal(given) };
  }
  const identity = identify(poll, given);
  if (!identity) {
    const reason = 'the vote service gave no voter cookie with the poll';
    return { ...casting, outcome: { kind: 'not-accepted', reason, final: true } };
  }

  let unheard = false;
  let tries = 0;
  const reply = await withPatience(
    async () => {
      tries += 1;
      const answer = await request(new URL(`${url.pathname}/ballots`, url), {
        method: 'POST',
        headers: { ...identity, ...(limits.crowdKey && { 'crowd-key': limits.crowdKey }) },
        body: { choices },
      });
      if (answer.answered) casting.postMs.push(answer.ms);
      if (!isSurelyNotAccepted(answer)) unheard = true;
      if (isLimited(answer)) limits.onLimited(retryAfterMs(answer));
      return answer;
    },
    deadline,
    patience.signal,
  );
  casting.retries = tries - 1;

  if (reply.answered && reply.status === 202) {
    const { receipt } = (reply.body ?? {}) as { receipt?: unknown };
    if (typeof receipt === 'string') return { ...casting, outcome: { kind: 'accepted', receipt } };
    return { ...casting, outcome: { kind: 'unconfirmed', reason: 'it was accepted without a receipt' } };
  }
  const outcome: Casting['outcome'] = unheard
    ? { kind: 'unconfirmed', reason: describeReply(reply) }
    : refusal(reply);
  return { ...casting, outcome };
}

/** What tells the vote service who votes: the browser's cookie, or a key of this ballot's own. */
export function identify(
  poll: VotersPoll,
  given: Extract<Reply, { answered: true }>,
): Record<string, string> | undefined {
  if (poll.eligibility === 'open') return { 'idempotency-key': randomUUID() };
  for (const line of given.headers.getSetCookie()) {
    const pair = COOKIE.exec(line)?.groups?.pair;
    if (pair) return { cookie: pair };
  }
  return undefined;
}

/** Whether the answer says for certain that the ballot is not in; no answer, or a failure inside, says nothing. */
export function isSurelyNotAccepted(reply: Reply): boolean {
  if (!reply.answered) return false;
  if (reply.status >= 400 && reply.status < 500) return true;
  const { type } = (reply.body ?? {}) as { type?: unknown };
  return reply.status === 503 && typeof type === 'string' && type.endsWith('/not-accepted');
}

function isLimited(reply: Reply): boolean {
  return reply.answered && reply.status === 429;
}

function refusal(reply: Reply): Casting['outcome'] {
  // Limited for longer than a voter's patience: so would all that come after.
  const final = !isWorthRetrying(reply) || isLimited(reply);
  return { kind: 'not-accepted', reason: describeReply(reply), final };
}

/** Tries again, ever more slowly or when the answer asks for it, until there is nothing to gain or no time left. */
async function withPatience(
  attempt: () => Promise<Reply>,
  deadline: number,
  signal: AbortSignal,
): Promise<Reply> {
  for (let backoff = FIRST_PAUSE_MS; ; backoff = Math.min(backoff * 2, LONGEST_PAUSE_MS)) {
    const reply = await attempt();
    if (!isWorthRetrying(reply)) return reply;
    // Up to half as long again: voters refused together would otherwise come back together.
    const ms = (retryAfterMs(reply) ?? backoff) * (1 + Math.random() / 2);
    if (performance.now() + ms > deadline || !(await pause(ms, signal))) return reply;
  }
}
