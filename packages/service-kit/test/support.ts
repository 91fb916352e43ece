import { createLogger } from '../src/logger.ts';

/** A logger that keeps its lines. */
export function captureLog() {
  const text: string[] = [];
  return {
    log: createLogger('test', 'trace', { write: (line: string) => text.push(line) }),
    text: () => text.join(''),
    lines: () => text.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
