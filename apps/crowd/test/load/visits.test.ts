import { afterEach, describe, expect, it } from 'vitest';
import { REMEMBERED } from '../../src/load/arrivals.ts';
import { createLedger } from '../../src/load/ledger.ts';
import { createMeters } from '../../src/load/meter.ts';
import { createCrowdMetrics } from '../../src/load/metrics.ts';
import { createScreens } from '../../src/load/screen.ts';
import { createVisits } from '../../src/load/visits.ts';
import { readPoll } from '../../src/services.ts';
import { startFakeServices } from '../fake-services.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function open(setting?: Parameters<typeof startFakeServices>[0]) {
  const fake = await startFakeServices(setting);
  close = fake.close;
  const metrics = createCrowdMetrics();
  const waiting = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal, onWait() {} };
  const meters = createMeters(metrics);
  const ledger = createLedger(['a', 'b', 'c']);
  const visits = createVisits({
    voteUrl: fake.url,
    resultUrl: fake.url,
    poll: await readPoll(fake.url, 'best-friend', waiting),
    crowdKey: undefined,
    ledger,
    meters,
    metrics,
    screens: createScreens(metrics),
  });
  return { fake, visits, meters, ledger };
}
const visit = { atMs: 0, voter: 0, choice: 'a', byPage: false };

describe('visits', () => {
  it("are timed from when they were due, with the wait behind their voter's last one in it", async () => {
    const { visits, meters } = await open({ delayMs: 100 });
    const due = performance.now();
    visits.begin(visit, due);
    visits.begin(visit, due);
    await visits.over();
    expect(visits.times.count).toBe(2);
    expect(visits.times.quantile(1)).toBeGreaterThanOrEqual(200);
    expect(visits.times.quantile(1)).toBeGreaterThan(meters.vote.sum().p99);
  });

  it('have in that time by how much the crowd itself was late', async () => {
    const { visits } = await open();
    visits.begin(visit, performance.now() - 1_000);
    await visits.over();
    expect(visits.times.quantile(1)).toBeGreaterThanOrEqual(1_000);
  });

  it('by page bring the cookie that the page gave, and look at the result', async () => {
    const { fake, visits } = await open();
    const due = performance.now();
    visits.begin({ ...visit, byPage: true }, due);
    visits.begin({ ...visit, byPage: true, choice: 'b' }, due);
    await visits.over();
    expect([...fake.ballots.values()]).toEqual(['b']);
    // Vote's page without a cookie, then with it; result gets none of vote's.
    expect(fake.pages.map(({ known }) => known)).toEqual([false, false, true, false]);
  });

  it('keep nothing of a voter who does not come back, once their visit is over', async () => {
    const { fake, visits, ledger } = await open();
    visits.begin({ ...visit, voter: 0 }, performance.now());
    // As many as may come back, though only the last of them comes.
    visits.begin({ ...visit, voter: REMEMBERED }, performance.now());
    await visits.over();
    ledger.settle();
    expect(fake.ballots.size).toBe(2);
    expect(ledger.voters).toBe(1);
    expect(ledger.bounds().turnout).toEqual({ least: 2, most: 2 });
  });
});
