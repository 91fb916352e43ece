import { expect, it } from 'vitest';
import { createNemesis } from '../../src/drills/nemesis.ts';
import type { Fault, FaultContext } from '../../src/faults/fault.ts';
import type { FaultEvent } from '../../src/history/events.ts';
import { createRecorder } from '../../src/history/recorder.ts';
import { createRandom } from '../../src/random.ts';
import type { System } from '../../src/system/system.ts';

const fault = (name: string, more: Partial<Fault> = {}): Fault => ({
  name,
  about: name,
  touches: [],
  holdMs: [0, 0],
  inject: async () => ({ heal: async () => {} }),
  ...more,
});

function nemesis(seed = 'a seed', system = {} as System) {
  const recorder = createRecorder();
  const context: FaultContext = {
    system,
    random: createRandom(seed),
    polls: [],
    changed: false,
    note() {},
  };
  const faults = () => recorder.events.filter((event): event is FaultEvent => event.type === 'fault');
  return { ...createNemesis(context, recorder), faults };
}

const once = async () => {};

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
}, 15_000);

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
  await inTurn([fault('short or long', { holdMs: [0, 300] })], 3, once);
  const at = (phase: string) => faults().flatMap((event) => (event.phase === phase ? [event.at] : []));
  const held = at('heals').map((heals, round) => heals - at('holds')[round]!);
  // No upper bounds: the machine may be busy.
  expect(held[1]).toBeGreaterThan(95);
  expect(held[2]).toBeGreaterThan(195);
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
  await mixed([fault('for good', { once: true })], 1_500, once);
  const begins = faults().filter(({ phase }) => phase === 'begins');
  expect(begins.length).toBeLessThanOrEqual(1);
  for (const { at } of begins) expect(at).toBeGreaterThan(990);
});
