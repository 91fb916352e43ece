import type { Tally } from '@hbf/contracts/tally';
import type { PageSees } from '../history/events.ts';

/** What stands on a page. */
export type Sight = Omit<PageSees, 'type' | 'at' | 'page' | 'poll'>;

/** What a page shows, from what it hears and from hearing nothing. */
export type PageState = {
  /** Undefined until the first tally. */
  readonly sight: Sight | undefined;
  hears(tally: Tally): void;
  hearsNothing(): void;
};

/** @param changed told of each sight that differs from the one before. */
export function createPageState(changed: (sight: Sight) => void): PageState {
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
    hears({ status, turnout, queued, phase, options }) {
      show({ shows: status, turnout, queued, phase, votes: options.map(({ votes }) => votes) });
    },
    hearsNothing() {
      if (sight) show({ ...sight, shows: 'silent' });
    },
  };
}
