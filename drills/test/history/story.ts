import { createHash } from 'node:crypto';
import { partitionOf } from '@hbf/contracts/ballot';
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
};

/** Builds a history by hand, with the final state that follows from it if all promises are kept. */
export function createStory() {
  const events: HistoryEvent[] = [];
  const rows: FinalState['ballots'] = [];
  const voters: FinalState['voters'] = {};
  const receipts: FinalState['receipts'] = {};
  const sums = Array.from({ length: PARTITIONS }, () => ({
    recorded: 0,
    superseded: 0,
    rejected: 0,
    lost: 0,
  }));
  let [ballots, faults] = [0, 0];
  const story = {
    cast(voter: string, choices: string, { from, to, as = 'ok', became, poll = 'cats' }: Told): number {
      const ballot = ++ballots;
      events.push({ type: 'invoke', at: from, ballot, voter, poll, choices: choices.split('+') });
      const pseudonym = pseudonymOf(voter);
      if (to !== undefined && as === 'ok') {
        const receipt = `receipt-${ballot}`;
        events.push({ type: 'ok', at: to, ballot, receipt });
        voters[voter] = { poll, pseudonym };
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
      const page = { page: 'page-1', poll: 'cats', queued: 0, phase: 'open', votes: [0, 0, 0], ...rest };
      events.push({ type: 'page', at, shows, turnout, ...page });
    },
    end(): { history: HistoryEvent[]; final: FinalState } {
      const history = events.toSorted((a, b) => a.at - b.at);
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
        partitions: sums.map((sum, partition) => ({
          partition,
          accepted: sum.recorded + sum.superseded + sum.rejected + sum.lost,
          ...sum,
          drift: 0,
          isLowerBound: false,
          foreignEntries: 0,
        })),
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
