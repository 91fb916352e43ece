import { SOCKET_OPTIONS, watchTally } from '@hbf/contracts/watch-tally';
import { io } from 'socket.io-client';
import { createAnnouncer } from './announce.ts';
import { renderFreshness, renderTally, writeTimesLocally } from './render.ts';

const announce = createAnnouncer(document.getElementById('news')!);

watchTally(io(SOCKET_OPTIONS), document.getElementById('tally')!.dataset.poll!, {
  hears: (tally) => announce(renderTally(tally)),
  hearsNothing(forMs) {
    renderFreshness('silent', [
      `No news from the server for ${Math.floor(forMs / 1_000)} s: what you see may be old`,
    ]);
  },
});

writeTimesLocally();
