import { FAULTS } from '@hbf/drills/clients/polls';
import type { LocalReplica } from '@hbf/drills/system/replica';
import { until } from '@hbf/drills/until';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const system = await createSystem();
const voting = createVoting(system);
afterEach(system.removeAll);

async function owned(workers: readonly LocalReplica[]): Promise<number[]> {
  const texts = await Promise.all(workers.map((worker) => worker.metrics()));
  return texts.map((text) => Number(/^ballot_partitions_owned (\d+)/m.exec(text)?.[1])).sort();
}

describe('several workers', () => {
  it('share the four partitions out evenly, as workers come and go', async () => {
    const workers: LocalReplica[] = [];
    const shares = [[4], [2, 2], [1, 1, 2], [1, 1, 1, 1], [0, 1, 1, 1, 1]];
    for (const share of shares) {
      workers.push(await system.add('worker'));
      await until(
        `${workers.length} workers own ${share}`,
        async () => String(await owned(workers)) === String(share),
      );
    }
    for (const share of shares.slice(0, -1).reverse()) {
      const leaver = workers.shift()!;
      if (workers.length % 2 === 0) await leaver.kill();
      else await leaver.stop();
      expect(leaver.lastExit?.code).toBe(workers.length % 2 === 0 ? null : 0);
      await until(
        `${workers.length} workers own ${share}`,
        async () => String(await owned(workers)) === String(share),
      );
    }
  });

  it("count the last of one voter's thousand ballots, while workers come and go", async () => {
    await system.add('vote');
    const workers: LocalReplica[] = [];
    for (let i = 0; i < 5; i++) workers.push(await system.add('worker'));
    await Promise.all(workers.map((worker) => worker.untilReady()));
    const choiceOf = (ballot: number) => FAULTS.options[ballot % FAULTS.options.length]!;
    let replacing: Promise<void> = Promise.resolve();
    for (let ballot = 0; ballot < 1_000; ballot++) {
      await voting.castAccepted('restless', choiceOf(ballot));
      if (ballot % 200 === 100) {
        await replacing;
        replacing = (async () => {
          await workers.shift()!.kill();
          workers.push(await system.add('worker'));
        })();
      }
    }
    await replacing;
    expect(await voting.finish()).toEqual([]);
    const rows = await system.postgres.query(`SELECT choices FROM ballots WHERE poll = 'faults'`);
    expect(rows).toEqual([{ choices: [choiceOf(999)] }]);
    const [total] = await system.postgres.query(
      'SELECT sum(accepted)::int AS accepted, sum(superseded)::int AS superseded FROM partitions',
    );
    expect(total).toEqual({ accepted: 1_000, superseded: 999 });
  });
});
