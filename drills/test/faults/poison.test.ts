import { expect, it } from 'vitest';
import type { FaultContext } from '../../src/faults/fault.ts';
import { foreignEntries, POISONED, poisonedChoice } from '../../src/faults/poison.ts';
import { createRandom } from '../../src/random.ts';
import type { Replica, System } from '../../src/system/system.ts';

/** Four streams into which voters put a ballot now and then while they are looked at; `choices` are what they choose, in turn. */
function fakeSystem(choices: readonly string[]) {
  const streams = new Map<string, [id: string, fields: string[]][]>();
  const looks = new Map<string, number>();
  const state = { stopped: false, accepted: 0, entries: 0 };
  /** What was in the streams whenever the workers went on. */
  const read: string[][] = [];
  const worker = {
    app: 'worker',
    running: true,
    async pause() {
      state.stopped = true;
    },
    async resume() {
      state.stopped = false;
      read.push(...[...streams.values()].map((stream) => stream.map(([, fields]) => fields.join(' '))));
      streams.clear();
    },
  };
  const append = (stream: string, fields: string[]) => {
    state.entries += 1;
    const id = `${state.entries}-0`;
    streams.set(stream, [...(streams.get(stream) ?? []), [id, fields]]);
    return id;
  };
  const system = {
    replicas: [worker as unknown as Replica],
    redis: {
      async command(name: string, stream: string, ...args: string[]) {
        if (name === 'HGET') {
          state.accepted += 1;
          return String(state.accepted);
        }
        if (!state.stopped) throw new Error(`${name} while the workers run`);
        if (name === 'XADD') return append(stream, args.slice(1));
        if (name === 'XREVRANGE') return [];
        const choice = choices[state.entries % choices.length]!;
        const look = (looks.get(stream) ?? 0) + 1;
        looks.set(stream, look);
        if (look % 3 === 0) append(stream, ['b', `[["voter",["${choice}"]]]`]);
        return streams.get(stream) ?? [];
      },
    },
    postgres: { query: async () => [{ partitions: 4 }] },
  } as unknown as System;
  const notes: string[] = [];
  const note = (text: string) => void notes.push(text);
  const context: FaultContext = {
    system,
    random: createRandom('a seed'),
    polls: [],
    changed: false,
    note,
    remark: note,
  };
  return { context, read, state };
}

const isBallot = (text: string) => text.includes('voter');

it('puts foreign entries between ballots that are read together, and lets the workers go on', async () => {
  const { context, read, state } = fakeSystem(['o1']);
  const { foreign } = await foreignEntries.inject(context);
  expect(foreign).toBe(12);
  expect(read.flat().filter((text) => !isBallot(text))).toHaveLength(12);
  for (const queue of read) {
    // The first is read alone.
    expect(isBallot(queue[1]!)).toBe(true);
    expect(isBallot(queue.at(-1)!)).toBe(true);
  }
  expect(state.stopped).toBe(false);
});

it('holds once a poisoned ballot has others before and behind it in the same batch', async () => {
  const { context, read, state } = fakeSystem(['o1', 'o2', 'o3', POISONED, 'o4']);
  await poisonedChoice.inject(context);
  const last = read.slice(-4);
  expect(last.some((queue) => queue.slice(2, -1).some((text) => text.includes(`"${POISONED}"`)))).toBe(true);
  expect(state.stopped).toBe(false);
});
