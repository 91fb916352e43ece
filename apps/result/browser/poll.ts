import { SILENT_AFTER_MS, type Tally } from '@hbf/contracts/tally';
import { io } from 'socket.io-client';
import { createAnnouncer } from './announce.ts';
import { renderFreshness, renderTally, writeTimesLocally } from './render.ts';

/** After this long (ms) without an answer to `watch`, or with a problem as the answer, it is sent again. */
const ASK_AGAIN_MS = 2_000;

const page = document.getElementById('tally')!;
const poll = page.dataset.poll!;
const announce = createAnnouncer(document.getElementById('news')!);
// The page itself is news: it was rendered when it was sent.
let heardAt = performance.now();

// Replicas share no sessions: long polling would need a proxy that always finds the same one.
const socket = io({ transports: ['websocket'], reconnectionDelay: 500, reconnectionDelayMax: 3_000 });

socket.on('connect', watch);
socket.on('disconnect', (reason) => {
  // The one case in which the client does not come back by itself.
  if (reason === 'io server disconnect') setTimeout(() => socket.connect(), ASK_AGAIN_MS);
});
socket.on('tally', show);

function watch(): void {
  const id = socket.id;
  socket
    .timeout(ASK_AGAIN_MS)
    .emit('watch', poll, (error: Error | null, answer?: Tally | { title: string }) => {
      if (!error && answer && 'options' in answer) return show(answer);
      setTimeout(() => {
        // Another connection asks for itself.
        if (socket.connected && socket.id === id) watch();
      }, ASK_AGAIN_MS);
    });
}

function show(tally: Tally): void {
  if (tally.poll !== poll) return;
  heardAt = performance.now();
  announce(renderTally(tally));
}

setInterval(() => {
  const silence = performance.now() - heardAt;
  if (silence <= SILENT_AFTER_MS) return;
  renderFreshness('silent', [
    `No news from the server for ${Math.floor(silence / 1_000)} s: what you see may be old`,
  ]);
}, 1_000);

writeTimesLocally();
