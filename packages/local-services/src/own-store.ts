import { setTimeout as wait } from 'node:timers/promises';
import type { LocalPostgres } from './postgres.ts';
import type { LocalRedis } from './redis.ts';
import type { Run } from './run.ts';

/** Starts one of the stores for a run: its log in a file, restarted when it dies, stopped at the end. */
export async function startOwnStore<Store extends LocalRedis | LocalPostgres>(
  run: Run,
  spec: {
    name: string;
    logPath: string;
    /** What ends it cleanly, and what at once. */
    signals: { end: NodeJS.Signals; hurry: NodeJS.Signals };
    start: (onLog: (line: string) => void) => Promise<Store>;
  },
): Promise<Store> {
  const { name, signals } = spec;
  const log = run.openLog(spec.logPath);
  const starting = spec.start((line) => log.write(line));
  let restarting: Promise<void> = Promise.resolve();
  run.add({
    name,
    async stop() {
      // It may be starting, or starting again, at the moment.
      const store = await starting.catch(() => undefined);
      await store?.stop();
      await restarting.catch(() => {});
      await store?.stop();
    },
    hurry: () => void starting.then((store) => store.kill(signals.hurry)).catch(() => {}),
  });
  const store = await run.until(starting);
  const note = () => run.lock.record(name, store.pid, signals.end);
  note();
  run.keepUp(
    {
      name,
      get running() {
        return store.running;
      },
      async start() {
        restarting = store.start();
        await restarting;
        // Gone again already: the next restart will note its pid.
        await wait(0);
        if (!store.running) return;
        note();
        run.terminal.say(`! ${name} is back`);
      },
      onExit: store.onExit,
    },
    () => `Its log is ${spec.logPath}`,
  );
  return store;
}
