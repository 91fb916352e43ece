import { join } from 'node:path';
import { docker } from '@hbf/drills/system/compose/docker';
import { ROOT } from '@hbf/drills/system/project';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createVoting } from '../support/voting.ts';
import { crash, inspect } from './support/containers.ts';
import { testCrowds } from './support/crowds.ts';
import { testFacts } from './support/facts.ts';
import { testPages } from './support/pages.ts';
import { createRelease, SERVICES } from './support/release.ts';
import { testRights } from './support/rights.ts';

const LOGS = join(ROOT, 'test-results/compose/release');

const release = await createRelease();
const { project } = release;
const voting = createVoting(release);

let failed = true;
let kept = false;
beforeAll(async () => {
  await release.build();
  await release.up();
  failed = false;
});
// At once: a later test takes the containers down, and their logs with them.
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await keepLogs();
});
afterAll(async () => {
  if (failed) await keepLogs();
  await release.close();
});

async function keepLogs(): Promise<void> {
  if (kept) return;
  kept = true;
  await release.saveLogs(LOGS);
  console.error(`The containers' logs are in ${LOGS}`);
}

async function tally(poll: string): Promise<{ turnout: number; votes: Record<string, number> }> {
  const response = await fetch(`${release.resultUrl}/api/polls/${poll}/tally`);
  const { turnout, options } = (await response.json()) as {
    turnout: number;
    options: { key: string; votes: number }[];
  };
  return { turnout, votes: Object.fromEntries(options.map(({ key, votes }) => [key, votes])) };
}

describe('the release set-up under faults', () => {
  it.for(SERVICES)('comes back by itself, and takes ballots, after a SIGKILL of %s', async (service) => {
    const voters = await voting.start(4);
    const before = await inspect(release.container(service));
    await crash(release.container(service));
    await voters.untilAccepted(50, 60_000);
    const after = await inspect(release.container(service));
    expect(after.RestartCount).toBe(before.RestartCount + 1);
  });

  it('ends no container but those that were killed', async () => {
    const counts = await Promise.all(
      SERVICES.map(async (service) => [service, (await inspect(release.container(service))).RestartCount]),
    );
    expect(counts).toEqual(SERVICES.map((service) => [service, 1]));
  });

  it('counts every accepted ballot exactly once, through all that and a restart of the whole', async () => {
    const voters = await voting.start(4);
    await voters.untilAccepted(20);
    // Voters go on meanwhile, and are refused.
    await release.down();
    await release.up();
    await voters.untilAccepted(50, 60_000);
    expect(await voting.finish()).toEqual([]);
    expect(voting.receipts().length).toBeGreaterThan(500);
  });
});

testPages(release);

describe('the profile seed', () => {
  it('votes as 3,000 voters do, past the limits, and finds the tally grown by exactly that', async () => {
    const before = await tally('best-friend');
    await project.compose('--profile', 'seed', 'up', '--detach', '--no-build', '--no-deps', 'seed');
    const seed = `${project.name}-seed-1`;
    const code = (await docker(['wait', seed])).trim();
    expect(code, await docker(['logs', seed])).toBe('0');
    const { turnout, votes } = await tally('best-friend');
    expect(turnout - before.turnout).toBe(3_000);
    expect({ a: votes.a! - before.votes.a!, b: votes.b! - before.votes.b! }).toEqual({ a: 2_000, b: 1_000 });
  });
});

testFacts(release);
testRights(release);
testCrowds(release);

describe('the data of the release set-up', () => {
  it('is the same after a restart of the whole, and every tally equals its recount', async () => {
    await release.untilDrained();
    const before = [await tally('best-friend'), await tally('faults')];
    await release.down();
    await release.up();
    expect([await tally('best-friend'), await tally('faults')]).toEqual(before);
    const recount = await release.workerCommand('recount');
    expect(recount.code, recount.output).toBe(0);
    const drifts = await release.postgres.query<{ drift: number }>('SELECT drift FROM partitions');
    expect(drifts.map(({ drift }) => drift)).toEqual([0, 0, 0, 0]);
  });

  it('is gone with everything else once it is taken down', async () => {
    const { tag } = release;
    await release.close();
    const left = await Promise.all(
      [
        ['ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${project.name}`],
        ['volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${project.name}`],
        ['network', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${project.name}`],
        ['image', 'ls', '--quiet', '--filter', `reference=*/*:${tag}`],
      ].map((command) => docker(command)),
    );
    expect(left).toEqual(['', '', '', '']);
  });
});

describe('a start without secrets', () => {
  it('fails, and names the file that is missing', async () => {
    const bare = await createRelease({ without: ['voter_keys'] });
    try {
      await bare.build();
      const { code, output } = await bare.project.tryCompose(
        'up',
        '--detach',
        '--no-build',
        '--no-deps',
        'vote',
      );
      expect(code).not.toBe(0);
      expect(output).toMatch(/does not exist: \S+\/secrets\/voter_keys/);
    } finally {
      await bare.close();
    }
  });
});
