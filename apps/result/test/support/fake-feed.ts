import type { TallySnapshot } from '@hbf/ballot-store/read-tallies';
import { type TakenSnapshot, takeSnapshot } from '../../src/taken-snapshot.ts';
import { tallyAt } from '../../src/tally-at.ts';
import type { ReadListener, TallyFeed } from '../../src/tally-feed.ts';

/** A feed that tells whatever it is given; undefined stands for the time before the first read. */
export function createFakeFeed(first?: TallySnapshot): TallyFeed & { give(snapshot: TallySnapshot): void } {
  const listeners: ReadListener[] = [];
  let taken: TakenSnapshot | undefined;
  const give = (snapshot: TallySnapshot) => {
    const previous = taken;
    taken = takeSnapshot({ snapshot, startedAt: performance.now(), finishedAt: performance.now() }, previous);
    for (const listener of listeners) listener(taken, previous);
  };
  if (first) give(first);
  return {
    give,
    polls: () => taken?.snapshot.polls.map(({ poll }) => ({ key: poll.key, question: poll.question })),
    tally(key) {
      const kept = taken?.snapshot.polls.find(({ poll }) => poll.key === key);
      return kept && tallyAt(taken!, kept, performance.now());
    },
    onRead: (listener) => listeners.push(listener),
  };
}
