import { describe, expect, it } from 'vitest';
import { compareTally, describeDifference, driftOf as numberOf } from '../../src/load/difference.ts';
import { createLedger } from '../../src/load/ledger.ts';
import { createRandom } from '../../src/random.ts';

const tally = (a: number | null, b: number | null, turnout: number) => ({
  options: [
    { key: 'a', label: 'Cats', votes: a },
    { key: 'b', label: 'Dogs', votes: b },
  ],
  turnout,
  queued: 0,
  status: 'live' as const,
  asOf: '',
});
const before = tally(10, 20, 30);
const driftOf = (...args: Parameters<typeof compareTally>) => numberOf(compareTally(...args));

describe('the ledger', () => {
  it('permits a ballot as soon as it is sent, and demands it once it is settled', () => {
    const ledger = createLedger(['a', 'b']);
    const drift = (a: number, b: number, turnout: number) =>
      driftOf(ledger.bounds(), before, tally(a, b, turnout));
    expect([drift(10, 20, 30), drift(11, 20, 31)]).toEqual([0, 1]);
    const entry = ledger.sent(0, 'a');
    expect([drift(10, 20, 30), drift(11, 20, 31), drift(10, 21, 31)]).toEqual([0, 0, 1]);
    ledger.accepted(entry, 1_000);
    ledger.settle(999);
    expect(drift(10, 20, 30)).toBe(0);
    ledger.settle(1_000);
    expect([drift(10, 20, 30), drift(11, 20, 31), drift(12, 20, 32)]).toEqual([-1, 0, 1]);
  });

  it('lets the last of a voter count, and permits either while nobody knows', () => {
    const ledger = createLedger(['a', 'b']);
    ledger.accepted(ledger.sent(0, 'a'), 1);
    ledger.settle();
    ledger.sent(0, 'b');
    expect(ledger.bounds()).toEqual({
      options: new Map([
        ['a', { least: 0, most: 1 }],
        ['b', { least: 0, most: 1 }],
      ]),
      turnout: { least: 1, most: 1 },
    });
    ledger.accepted(ledger.sent(0, 'b'), 2);
    ledger.settle();
    expect(ledger.bounds().options.get('a')).toEqual({ least: 0, most: 0 });
    expect(ledger.bounds().options.get('b')).toEqual({ least: 1, most: 1 });
  });

  it('forgets what was surely refused', () => {
    const ledger = createLedger(['a', 'b']);
    ledger.refused(ledger.sent(0, 'a'));
    expect(driftOf(ledger.bounds(), before, tally(11, 20, 31))).toBe(1);
    expect(driftOf(ledger.bounds(), before, before)).toBe(0);
  });

  it('does not demand what the tally says itself that it lacks, but never permits too much', () => {
    const ledger = createLedger(['a', 'b']);
    ledger.accepted(ledger.sent(0, 'a'), 1);
    ledger.settle();
    expect(driftOf(ledger.bounds(), before, before, true)).toBe(0);
    expect(driftOf(ledger.bounds(), before, tally(12, 20, 32), true)).toBe(1);
  });

  it('compares the turnout alone where the results are hidden', () => {
    const ledger = createLedger(['a', 'b']);
    ledger.accepted(ledger.sent(0, 'a'), 1);
    ledger.settle();
    const hidden = (turnout: number) => tally(null, null, turnout);
    expect(driftOf(ledger.bounds(), hidden(30), hidden(31))).toBe(0);
    expect(driftOf(ledger.bounds(), hidden(30), hidden(30))).toBe(-1);
  });

  it('finds a ballot that went over to the other option, though the turnout is right', () => {
    const ledger = createLedger(['a', 'b']);
    ledger.accepted(ledger.sent(0, 'a'), 1);
    ledger.settle();
    expect(driftOf(ledger.bounds(), before, tally(10, 21, 31))).toBe(-1);
  });

  it('still demands the last ballot of somebody who is forgotten, and permits what was not confirmed', () => {
    const ledger = createLedger(['a', 'b']);
    ledger.accepted(ledger.sent(0, 'a'), 1);
    ledger.accepted(ledger.sent(0, 'b'), 2);
    ledger.sent(1, 'a');
    ledger.forget(0, 3);
    ledger.forget(1, 3);
    ledger.settle(1);
    expect(driftOf(ledger.bounds(), before, tally(11, 20, 31))).toBe(0);
    expect(ledger.voters).toBe(2);
    ledger.settle();
    expect(ledger.voters).toBe(0);
    expect(ledger.bounds()).toEqual({
      options: new Map([
        ['a', { least: 0, most: 1 }],
        ['b', { least: 1, most: 1 }],
      ]),
      turnout: { least: 1, most: 2 },
    });
  });

  it('tells what is missing from what somebody else may have cast', () => {
    const ledger = createLedger(['a', 'b']);
    ledger.accepted(ledger.sent(0, 'a'), 1);
    ledger.settle();
    const words = (a: number, b: number, turnout: number) =>
      describeDifference(compareTally(ledger.bounds(), before, tally(a, b, turnout)));
    expect(words(11, 20, 31)).toBeUndefined();
    expect(words(10, 20, 30)).toMatch(/^MISSING: 1 /);
    expect(words(11, 22, 33)).toMatch(/^MORE .*: 2 .*Somebody else votes here/);
    expect(words(10, 21, 31)).toMatch(/^MISSING at one place: 1 .* another 1 too many/);
  });

  it('never accuses a tally of what can have happened, whatever came of the ballots', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = createRandom(`ledger ${seed}`);
      const ledger = createLedger(['a', 'b']);
      const counted = new Map<number, string>();
      const check = (turn: number) => {
        const votes = (key: string) => [...counted.values()].filter((choice) => choice === key).length;
        const now = tally(10 + votes('a'), 20 + votes('b'), 30 + counted.size);
        expect(driftOf(ledger.bounds(), before, now), `seed ${seed}, turn ${turn}`).toBe(0);
      };
      for (let turn = 0; turn < 40; turn++) {
        // Each comes for a while, and then no more.
        const oldest = Math.floor(turn / 8);
        if (turn % 8 === 0 && turn > 0) ledger.forget(oldest - 1, turn);
        const [voter, choice] = [oldest + random.integer(0, 5), random.pick(['a', 'b'])];
        const entry = ledger.sent(voter, choice);
        const fate = random.pick(['accepted', 'refused', 'counted unheard', 'lost unheard'] as const);
        if (fate === 'accepted' || fate === 'counted unheard') counted.set(voter, choice);
        check(turn);
        if (fate === 'accepted') ledger.accepted(entry, turn);
        if (fate === 'refused') ledger.refused(entry);
        ledger.settle(turn - random.integer(0, 10));
        check(turn);
      }
      ledger.settle();
      check(40);
    }
  });
});
