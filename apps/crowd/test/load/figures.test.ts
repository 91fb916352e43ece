import { describe, expect, it } from 'vitest';
import { createMeter } from '../../src/load/meter.ts';
import { createCrowdMetrics } from '../../src/load/metrics.ts';
import { createScreens } from '../../src/load/screen.ts';

const reply = (status: number, ms: number) => ({
  ...{ answered: true as const, status, ms },
  ...{ headers: new Headers(), body: undefined },
});

describe('the meter', () => {
  it.each([
    ['held by 99 good answers and one slow one', 99, reply(200, 201), true],
    ['broken by two slow ones of 100', 98, reply(200, 201), false],
    ['broken by one 5xx of 100', 99, reply(503, 5), false],
    ['held by one 5xx of 101', 100, reply(503, 5), true],
    [
      'broken by one that got no answer of 100',
      99,
      { answered: false as const, reason: 'ECONNREFUSED' },
      false,
    ],
    ['held though voters were refused', 98, reply(403, 5), true],
  ])('says that the SLA was %s', (_, good, other, holds) => {
    const meter = createMeter(createCrowdMetrics());
    for (let i = 0; i < good; i++) meter.add(reply(202, 200));
    while (meter.counts.requests < Math.max(100, good + 1)) meter.add(other);
    expect(meter.sum().holds).toBe(holds);
  });

  it('takes a visit that was not even begun for one without an answer', () => {
    const meter = createMeter(createCrowdMetrics());
    meter.addUnsent();
    expect(meter.sum()).toMatchObject({ requests: 1, failed: 1, slow: 1, holds: false });
  });

  it('tells the p99 of what is new', () => {
    const meter = createMeter(createCrowdMetrics());
    meter.add(reply(200, 500));
    expect(meter.recentP99()).toBe(500);
    meter.add(reply(200, 5));
    expect(meter.recentP99()).toBe(5);
  });
});

describe('the time to the screen', () => {
  it('is that from the sending until a screen shows so many, on each screen', () => {
    let now = 0;
    const screens = createScreens(createCrowdMetrics(), () => now);
    const [one, other] = [screens.open(), screens.open()];
    now = 100;
    screens.accepted(90);
    screens.accepted(95);
    now = 150;
    one(1);
    now = 200;
    one(2);
    other(2);
    expect(screens.times()).toEqual([60, 105, 110, 105]);
  });

  it('ends with the answer where the screen was faster', () => {
    let now = 0;
    const screens = createScreens(createCrowdMetrics(), () => now);
    screens.open()(1);
    now = 30;
    screens.accepted(10);
    expect(screens.times()).toEqual([20]);
  });
});
