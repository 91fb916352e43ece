import type { Tally } from '@hbf/contracts/tally';
import { io } from 'socket.io-client';
import type { Recorder } from '../history/recorder.ts';
import type { Replica, System } from '../system/system.ts';
import { createPageState } from './page-state.ts';
import { gatherPages, type OpenPage, type Pages, resultReplicas } from './pages.ts';
import { DRILL_POLLS } from './polls.ts';

/** As apps/result/browser/poll.ts: how long (ms) until `watch` is sent again. */
const ASK_AGAIN_MS = 2_000;
/** How often the page looks how old its news are (ms). */
const LOOK_EVERY_MS = 1_000;

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
  const state = createPageState(
    () => performance.now(),
    (sight) => recorder.record({ type: 'page', page: name, poll, ...sight }),
  );
  // A manager of its own each: pages of several people share no connection.
  const socket = io(replica.url, {
    forceNew: true,
    transports: ['websocket'],
    reconnectionDelay: 500,
    reconnectionDelayMax: 3_000,
  });
  let closed = false;
  const later = (then: () => void): void => {
    setTimeout(() => {
      if (!closed) then();
    }, ASK_AGAIN_MS).unref();
  };
  const hear = (tally: Tally): void => {
    if (tally.poll === poll) state.hear(tally);
  };
  const watch = (): void => {
    const { id } = socket;
    socket
      .timeout(ASK_AGAIN_MS)
      .emit('watch', poll, (error: Error | null, answer?: Tally | { title: string }) => {
        if (closed) return;
        if (!error && answer && 'options' in answer) return hear(answer);
        later(() => {
          if (socket.connected && socket.id === id) watch();
        });
      });
  };
  socket.on('connect', watch);
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect') later(() => socket.connect());
  });
  socket.on('tally', hear);
  const looking = setInterval(() => state.tick(), LOOK_EVERY_MS);
  return {
    name,
    poll,
    replica,
    sight: () => state.sight,
    heardAt: () => state.heardAt,
    close() {
      closed = true;
      clearInterval(looking);
      socket.disconnect();
    },
  };
}
