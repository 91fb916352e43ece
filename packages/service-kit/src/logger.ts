import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

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
  // Synchronous: otherwise the last lines before an exit come out of order, or not at all.
  return pino(options, destination ?? pino.destination({ dest: 1, sync: true }));
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
