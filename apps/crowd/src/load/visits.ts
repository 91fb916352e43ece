import { type Reply, request } from '../request.ts';
import { pollUrl, type VotersPoll } from '../services.ts';
import { createTimes, type Times } from '../times.ts';
import { identify, isSurelyNotAccepted } from '../voter.ts';
import { type Arrival, REMEMBERED } from './arrivals.ts';
import type { Ledger } from './ledger.ts';
import type { Meters } from './meter.ts';
import type { App, CrowdMetrics } from './metrics.ts';
import type { Screens } from './screen.ts';

/** More visits at a time would only measure this crowd. */
const MOST_OPEN = 5_000;
const PAGE = { accept: 'text/html' };

export type Visits = {
  /** Begins a visit. Does not wait for it: what is slow must not keep the next one away. */
  begin(arrival: Arrival, dueAtMs: number): void;
  /** Resolves when all that were begun are over. */
  over(): Promise<void>;
  readonly open: number;
  readonly counts: Readonly<VisitCounts>;
  /** From when a visit was due until its last answer: its wait behind its voter's last one, and for this crowd, included. */
  readonly times: Times;
};

export type VisitCounts = {
  accepted: number;
  refused: number;
  unconfirmed: number;
  /** Visits in which nobody came as far as to send one. */
  unsent: number;
};

/**
 * Voters who come and cast one ballot by the API. Before, they get vote's page or its API's answer, afterwards, if they
 * came by page, result's. Those who come back have their cookie with them. Nobody tries again: that is another visit.
 * Visits of one voter are made one after the other, as a browser does.
 */
export function createVisits(deps: {
  voteUrl: string;
  resultUrl: string;
  poll: VotersPoll;
  crowdKey: string | undefined;
  ledger: Ledger;
  meters: Meters;
  metrics: CrowdMetrics;
  screens: Screens;
}): Visits {
  const { poll, ledger, meters, metrics, screens } = deps;
  const apiUrl = pollUrl(deps.voteUrl, poll.key);
  const ballotsUrl = new URL(`${apiUrl.pathname}/ballots`, apiUrl);
  const [votePage, resultPage] = [deps.voteUrl, deps.resultUrl].map(
    (origin) => new URL(`/p/${poll.key}`, origin),
  ) as [URL, URL];
  const identities = new Map<number, Record<string, string>>();
  const hasVoted = new Set<number>();
  /** The last visit of each voter who is there. */
  const last = new Map<number, Promise<void>>();
  const counts = { accepted: 0, refused: 0, unconfirmed: 0, unsent: 0 };
  const times = createTimes();
  let voters = 0;
  let open = 0;

  const ask = async (app: App, ...args: Parameters<typeof request>): Promise<Reply> => {
    const reply = await request(...args);
    meters[app].add(reply);
    return reply;
  };

  async function visit(arrival: Arrival): Promise<void> {
    await cast(arrival);
    // Whoever could not vote looks too: result must be seen to work while vote does not.
    if (arrival.byPage) await ask('result', resultPage, { headers: PAGE });
  }

  async function cast({ voter, choice, byPage }: Arrival): Promise<void> {
    const known = identities.get(voter);
    const headers = { ...(byPage && PAGE), ...(known?.cookie && { cookie: known.cookie }) };
    const given = await ask('vote', byPage ? votePage : apiUrl, { headers });
    const identity = known ?? (given.answered && given.status === 200 ? identify(poll, given) : undefined);
    if (!given.answered || given.status !== 200 || !identity) {
      counts.unsent += 1;
      return;
    }
    identities.set(voter, identity);

    const entry = ledger.sent(voter, choice);
    const sentAt = performance.now();
    const reply = await ask('vote', ballotsUrl, {
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

  /** Of a voter who does not come back. */
  function forget(voter: number): void {
    identities.delete(voter);
    hasVoted.delete(voter);
    ledger.forget(voter, performance.now());
  }

  return {
    begin(arrival, dueAtMs) {
      for (; voters <= arrival.voter; voters++) {
        const gone = voters - REMEMBERED;
        if (gone >= 0) void (last.get(gone) ?? Promise.resolve()).then(() => forget(gone));
      }
      if (open >= MOST_OPEN) {
        counts.unsent += 1;
        meters.vote.addUnsent();
        return;
      }
      open += 1;
      const before = last.get(arrival.voter) ?? Promise.resolve();
      const mine: Promise<void> = before
        .then(() => visit(arrival))
        .finally(() => {
          open -= 1;
          times.add(performance.now() - dueAtMs);
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
    times,
  };
}
