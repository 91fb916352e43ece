import { SILENT_AFTER_MS, type Tally } from '@hbf/contracts/tally';
import type { PageSees } from '../history/events.ts';

/** What stands on a page. */
export type Sight = Omit<PageSees, 'type' | 'at' | 'page' | 'poll'>;

/** What a page shows, from what it hears and from how long it heard nothing. */
export type PageState = {
  /** Undefined until the first tally. */
  readonly sight: Sight | undefined;
  /** When the last tally came, by the clock that it was given; undefined until the first one. */
  readonly heardAt: number | undefined;
  hear(tally: Tally): void;
  /** Looks at the clock, as the page does every second. */
  tick(): void;
};

/**
 * @param now a monotonic clock (ms).
 * @param changed told of each sight that differs from the one before.
 */
export function createPageState(now: () => number, changed: (sight: Sight) => void): PageState {
  let heardAt: number | undefined;
  let sight: Sight | undefined;
  const show = (next: Sight): void => {
    if (sight && JSON.stringify(sight) === JSON.stringify(next)) return;
    sight = next;
    changed(next);
  };
  return {
    get sight() {
      return sight;
    },
    get heardAt() {
      return heardAt;
    },
    hear({ status, turnout, queued, phase, options }) {
      heardAt = now();
      show({ shows: status, turnout, queued, phase, votes: options.map(({ votes }) => votes) });
    },
    tick() {
      if (sight && heardAt !== undefined && now() - heardAt > SILENT_AFTER_MS)
        show({ ...sight, shows: 'silent' });
    },
  };
}
