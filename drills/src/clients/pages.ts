import type { FinalState } from '../history/events.ts';
import type { Replica, System } from '../system/system.ts';
import { until } from '../until.ts';
import type { Sight } from './page-state.ts';

/** Pages that are open and watch. */
export type Pages = {
  /** All that were opened. */
  readonly opened: readonly OpenPage[];
  /** What each shows now. A page of a replica that was removed or is not running is left out. */
  last(): FinalState['pages'];
  /**
   * Resolves when every page of a running replica has heard from result after the call, and shows "live" or a final
   * tally: what it heard before may be true no more. A real page counts as having heard once the others of its replica
   * have.
   * @throws after `timeoutMs` (30 s if unset), with what they show; also if there is no page.
   */
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
  /** When it heard from result last (`performance.now()`); undefined if it never did, or if nobody can know. */
  heardAt(): number | undefined;
  close(): Promise<void> | void;
};

/** The replicas of result that pages can be opened at. */
export function resultReplicas<R extends Pick<Replica, 'app' | 'url'>>(system: {
  replicas: readonly R[];
}): (R & { url: string })[] {
  return system.replicas.filter(
    (replica): replica is R & { url: string } => replica.app === 'result' && replica.url !== undefined,
  );
}

export function gatherPages(system: Pick<System, 'replicas'>, opened: readonly OpenPage[]): Pages {
  const running = () => opened.filter(({ replica }) => replica.running && system.replicas.includes(replica));
  return {
    opened,
    last: () =>
      running().map(({ name, poll, sight }) => {
        // A page on which nothing stands yet knows nothing.
        const { shows, turnout, votes } = sight() ?? { shows: 'silent', turnout: 0, votes: [] };
        return { page: name, poll, shows, turnout, votes };
      }),
    async untilLive(timeoutMs = 30_000) {
      const since = performance.now();
      const waiting = () => running().flatMap((page) => whyNotLive(page, since, running()));
      await until(
        () => `every page is live: ${waiting().join(', ') || 'there is none'}`,
        () => running().length > 0 && waiting().length === 0,
        timeoutMs,
      );
    },
    async stop() {
      await Promise.all(opened.map((page) => page.close()));
    },
  };
}

/** What a page lacks to be live by a word that it heard since some moment, in words; none if it is. */
function whyNotLive({ name, replica, sight, heardAt }: OpenPage, since: number, all: readonly OpenPage[]) {
  const { shows, phase } = sight() ?? { shows: 'silent', phase: undefined };
  if (shows !== 'live' && phase !== 'final') return [`${name} shows ${shows}`];
  const asked = heardAt() === undefined ? all.filter((other) => other.replica === replica) : [];
  const heard = [heardAt(), ...asked.map((other) => other.heardAt())].filter((at) => at !== undefined);
  return heard.length > 0 && heard.every((at) => at > since) ? [] : [`${name} has heard nothing since`];
}

/** The pages of several makers as one. */
export function joinPages(system: Pick<System, 'replicas'>, ...parts: readonly Pages[]): Pages {
  return gatherPages(
    system,
    parts.flatMap(({ opened }) => opened),
  );
}
