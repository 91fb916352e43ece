/** `npm run build`: installs what is missing and builds what has changed. */
import { prepare } from './prepare.mjs';
import { say } from './terminal.mjs';

try {
  await prepare();
  say('Everything is built.');
} catch (error) {
  say(`\n✗ ${error.message}`);
  process.exitCode = 1;
}
