import { type Reply, request } from '../request.ts';
import { pollUrl, type VotersPoll } from '../services.ts';
import { identify, isSurelyNotAccepted } from '../voter.ts';
import type { Arrival } from './arrivals.ts';
import type { Ledger } from './ledger.ts';
import type { Meter } from './meter.ts';
import type { CrowdMetrics } from './metrics.ts';
import type { Screens } from './screen.ts';

/** More visits at a time would only measure this crowd. */
const MOST_OPEN = 5_000;

export type Visits = {
  /** Begins a visit. Does not wait for it: what is slow must not keep the next one away. */
  begin(arrival: Arrival): void;
  /** Resolves when all that were begun are over. */
  over(): Promise<void>;
  readonly open: number;
  readonly counts: { accepted: number; refused: number; unconfirmed: number; unsent: number };
};

/**
 * Voters who come, ask for the poll as a browser does, and cast one ballot; those who come back have their cookie with
 * them. Nobody tries again: that is another visit. Visits of one voter are made one after the other, as a browser does.
 */
export function createVisits(deps: {
  voteUrl: string;
  poll: VotersPoll;
  crowdKey: string | undefined;
  ledger: Ledger;
  meter: Meter;
  metrics: CrowdMetrics;
  screens: Screens;
}): Visits {
  const { poll, ledger, meter, metrics, screens } = deps;
  const url = pollUrl(deps.voteUrl, poll.key);
  const ballotsUrl = new URL(`${url.pathname}/ballots`, url);
  const identities = new Map<number, Record<string, string>>();
  const hasVoted = new Set<number>();
  /** The last visit of each voter who is there. */
  const last = new Map<number, Promise<void>>();
  const counts = { accepted: 0, refused: 0, unconfirmed: 0, unsent: 0 };
  let open = 0;

  const ask = async (...args: Parameters<typeof request>): Promise<Reply> => {
    const reply = await request(...args);
    meter.add(reply);
    return reply;
  };

  async function visit({ voter, choice }: Arrival): Promise<void> {
    const known = identities.get(voter);
    const given = await ask(url, { headers: known?.cookie ? { cookie: known.cookie } : {} });
    const identity = known ?? (given.answered && given.status === 200 ? identify(poll, given) : undefined);
    if (!given.answered || given.status !== 200 || !identity) {
      counts.unsent += 1;
      return;
    }
    identities.set(voter, identity);

    const entry = ledger.sent(voter, choice);
    const sentAt = performance.now();
    const reply = await ask(ballotsUrl, {
      method: 'POST',
      headers: { ...identity, ...(deps.crowdKey && { 'crowd-key': deps.crowdKey }) },
      body: { choices: [choice] },
    });
    if (reply.answered && reply.status === 202) {
      counts.accepted += 1;
      metrics.ballots.inc({ outcome: 'accepted' });
      ledger.accepted(entry, performance.now());
      if (!hasVoted.has(voter)) screens.accepted(sentAt);
      hasVoted.add(voter);
      return;
    }
    const outcome = isSurelyNotAccepted(reply) ? 'refused' : 'unconfirmed';
    if (outcome === 'refused') ledger.refused(entry);
    counts[outcome] += 1;
    metrics.ballots.inc({ outcome });
  }

  return {
    begin(arrival) {
      if (open >= MOST_OPEN) {
        counts.unsent += 1;
        meter.addUnsent();
        return;
      }
      open += 1;
      const before = last.get(arrival.voter) ?? Promise.resolve();
      const mine: Promise<void> = before
        .then(() => visit(arrival))
        .finally(() => {
          open -= 1;
          if (last.get(arrival.voter) === mine) last.delete(arrival.voter);
        });
      last.set(arrival.voter, mine);
    },
    async over() {
      await Promise.all(last.values());
    },
    get open() {
      return open;
    },
    counts,
  };
}
