import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Budgets, budgetsInMemory, charge, takeBack } from '../../src/limits/budgets.ts';

const MINUTE = 60_000;
const allow = { voterPerMinute: 3, addressPerMinute: 10, addressPerHour: 30 };

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
      minutes.push(await acceptedOf(200, () => newVoter(budgets)));
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
    expect(vi.getTimerCount()).toBeLessThanOrEqual(300);
    expect(timers).toBe(3);
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
