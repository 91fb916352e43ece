import type { FinalState } from '../history/events.ts';
import type { Replica, System } from '../system/system.ts';
import { until } from '../until.ts';
import type { Sight } from './page-state.ts';

/** Pages that are open and watch. */
export type Pages = {
  /** What each shows now. A page of a replica that was removed or is not running is left out. */
  last(): FinalState['pages'];
  /** Resolves when every page of a running replica shows "live" or a final tally. @throws after `timeoutMs` (30 s if unset). */
  untilLive(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
};

/** One page that is open. */
export type OpenPage = {
  name: string;
  poll: string;
  replica: Replica;
  /** What stands on it; undefined until something does. */
  sight(): Sight | undefined;
  close(): Promise<void> | void;
};

/** The replicas of result that pages can be opened at. */
export function resultReplicas(system: Pick<System, 'replicas'>): (Replica & { url: string })[] {
  return system.replicas.filter(
    (replica): replica is Replica & { url: string } => replica.app === 'result' && replica.url !== undefined,
  );
}

export function gatherPages(system: Pick<System, 'replicas'>, pages: readonly OpenPage[]): Pages {
  const last = (): FinalState['pages'] =>
    pages
      .filter(({ replica }) => replica.running && system.replicas.includes(replica))
      .map(({ name, poll, sight }) => {
        // A page on which nothing stands yet knows nothing.
        const { shows, turnout, votes } = sight() ?? { shows: 'silent', turnout: 0, votes: [] };
        return { page: name, poll, shows, turnout, votes };
      });
  return {
    last,
    async untilLive(timeoutMs = 30_000) {
      await until(
        () =>
          `every page is live: ${last()
            .map(({ page, shows }) => `${page} shows ${shows}`)
            .join(', ')}`,
        () => last().every(({ shows }) => shows === 'live'),
        timeoutMs,
      );
    },
    async stop() {
      await Promise.all(pages.map((page) => page.close()));
    },
  };
}

/** The pages of several makers as one. */
export function joinPages(...parts: readonly Pages[]): Pages {
  return {
    last: () => parts.flatMap((part) => part.last()),
    async untilLive(timeoutMs) {
      await Promise.all(parts.map((part) => part.untilLive(timeoutMs)));
    },
    async stop() {
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}
