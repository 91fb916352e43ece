import { expect, it } from 'vitest';
import type { FaultContext } from '../../src/faults/fault.ts';
import { LINKS, linkFaults } from '../../src/faults/links.ts';
import { createRandom } from '../../src/random.ts';
import type { System } from '../../src/system/system.ts';

/** A system that writes down what is done to its links. */
function fakeSystem() {
  const done: string[] = [];
  const does = (what: string) => () => void done.push(what);
  const system = {
    replicas: [{ app: 'result', name: 'result-1', running: true }],
    link: (name: string) => ({
      delay: does(`${name} delayed`),
      cut: does(`${name} cut`),
      hold: does(`${name} held`),
      forget: does(`${name} forgotten`),
      mend: does(`${name} mended`),
    }),
  } as unknown as System;
  const note = () => {};
  const random = createRandom('a seed');
  const context: FaultContext = { system, random, polls: [], changed: false, note, remark: note };
  return { context, done };
}

it.each(LINKS)(
  '%s is delayed, cut and held until it is mended, and its connections forgotten',
  async (link) => {
    for (const { name, needs, inject } of linkFaults(link)) {
      const { context, done } = fakeSystem();
      const { heal } = await inject(context);
      await heal();
      const [what] = name.split('-');
      const was = { delay: 'delayed', cut: 'cut', hold: 'held', forget: 'forgotten' }[what!];
      expect(done).toEqual([`${link} ${was}`, ...(what === 'forget' ? [] : [`${link} mended`])]);
      expect(needs).toEqual([`link-${link}`]);
    }
  },
);

it.each(LINKS)(
  '%s: of connections that are forgotten nothing is claimed that a new one could belie',
  async (link) => {
    const forgotten = linkFaults(link).find(({ name }) => name.startsWith('forget-'))!;
    const { context } = fakeSystem();
    const { deafens } = await forgotten.inject(context);
    const isOfStore = link.endsWith('redis') || link.endsWith('postgres');
    expect(forgotten.effects).toEqual(isOfStore ? { storeAway: true } : {});
    expect(deafens).toEqual(link === 'page-result' ? ['result-1'] : undefined);
    // A page that has a new connection may show for longer that all is as it was, and that is true.
    expect(forgotten.holdMs[1]).toBeLessThan(5_000);
  },
);
