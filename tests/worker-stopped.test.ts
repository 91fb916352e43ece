import type { Violation } from '@hbf/drills/history/violation';
import { copyBuild, type Mutation } from '@hbf/drills/system/build-copy';
import { until } from '@hbf/drills/until';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const system = await createSystem();
const voting = createVoting(system);
afterEach(system.removeAll);

async function stopInTheMiddleOfABatch(): Promise<Violation[]> {
  await system.add('vote');
  const other = await system.add('worker');
  await other.untilReady();
  const voters = await voting.start(40);
  const stopped = await system.add('worker', { env: { HBF_FAILPOINT: 'recorded@5=stop' } });
  await stopped.untilLine('the partition is open');
  await until('the worker has stopped itself', () => isStopped(stopped.pid));
  await until('the other worker owns all partitions', async () =>
    /^ballot_partitions_owned 4/m.test(await other.metrics()),
  );
  await voters.untilAccepted(200);
  await stopped.resume();
  await stopped.untilLine('not owned here, or no longer');
  await voters.untilAccepted(200);
  return voting.finish();
}

async function isStopped(pid: number): Promise<boolean> {
  const { readFile } = await import('node:fs/promises');
  return /^State:\s+T/m.test(await readFile(`/proc/${pid}/status`, 'utf8'));
}

describe('a worker that is stopped in the middle of a batch until it has lost its partitions', () => {
  it('changes nothing when it goes on', async () => {
    expect(await stopInTheMiddleOfABatch()).toEqual([]);
  });
});

describe('two workers that both believe to own a partition', () => {
  // A worker that ignores locks: it takes every partition, whoever holds it, and does not see later owners.
  const ignoresLocks = [
    {
      file: 'ballot-store/dist/own-partition.js',
      find: 'SELECT pg_try_advisory_lock($1, $2) AS taken',
      replace: 'SELECT $1::int + $2::int IS NOT NULL AS taken',
    },
    {
      file: 'ballot-store/dist/own-partition.js',
      find: 'SET epoch = epoch + 1',
      replace: 'SET epoch = epoch',
    },
    {
      file: 'worker/dist/worker.js',
      find: '!ownedPartitions.includes(partition) && ',
      replace: '',
    },
  ];

  async function bothCarry(...mutations: Mutation[]): Promise<Violation[]> {
    await system.add('vote');
    const build = await copyBuild([...ignoresLocks, ...mutations]);
    const [first, second] = [await system.add('worker', { build }), await system.add('worker', { build })];
    await Promise.all([first.untilLine('the partition is open'), second.untilLine('the partition is open')]);
    const voters = await voting.start(60);
    await voters.untilAccepted(3_000);
    await voters.stop();
    await Promise.all([first.stop(), second.stop()]);
    await (await system.add('worker')).untilReady();
    return voting.finish();
  }

  it('record each ballot once all the same, since the position moves by compare-and-set', async () => {
    expect(await bothCarry()).toEqual([]);
  });

  it('would count ballots twice if the position moved without comparing', async () => {
    const violations = await bothCarry({
      file: 'ballot-store/dist/move-position.js',
      find: 'WHERE partition = $1 AND epoch = $2 AND position_ms = $3 AND position_seq = $4',
      replace: 'WHERE partition = $1 AND $2::bigint + $3::bigint + $4::bigint IS NOT NULL',
    });
    expect(violations).toContainEqual({
      rule: 'nothing-is-missing',
      what: expect.stringMatching(/^partition \d: the drift is -\d+$/),
    });
  });
});
