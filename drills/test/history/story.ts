import { createHash } from 'node:crypto';
import { partitionOf } from '@hbf/contracts/ballot';
import { writeReceipt } from '@hbf/receipt/receipt';
import type { FaultEvent, FinalState, HistoryEvent, PageSees } from '../../src/history/events.ts';

const PARTITIONS = 4;
export const OPTIONS = ['a', 'b', 'c'];

export const pseudonymOf = (voter: string) => createHash('sha256').update(voter).digest('hex').slice(0, 32);
const partitionOfVoter = (voter: string) => partitionOf(Buffer.from(pseudonymOf(voter), 'hex'), PARTITIONS);

type Told = {
  from: number;
  /** Unset: never answered. */
  to?: number | undefined;
  as?: 'ok' | 'fail' | 'unknown';
  /** What became of it: of an ok ballot also what its receipt says. Unset: nothing, it never reached Redis. */
  became?: FinalState['receipts'][string] | undefined;
  poll?: string;
  /** When Redis took it (ms), which gives its position; unset: just before the answer. */
  taken?: number | undefined;
};

/** Checkers have no keys. */
const KEYRING = { sign: () => 'k1.mac', verify: () => false };

/** A page's sight whose votes follow from its turnout, if they are not told. */
type PageTold = Omit<PageSees, 'votes'> & Partial<PageSees>;

type Row = FinalState['partitions'][number];

type Books = Partial<Pick<Row, 'accepted' | 'recorded' | 'superseded' | 'rejected' | 'lost' | 'drift'>>;

const NOTHING = { recorded: 0, superseded: 0, rejected: 0, lost: 0 };

function rowFrom(partition: number, sum = NOTHING): Row {
  const accepted = sum.recorded + sum.superseded + sum.rejected + sum.lost;
  return { partition, accepted, ...sum, drift: 0, isLowerBound: false, foreignEntries: 0 };
}

function rowsFrom(books: Record<string, Books>): Row[] {
  const rows = Array.from({ length: PARTITIONS }, (_, partition) => rowFrom(partition));
  for (const [voter, row] of Object.entries(books)) {
    const sum = rows[partitionOfVoter(voter)]!;
    for (const key of Object.keys(row) as (keyof Books)[]) sum[key] += row[key]!;
  }
  return rows;
}

/** Where a page's votes are not told, they are those of the first voters' first ballots. */
function withVotes(events: readonly (Exclude<HistoryEvent, PageSees> | PageTold)[]): HistoryEvent[] {
  const sums = new Map<string, number[][]>();
  const seen = new Set<string>();
  for (const event of events) {
    if (event.type !== 'invoke' || seen.has(event.voter)) continue;
    seen.add(event.voter);
    const of = sums.get(event.poll) ?? [OPTIONS.map(() => 0)];
    of.push(OPTIONS.map((option, index) => of.at(-1)![index]! + Number(event.choices.includes(option))));
    sums.set(event.poll, of);
  }
  return events.map((event): HistoryEvent => {
    if (event.type !== 'page') return event;
    const of = sums.get(event.poll) ?? [OPTIONS.map(() => 0)];
    return { votes: of[Math.min(event.turnout, of.length - 1)]!, ...event };
  });
}

