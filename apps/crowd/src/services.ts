import type { Tally } from '@hbf/contracts/tally';
import { z } from 'zod';
import { pause } from './pause.ts';
import { describeReply, isWorthRetrying, type Reply, request } from './request.ts';

/** What a voter needs to know of a poll, from `GET /api/polls/:poll` of the vote service. */
const PollAnswer = z.object({
  key: z.string(),
  question: z.string(),
  options: z.array(z.object({ key: z.string(), label: z.string() })),
  eligibility: z.enum(['open', 'browser']),
  choices: z.object({ min: z.number(), max: z.number() }),
  phase: z.enum(['scheduled', 'open', 'closed']),
});
export type VotersPoll = z.infer<typeof PollAnswer>;

const TallyAnswer = z.object({
  options: z.array(z.object({ key: z.string(), label: z.string(), votes: z.number().nullable() })),
  turnout: z.number(),
  queued: z.number(),
  status: z.enum(['live', 'delayed', 'stale']),
  asOf: z.string(),
}) satisfies z.ZodType<Partial<Tally>>;
export type TallyReading = z.infer<typeof TallyAnswer>;

/** The other side cannot do what was asked, and a second try would not help. The message is for a person. */
export class ServiceError extends Error {
  override name = 'ServiceError';
}

export type Waiting = {
  /** Until when to try (ms of `performance.now()`). */
  deadline: number;
  signal: AbortSignal;
  /** Hears, for every try that failed, what is waited for. */
  onWait(what: string): void;
};

const POLL_INTERVAL_MS = 250;

export function pollUrl(voteUrl: string, poll: string): URL {
  return new URL(`/api/polls/${poll}`, voteUrl);
}

/** Waits until the vote service tells of the poll. @throws ServiceError */
export async function readPoll(voteUrl: string, poll: string, waiting: Waiting): Promise<VotersPoll> {
  return await untilAnswered(pollUrl(voteUrl, poll), `the vote service at ${voteUrl}`, PollAnswer, waiting);
}

/** Waits until the result service tells the poll's tally, however fresh that is. @throws ServiceError */
export async function readTally(resultUrl: string, poll: string, waiting: Waiting): Promise<TallyReading> {
  const url = new URL(`/api/polls/${poll}/tally`, resultUrl);
  return await untilAnswered(url, `the result service at ${resultUrl}`, TallyAnswer, waiting);
}

/**
 * Reads the tally until it fits, or the time is up.
 * @returns the last one read. @throws ServiceError if there was none.
 */
export async function readTallyUntil(
  resultUrl: string,
  poll: string,
  fits: (tally: TallyReading) => boolean,
  waiting: Waiting,
): Promise<TallyReading> {
  for (;;) {
    const tally = await readTally(resultUrl, poll, waiting);
    if (fits(tally) || performance.now() >= waiting.deadline || waiting.signal.aborted) return tally;
    waiting.onWait(`the tally is ${tally.status}, ${tally.queued} queued, turnout ${tally.turnout}`);
    await pause(POLL_INTERVAL_MS, waiting.signal);
  }
}

async function untilAnswered<T>(url: URL, who: string, schema: z.ZodType<T>, waiting: Waiting): Promise<T> {
  for (;;) {
    const reply: Reply = await request(url);
    if (reply.answered && reply.status === 200) {
      const parsed = schema.safeParse(reply.body);
      if (parsed.success) return parsed.data;
      throw new ServiceError(`What answers at ${url} is not the service that was expected there`);
    }
    const what = `${who}: ${describeReply(reply)}`;
    if (!isWorthRetrying(reply)) throw new ServiceError(what);
    if (performance.now() >= waiting.deadline) throw new ServiceError(`${what} (the time to wait is up)`);
    waiting.onWait(what);
    if (!(await pause(POLL_INTERVAL_MS, waiting.signal))) throw new ServiceError(`Stopped: ${what}`);
  }
}
