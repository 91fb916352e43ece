import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BoundedMemory } from '../../src/limits/bounded-memory.ts';
import { type Budgets, budgetsInMemory, charge, takeBack } from '../../src/limits/budgets.ts';

const MINUTE = 60_000;
/** The timer that forgets names. */
const SWEEPER = 1;
const allow = { voterPerMinute: 3, voterPerHour: 8, addressPerMinute: 10, addressPerHour: 30 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

let voters = 0;
const newVoter = (from: Budgets, address = 'a') => charge(from, { voter: `v${++voters}`, address });

async function acceptedOf(count: number, cast: () => Promise<unknown>): Promise<number> {
  let accepted = 0;
  for (let i = 0; i < count; i++) if ((await cast()) === undefined) accepted += 1;
  return accepted;
}

describe('the budgets', () => {
  it('stop a voter who hammers for the rest of the minute, and tell how long that is', async () => {
    const budgets = budgetsInMemory(allow);
    const cast = () => charge(budgets, { voter: 'one', address: 'a' });
    expect(await acceptedOf(3, cast)).toBe(3);
    vi.advanceTimersByTime(20_000);
    expect(await cast()).toEqual({ budget: 'voter-minute', seconds: 40 });
    vi.advanceTimersByTime(39_500);
    expect(await cast()).toEqual({ budget: 'voter-minute', seconds: 1 });
    vi.advanceTimersByTime(500);
    expect(await cast()).toBeUndefined();
  });

  it('stop an address after its minute’s ballots, again and again, and then for the rest of the hour', async () => {
    const budgets = budgetsInMemory(allow);
    const minutes: number[] = [];
    for (let minute = 0; minute < 60; minute++) {
      minutes.push(await acceptedOf(20, () => newVoter(budgets)));
      vi.advanceTimersByTime(MINUTE);
    }
    expect(minutes).toEqual([10, 10, 10, ...Array(57).fill(0)]);
    expect(await newVoter(budgets)).toBeUndefined();
  });

  it('tell an address that is stopped for the hour how long that is', async () => {
    const budgets = budgetsInMemory({ ...allow, addressPerHour: 5 });
    await acceptedOf(5, () => newVoter(budgets));
    expect(await newVoter(budgets)).toEqual({ budget: 'address-hour', seconds: 3_600 });
  });

  it('charge nothing to the address for a voter who is stopped', async () => {
    const budgets = budgetsInMemory(allow);
    await acceptedOf(100, () => charge(budgets, { voter: 'one', address: 'a' }));
    expect(await acceptedOf(100, () => newVoter(budgets))).toBe(7);
  });

  it('stop a voter who goes on and on for the rest of the hour, and tell how long that is', async () => {
    const budgets = budgetsInMemory(allow);
    const minutes: number[] = [];
    for (let minute = 0; minute < 5; minute++) {
      minutes.push(await acceptedOf(5, () => charge(budgets, { voter: 'one', address: undefined })));
      vi.advanceTimersByTime(MINUTE);
    }
    expect(minutes).toEqual([3, 3, 2, 0, 0]);
    expect(await charge(budgets, { voter: 'one', address: undefined })).toEqual({
      budget: 'voter-hour',
      seconds: 55 * 60,
    });
  });

  it('charge voters of no address to themselves alone, however many they are', async () => {
    const budgets = budgetsInMemory(allow);
    for (let i = 0; i < 100; i++) {
      expect(await acceptedOf(5, () => charge(budgets, { voter: `known ${i}`, address: undefined }))).toBe(3);
    }
    expect(await acceptedOf(100, () => newVoter(budgets))).toBe(10);
  });

  it('charge nothing to a voter whose address is stopped, so that they are not stopped themselves then', async () => {
    const budgets = budgetsInMemory(allow);
    await acceptedOf(10, () => newVoter(budgets));
    const cast = () => charge(budgets, { voter: 'one', address: 'a' });
    for (let i = 0; i < 20; i++) expect((await cast())?.budget).toBe('address-minute');
    vi.advanceTimersByTime(MINUTE);
    expect(await acceptedOf(20, cast)).toBe(3);
  });

  it('keep nothing of new voters whom the address stops: others’ counts would be forgotten for them', async () => {
    const budgets = budgetsInMemory(allow, 10);
    const hammering = { voter: 'one', address: undefined };
    await acceptedOf(3, () => charge(budgets, hammering));
    await acceptedOf(9, () => newVoter(budgets));
    await acceptedOf(1, () => charge(budgets, { voter: undefined, address: 'a' }));
    await acceptedOf(100, () => newVoter(budgets));
    expect((await charge(budgets, hammering))?.budget).toBe('voter-minute');
  });

  it('leave other addresses alone', async () => {
    const budgets = budgetsInMemory(allow);
    await acceptedOf(100, () => newVoter(budgets));
    expect(await newVoter(budgets, 'b')).toBeUndefined();
  });

  it('charge ballots without a voter to the address alone', async () => {
    const budgets = budgetsInMemory(allow);
    expect(await acceptedOf(100, () => charge(budgets, { voter: undefined, address: 'a' }))).toBe(10);
  });

  it('never ask for a wait beyond the window, even if the clock was set back', async () => {
    const budgets = budgetsInMemory(allow);
    await acceptedOf(10, () => newVoter(budgets));
    vi.setSystemTime(Date.now() - 24 * 60 * MINUTE);
    expect(await newVoter(budgets)).toEqual({ budget: 'address-minute', seconds: 60 });
  });

  it('keep no more keys than they may, and forget the oldest first', async () => {
    const budgets = budgetsInMemory({ ...allow, addressPerMinute: 1 }, 100);
    for (let i = 0; i < 100; i++) expect(await newVoter(budgets, `address ${i}`)).toBeUndefined();
    expect((await newVoter(budgets, 'address 0'))?.budget).toBe('address-minute');
    const timers = vi.getTimerCount();
    for (let i = 100; i < 1_000; i++) await newVoter(budgets, `address ${i}`);
    expect(vi.getTimerCount()).toBe(timers);
    expect((await newVoter(budgets, 'address 950'))?.budget).toBe('address-minute');
    expect(await newVoter(budgets, 'address 0')).toBeUndefined();
  });

  it('do not take a key whose window has ended and begun anew for the oldest', async () => {
    const budgets = budgetsInMemory({ ...allow, addressPerMinute: 1 }, 3);
    await newVoter(budgets, 'a');
    await newVoter(budgets, 'b');
    vi.advanceTimersByTime(MINUTE);
    await newVoter(budgets, 'a');
    await newVoter(budgets, 'c');
    await newVoter(budgets, 'd');
    expect((await newVoter(budgets, 'a'))?.budget).toBe('address-minute');
  });

  it('give back what was charged, without a key more than they may keep', async () => {
    const budgets = budgetsInMemory(allow, 100);
    const payers = { voter: 'one', address: 'a' };
    for (let i = 0; i < 50; i++) {
      expect(await charge(budgets, payers)).toBeUndefined();
      await takeBack(budgets, payers);
    }
    const timers = vi.getTimerCount();
    for (let i = 0; i < 1_000; i++) await takeBack(budgets, { voter: `v${i}`, address: `a${i}` });
    expect(vi.getTimerCount()).toBe(4 * (100 + SWEEPER));
    expect(timers).toBe(4 * (1 + SWEEPER));
  });

  it('forget even the names of keys when their windows end, though nobody votes any more', async () => {
    const memory = new BoundedMemory({ points: 1, duration: 60 }, 100);
    await memory.consume('a');
    vi.advanceTimersByTime(MINUTE / 2);
    await memory.consume('b');
    expect(memory.size).toBe(2);
    vi.advanceTimersByTime(MINUTE / 2);
    expect(memory.size).toBe(1);
    await memory.consume('a');
    vi.advanceTimersByTime(MINUTE / 2);
    expect(memory.size).toBe(1);
    await expect(memory.consume('a')).rejects.toMatchObject({ remainingPoints: 0 });
    vi.advanceTimersByTime(MINUTE);
    expect(memory.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('let nothing in between: the turn of the event loop is still the same', async () => {
    vi.useRealTimers();
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    await newVoter(budgetsInMemory(allow));
    expect(turned).toBe(false);
  });
});
