import { SOCKET_OPTIONS, watchTally } from '@hbf/contracts/watch-tally';
import { io } from 'socket.io-client';
import type { Recorder } from '../history/recorder.ts';
import type { Replica, System } from '../system/system.ts';
import { createPageState } from './page-state.ts';
import { gatherPages, type OpenPage, type Pages, resultReplicas } from './pages.ts';
import { DRILL_POLLS } from './polls.ts';

/** Opens one page for each poll at each replica of result. They do what the real page's script does, without a browser. */
export function startPages(options: {
  system: Pick<System, 'replicas'>;
  recorder: Recorder;
  /** Keys of polls; unset: those of DRILL_POLLS. */
  polls?: readonly string[];
}): Pages {
  const { system, recorder, polls = DRILL_POLLS.map(({ key }) => key) } = options;
  const pages = resultReplicas(system).flatMap((replica) =>
    polls.map((poll) => openPage(replica, poll, recorder)),
  );
  return gatherPages(system, pages);
}

function openPage(replica: Replica & { url: string }, poll: string, recorder: Recorder): OpenPage {
  const name = `${replica.name}/${poll}`;
  const state = createPageState((sight) => recorder.record({ type: 'page', page: name, poll, ...sight }));
  let heardAt: number | undefined;
  // A manager of its own each: pages of several people share no connection.
  const close = watchTally(io(replica.url, { ...SOCKET_OPTIONS, forceNew: true }), poll, {
    hears(tally) {
      heardAt = performance.now();
      state.hears(tally);
    },
    hearsNothing: state.hearsNothing,
  });
  return { name, poll, replica, sight: () => state.sight, heardAt: () => heardAt, close };
}
