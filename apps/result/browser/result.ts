import type { Tally } from '@hbf/contracts/tally';
import { SOCKET_OPTIONS, watchTally } from '@hbf/contracts/watch-tally';
import { askAgain, pageLanguage, tidyAddress, writeTimesLocally } from '@hbf/page-kit/browser/page';
import { io } from 'socket.io-client';
import { createThrottle } from '../src/throttle.ts';
import { wordsIn } from '../src/words/words.ts';
import { runProjector } from './projector.ts';
import { createRenderer } from './render.ts';

/**
 * The shortest time between two pictures (ms). Nobody reads faster, the bars move on in between, and a slow machine that
 * draws each of the 20 tallies that may come in a second has no time left for that.
 */
const DRAW_GAP_MS = 200;

const words = wordsIn(pageLanguage());
let stopWatching = () => {};

/** Keeps the poll's page that is shown now current. */
function watch(): void {
  stopWatching();
  showControls();
  writeTimesLocally(document, words.writing);
  const page = document.getElementById('tally');
  if (!page) {
    // What is no poll's page hears nothing by itself.
    askAgain(watch);
    return;
  }
  page.toggleAttribute('data-attended', true);
  const renderer = createRenderer(words);
  let latest: Tally | undefined;
  const draw = createThrottle(DRAW_GAP_MS, () => renderer.renderTally(latest!));
  const stop = watchTally(io({ ...SOCKET_OPTIONS, forceNew: true }), page.dataset.poll!, {
    hears(tally) {
      latest = tally;
      draw.request();
    },
    hearsNothing: (forMs) => renderer.renderSilence(forMs),
  });
  stopWatching = () => {
    draw.stop();
    stop();
  };
}

tidyAddress();
const showControls = runProjector(watch);
watch();
