import { createTimes, type Times } from '../times.ts';
import type { CrowdMetrics } from './metrics.ts';

/**
 * How long a ballot takes to the screens. The n-th new voter is on a screen when it shows a turnout of n more than at
 * the start: which voter that is nobody can tell from a tally, but each has one place in that order. One who was shown
 * before the answer was heard counts as shown when it was.
 *
 * What all screens have shown is forgotten. One that hears nothing keeps eight bytes for each new voter.
 */
export type Screens = {
  /** A new voter's ballot was accepted. */
  accepted(sentAtMs: number): void;
  /** One more screen. @returns what it is told: by how much the turnout has grown. */
  open(): (grown: number) => void;
  /** All so far. */
  readonly times: Times;
};

/** Not one by one: each time moves all that stay. */
const FORGOTTEN_AT_ONCE = 1_000;

export function createScreens(metrics: CrowdMetrics, now: () => number = () => performance.now()): Screens {
  /** Of the new voters from the `forgotten`-th on. */
  const sentAt: number[] = [];
  let forgotten = 0;
  const screens: { grown: number; shown: number }[] = [];
  const times = createTimes();
  const catchUp = (screen: (typeof screens)[number]) => {
    for (; screen.shown < Math.min(screen.grown, forgotten + sentAt.length); screen.shown++) {
      const ms = now() - sentAt[screen.shown - forgotten]!;
      times.add(ms);
      metrics.screen.observe(ms / 1_000);
    }
  };
  const forget = () => {
    const shownByAll = Math.min(...screens.map(({ shown }) => shown)) - forgotten;
    if (shownByAll < FORGOTTEN_AT_ONCE) return;
    sentAt.splice(0, shownByAll);
    forgotten += shownByAll;
  };
  return {
    accepted(sentAtMs) {
      if (screens.length === 0) return;
      sentAt.push(sentAtMs);
      for (const screen of screens) catchUp(screen);
      forget();
    },
    open() {
      const screen = { grown: 0, shown: 0 };
      screens.push(screen);
      return (grown) => {
        screen.grown = Math.max(screen.grown, grown);
        catchUp(screen);
        forget();
      };
    },
    times,
  };
}
