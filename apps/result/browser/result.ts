import { SOCKET_OPTIONS, watchTally } from '@hbf/contracts/watch-tally';
import { askAgain, pageLanguage, tidyAddress, writeTimesLocally } from '@hbf/page-kit/browser/page';
import { io } from 'socket.io-client';
import { wordsIn } from '../src/words/words.ts';
import { createAnnouncer } from './announce.ts';
import { runProjector } from './projector.ts';
import { createRenderer } from './render.ts';

const words = wordsIn(pageLanguage());
let stopWatching = () => {};

/** Keeps the poll's page that is shown now current. */
function watch(): void {
  stopWatching();
  writeTimesLocally(document, words.writing);
  const page = document.getElementById('tally');
  if (!page) {
    // What is no poll's page hears nothing by itself.
    askAgain(watch);
    return;
  }
  const announce = createAnnouncer(document.getElementById('news')!);
  const renderer = createRenderer(words);
  stopWatching = watchTally(io({ ...SOCKET_OPTIONS, forceNew: true }), page.dataset.poll!, {
    hears: (tally) => announce(renderer.renderTally(tally)),
    hearsNothing: (forMs) => renderer.renderSilence(forMs),
  });
}

tidyAddress();
runProjector(watch);
watch();
