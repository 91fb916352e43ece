import { partitionOf } from '@hbf/contracts/ballot';
import type { Poll } from '@hbf/contracts/poll';
import { within } from './connection.ts';
import { MAX_BALLOTS_PER_ENTRY, type NewBallot } from './entry.ts';
import { keepLink, type ProducerLog } from './link.ts';
import { createRedisClock } from './redis-clock.ts';
import {
  ANSWER_WITHIN_MS,
  type AppendOutcome,
  type Destination,
  sendBallots,
  type Waiting,
} from './send-ballots.ts';
import { createToldTotals } from './told-totals.ts';

export { type AppendOutcome, NOT_ACCEPTED_REASONS } from './send-ballots.ts';

/** vote's end of the ballot stream. */
export type Producer = {
  /** The polls in order, as last published; undefined until they were read for the first time. */
  polls(): readonly Poll[] | undefined;
  /** Redis's time (ms) as far as known, else this machine's. */
  now(): number;
  /** Appends a ballot whose choices were checked. Settles within about 150 ms, whatever Redis does. Never rejects. */
  append(poll: string, ballot: NewBallot): Promise<AppendOutcome>;
  /** Resolves when the polls are known and ballots can be sent; stays pending while Redis is away. */
  ready: Promise<void>;
  /** Waits for the answers to what was sent, then leaves. Idempotent. */
  close(): Promise<void>;
};

/**
 * @param log hears what an operator should know: connection lost, regained, and why.
 * @throws nothing: while Redis is away it keeps trying, and `append` says so.
 */
export function createProducer(options: { url: string; log: ProducerLog }): Producer {
  const { log } = options;
  const clock = createRedisClock();
  const told = createToldTotals();
  const keeper = keepLink(options.url, { clock, told, log });

  /** The ballots of this turn of the event loop, by partition and poll: they go out together. */
  let turn = new Map<string, Destination & { waiting: Waiting[] }>();
  const inFlight = new Set<Promise<void>>();
  let closing: Promise<void> | undefined;

  function flush(): void {
    const groups = turn;
    turn = new Map();
    for (const group of groups.values()) {
      for (let from = 0; from < group.waiting.length; from += MAX_BALLOTS_PER_ENTRY) {
        const chunk = group.waiting.slice(from, from + MAX_BALLOTS_PER_ENTRY);
        const sent = sendBallots({ link: keeper.current(), clock, told, log }, group, chunk);
        inFlight.add(sent);
        void sent.finally(() => inFlight.delete(sent));
      }
    }
  }

  return {
    ready: keeper.ready,
    polls: keeper.polls,
    now: () => clock.now() ?? Date.now(),
    append(poll, ballot) {
      return new Promise((resolve) => {
        const link = keeper.current();
        if (!link || closing) {
          resolve({ outcome: 'not-accepted', reason: 'unreachable' });
          return;
        }
        const partition = partitionOf(ballot.voter, link.partitions);
        if (turn.size === 0) setImmediate(flush);
        const name = `${partition} ${poll}`;
        let group = turn.get(name);
        if (!group) {
          group = { partition, poll, waiting: [] };
          turn.set(name, group);
        }
        group.waiting.push({ ballot, arrived: performance.now(), settle: resolve });
      });
    },
    close() {
      closing ??= (async () => {
        keeper.stop();
        flush();
        // Whoever has had no answer by now was told "unconfirmed". A Redis that hangs would hold this process for ever.
        await within(2 * ANSWER_WITHIN_MS, Promise.allSettled(inFlight), 'the last answers').catch(() => {});
        keeper.disconnect();
      })();
      return closing;
    },
  };
}
