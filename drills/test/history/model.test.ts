import { describe, expect, test } from 'vitest';
import { check } from '../../src/history/check.ts';
import type { FinalState, HistoryEvent } from '../../src/history/events.ts';
import { createRandom, type Random } from '../../src/random.ts';
import { createStory, OPTIONS, pseudonymOf } from './story.ts';

const STOPPED = { from: 10_000, to: 18_000 };
const LOST = { from: 24_000, to: 24_500 };
/** Some that are sent meanwhile are processed too. */
const SETTLED = { since: 23_800, at: 23_990 };
const END = 30_000;
const RECORDED_AFTER = 50;

type Run = { history: HistoryEvent[]; final: FinalState };

/** A run of a system that keeps every promise: voters with two tabs, a time without workers, and maybe Redis emptied. */
function modelRun(random: Random): Run {
  const story = createStory();
  const loses = random.fraction() < 0.5;
  const recordedAt = (appended: number) =>
    appended >= STOPPED.from - RECORDED_AFTER && appended < STOPPED.to
      ? STOPPED.to + 100
      : appended + RECORDED_AFTER;
  const arrivals: number[] = [];
  const books: Parameters<typeof story.settled>[2] = {};
  for (let number = 0; number < 40; number += 1) {
    const voter = `voter-${number}`;
    type Sent = {
      from: number;
      to: number;
      answered: boolean;
      as: 'ok' | 'fail' | 'unknown';
      appended?: number;
    };
    const sent: Sent[] = [];
    for (const tab of number % 4 === 0 ? [0, 1] : [0]) {
      for (let from = random.integer(0, 5_000) + tab; from < 28_000; ) {
        const to = from + random.integer(2, 150);
        const wasAppended = random.fraction() < 0.8;
        const isTold = random.fraction() < 0.85;
        const as = isTold ? (wasAppended ? 'ok' : 'fail') : 'unknown';
        const appended = random.integer(from, to);
        const answered = as !== 'unknown' || random.fraction() < 0.5;
        sent.push({ from, to, answered, as, ...(wasAppended && { appended }) });
        from = to + random.integer(1, 4_000);
      }
    }
    const isLost = ({ appended = -1 }: Sent) => loses && appended >= LOST.from && appended <= LOST.to;
    const kept = sent.filter((ballot) => ballot.appended !== undefined && !isLost(ballot));
    const last = kept.reduce<Sent | undefined>((a, b) => (a && a.appended! > b.appended! ? a : b), undefined);
    const processed = kept.filter(({ appended }) => recordedAt(appended!) <= SETTLED.at).length;
    if (processed > 0) books[voter] = { accepted: processed, recorded: 1, superseded: processed - 1 };
    if (kept.length > 0) arrivals.push(Math.min(...kept.map(({ appended }) => recordedAt(appended!))));
    // In the same millisecond they come in the order of their numbers.
    const isBefore = (a: Sent, b: Sent) =>
      a.appended! < b.appended! || (a.appended === b.appended && sent.indexOf(a) < sent.indexOf(b));
    for (const ballot of sent) {
      const { from, to, answered, as, appended } = ballot;
      const isLater = last !== undefined && isBefore(ballot, last);
      const became =
        appended === undefined
          ? undefined
          : ballot === last
            ? 'counted'
            : isLost(ballot) && !isLater
              ? 'lost'
              : 'superseded';
      story.cast(voter, random.pick(OPTIONS), {
        from,
        as,
        to: answered ? to : undefined,
        became,
        taken: appended,
      });
    }
  }
  story.fault('no worker', [STOPPED.from - 5, STOPPED.from, STOPPED.to, STOPPED.to + 5], {
    stops: ['recording'],
  });
  story.books(12_000);
  if (loses) story.settled(SETTLED.at, SETTLED.since, books);
  if (loses)
    story.fault('emptied', [LOST.from, LOST.to, LOST.to + 1, LOST.to + 5], {
      loses: true,
    });
  for (let at = 0; at < END; at += 100) {
    const stale = at > STOPPED.from + 5_000 && at < STOPPED.to + 200;
    story.page(at, stale ? 'stale' : 'live', arrivals.filter((time) => time <= at).length);
  }
  return story.end();
}

