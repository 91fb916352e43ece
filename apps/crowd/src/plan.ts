import type { SeedOptions } from './command-line.ts';
import { ServiceError, type VotersPoll } from './services.ts';

const DEFAULT_BALLOTS = [2_000, 1_000];

/** @throws ServiceError where the poll does not take ballots with one choice now. */
export function requireOpen(poll: VotersPoll): void {
  if (poll.phase !== 'open')
    throw new ServiceError(`The poll "${poll.key}" is ${poll.phase}: it takes no ballots`);
  if (poll.choices.min > 1) {
    throw new ServiceError(
      `A ballot of the poll "${poll.key}" needs ${poll.choices.min} choices; the crowd casts ballots with one`,
    );
  }
}

/** How many ballots for which option of this poll. @throws ServiceError where the poll cannot take them. */
export function planBallots(poll: VotersPoll, wanted: SeedOptions['ballots']): ReadonlyMap<string, number> {
  requireOpen(poll);
  const keys = poll.options.map(({ key }) => key);
  if (!wanted) return new Map(DEFAULT_BALLOTS.map((count, index) => [keys[index]!, count]));
  for (const key of wanted.keys()) {
    if (!keys.includes(key)) {
      throw new ServiceError(`The poll "${poll.key}" has no option "${key}"; it has ${keys.join(', ')}`);
    }
  }
  return wanted;
}

/** One option's key for each ballot, evenly mixed, so that a watcher sees the shares from the start. */
export function* mixBallots(plan: ReadonlyMap<string, number>): Generator<string> {
  const left = [...plan].map(([key, count]) => ({ key, count, done: 0 }));
  const total = left.reduce((sum, { count }) => sum + count, 0);
  for (let i = 0; i < total; i++) {
    const next = left.reduce((a, b) => ((a.done + 1) * b.count <= (b.done + 1) * a.count ? a : b));
    next.done += 1;
    yield next.key;
  }
}
