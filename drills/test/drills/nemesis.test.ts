import { expect, it } from 'vitest';
import { FULL, SHORT } from '../../src/drills/catalogue.ts';
import { createNemesis, UNTIL_PAGES_TELL_MS } from '../../src/drills/nemesis.ts';
import { FAULTS_BY_NAME } from '../../src/faults/all.ts';
import type { Fault, FaultContext } from '../../src/faults/fault.ts';
import type { FaultEvent } from '../../src/history/events.ts';
import { createRecorder, type Recorder } from '../../src/history/recorder.ts';
import { createRandom } from '../../src/random.ts';
import type { System } from '../../src/system/system.ts';
import { createFastTime } from './fast-time.ts';

const fault = (name: string, more: Partial<Fault> = {}): Fault => ({
  name,
  about: name,
  touches: [],
  holdMs: [0, 0],
  inject: async () => ({ heal: async () => {} }),
  ...more,
});

/** A system that has nothing, so that everything in it is settled at once. */
const EMPTY = {
  postgres: { query: async (text: string) => (/ FROM system/.test(text) ? [{ partitions: 0 }] : []) },
  redis: {},
} as unknown as System;

function nemesis(seed = 'a seed', system = EMPTY) {
  const time = createFastTime();
  const { events, record, ...rest } = createRecorder();
  // The events' times are those in which the nemesis waits.
  const timed = (event: Parameters<Recorder['record']>[0]) => ({ ...event, at: time.now() });
  const recorder: Recorder = { ...rest, events, now: time.now, record: (event) => record(timed(event)) };
  const context: FaultContext = {
    system,
    random: createRandom(seed),
    polls: [],
    changed: false,
    note() {},
    remark() {},
  };
  const faults = () => recorder.events.filter((event): event is FaultEvent => event.type === 'fault');
  const { inTurn, mixed } = createNemesis(context, recorder, time);
  return {
    time,
    inTurn: (...args: Parameters<typeof inTurn>) => time.during(inTurn(...args)),
    mixed: (...args: Parameters<typeof mixed>) => time.during(mixed(...args)),
    faults,
  };
}

const once = async () => {};

/** How long each application held, in their order (ms). */
function heldFor(faults: readonly FaultEvent[]): number[] {
  const at = (phase: string) => faults.flatMap((event) => (event.phase === phase ? [event.at] : []));
  return at('heals').map((heals, round) => heals - at('holds')[round]!);
}

it('tells what a fault does by itself from its beginning, and what depends on whom it hit from when it holds', async () => {
  const { inTurn, faults } = nemesis();
  const away = fault('away', {
    touches: ['redis', 'vote'],
    effects: { storeAway: true, stops: ['recording'] },
    inject: async () => ({ deafens: ['result-1'], heal: async () => {} }),
  });
  await inTurn([away], 1, once);
  const byItself = { storeAway: true, stops: ['recording'], touchesVote: true };
  expect(faults()).toMatchObject([
    { phase: 'begins', ...byItself },
    { phase: 'holds', ...byItself, deafens: ['result-1'] },
    { phase: 'heals', ...byItself, deafens: ['result-1'] },
    { phase: 'healed', ...byItself, deafens: ['result-1'] },
  ]);
  expect(faults()[0]).not.toHaveProperty('deafens');
});

it('tells of no fault that it touches vote but of those that do', async () => {
  const { inTurn, faults } = nemesis();
  await inTurn([fault('elsewhere', { touches: ['redis', 'postgres'] })], 1, once);
  for (const event of faults()) expect(event).not.toHaveProperty('touchesVote');
});

it('in turn, meets the system at no fixed moment after it has recovered', async () => {
  const { inTurn, faults } = nemesis();
  await inTurn([fault('at once')], 6, once);
  const at = (phase: string) => faults().flatMap((event) => (event.phase === phase ? [event.at] : []));
  const waited = at('begins').map((begins, round) => begins - (at('healed')[round - 1] ?? 0));
  expect(Math.max(...waited) - Math.min(...waited)).toBeGreaterThan(200);
});

it('settles the books before a fault that loses ballots, and again when its loss was acknowledged', async () => {
  const done: string[] = [];
  const query = async (text: string) => {
    if (/ FROM system/.test(text)) return [{ partitions: 0 }];
    if (/lossIsLowerBound/.test(text)) done.push('books');
    return [];
  };
  const { inTurn } = nemesis('a seed', { postgres: { query }, redis: {} } as unknown as System);
  const losing = fault('losing', {
    effects: { loses: true },
    inject: async () => ({
      heal: async () => void done.push('healed'),
      afterwards: async () => void done.push('acknowledged'),
    }),
  });
  await inTurn([losing], 1, once);
  expect(done).toEqual(['books', 'healed', 'acknowledged', 'books']);
});

