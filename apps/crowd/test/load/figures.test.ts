import { describe, expect, it } from 'vitest';
import { createMeter, createMeters, slaHolds } from '../../src/load/meter.ts';
import { type CrowdMetrics, createCrowdMetrics } from '../../src/load/metrics.ts';
import { createScreens } from '../../src/load/screen.ts';

const reply = (status: number, ms: number) => ({
  ...{ answered: true as const, status, ms },
  ...{ headers: new Headers(), body: undefined },
});

const unanswered = (ms: number) => ({ answered: false as const, reason: 'ECONNREFUSED', ms });

/** How often each status of a service was counted, and the time (s) of all of them. */
async function countedIn(metrics: CrowdMetrics, app: string) {
  const { values } = await metrics.requests.get();
  const of = (name: string) =>
    values.filter(({ metricName, labels }) => labels.app === app && metricName?.endsWith(name));
  const counts = of('_count').map(({ labels, value }) => [labels.status_code, value]);
  return { ...Object.fromEntries(counts), seconds: of('_sum').reduce((sum, { value }) => sum + value, 0) };
}

describe('the meter', () => {
  it.each([
    ['held by 99 good answers and one slow one', 99, reply(200, 201), true],
    ['broken by two slow ones of 100', 98, reply(200, 201), false],
    ['broken by one 5xx of 100', 99, reply(503, 5), false],
    ['held by one 5xx of 101', 100, reply(503, 5), true],
    ['broken by one that got no answer of 100', 99, unanswered(3), false],
    ['held though voters were refused', 98, reply(403, 5), true],
  ])('says that the SLA was %s', (_, good, other, holds) => {
    const meter = createMeter('vote', createCrowdMetrics());
    for (let i = 0; i < good; i++) meter.add(reply(202, 200));
    while (meter.counts.requests < Math.max(100, good + 1)) meter.add(other);
    expect(meter.sum().holds).toBe(holds);
  });

  it('takes a visit that was not even begun for one without an answer', () => {
    const meter = createMeter('vote', createCrowdMetrics());
    meter.addUnsent();
    expect(meter.sum()).toMatchObject({ requests: 1, failed: 1, slow: 1, holds: false });
  });

  it('tells the p99 of what is new', () => {
    const meter = createMeter('vote', createCrowdMetrics());
    meter.add(reply(200, 500));
    expect(meter.recentP99()).toBeCloseTo(500, 0);
    meter.add(reply(200, 5));
    expect(meter.recentP99()).toBeCloseTo(5, 1);
  });

  it('has what got no answer in the metrics, with the time that was waited, and is there before anything comes', async () => {
    const metrics = createCrowdMetrics();
    const { vote, result } = createMeters(metrics);
    const none = { 500: 0, 502: 0, 503: 0, 504: 0, none: 0, seconds: 0 };
    expect(await countedIn(metrics, 'vote')).toEqual({ 200: 0, 202: 0, 429: 0, ...none });
    expect(await countedIn(metrics, 'result')).toEqual({ 200: 0, ...none });
    vote.add(unanswered(2_000));
    vote.addUnsent();
    result.add(reply(418, 1_000));
    expect(await countedIn(metrics, 'vote')).toMatchObject({ none: 2, 200: 0, seconds: 7 });
    expect(await countedIn(metrics, 'result')).toMatchObject({ 418: 1, none: 0, seconds: 1 });
  });

  it('judges each service by its own requests, and one that nobody asked not at all', () => {
    const meters = createMeters(createCrowdMetrics());
    const holds = () => slaHolds({ vote: meters.vote.sum(), result: meters.result.sum() });
    expect(holds()).toBe(false);
    for (let i = 0; i < 1_000; i++) meters.vote.add(reply(200, 1));
    expect(holds()).toBe(true);
    meters.result.add(reply(200, 201));
    expect([meters.vote.sum().holds, meters.result.sum().holds, holds()]).toEqual([true, false, false]);
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
    expect(screens.times.count).toBe(4);
    for (const [part, ms] of [
      [0.25, 60],
      [0.5, 105],
      [1, 110],
    ] as const)
      expect(screens.times.quantile(part)).toBeCloseTo(ms, 0);
  });

  it('ends with the answer where the screen was faster', () => {
    let now = 0;
    const screens = createScreens(createCrowdMetrics(), () => now);
    screens.open()(1);
    now = 30;
    screens.accepted(10);
    expect(screens.times.count).toBe(1);
    expect(screens.times.quantile(1)).toBeCloseTo(20, 1);
  });

  it('is right also for those that come after thousands were shown and forgotten', () => {
    let now = 0;
    const screens = createScreens(createCrowdMetrics(), () => now);
    const [one, other] = [screens.open(), screens.open()];
    for (let voter = 0; voter < 5_000; voter++) {
      now = voter * 10;
      screens.accepted(now - 7);
      one(voter + 1);
      if (voter % 100 === 99) other(voter + 1);
    }
    expect(screens.times.count).toBe(10_000);
    // At once on the one; on the other each waits for the hundredth, 10 ms for each that comes before.
    expect(screens.times.quantile(0.5)).toBeCloseTo(7, 1);
    expect(screens.times.quantile(1)).toBeCloseTo(997, -1);
  });
});
