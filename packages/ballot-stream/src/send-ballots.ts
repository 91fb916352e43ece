import type { BallotIdentity } from '@hbf/contracts/ballot';
import { ENTRY_VERSION, encodeBallots, type NewBallot } from './entry.ts';
import { partitionKeys } from './keys.ts';
import type { Link } from './link.ts';
import type { RedisClock } from './redis-clock.ts';
import { runScript } from './run-script.ts';
import { APPEND } from './scripts.ts';
import type { ToldTotals } from './told-totals.ts';

/**
 * What became of a ballot. `not-accepted` is sure: it will never count. `unconfirmed`: it was sent and no answer
 * came; it may count, and cannot count twice if the voter tries again.
 */
export type AppendOutcome =
  | { outcome: 'accepted'; identity: BallotIdentity }
  | { outcome: 'poll-closed' }
  | { outcome: 'poll-not-yet-open' }
  | { outcome: 'not-accepted'; reason: NotAcceptedReason }
  | { outcome: 'unconfirmed' };

export const NOT_ACCEPTED_REASONS = [
  /** There is no usable connection, or the last command on it has had no answer yet. */
  'unreachable',
  /** No worker has opened the partition for this run of Redis. */
  'not-prepared',
  /** It reached Redis after its deadline. */
  'late',
  /** Redis refused to write: out of memory, loading, read-only, or its disk failed. */
  'refused-by-redis',
] as const;
export type NotAcceptedReason = (typeof NOT_ACCEPTED_REASONS)[number];

/** How long after its arrival here an append may still run in Redis (ms, Redis's clock). */
export const DEADLINE_MS = 140;
/**
 * When to give up waiting: after the deadline, so that nothing sent can run later than the voter was told, and well
 * before the 200 ms of the SLA.
 */
export const ANSWER_WITHIN_MS = 150;

/** A ballot whose voter waits for an answer; `arrived` in ms of our monotonic clock. */
export type Waiting = { ballot: NewBallot; arrived: number; settle: (outcome: AppendOutcome) => void };

/** Where the ballots of one poll go. */
export type Destination = { partition: number; poll: string };

/** What sending needs to know of the connection. */
export type Sending = {
  link: Link | undefined;
  clock: RedisClock;
  told: ToldTotals;
  log: { warn(details: object, message: string): void };
};

/** Appends ballots as one entry, and settles each of them within about 150 ms of the first one's arrival. */
export async function sendBallots(
  { link, clock, told, log }: Sending,
  { partition, poll }: Destination,
  chunk: readonly Waiting[],
): Promise<void> {
  const now = clock.now();
  const settleAll = (outcome: AppendOutcome) => {
    for (const waiting of chunk) waiting.settle(outcome);
  };
  if (!link || link.suspect || now === undefined) {
    settleAll({ outcome: 'not-accepted', reason: 'unreachable' });
    return;
  }
  const keys = partitionKeys(partition);
  const waited = performance.now() - chunk[0]!.arrived;
  const answer = runScript(
    link.redis,
    APPEND,
    [keys.ballots, keys.state],
    [
      link.runId,
      Math.floor(now - waited + DEADLINE_MS),
      ENTRY_VERSION,
      poll,
      chunk.length,
      encodeBallots(chunk.map((waiting) => waiting.ballot)),
      keys.polls,
    ],
  );
  let answered = false;
  const timer = setTimeout(
    () => {
      // A busy process fires its timers before it reads its sockets: give an answer that is here already its turn.
      setImmediate(() => {
        if (answered) return;
        link.suspect = true;
        settleAll({ outcome: 'unconfirmed' });
      });
    },
    Math.max(1, ANSWER_WITHIN_MS - waited),
  );
  let outcome: (index: number) => AppendOutcome;
  try {
    const [status, redisNow, entryId, total, opened] = (await answer) as [string, number, ...string[]];
    clock.learn(redisNow);
    if (opened) told.learn({ partition, opened, total: Number(total), newest: entryId! });
    outcome = readAnswer(partition, status, entryId);
    link.suspect = false;
  } catch (error) {
    if ((error as Error).name === 'ReplyError') log.warn({ err: error }, 'Redis refused an append');
    outcome = () => failure(error as Error);
  }
  answered = true;
  clearTimeout(timer);
  for (const [index, waiting] of chunk.entries()) waiting.settle(outcome(index));
}

function readAnswer(
  partition: number,
  status: string,
  entryId: string | undefined,
): (index: number) => AppendOutcome {
  switch (status) {
    case 'accepted':
      return (index) => ({ outcome: 'accepted', identity: { partition, entryId: entryId!, index } });
    case 'poll-closed':
    case 'poll-not-yet-open':
      return () => ({ outcome: status });
    case 'late':
      return () => ({ outcome: 'not-accepted', reason: 'late' });
    default:
      // 'poll-unknown' as well: the definitions are published, this partition's owner has not followed yet.
      return () => ({ outcome: 'not-accepted', reason: 'not-prepared' });
  }
}

function failure(error: Error): AppendOutcome {
  // An error reply is Redis's own word that the script stopped; it stops before its first write, or not at all.
  if (error.name === 'ReplyError') return { outcome: 'not-accepted', reason: 'refused-by-redis' };
  // ioredis's word for "never written to the socket".
  if (error.message.startsWith("Stream isn't writeable")) {
    return { outcome: 'not-accepted', reason: 'unreachable' };
  }
  return { outcome: 'unconfirmed' };
}
