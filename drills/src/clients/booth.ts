import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { FinalState } from '../history/events.ts';
import type { Recorder } from '../history/recorder.ts';
import type { Random } from '../random.ts';
import type { System } from '../system/system.ts';
import { createAgent, type Exchange, exchange } from './http.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { DrillPoll } from './polls.ts';

/** What voters need of a system: where vote's replicas are. */
export type VoteSide = {
  readonly replicas: readonly Pick<System['replicas'][number], 'app' | 'url'>[];
  /** Sent with every ballot; unset: none. */
  readonly headers?: Record<string, string>;
};

/** A voter in one poll. `headers` are what makes each of its ballots the same voter's. */
export type Voter = { name: string; poll: DrillPoll; pseudonym: Buffer; headers: Record<string, string> };

/** Where voters vote: sends their ballots and writes them down. */
export type Booth = {
  /** Whether voters are to go home. */
  readonly closing: boolean;
  /** The ballots that were accepted so far. */
  readonly accepted: number;
  /** What was answered last to a ballot that was not accepted. */
  readonly lastRefusal: string | undefined;
  /** Pseudonyms by name, of the voters that have voted. */
  readonly voters: FinalState['voters'];
  /** Casts a ballot and waits for what becomes of it. Undefined if there is no replica of vote. */
  cast(voter: Voter, choices: string[], random: Random): Promise<Outcome | undefined>;
  /** Gets something from vote. Undefined if there is no replica. */
  get(path: string, random: Random): Promise<Exchange | undefined>;
  /** Waits so long (ms), but not beyond the closing. */
  pause(ms: number): Promise<void>;
  close(): void;
  /** Ends the connections. */
  leave(): void;
};

/** As long as a voter waits for an answer (ms). */
const PATIENCE_MS = 5_000;

/** Ballots are numbered through a drill, however many booths it has. */
const lastBallots = new WeakMap<Recorder, number>();

export function openBooth(system: VoteSide, recorder: Recorder): Booth {
  const agent = createAgent();
  const going = new AbortController();
  // Every pause listens.
  setMaxListeners(0, going.signal);
  const voters: FinalState['voters'] = {};
  let accepted = 0;
  let lastRefusal: string | undefined;

  /** Any replica, as a load balancer that has not noticed yet which ones are down. Always one draw. */
  const address = (random: Random): string | undefined => {
    const urls = system.replicas.flatMap(({ app, url }) =>
      app === 'vote' && url !== undefined ? [url] : [],
    );
    return urls[Math.floor(random.fraction() * urls.length)];
  };

  return {
    get closing() {
      return going.signal.aborted;
    },
    get accepted() {
      return accepted;
    },
    get lastRefusal() {
      return lastRefusal;
    },
    voters,

    async cast(voter, choices, random) {
      const url = address(random);
      if (url === undefined) return undefined;
      const poll = voter.poll.key;
      const ballot = (lastBallots.get(recorder) ?? 0) + 1;
      lastBallots.set(recorder, ballot);
      voters[voter.name] ??= { poll, pseudonym: voter.pseudonym.toString('hex') };
      recorder.record({ type: 'invoke', ballot, voter: voter.name, poll, choices });
      const outcome = outcomeOf(
        await exchange(`${url}/api/polls/${poll}/ballots`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...system.headers, ...voter.headers },
          body: JSON.stringify({ choices }),
          timeoutMs: PATIENCE_MS,
          agent,
        }),
      );
      recorder.record({ ballot, ...outcome });
      if (outcome.type === 'ok') accepted += 1;
      else lastRefusal = outcome.answer;
      return outcome;
    },

    async get(path, random) {
      const url = address(random);
      return url === undefined
        ? undefined
        : await exchange(`${url}${path}`, { timeoutMs: PATIENCE_MS, agent });
    },

    async pause(ms) {
      // Rejects at the closing alone.
      await wait(ms, undefined, { signal: going.signal }).catch(() => {});
    },
    close: () => going.abort(),
    leave: () => agent.destroy(),
  };
}
