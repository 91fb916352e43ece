import { afterEach, describe, expect, it } from 'vitest';
import { load } from '../../src/load/load.ts';
import { createCrowdMetrics } from '../../src/load/metrics.ts';
import type { CrowdOptions } from '../../src/load/run.ts';
import { createProgress } from '../../src/progress.ts';
import { startFakeServices } from '../fake-services.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function loaded(setting: Parameters<typeof startFakeServices>[0], changes: Partial<CrowdOptions> = {}) {
  const fake = await startFakeServices(setting);
  close = fake.close;
  const metrics = createCrowdMetrics();
  let output = '';
  const progress = createProgress({
    write: (text: string) => {
      output += text;
    },
  });
  const options = {
    poll: 'best-friend',
    rate: 100,
    durationMs: 1_500,
    revotes: 0.3,
    pages: 0.5,
    watchers: 0,
    seed: 'one',
    waitMs: 2_000,
  };
  const verdict = await load(
    { ...options, ...changes },
    {
      voteUrl: fake.url,
      resultUrl: fake.url,
      crowdKey: undefined,
      metrics,
      progress,
      signal: new AbortController().signal,
    },
  );
  return { verdict, output, fake, metrics, drift: (await metrics.drift.get()).values[0]?.value };
}

describe('crowd load', () => {
  it('counts what its voters cast, the last ballot of each, with the cookies that they were given', async () => {
    const { output, fake, drift } = await loaded({});
    expect(fake.posts.length).toBeGreaterThan(100);
    expect(output).toContain(`Ballots: ${fake.posts.length} accepted`);
    expect(fake.ballots.size).toBeLessThan(fake.posts.length);
    expect(output).toMatch(/The tally is right\.\n/);
    expect(output).toContain(`turnout: grew by ${fake.ballots.size}, expected ${fake.ballots.size}\n`);
    expect(drift).toBe(0);
  });

  it('casts the same ballots for the same seed', async () => {
    const first = await loaded({}, { revotes: 0 });
    await close?.();
    const second = await loaded({}, { revotes: 0 });
    expect(first.fake.posts.length).toBe(second.fake.posts.length);
    expect([...first.fake.ballots.values()].sort()).toEqual([...second.fake.ballots.values()].sort());
  });

  it('knows voters of an open poll by their keys', async () => {
    const { output } = await loaded({ eligibility: 'open' });
    expect(output).toMatch(/The tally is right\.\n/);
  });

  it('permits ballots that were not confirmed to count or not, and takes their answers for failures', async () => {
    const { verdict, output } = await loaded({
      fault: (post) => (post % 10 === 0 ? { counts: post % 20 === 0, answer: 'break' } : undefined),
    });
    expect(output).toMatch(/\d+ unconfirmed/);
    expect(output).toMatch(/expected \d+ to \d+\n/);
    expect(output).toMatch(/The tally is right\.\n/);
    expect(output).toMatch(/^vote .* BROKEN$/m);
    expect(verdict).not.toBe('good');
  });

  it('measures both services, by their pages too, as many as asked and the same for the same seed', async () => {
    const { output, fake, metrics } = await loaded({}, { durationMs: 1_000 });
    const asked = async (app: string) =>
      (await metrics.requests.get()).values
        .filter(({ metricName, labels }) => metricName?.endsWith('_count') && labels.app === app)
        .reduce((sum, { value }) => sum + value, 0);
    const visits = fake.posts.length;
    // A visit by page gets one of each.
    expect(fake.pages.length).toBe(2 * (await asked('result')));
    expect(await asked('result')).toBeGreaterThan(visits / 4);
    expect(await asked('result')).toBeLessThan(visits);
    expect(await asked('vote')).toBe(2 * visits);
    expect(fake.pages.every(({ accept }) => accept === 'text/html')).toBe(true);
    expect(output).toContain(`Answers of vote: 200: ${visits}, 202: ${visits}\n`);
    expect(output).toContain(`Answers of result: 200: ${await asked('result')}\n`);
    await close?.();
    const again = await loaded({}, { durationMs: 1_000 });
    expect(again.fake.pages.length).toBe(fake.pages.length);
    await close?.();
    const without = await loaded({}, { durationMs: 300, pages: 0 });
    expect(without.fake.pages).toEqual([]);
    expect(without.output).toMatch(/^result +0 .* –$/m);
  });

  it('says that it can say nothing of the SLA where it was itself late', async () => {
    const { verdict, output } = await loaded({
      fault(post) {
        // The crowd is in this process.
        if (post === 20) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
        return undefined;
      },
    });
    expect(verdict).toBe('invalid');
    expect(output).toMatch(/INVALID: the crowd began more than 1 % of its visits over 100 ms late/);
    expect(output).not.toMatch(/The SLA was/);
  });

  it.each([
    ['a ballot is missing', -1, /^At the end: MISSING: 1 ballots/m],
    ['one is too many', 1, /^At the end: MORE than this crowd cast: 1 ballots\. Somebody else votes here/m],
  ])('says so where %s', async (_, difference, words) => {
    const { verdict, output, drift } = await loaded({
      distort: (votes) => ({ ...votes, a: votes.a! + difference }),
    });
    expect(output).toMatch(/The tally is NOT right/);
    expect(output).toMatch(words);
    expect(verdict).toBe('bad');
    expect(drift).toBe(difference);
  });

  it('does not wait for a tally with too much to become right', async () => {
    const { output } = await loaded(
      { distort: (votes) => ({ ...votes, a: votes.a! + 1 }) },
      { durationMs: 300, waitMs: 3_600_000 },
    );
    expect(output).toContain('MORE than this crowd cast: 1 ballots');
  });

  it('does not count what was surely refused', async () => {
    const { output, fake } = await loaded({
      fault: (post) =>
        post % 3 === 0 ? { counts: false, answer: { status: 503, type: 'not-accepted' } } : undefined,
    });
    expect(output).toContain(`turnout: grew by ${fake.ballots.size}, expected ${fake.ballots.size}\n`);
    expect(output).toMatch(/The tally is right\.\n/);
  });
});