/** One thing made wrong, somewhere. @returns false if this run offers no place for it. */
const CORRUPTIONS: Record<string, (run: Run, random: Random) => boolean> = {
  'a row that counts is gone': ({ final }, random) => {
    // Of voters who had no receipt, nobody can say that anything must count.
    const known = sure(final);
    if (known.length === 0) return false;
    final.ballots.splice(final.ballots.indexOf(random.pick(known)), 1);
    return true;
  },
  'choices that nobody sent count': ({ final }, random) => {
    random.pick(final.ballots).choices = ['d'];
    return true;
  },
  'a stranger counts': ({ final }, random) => {
    const choices = [random.pick(OPTIONS)];
    final.ballots.push({ poll: 'cats', voter: pseudonymOf(`stranger ${random.fraction()}`), choices });
    return true;
  },
  'a voter counts twice': ({ final }, random) => {
    final.ballots.push({ ...random.pick(final.ballots) });
    return true;
  },
  'a vote too many': ({ final }, random) => {
    final.tallies[0]!.votes[random.pick(OPTIONS)]! += 1;
    return true;
  },
  'the turnout is off by one': ({ final }) => {
    final.tallies[0]!.turnout -= 1;
    return true;
  },
  'a superseded receipt says counted': ({ final }, random) => flip(final, random, 'superseded', 'counted'),
  'a superseded receipt says lost': ({ final }, random) => flip(final, random, 'superseded', 'rejected'),
  'a counted receipt says queued': ({ final }, random) => flip(final, random, 'counted', 'queued'),
  'a counted receipt says rejected': ({ final }, random) => flip(final, random, 'counted', 'rejected'),
  'a ballot is missing in the books': ({ final }, random) => {
    const row = random.pick(final.partitions);
    Object.assign(row, { accepted: row.accepted + 1, drift: 1 });
    return true;
  },
  'a ballot was missing in the books once': ({ history }, random) => {
    const settled = history.find((event) => event.type === 'settled');
    if (!settled) return false;
    random.pick(settled.partitions).drift += 1;
    return true;
  },
  'a ballot was missing in the books for a moment': ({ history }, random) => {
    const books = history.find((event) => event.type === 'books')!;
    random.pick(books.partitions).drift += 1;
    return true;
  },
  'a receipt is of another ballot': ({ history }, random) => {
    const oks = history.filter((event) => event.type === 'ok');
    const [one, other] = [random.pick(oks), random.pick(oks)];
    if (one === other) return false;
    one.receipt = other.receipt;
    return true;
  },
  'a page says live and shows a vote too many': ({ history }, random) => {
    random.pick(history.filter((event) => event.type === 'page')).votes[0]! += 1;
    return true;
  },
  'an invocation is missing': ({ history }, random) => {
    const answered = new Set(history.flatMap((event) => ('receipt' in event ? [event.ballot] : [])));
    const invoked = history.flatMap((event, index) =>
      event.type === 'invoke' && answered.has(event.ballot) ? [index] : [],
    );
    history.splice(random.pick(invoked), 1);
    return true;
  },
  'a refused ballot was accepted': ({ history }, random) => {
    const fails = history.flatMap((event, index) => (event.type === 'fail' ? [index] : []));
    const index = random.pick(fails);
    const { at, ballot } = history[index] as { at: number; ballot: number };
    history[index] = { type: 'ok', at, ballot, receipt: `forged-${ballot}` };
    return true;
  },
  'a page says live while nothing is recorded': ({ history }, random) => {
    const stale = history
      .filter((event) => event.type === 'page')
      .filter(({ at, shows }) => {
        return shows === 'stale' && at > STOPPED.from + 6_000 && at < STOPPED.to;
      });
    random.pick(stale).shows = 'live';
    return true;
  },
  'a page says live and forgets a voter': ({ history }, random) => {
    // What was superseded may have been lost before, and then nobody knows when its voter was first recorded.
    if (history.some((event) => event.type === 'fault' && event.loses)) return false;
    const live = history.filter(
      (event) => event.type === 'page' && event.shows === 'live' && event.at > 19_000,
    );
    Object.assign(random.pick(live), { turnout: 20 });
    return true;
  },
  'a page ends with another number': ({ final }) => {
    final.pages[0]!.votes[0]! += 1;
    return true;
  },
};

function sure(final: FinalState) {
  const known = new Set(Object.values(final.voters).map(({ pseudonym }) => pseudonym));
  return final.ballots.filter(({ voter }) => known.has(voter));
}

function flip(final: FinalState, random: Random, from: string, to: FinalState['receipts'][string]): boolean {
  const receipts = Object.keys(final.receipts).filter((receipt) => final.receipts[receipt] === from);
  final.receipts[random.pick(receipts)] = to;
  return true;
}

const SEEDS = Array.from({ length: 40 }, (_, number) => `seed-${number}`);
const RUNS = SEEDS.map((seed) => modelRun(createRandom(seed)));

test('a run that keeps every promise is found to be right, whatever the seed', () => {
  for (const [index, seed] of SEEDS.entries()) {
    const { history, final } = RUNS[index]!;
    expect(check(history, final), seed).toEqual([]);
  }
});

describe('one thing wrong in such a run is found, whatever the seed:', () => {
  test.each(Object.keys(CORRUPTIONS))('%s', (name) => {
    for (const [index, seed] of SEEDS.entries()) {
      const run = structuredClone(RUNS[index]!);
      if (!CORRUPTIONS[name]!(run, createRandom(`${seed} ${name}`))) continue;
      expect(check(run.history, run.final), seed).not.toEqual([]);
    }
  });
});

test('a history that is six times as long takes about six times as long to check', () => {
  // The processor's time, and the least of some: what else the machine does is not to count.
  const timeOf = (voters: number) => {
    const story = createStory();
    for (let number = 0; number < voters; number += 1) {
      story.cast(`voter-${number}`, 'a', { from: number, to: number + 5, became: 'counted' });
      if (number % 10 === 0) story.page(number + 8, 'live', number);
    }
    const { history, final } = story.end();
    const times = Array.from({ length: 3 }, () => {
      const began = process.cpuUsage();
      check(history, final);
      return process.cpuUsage(began).user;
    });
    return Math.min(...times);
  };
  timeOf(5_000);
  // A square would take 36 times as long.
  expect(timeOf(60_000)).toBeLessThan(timeOf(10_000) * 18);
});
