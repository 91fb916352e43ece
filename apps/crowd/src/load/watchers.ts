import { SOCKET_OPTIONS, watchTally } from '@hbf/contracts/watch-tally';
import { io } from 'socket.io-client';
import type { CrowdMetrics } from './metrics.ts';
import type { Screens } from './screen.ts';

/** So many screens are timed; more would tell the same. */
const MOST_TIMED = 10;

/**
 * Opens sockets that watch a poll as result's page does, each with a connection of its own.
 * @param turnoutBefore that of the tally before the first ballot.
 * @returns what closes them.
 */
export function openWatchers(
  count: number,
  deps: { resultUrl: string; poll: string; turnoutBefore: number; screens: Screens; metrics: CrowdMetrics },
): () => void {
  const closes = Array.from({ length: count }, (_, index) => {
    const tell = index < MOST_TIMED ? deps.screens.open() : () => {};
    const socket = io(deps.resultUrl, { ...SOCKET_OPTIONS, forceNew: true });
    socket.on('connect', () => deps.metrics.sockets.inc());
    socket.on('disconnect', () => deps.metrics.sockets.dec());
    return watchTally(socket, deps.poll, {
      hears: (tally) => tell(tally.turnout - deps.turnoutBefore),
      hearsNothing: () => {},
    });
  });
  return () => {
    for (const close of closes) close();
  };
}
