import { admit } from '@hbf/drills/clients/admit';
import { openBooth, type Voter, type VoteSide } from '@hbf/drills/clients/booth';
import { type Readable, readFinalState, readPartitions } from '@hbf/drills/clients/final-state';
import type { Outcome } from '@hbf/drills/clients/outcome';
import { FAULTS } from '@hbf/drills/clients/polls';
import { startVoters, type Voters } from '@hbf/drills/clients/voters';
import { check } from '@hbf/drills/history/check';
import type { FaultEvent, FinalState } from '@hbf/drills/history/events';
import { createRecorder } from '@hbf/drills/history/recorder';
import type { Violation } from '@hbf/drills/history/violation';
import { createRandom } from '@hbf/drills/random';
import { until } from '@hbf/drills/until';

/** A system to vote on. */
export type VotedOn = Readable & VoteSide & { untilDrained(): Promise<void> };

/** Everybody who votes in the poll "faults" of one system, in one history that is checked as a drill's is. */
export type Voting = {
  /** Lets so many voters vote again and again; resolves when each has had a ballot accepted. */
  start(count: number): Promise<Voters>;
  /** One ballot of a voter, over `voteUrl` if that is given. */
  cast(voter: string, choice: string, voteUrl?: string): Promise<Outcome>;
  /** One ballot that is tried again until it is accepted. @returns its receipt. */
  castAccepted(voter: string, choice: string): Promise<string>;
  /** Those of all ballots that were accepted so far, in order. */
  receipts(): string[];
  /** What was answered to the latest so many ballots: "ok", or the problem's type or the error's code. */
  lastAnswers(count: number): string[];
  /**
   * Waits until nothing is queued, and has the books written down: what was answered before is not excused by what is
   * declared later.
   */
  settle(): Promise<void>;
  /** Does something that a ballot may suffer from, and declares what, so that the check permits just that. */
  during<T>(name: string, effects: Pick<FaultEvent, 'loses' | 'foreign'>, work: () => Promise<T>): Promise<T>;
  /**
   * Stops the voters, waits until nothing is queued, and checks everything that was voted on this system so far.
   * @returns what is wrong.
   */
  finish(): Promise<Violation[]>;
};

/** Call it once for a system: the check counts every ballot that it ever took. */
export function createVoting(system: VotedOn): Voting {
  const recorder = createRecorder();
  const random = createRandom('system tests');
  const crowds: Voters[] = [];
  const known = new Map<string, Voter>();
  const named: FinalState['voters'] = {};
  let faults = 0;

  const castAs: Voting['cast'] = async (name, choice, voteUrl) => {
    const at =
      voteUrl === undefined ? system : { ...system, replicas: [{ app: 'vote' as const, url: voteUrl }] };
    const booth = openBooth(at, recorder);
    try {
      const voter = known.get(name) ?? (await admit(booth, name, FAULTS, random.fork(name)))!;
      known.set(name, voter);
      const outcome = await booth.cast(voter, [choice], random);
      Object.assign(named, booth.voters);
      return outcome!;
    } finally {
      booth.leave();
    }
  };

  return {
    cast: castAs,
    async castAccepted(voter, choice) {
      return until('the ballot is accepted', async () => {
        const outcome = await castAs(voter, choice);
        return outcome.type === 'ok' && outcome.receipt;
      });
    },
    async start(count) {
      const group = `crowd-${crowds.length}-`;
      const voters = startVoters({
        system,
        recorder,
        random: random.fork(group),
        polls: [FAULTS],
        group,
        restless: count,
        hot: 0,
        newcomersPerSecond: 0,
        pause: [5, 20],
      });
      crowds.push(voters);
      const from = recorder.events.length;
      await until('every voter has had a ballot accepted', () => {
        const ok = new Set(recorder.events.slice(from).flatMap((e) => (e.type === 'ok' ? [e.ballot] : [])));
        const happy = new Set<string>();
        for (const event of recorder.events.slice(from)) {
          if (event.type === 'invoke' && ok.has(event.ballot)) happy.add(event.voter);
        }
        return [...happy].filter((voter) => voter.startsWith(group)).length === count;
      });
      return voters;
    },
    receipts: () => recorder.events.flatMap((event) => (event.type === 'ok' ? [event.receipt] : [])),
    lastAnswers(count) {
      return recorder.events
        .flatMap((event) =>
          event.type === 'ok'
            ? ['ok']
            : event.type === 'fail' || event.type === 'unknown'
              ? [event.answer]
              : [],
        )
        .slice(-count);
    },
    async settle() {
      const since = recorder.now();
      await system.untilDrained();
      recorder.record({ type: 'settled', since, partitions: await readPartitions(system) });
    },
    async during(name, effects, work) {
      faults += 1;
      const event = { type: 'fault', fault: faults, name, ...effects } as const;
      recorder.record({ ...event, phase: 'begins' });
      recorder.record({ ...event, phase: 'holds' });
      const result = await work();
      recorder.record({ ...event, phase: 'heals' });
      recorder.record({ ...event, phase: 'healed' });
      return result;
    },
    async finish() {
      await Promise.all(crowds.map((voters) => voters.stop()));
      const voters = Object.assign({}, named, ...crowds.map((crowd) => crowd.voters()));
      return check(recorder.events, await readFinalState(system, recorder.events, voters));
    },
  };
}
