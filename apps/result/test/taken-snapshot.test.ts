import { describe, expect, test } from 'vitest';
import { type TakenSnapshot, takeSnapshot } from '../src/taken-snapshot.ts';
import { tallyAt } from '../src/tally-at.ts';
import { NOW, partitionOf, snapshotOf } from './support/snapshots.ts';

const HOUR = 3_600_000;

/** Reads one partition, one read after the other. Clocks in ms: ours since its start, PostgreSQL's since `NOW`. */
function watching(partition: Partial<Parameters<typeof partitionOf>[0]> = {}) {
  let taken: TakenSnapshot | undefined;
  return {
    read(ours: number, postgres: number, beatAt: number | null) {
      const heartbeatAt = beatAt === null ? null : NOW + beatAt;
      const partitions = [partitionOf({ ...partition, heartbeatAt })];
      const snapshot = snapshotOf({ now: NOW + postgres, partitions });
      taken = takeSnapshot({ snapshot, startedAt: ours, finishedAt: ours + 5 }, taken);
    },
    status: (ours: number) => tallyAt(taken!, taken!.snapshot.polls[0]!, ours).status,
    asOf: (ours: number) => Date.parse(tallyAt(taken!, taken!.snapshot.polls[0]!, ours).asOf) - NOW,
  };
}

describe('a heartbeat', () => {
  test('that is old at the first read is old', () => {
    const page = watching();
    page.read(0, 0, -6_000);
    expect(page.status(0)).toBe('stale');
  });

  test('that has changed but is old, since it was written late, is old', () => {
    const page = watching();
    page.read(0, 0, -7_000);
    page.read(1_000, 1_000, -4_500);
    expect(page.status(1_000)).toBe('stale');
    page.read(2_000, 2_000, 1_900);
    expect(page.status(2_000)).toBe('live');
  });

  test('from the future is as old as the last read that did not find it', () => {
    const page = watching();
    page.read(0, HOUR, HOUR - 500);
    page.read(1_000, 1_000, HOUR + 400);
    expect(page.status(5_000)).toBe('live');
    expect(page.status(5_001)).toBe('stale');
    expect(page.asOf(1_000)).toBe(0);
  });

  test('from the future at the very first read may be of any age, until it changes', () => {
    const page = watching({ recordedUpTo: NOW - 70_000 });
    page.read(0, 0, HOUR);
    page.read(1_000, 1_000, HOUR);
    expect(page.status(1_000)).toBe('stale');
    expect(page.asOf(1_000)).toBe(-70_000);
    page.read(2_000, 2_000, 1_900);
    expect(page.status(2_000)).toBe('live');
  });

  test('gets no younger when the clock is set back to where it looks new, nor news when the clock comes to it', () => {
    const page = watching();
    page.read(0, HOUR, HOUR);
    page.read(10_000, 3_000, HOUR);
    expect(page.status(10_000)).toBe('stale');
    expect(page.asOf(10_000)).toBe(-7_000);
    page.read(20_000, HOUR + 1, HOUR);
    expect(page.status(20_000)).toBe('stale');
    expect(page.asOf(20_000)).toBe(-7_000);
  });

  test('is old when PostgreSQL says so, though it said otherwise before', () => {
    const page = watching();
    page.read(0, 0, -100);
    page.read(1_000, 61_000, -100);
    page.read(2_000, 2_000, -100);
    expect(page.status(2_000)).toBe('stale');
  });

  test('does not look new because the clock was set back while nothing could be read', () => {
    const page = watching();
    page.read(0, 0, -100);
    // Written just after that read, a minute ago.
    page.read(60_000, 2_000, 900);
    expect(page.status(60_000)).toBe('stale');
    expect(page.asOf(60_000)).toBeLessThanOrEqual(900);
    page.read(61_000, 3_000, 2_500);
    expect(page.status(61_000)).toBe('live');
  });

  test('is news after a long time without any read, if the clock went on as ours', () => {
    const page = watching();
    page.read(0, 0, -100);
    page.read(60_000, 60_010, 59_900);
    expect(page.status(60_000)).toBe('live');
    expect(page.asOf(60_000)).toBe(59_900);
  });

  test('lets the age of the oldest queued ballot grow by its own, whatever the clock says', () => {
    const page = watching({ queued: 3, oldestQueuedMs: 500 });
    page.read(0, HOUR, HOUR - 100);
    page.read(1_000, 1_000, HOUR - 100);
    expect(page.status(1_400)).toBe('live');
    expect(page.status(1_401)).toBe('delayed');
    // What it promised by the clock of that time lies in the future now.
    expect(page.asOf(1_400)).toBe(1_000 - 1_100 - 500);
  });
});

describe("whenever PostgreSQL's clock is stepped, by any amount", () => {
  const steps = [-HOUR, -20_000, -5_500, -3_000, -700, 700, 3_000, 5_500, 20_000, HOUR];
  const cases = steps.flatMap((step) => [10_000, 10_350, 10_700].map((at) => ({ step, at })));

  /** Beats each second until `dies`, reads each second 300 ms later; `postgres` tells its clock. */
  function* run(postgres: (ms: number) => number, dies: number) {
    const page = watching();
    let beatAt: number | null = null;
    for (let ms = 0; ms < 30_000; ms += 50) {
      if (ms % 1_000 === 0 && ms < dies) beatAt = postgres(ms);
      if (ms % 1_000 === 300) page.read(ms, postgres(ms), beatAt);
      if (ms < 1_000) continue;
      yield { ms, status: page.status(ms), ahead: page.asOf(ms) - postgres(ms) };
    }
  }

  test.each(cases)('by $step ms at $at ms, it is stale for two seconds at most', ({ step, at }) => {
    for (const { ms, status } of run((time) => time + (time >= at ? step : 0), 1e9)) {
      if (ms < at || ms > at + 2_000) expect(`${status} at ${ms}`).toBe(`live at ${ms}`);
    }
  });

  test.each(cases)(
    'by $step ms and back a moment after the last beat, nothing is live 5 s later',
    ({ step, at }) => {
      for (const back of [50, 450, 1_000, 4_000]) {
        const dies = at + 5_000;
        const last = Math.floor((dies - 50) / 1_000) * 1_000;
        const stepped = (time: number) => time >= at && time < dies + back;
        for (const { ms, status, ahead } of run((time) => time + (stepped(time) ? step : 0), dies)) {
          if (ms > last + 6_000) expect(`${status} at ${ms}`).toBe(`stale at ${ms}`);
          if (ms > dies + back + 1_000) expect(ahead).toBeLessThanOrEqual(0);
        }
      }
    },
  );
});
