import { afterEach, describe, expect, it } from 'vitest';
import { findCapacity } from '../../src/load/capacity.ts';
import { createCrowdMetrics } from '../../src/load/metrics.ts';
import { createProgress } from '../../src/progress.ts';
import { startFakeServices } from '../fake-services.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

async function find(setting: Parameters<typeof startFakeServices>[0]) {
  const fake = await startFakeServices(setting);
  close = fake.close;
  let output = '';
  const progress = createProgress({
    write: (text: string) => {
      output += text;
    },
  });
  const options = {
    ...{ poll: 'best-friend', ramp: { from: 20, to: 60, step: 20 }, durationMs: 1_000 },
    ...{ revotes: 0.2, pages: 0.5, watchers: 0, seed: 'one', waitMs: 300 },
  };
  const found = await findCapacity(options, {
    ...{ voteUrl: fake.url, resultUrl: fake.url, crowdKey: undefined },
    ...{ metrics: createCrowdMetrics(), progress, signal: new AbortController().signal },
  });
  return { found, output };
}

describe('crowd capacity', () => {
  it('tries twice what breaks, raises the rate no more, and says that none held', async () => {
    const { found, output } = await find({
      fault: () => ({ counts: false, answer: { status: 503, type: 'not-accepted' } }),
    });
    expect(found).toBe(false);
    // A busy machine may hold the crowd itself up, too.
    const broke = /^20 visits a second: (SLA broken|the crowd itself was late)$/gm;
    expect(output.match(broke), output).toHaveLength(2);
    expect(output).not.toMatch(/^40 visits/m);
    expect(output).toMatch(/^20 .* (SLA broken|the crowd itself was late)$/m);
    expect(output).toContain('No rate held');
  });

  it('does not take a rate at which ballots are refused for one that held', async () => {
    const { found, output } = await find({
      fault: () => ({ counts: false, answer: { status: 429, type: 'too-many-requests' } }),
    });
    expect(found).toBe(false);
    // Where the machine is busy the answers are slow besides.
    expect(output).toMatch(/^20 .* (ballots not accepted|SLA broken|the crowd itself was late)$/m);
    expect(output).toContain('No rate held');
  });

  it('tells what it found also where the services are no more', async () => {
    const { found, output } = await find({
      fault(post) {
        if (post === 30) setImmediate(() => void close?.());
        return undefined;
      },
    });
    expect(found).toBe(false);
    expect(output).toMatch(/^20 visits a second: .*ECONNREFUSED/m);
    expect(output).toContain('No rate held');
  });
});
