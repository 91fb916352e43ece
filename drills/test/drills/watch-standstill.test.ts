import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { watchStandstill } from '../../src/drills/watch-standstill.ts';
import { createRecorder } from '../../src/history/recorder.ts';

it('tells that the process stood still for a second or longer, and for how long', async () => {
  const recorder = createRecorder();
  onTestFinished(watchStandstill(recorder));
  await wait(300);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
  await expect.poll(() => recorder.events).toMatchObject([{ type: 'standstill' }]);
  const [event] = recorder.events;
  expect(event).toHaveProperty('ms');
  expect((event as { ms: number }).ms).toBeGreaterThan(1_200);
});