it('shares the time that a fault may hold out over its rounds', async () => {
  const { inTurn, faults } = nemesis();
  await inTurn([fault('short or long', { holdMs: [0, 9_000] })], 3, once);
  for (const [round, held] of heldFor(faults()).entries()) {
    expect(Math.floor(held / 3_000)).toBe(round);
  }
});

it.each([
  { that: 'stops recording', effects: { stops: ['accepting', 'recording'] } },
  { that: 'blinds result', effects: { blinds: true } },
  { that: 'deafens pages', deafens: ['result-1'] },
] as const)(
  'in its last round, a fault that $that holds until pages must have told',
  async ({ effects, deafens }) => {
    for (const seed of ['1', '2', '3', '4', '5']) {
      const { inTurn, faults } = nemesis(seed);
      const short = fault('short', {
        holdMs: [0, 100],
        ...(effects && { effects: { ...effects, stops: [...('stops' in effects ? effects.stops : [])] } }),
        inject: async () => ({ heal: async () => {}, ...(deafens && { deafens }) }),
      });
      await inTurn([short], 2, once);
      const [first, last] = heldFor(faults());
      expect(first).toBeLessThan(100);
      expect(last).toBe(UNTIL_PAGES_TELL_MS);
    }
  },
);

it('holds no longer than its range where pages have nothing to tell, or have had the time', async () => {
  const { inTurn, faults, time } = nemesis();
  const quiet = fault('quiet', { holdMs: [0, 100], effects: { stops: ['accepting'] } });
  const slow = fault('slow', {
    holdMs: [0, 100],
    effects: { stops: ['recording'] },
    inject: async () => ({ untilShown: () => time.wait(20_000).then(() => {}), heal: async () => {} }),
  });
  await inTurn([quiet, slow], 1, once);
  const [held, shown] = heldFor(faults());
  expect(held).toBeLessThan(100);
  expect(shown).toBeLessThan(20_100);
});

it('has in every drill of pages that must tell a fault for which there is time enough, the short one too', () => {
  for (const { name, effects, holdMs } of FAULTS_BY_NAME.values()) {
    if (!effects?.blinds && !effects?.stops?.includes('recording')) continue;
    // Else a mixed drill would never see them tell. The one that fills Redis first takes its time for that.
    if (name !== 'away-until-full') expect(holdMs[1], name).toBeGreaterThan(UNTIL_PAGES_TELL_MS);
  }
  const told = SHORT.flatMap(({ faults }) => faults).filter(({ effects }) =>
    effects?.stops?.includes('recording'),
  );
  expect(told.length).toBeGreaterThan(0);
});

it('gives each application choices of its own, whatever others draw', async () => {
  const drawn = async (greedy: number) => {
    const numbers: number[] = [];
    const drawing = fault('drawing', {
      async inject({ random }) {
        for (let i = 0; i < greedy; i += 1) random.fraction();
        return { heal: async () => {} };
      },
    });
    const told = fault('told', {
      async inject({ random }) {
        numbers.push(random.integer(0, 1e6));
        return { heal: async () => {} };
      },
    });
    await nemesis().inTurn([drawing, told], 2, once);
    return numbers;
  };
  expect(await drawn(7)).toEqual(await drawn(1));
  expect(new Set(await drawn(0)).size).toBe(2);
});

it('draws what changes something for good in the last third only, and once', async () => {
  const { mixed, faults } = nemesis();
  await mixed([fault('for good', { once: true })], 90_000, once);
  const begins = faults().flatMap(({ phase, at }) => (phase === 'begins' ? [at] : []));
  expect(begins).toHaveLength(1);
  expect(begins[0]).toBeGreaterThan(60_000);
});

it.each(['1', '2', '3', '4', '5'])(
  'in ten minutes draws every fault that there is, the wide ones too, several at once (seed %s)',
  async (seed) => {
    const mixedDrill = FULL.find(({ plan }) => plan.order === 'mixed')!;
    const { mixed, faults, time } = nemesis(seed);
    // As long as they take on a slow machine; those that wait for ballots take longest.
    const slow = mixedDrill.faults.map((each) => ({
      ...each,
      inject: async () => {
        await time.wait(1_000 * each.touches.length);
        return { heal: () => time.wait(1_000).then(() => {}) };
      },
    }));
    await mixed(slow, 600_000, () => time.wait(5_000).then(() => {}));
    const drawn = new Set(faults().map(({ name }) => name));
    expect(mixedDrill.faults.map(({ name }) => name).filter((name) => !drawn.has(name))).toEqual([]);
    let [atOnce, most] = [0, 0];
    for (const { phase } of faults()) {
      if (phase === 'begins') atOnce += 1;
      if (phase === 'healed') atOnce -= 1;
      most = Math.max(most, atOnce);
    }
    expect(most).toBe(3);
  },
);
