/**
 * `node scripts/develop.mjs APP`: runs an app from its sources, and starts it anew at every edit of what is mounted
 * from the checkout, with its pages built again before. compose.yaml runs this, in the image `development`.
 *
 * An app that does not build, or ends soon after its start, waits for the next edit; why stands in the log.
 * Its debugger listens on port 9229 of the container, and its log lines are written for people.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { watch } from 'chokidar';
import pretty from 'pino-pretty';

const root = join(import.meta.dirname, '..');
const [app] = process.argv.slice(2);
if (!app || !existsSync(join(root, 'apps', app, 'src/main.ts'))) {
  console.error('Usage: node scripts/develop.mjs APP, as in vote, worker, result');
  process.exit(2);
}
const main = join('apps', app, 'src/main.ts');
const buildPages = join('apps', app, 'browser/build.mjs');

// An editor writes several files, and each in several steps.
const SETTLE_MS = 100;
// An app finishes what is in flight within 1.5 s. One that stands at a breakpoint never hears that it should.
const STOP_WITHIN_MS = 3_000;
// Whatever lived for longer did not die of the last edit.
const BRIEF_MS = 10_000;
const TRY_AGAIN_MS = 30_000;

const readable = pretty({
  colorize: !process.env.NO_COLOR,
  translateTime: 'UTC:HH:MM:ss.l',
  ignore: 'service',
  singleLine: true,
  destination: 1,
  sync: true,
});
const say = (line) => console.log(`» ${app} ${line}`);

let child;
let ended = Promise.resolve();
let ending = false;

/** @returns its exit code or signal, later. */
function run(args, stdout) {
  child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', stdout, 'inherit'] });
  if (stdout === 'pipe') child.stdout.pipe(readable, { end: false });
  ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  return ended;
}

async function stop() {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}

let edited = Promise.withResolvers();
watchSources((file) => edited.resolve(file));

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    ending = true;
    child?.kill('SIGTERM');
    edited.resolve();
  });
}

while (!ending) {
  edited = Promise.withResolvers();
  const startedAt = performance.now();
  const builds = existsSync(join(root, buildPages)) ? await run([buildPages, '--development'], 'inherit') : 0;
  if (ending) break;
  const end = builds === 0 ? run(['--inspect=0.0.0.0:9229', main], 'pipe') : undefined;
  const died = end && (await Promise.race([end, edited.promise.then(() => undefined)]));
  if (end && died === undefined) {
    if (!ending) say(`is started anew: ${await edited.promise} was edited`);
  } else if (!ending && end && performance.now() - startedAt > BRIEF_MS) {
    say(`ended (${died}) and is started again`);
  } else if (!ending) {
    say(`${end ? `ended (${died})` : 'does not build'}, for the reason above: waiting for an edit`);
    await Promise.race([edited.promise, pause(TRY_AGAIN_MS)]);
  }
  if (!ending) await stop();
}
// No time-out of ours here: whoever stops the container says how long it may take.
await ended;
process.exit(0);

/** Calls `onEdit` with a file that was edited, once for a burst of edits. */
function watchSources(onEdit) {
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  const folders = [join('apps', app), ...packages].flatMap((folder) =>
    ['src', 'browser', 'views', 'public', 'migrations'].map((part) => join(root, folder, part)),
  );
  let settling;
  // What editors keep beside the file that is edited is no edit.
  watch(folders.filter(existsSync), { ignoreInitial: true, ignored: /\/\.[^/]*$|~$/ }).on(
    'all',
    (_, path) => {
      clearTimeout(settling);
      settling = setTimeout(onEdit, SETTLE_MS, relative(root, path));
    },
  );
}
