import type { CrowdMetrics } from './metrics.ts';

/**
 * How long a ballot takes to the screens. The n-th new voter is on a screen when it shows a turnout of n more than at
 * the start: which voter that is nobody can tell from a tally, but each has one place in that order. One who was shown
 * before the answer was heard counts as shown when it was.
 */
export type Screens = {
  /** A new voter's ballot was accepted. */
  accepted(sentAtMs: number): void;
  /** One more screen. @returns what it is told: by how much the turnout has grown. */
  open(): (grown: number) => void;
  /** All times so far (ms). */
  times(): readonly number[];
};

export function createScreens(metrics: CrowdMetrics, now: () => number = () => performance.now()): Screens {
  const sentAt: number[] = [];
  const screens: { grown: number; shown: number }[] = [];
  const times: number[] = [];
  const catchUp = (screen: (typeof screens)[number]) => {
    for (; screen.shown < Math.min(screen.grown, sentAt.length); screen.shown++) {
      const ms = now() - sentAt[screen.shown]!;
      times.push(ms);
      metrics.screen.observe(ms / 1_000);
    }
  };
  return {
    accepted(sentAtMs) {
      sentAt.push(sentAtMs);
      for (const screen of screens) catchUp(screen);
    },
    open() {
      const screen = { grown: 0, shown: 0 };
      screens.push(screen);
      return (grown) => {
        screen.grown = Math.max(screen.grown, grown);
        catchUp(screen);
      };
    },
    times: () => times,
  };
}
