/** A log line of a service, as far as people at a terminal want it. */
export interface LogLine {
  level: string;
  text: string;
}

const LEVELS: Record<number, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

/** Reads a JSON line in pino's form; undefined when it is something else. */
export function readLogLine(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  let entry: { level?: unknown; msg?: unknown; err?: { message?: unknown } };
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  const level = typeof entry.level === 'number' ? LEVELS[entry.level] : entry.level;
  if (typeof level !== 'string') return undefined;
  const message = typeof entry.msg === 'string' ? entry.msg : '';
  const cause = typeof entry.err?.message === 'string' ? entry.err.message : '';
  const text = cause === '' || message.includes(cause) ? message : `${message}: ${cause}`.replace(/^: /, '');
  return { level, text: text.replaceAll(/\s+/g, ' ').slice(0, 300) };
}

/** Says whether a line is worth a place on the terminal. */
export const isTrouble = ({ level }: LogLine) => ['warn', 'error', 'fatal'].includes(level);

/** A line for people: what it says if it is JSON, and itself if it is not. */
export function readable(line: string): string {
  const entry = readLogLine(line);
  return entry ? `${entry.level}: ${entry.text}` : line;
}

/**
 * Lets a text through once in `everyMs`, so that a service that says the same each second while a store is
 * away does not fill the terminal. The log file has every line.
 */
export function oncePer(everyMs: number, now: () => number = Date.now): (text: string) => boolean {
  const last = new Map<string, number>();
  return (text) => {
    const at = now();
    for (const [old, time] of last) if (at - time >= everyMs) last.delete(old);
    if (last.has(text)) return false;
    last.set(text, at);
    return true;
  };
}
