import { afterEach, describe, expect, it } from 'vitest';
import { type LoadOptions, load } from '../../src/load/load.ts';
import { createCrowdMetrics } from '../../src/load/metrics.ts';
import { createProgress } from '../../src/progress.ts';
import { startFakeServices } from '../fake-services.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function loaded(setting: Parameters<typeof startFakeServices>[0], changes: Partial<LoadOptions> = {}) {
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
    watchers: 0,
    seed: 'one',
    waitMs: 2_000,
  };
  const held = await load(
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
  return { held, output, fake, drift: (await metrics.drift.get()).values[0]?.value };
}

describe('crowd load', () => {
  it('counts what its voters cast, the last ballot of each, with the cookies that they were given', async () => {
    const { output, fake, drift } = await loaded({});
    expect(fake.posts.length).toBeGreaterThan(100);
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
    const { held, output } = await loaded({
      fault: (post) => (post % 10 === 0 ? { counts: post % 20 === 0, answer: 'break' } : undefined),
    });
    expect(output).toMatch(/\d+ unconfirmed/);
    expect(output).toMatch(/expected \d+ to \d+\n/);
    expect(output).toMatch(/The tally is right\.\n/);
    expect(output).toMatch(/The SLA was BROKEN\.\n/);
    expect(held).toBe(false);
  });

  it.each([
    ['a ballot is missing', -1],
    ['one is too many', 1],
  ])('says so where %s', async (_, difference) => {
    const { held, output, drift } = await loaded({
      distort: (votes) => ({ ...votes, a: votes.a! + difference }),
    });
    expect(output).toMatch(/The tally is NOT right/);
    expect(held).toBe(false);
    expect(drift).toBe(difference);
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