/** Builds a history by hand, with the final state that follows from it if all promises are kept. */
export function createStory() {
  const events: (Exclude<HistoryEvent, PageSees> | PageTold)[] = [];
  const rows: FinalState['ballots'] = [];
  const voters: FinalState['voters'] = {};
  const receipts: FinalState['receipts'] = {};
  const sums = Array.from({ length: PARTITIONS }, () => ({ ...NOTHING }));
  let [ballots, faults] = [0, 0];
  const story = {
    cast(
      voter: string,
      choices: string,
      { from, to, as = 'ok', became, poll = 'cats', taken = to }: Told,
    ): number {
      const ballot = ++ballots;
      events.push({ type: 'invoke', at: from, ballot, voter, poll, choices: choices.split('+') });
      const pseudonym = pseudonymOf(voter);
      voters[voter] ??= { poll, pseudonym };
      if (to !== undefined && as === 'ok') {
        const receipt = writeReceipt(KEYRING, {
          poll,
          voter: Buffer.from(pseudonym, 'hex'),
          partition: partitionOfVoter(voter),
          entryId: `${taken}-${ballot}`,
          index: 0,
        });
        events.push({ type: 'ok', at: to, ballot, receipt });
        receipts[receipt] = became ?? 'lost';
      } else if (to !== undefined) events.push({ type: as as 'fail', at: to, ballot, answer: '/problems/x' });
      const sum = sums[partitionOfVoter(voter)]!;
      if (became === 'counted') {
        rows.push({ poll, voter: pseudonym, choices: choices.split('+') });
        sum.recorded += 1;
      } else if (became === 'superseded' || became === 'rejected' || became === 'lost') sum[became] += 1;
      return ballot;
    },
    /** @param times of begins, holds, heals and healed. */
    fault(name: string, times: [number, number, number, number], effects: Partial<FaultEvent> = {}) {
      const fault = ++faults;
      for (const [index, phase] of (['begins', 'holds', 'heals', 'healed'] as const).entries()) {
        events.push({ type: 'fault', at: times[index]!, fault, name, phase, ...effects });
      }
    },
    page(at: number, shows: PageSees['shows'], turnout: number, rest: Partial<PageSees> = {}) {
      const page = { page: 'page-1', poll: 'cats', queued: 0, phase: 'open', ...rest };
      events.push({ type: 'page', at, shows, turnout, ...page });
    },
    /** Every ballot that was answered before `since` is processed at `at`; `books` are what each voter has in them by then. */
    settled(at: number, since: number, books: Record<string, Books> = {}) {
      events.push({ type: 'settled', at, since, partitions: rowsFrom(books) });
    },
    /** What is read of the books; `books` are what each voter has in them. */
    books(at: number, books: Record<string, Books> = {}, since = at) {
      events.push({ type: 'books', at, since, partitions: rowsFrom(books) });
    },
    end(): { history: HistoryEvent[]; final: FinalState } {
      const history = withVotes(events.toSorted((a, b) => a.at - b.at));
      const polls = new Set(['cats', ...rows.map(({ poll }) => poll)]);
      const tallies = [...polls].map((poll) => {
        const own = rows.filter((row) => row.poll === poll);
        const count = (option: string) => own.filter(({ choices }) => choices.includes(option)).length;
        const votes = Object.fromEntries(OPTIONS.map((option) => [option, count(option)]));
        return { poll, votes, turnout: own.length, status: 'live' as const };
      });
      const pages = new Map<string, FinalState['pages'][number]>();
      for (const event of history) {
        if (event.type !== 'page') continue;
        const { votes, turnout } = tallies.find(({ poll }) => poll === event.poll)!;
        const { page, poll } = event;
        pages.set(page, { page, poll, shows: 'live', turnout, votes: Object.values(votes) });
      }
      const final: FinalState = {
        ballots: rows,
        tallies,
        voters,
        receipts,
        partitions: sums.map((sum, partition) => rowFrom(partition, sum)),
        recount: { code: 0, output: '' },
        ownedPartitions: PARTITIONS,
        pages: [...pages.values()],
        deaths: [],
      };
      return { history, final };
    },
  };
  return story;
}

export type Story = ReturnType<typeof createStory>;

/** The partition of a voter, in the final state. */
export const rowOf = (final: FinalState, voter: string) => final.partitions[partitionOfVoter(voter)]!;

/** What a ballot was given. */
export function receiptOf(history: readonly HistoryEvent[], ballot: number): string {
  const ok = history.find((event) => event.type === 'ok' && event.ballot === ballot);
  return (ok as Extract<HistoryEvent, { type: 'ok' }>).receipt;
}
