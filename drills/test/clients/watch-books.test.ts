import { expect, it } from 'vitest';
import { watchBooks } from '../../src/clients/watch-books.ts';
import { createRecorder } from '../../src/history/recorder.ts';
import type { System } from '../../src/system/system.ts';
import { until } from '../../src/until.ts';

/** The books of one partition whose drift is the number of the read; every second read fails. */
function postgres(): System['postgres'] {
  let reads = 0;
  const query = async (text: string) => {
    if (text.includes('acknowledged_losses')) return [];
    reads += 1;
    if (reads % 2 === 0) throw new Error('the database system is starting up');
    return [{ partition: 0, drift: reads }];
  };
  return { query } as unknown as System['postgres'];
}

it('writes the books down again and again, leaves out what could not be read, and ends', async () => {
  const recorder = createRecorder();
  const stop = watchBooks({ system: { postgres: postgres() }, recorder }, 1);
  await until('three were written down', () => recorder.events.length >= 3);
  stop();
  const written = recorder.events.length;
  const drifts = recorder.events.map((event) => event.type === 'books' && event.partitions[0]!.drift);
  expect(drifts.slice(0, 3)).toEqual([1, 3, 5]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(recorder.events).toHaveLength(written);
});
