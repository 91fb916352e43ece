import { copyBuild } from '@hbf/drills/system/build-copy';
import { until } from '@hbf/drills/until';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const system = await createSystem();
const voting = createVoting(system);
afterEach(system.removeAll);

async function ownedPartitions(): Promise<number> {
  const [row] = await system.postgres.query<{ owned: number }>(
    `SELECT count(*)::int AS owned FROM pg_stat_activity WHERE application_name LIKE 'hbf-worker-partition-%'`,
  );
  return row!.owned;
}

describe('a worker that is killed with kill -9', () => {
  it('has its partitions taken over within two seconds', async () => {
    await system.add('vote');
    const [first, second] = [await system.add('worker'), await system.add('worker')];
    await Promise.all([first.untilReady(), second.untilReady()]);
    await until('both own their share', async () => {
      const owned = [await first.metrics(), await second.metrics()].map((text) =>
        Number(/^ballot_partitions_owned (\d+)/m.exec(text)?.[1]),
      );
      return owned[0] === 2 && owned[1] === 2;
    });
    await first.kill();
    const killed = performance.now();
    await until('one worker owns all partitions', async () =>
      /^ballot_partitions_owned 4/m.test(await second.metrics()),
    );
    const seconds = (performance.now() - killed) / 1_000;
    expect(seconds).toBeLessThan(2);
    expect(await ownedPartitions()).toBe(4);
  });
});

describe('the check of these tests', () => {
  it('fails when the position is committed before the ballots', async () => {
    await system.add('vote');
    await (await system.add('worker')).untilReady();
    const voters = await voting.start(40);
    const build = await copyBuild([
      {
        file: 'worker/dist/record-batch.js',
        find: "reach('moved');",
        replace: "await session.query('COMMIT'); await session.query('BEGIN'); reach('moved');",
      },
    ]);
    const victim = await system.add('worker', { env: { HBF_FAILPOINT: 'moved@5' }, build });
    await victim.gone();
    expect(victim.lastExit?.signal, victim.lines.join('\n')).toBe('SIGKILL');
    await voters.untilAccepted(50);
    expect(await voting.finish()).toContainEqual({
      rule: 'nothing-is-missing',
      what: expect.stringMatching(/^partition \d: the drift is [1-9]/),
    });
  });
});
