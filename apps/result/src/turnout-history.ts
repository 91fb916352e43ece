import type { TurnoutPoint } from '@hbf/ballot-store/read-turnout-points';
import type { Logger } from '@hbf/service-kit/logger';
import type { TakenSnapshot } from './taken-snapshot.ts';
import type { TallyFeed } from './tally-feed.ts';
import { thinPoints } from './thin-points.ts';

/** How many turnout points of a poll are told at most: a small plot shows no more. */
export const MOST_POINTS = 120;
// More than are told, so that not every new one thins all others.
const MOST_KEPT = 2 * MOST_POINTS;
/** What is missed by less than this (ms) is stored no more exactly: workers note the turnout every 5 s. */
const MISSED_MS = 5_000;
const RETRY_MS = 1_000;

/** How the turnout of each poll grew. */
export type TurnoutHistory = {
  /**
   * The turnout points of a poll, at most {@link MOST_POINTS}: none before its first voter, else beginning with 0 voters
   * when it opened, or just before the next point. `at` grows from point to point; after the last, the turnout stayed as it is.
   * @returns undefined if there is no such poll, or nothing is known yet.
   */
  points(poll: string): readonly TurnoutPoint[] | undefined;
};

type Points = readonly TurnoutPoint[];

/**
 * Follows the feed. What was before this process started, and what the feed missed, is read from the stored points.
 * @param deps.read reads the stored points of all polls, of each at most so many. It may fail: then it is called again
 *   after a later read of the feed. It must end by itself.
 */
export function createTurnoutHistory(deps: {
  feed: Pick<TallyFeed, 'onRead'>;
  read: (most: number) => Promise<ReadonlyMap<string, Points>>;
  log: Pick<Logger, 'info' | 'warn'>;
}): TurnoutHistory {
  let latest: TakenSnapshot | undefined;
  /** By poll. Undefined before the stored points were read: all voters would seem to have come at this moment. */
  let kept: ReadonlyMap<string, Points> | undefined;
  let wanted = true;
  let reading = false;
  let failing = false;
  let notBefore = Number.NEGATIVE_INFINITY;

  // Asked only behind a read of the feed, which shows that PostgreSQL answers.
  deps.feed.onRead((taken, previous) => {
    latest = taken;
    kept &&= grow(taken, (poll) => kept!.get(poll) ?? []);
    if (previous && hasMissed(taken, previous)) wanted = true;
    if (wanted && !reading && performance.now() >= notBefore) void readStored();
  });

  async function readStored(): Promise<void> {
    reading = true;
    wanted = false;
    try {
      const stored = await deps.read(MOST_POINTS);
      const { now } = latest!.snapshot;
      kept = grow(latest!, (poll, turnout) =>
        join(stored.get(poll) ?? [], kept?.get(poll) ?? [], now, turnout),
      );
      if (failing) deps.log.info('the turnout points can be read again');
      failing = false;
    } catch (error) {
      if (!failing) deps.log.warn({ err: error }, 'the turnout points cannot be read: trying again');
      failing = true;
      wanted = true;
      notBefore = performance.now() + RETRY_MS;
    }
    reading = false;
  }

  return {
    points(key) {
      const poll = latest?.snapshot.polls.find(({ poll }) => poll.key === key)?.poll;
      const points = poll && kept?.get(key);
      return points && fromZero(thinPoints(points, MOST_POINTS - 1), poll.opensAt);
    },
  };
}

/** Whether more may have happened between two reads than the turnout of the later one tells. */
function hasMissed(taken: TakenSnapshot, previous: TakenSnapshot): boolean {
  const byPostgres = taken.snapshot.now - previous.snapshot.now;
  // Where its clock was stepped, points may stand where it has not come to, or a time seem to be without any.
  if (byPostgres < 0 || byPostgres > MISSED_MS) return true;
  return taken.startedAt - previous.finishedAt > MISSED_MS;
}

/** The points of all polls, and behind them the turnout of the snapshot, where it is higher. */
function grow(
  { snapshot }: TakenSnapshot,
  pointsOf: (poll: string, turnout: number) => Points,
): ReadonlyMap<string, Points> {
  const now = Math.floor(snapshot.now);
  return new Map(
    snapshot.polls.map(({ poll: { key }, turnout }) => {
      const points = add(pointsOf(key, turnout), now, turnout);
      return [key, points.length > MOST_KEPT ? thinPoints(points, MOST_POINTS) : points];
    }),
  );
}

function add(points: Points, now: number, voters: number): Points {
  const last = points.at(-1);
  if (voters <= (last?.voters ?? 0)) return points;
  // The clock was set back: the last point grows until it has come there again, or the points are read anew.
  if (last && now <= last.at) return [...points.slice(0, -1), { at: last.at, voters }];
  return [...points, { at: now, voters }];
}

/**
 * The stored points, and those that were seen: these are nearer to the moment, and the newest of a partition may not be
 * stored yet. Without those of a clock that was set back, or of a database that was restored from a backup.
 */
function join(stored: Points, seen: Points, now: number, turnout: number): Points {
  const credible = seen.filter(({ at, voters }) => at <= now && voters <= turnout);
  const joined: TurnoutPoint[] = [];
  for (const point of [...stored, ...credible].sort((a, b) => a.at - b.at || b.voters - a.voters)) {
    if (point.voters > (joined.at(-1)?.voters ?? 0)) joined.push(point);
  }
  return joined;
}

function fromZero(points: Points, opensAt: number | null): Points {
  const first = points[0];
  if (!first) return points;
  const at = opensAt !== null && opensAt < first.at ? opensAt : first.at - 1;
  return [{ at, voters: 0 }, ...points];
}
