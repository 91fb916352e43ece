import { within } from '@hbf/ballot-stream/connection';
import { docker, dockerUnlessGone } from './docker.ts';
import type { Endings } from './endings.ts';

/** One container, run after run, and whether its present run still lasts. */
export type Container = {
  readonly name: string;
  readonly running: boolean;
  /** Has `work` start it; resolves when it runs. @throws when it runs already. */
  launch(work: () => Promise<unknown>): Promise<void>;
  /** Starts it again as it was. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Ends it with a signal, and with SIGKILL when that takes longer than `graceMs`. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT', graceMs: number): Promise<void>;
  /** Freezes all of its processes in the same instant. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Resolves when it has ended; at once if it does not run. */
  gone(): Promise<void>;
};

export type ContainerPlan = {
  name: string;
  endings: Endings;
  /** Called when it ended although nobody had asked it to, or not with the code 0 when it was asked. */
  onDeath?: (code: number) => void;
  /** Called when it had to be killed, `graceMs` after it was asked to end. */
  onOverdue?: (graceMs: number) => void;
};

/** Docker itself gives up on a kill after 10 s. */
const KILL_TIMEOUT_MS = 15_000;

/** In words, as in "killed by signal 9" for the code 137. */
export const describeCode = (code: number) =>
  code > 128 ? `killed by signal ${code - 128}` : `exit code ${code}`;

export function createContainer({ name, endings, onDeath, onOverdue }: ContainerPlan): Container {
  let running = false;
  let expected = false;
  /** It is to end by itself. */
  let asked = false;
  let gone: Promise<void> = Promise.resolve();
  let markGone = () => {};
  const send = (signal: string) => dockerUnlessGone('kill', '--signal', signal, name);

  endings.of(name, (code) => {
    running = false;
    markGone();
    if (!expected || (asked && code !== 0)) onDeath?.(code);
  });

  const container: Container = {
    name,
    get running() {
      return running;
    },
    async launch(work) {
      if (running) throw new Error(`${name} is running already`);
      running = true;
      expected = false;
      asked = false;
      gone = new Promise((resolve) => {
        markGone = resolve;
      });
      try {
        await work();
      } catch (error) {
        running = false;
        markGone();
        throw error;
      }
    },
    start: () => container.launch(() => docker(['start', name])),
    async kill() {
      if (!running) return;
      expected = true;
      asked = false;
      await send('SIGKILL');
      await within(KILL_TIMEOUT_MS, gone, `the end of ${name} after SIGKILL`);
    },
    async end(signal, graceMs) {
      if (!running) return;
      expected = true;
      asked = true;
      await send(signal);
      // Frozen or stopped, it would never see the signal.
      await container.resume();
      const timer = setTimeout(() => {
        asked = false;
        onOverdue?.(graceMs);
        void send('SIGKILL').catch(() => {});
      }, graceMs);
      await within(graceMs + KILL_TIMEOUT_MS, gone, `the end of ${name} after ${signal}`).finally(() =>
        clearTimeout(timer),
      );
    },
    async pause() {
      if (running) await dockerUnlessGone('pause', name);
    },
    async resume() {
      if (!running) return;
      await dockerUnlessGone('unpause', name);
      // A failpoint stops the process itself, of which Docker knows nothing.
      await send('SIGCONT');
    },
    gone: () => gone,
  };
  return container;
}
