import type { Logger } from 'pino';
import { ConfigurationError } from './environment.ts';
import { describeError, flushLog } from './logger.ts';

/** What `main.ts` opened, to be closed in reverse. */
export type Resources = {
  /** Adds something that `close` will have to close. */
  add(name: string, close: () => Promise<unknown> | unknown): void;
  /** Closes everything in reverse order, each even if another fails. Idempotent. */
  close(log: Logger): Promise<void>;
};

export function createResources(): Resources {
  const opened: { name: string; close: () => Promise<unknown> | unknown }[] = [];
  let closing: Promise<void> | undefined;
  return {
    add(name, close) {
      opened.push({ name, close });
    },
    close(log) {
      closing ??= (async () => {
        for (const resource of opened.reverse()) {
          try {
            await resource.close();
          } catch (error) {
            log.error({ err: error }, `closing ${resource.name} failed`);
          }
        }
      })();
      return closing;
    },
  };
}

// Longer than any request may take, shorter than the 10 s after which container engines kill.
const DRAIN_DEADLINE_MS = 8_000;

/**
 * Runs a service until SIGTERM or SIGINT, then closes what it opened, in reverse, within a deadline.
 * Exits with 0 after a clean stop, 1 when the configuration is wrong, the start fails or the deadline passes.
 *
 * @param start opens everything and adds each thing to `resources`; it resolves when the service runs. It may call
 *   `stop` later to end the process: after the same closing, with exit code 1, or 0 if no reason is given.
 */
export function runService(
  createLog: () => Logger,
  start: (log: Logger, resources: Resources, stop: (reason?: Error) => void) => Promise<void>,
): void {
  let log: Logger;
  const resources = createResources();
  let stopping = false;
  const stop = (reason?: Error) => {
    if (stopping) return;
    stopping = true;
    if (reason) log.fatal({ err: reason }, reason.message);
    else log.info('stopping: finishing what is in flight');
    const leave = async (line: string | undefined, code: number) => {
      if (line) log[code === 0 ? 'info' : 'error'](line);
      // An ordinary exit would wait for ever for somebody to read the last lines.
      if (!(await flushLog(log))) process.kill(process.pid, 'SIGKILL');
      process.exit(code);
    };
    setTimeout(() => {
      void leave(`not everything was closed within ${DRAIN_DEADLINE_MS} ms: leaving it`, 1);
    }, DRAIN_DEADLINE_MS).unref();
    void resources.close(log).then(() => leave(reason ? undefined : 'stopped', reason ? 1 : 0));
  };
  try {
    log = createLog();
  } catch (error) {
    failConfiguration(error);
  }
  process.once('SIGTERM', () => stop());
  process.once('SIGINT', () => stop());
  // A surprise leaves the process in an unknown state: say so and let whoever started it start a new one.
  process.on('uncaughtException', (error) => stop(error));
  process.on('unhandledRejection', (reason) =>
    stop(reason instanceof Error ? reason : new Error(String(reason))),
  );
  start(log, resources, stop).catch((error: unknown) => {
    if (error instanceof ConfigurationError) failConfiguration(error);
    if (!stopping) stop(error instanceof Error ? error : new Error(String(error)));
  });
}

/** Prints a configuration error as plain text and exits 1; anything else is a surprise and is printed whole. */
export function failConfiguration(error: unknown): never {
  process.stderr.write(
    error instanceof ConfigurationError ? `${error.message}\n` : `${JSON.stringify(describeError(error))}\n`,
  );
  process.exit(1);
}
