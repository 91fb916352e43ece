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

function nemesis(seed = 'a seed') {
  const recorder = createRecorder();
  const context: FaultContext = {
    system: {} as System,
    random: createRandom(seed),
    polls: [],
    changed: false,
    note() {},
  };
  const faults = () => recorder.events.filter((event): event is FaultEvent => event.type === 'fault');
  return { ...createNemesis(context, recorder), faults };
}

const once = async () => {};

it('tells what a fault said of itself from when it holds, and the store being away when it was so all the time', async () => {
  const { inTurn, faults } = nemesis();
  const away = fault('away', {
    effects: { storeAway: true, stops: ['recording'] },
    inject: async () => ({ deafens: ['result-1'], heal: async () => {} }),
  });
  await inTurn([away], 1, once);
  expect(faults().map(({ phase, stops, deafens, storeAway }) => [phase, stops, deafens, storeAway])).toEqual([
    ['begins', ['recording'], undefined, undefined],
    ['holds', ['recording'], ['result-1'], undefined],
    ['heals', ['recording'], ['result-1'], undefined],
    ['healed', ['recording'], ['result-1'], true],
  ]);
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

it('promises no answers in time where another fault touched vote meanwhile', async () => {
  const away = fault('away', {
    touches: ['redis'],
    effects: { storeAway: true },
    holdMs: [4_000, 4_000],
  });
  const onVote = fault('on vote', { touches: ['vote'] });
  const run = async (others: Fault[]) => {
    const { mixed, faults } = nemesis();
    await mixed([away, ...others], 6_000, once);
    return faults().filter(({ name, phase }) => name === 'away' && phase === 'healed');
  };
  const [among, alone] = await Promise.all([run([onVote]), run([])]);
  expect(alone[0]).toMatchObject({ storeAway: true });
  expect(among.some(({ storeAway }) => storeAway === undefined)).toBe(true);
}, 30_000);

it('promises no answers in time where another fault touched vote only while it was healed', async () => {
  const { mixed, faults } = nemesis();
  let healed = 0;
  let touched = () => {};
  const away = fault('away', {
    touches: ['redis'],
    effects: { storeAway: true },
    async inject() {
      const first = healed === 0;
      healed += 1;
      return {
        heal: () =>
          new Promise((resolve) => {
            if (first) touched = resolve;
            else resolve();
          }),
      };
    },
  });
  const onVote = fault('on vote', {
    touches: ['vote'],
    async inject() {
      touched();
      return { heal: async () => {} };
    },
  });
  await mixed([away, onVote], 8_000, once);
  const [first] = faults().filter(({ name, phase }) => name === 'away' && phase === 'healed');
  expect(first).toBeDefined();
  expect(first).not.toHaveProperty('storeAway');
}, 30_000);

it('draws what changes something for good in the last third only, and once', async () => {
  const { mixed, faults } = nemesis();
  await mixed([fault('for good', { once: true })], 1_500, once);
  const begins = faults().filter(({ phase }) => phase === 'begins');
  expect(begins.length).toBeLessThanOrEqual(1);
  for (const { at } of begins) expect(at).toBeGreaterThan(990);
});
