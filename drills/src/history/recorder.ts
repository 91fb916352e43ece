import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { HistoryEvent } from './events.ts';

type WithoutTime<Event> = Event extends HistoryEvent ? Omit<Event, 'at'> : never;

/** Takes the events of a drill down as they happen, in memory and in a file of JSON lines. */
export type Recorder = {
  /** Milliseconds since the drill began. */
  now(): number;
  record(event: WithoutTime<HistoryEvent>): void;
  readonly events: readonly HistoryEvent[];
  /** Resolves when the file is whole. */
  close(): Promise<void>;
};

/** @param file where to write; unset: nowhere. */
export function createRecorder(file?: string): Recorder {
  const began = performance.now();
  const now = () => Math.round((performance.now() - began) * 10) / 10;
  const events: HistoryEvent[] = [];
  const output = file === undefined ? undefined : createWriteStream(file);
  return {
    now,
    events,
    record(event) {
      const timed = { at: now(), ...event } as HistoryEvent;
      events.push(timed);
      output?.write(`${JSON.stringify(timed)}\n`);
    },
    async close() {
      if (!output) return;
      output.end();
      await finished(output);
    },
  };
}
