import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

// Where nobody reads the lines any more, those beyond this are dropped: a service must not stop for its log.
const UNREAD_BYTES = 1_000_000;
const FLUSH_WITHIN_MS = 500;

/**
 * JSON lines on standard output. Nothing that tells who somebody is goes in: no address, no cookie, no voter,
 * no choice. Errors are cut to type, message, code and stack, since drivers hang connection details on theirs.
 *
 * @param destination where else the lines go (tests).
 */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
  };
  // minLength: without it, flush waits for nothing.
  return pino(
    options,
    destination ?? pino.destination({ dest: 1, sync: false, minLength: 1, maxLength: UNREAD_BYTES }),
  );
}

/**
 * Waits until every line is out, so that an exit cuts none off.
 * @returns false if that takes too long: nobody reads.
 */
export async function flushLog(log: Logger): Promise<boolean> {
  return await Promise.race([
    new Promise<boolean>((resolve) => log.flush(() => resolve(true))),
    new Promise<boolean>((resolve) => setTimeout(resolve, FLUSH_WITHIN_MS, false)),
  ]);
}

/** What a log line says of an error. */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, cause } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message: error.message || code,
    ...(code === undefined ? {} : { code }),
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
    stack: error.stack,
  };
}
