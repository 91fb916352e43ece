import { expect, it } from 'vitest';
import { createRedisClock } from '../src/redis-clock.ts';

function setUp() {
  let now = 1_000;
  const clock = createRedisClock(() => now);
  return {
    clock,
    pass(ms: number) {
      now += ms;
    },
    /** A reply that left Redis `lateMs` ago; the true offset is 500,000. */
    reply(lateMs: number, offset = 500_000) {
      clock.learn(now + offset - lateMs);
    },
    behind: (offset = 500_000) => now + offset - clock.now()!,
  };
}

it('knows nothing before the first reply', () => {
  expect(setUp().clock.now()).toBeUndefined();
});

it('is not set back by a reply that took long', () => {
  const { clock, pass, reply, behind } = setUp();
  reply(2);
  for (const late of [180, 40, 1_500, 3]) {
    pass(100);
    reply(late);
  }
  expect(behind()).toBe(2);
  expect(clock.now()).toBe(501_398);
});

it('is never ahead, and forgets old samples', () => {
  const { pass, reply, behind } = setUp();
  reply(0);
  for (let i = 0; i < 40; i++) {
    pass(1_000);
    // Redis's clock runs slower than ours.
    reply(1, 500_000 - i);
    expect(behind(500_000 - i)).toBeGreaterThanOrEqual(-12);
  }
});

it('follows a clock that was set back or forth', () => {
  const { pass, reply, behind } = setUp();
  reply(1);
  pass(100);
  reply(1, 400_000);
  expect(behind(400_000)).toBe(1);
  pass(100);
  reply(1, 900_000);
  expect(behind(900_000)).toBe(1);
});

it('forgets everything when it is reset', () => {
  const { clock, reply } = setUp();
  reply(1);
  clock.reset();
  expect(clock.now()).toBeUndefined();
});
