import { copyBuild } from '@hbf/drills/system/build-copy';
import type { LocalReplica } from '@hbf/drills/system/replica';
import { until } from '@hbf/drills/until';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { finish } from './support/finish.ts';
import type { Cast } from './support/history.ts';
import { createSystem, OPTIONS, type System, withRedis } from './support/system.ts';
import { cast, startVoters } from './support/voters.ts';

const system = await createSystem();
afterEach(system.removeAll);

async function keepCopy(): Promise<void> {
  await system.redis.kill();
  await system.redis.keepCopy();
  await system.redis.start();
}

async function rollBack(): Promise<void> {
  await system.redis.kill();
  await system.redis.rollBack();
  await system.redis.start();
}

/** Stops the recording, as a database does that has no space left, and gives a function that lets it go on. */
async function blockRecording(): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: system.postgres.url });
  await client.connect();
  await client.query('BEGIN; LOCK TABLE ballots IN EXCLUSIVE MODE');
  return () => client.end();
}

async function castNew(count: number, name: string): Promise<Cast[]> {
  const casts: Cast[] = [];
  for (let i = 0; i < count; i++) {
    const voter = `${name}-${i}`;
    casts.push(
      await until('the ballot is accepted', async () => {
        const entry = await cast(system.voteUrl, voter, OPTIONS[i % OPTIONS.length]!);
        return entry.outcome === 'ok' && entry;
      }),
    );
  }
  return casts;
}

async function sum(what: 'drift' | 'lost' | 'queued', of: System = system): Promise<number> {
  const rows = await of.conservation();
  return rows.reduce(
    (total, row) => total + (what === 'queued' ? row.appended - row.accepted : row[what]),
    0,
  );
}

async function receiptStates(casts: Cast[]): Promise<string[]> {
  const states = new Set<string>();
  for (const { receipt } of casts) {
    const response = await fetch(`${system.resultUrl}/api/receipts/${receipt}`);
    states.add(((await response.json()) as { status: string }).status);
  }
  return [...states];
}

async function start(): Promise<void> {
  const services = [await system.add('vote'), await system.add('result'), await system.add('worker')];
  await Promise.all(services.map((service) => service.untilReady()));
}

describe.each([
  ['emptied', () => withRedis(system.redis.url, (client) => client.flushall())],
  ['rolled back to an earlier state', rollBack],
])('a Redis that is %s behind our back', (what, lose) => {
  it('shows as drift the ballots that it lost, and loses nothing new', async () => {
    await start();
    const before = await startVoters(system, 20);
    await before.untilAccepted(100);
    await before.stop();
    await system.untilDrained();
    await keepCopy();

    const unblock = await blockRecording();
    const lost = await castNew(50, `lost-when-${what}`);
    await until('the heartbeats have seen the queued ballots', async () => (await sum('queued')) === 50);
    expect(await receiptStates(lost)).toEqual(['queued']);
    await lose();
    await until('the loss shows as drift', async () => (await sum('drift')) === 50);
    await unblock();
    expect((await system.conservation()).some(({ lossIsLowerBound }) => lossIsLowerBound)).toBe(true);
    await until('the receipts say lost', async () => (await receiptStates(lost)).join() === 'lost');

    const recount = await system.workerCommand('recount');
    expect(recount.code).toBe(1);
    expect(recount.output).toContain('the tallies are equal to the recount');
    expect(recount.output).toMatch(/DRIFT: at least \d+ ballots of partition \d/);

    const acknowledged = await system.workerCommand('acknowledge-loss');
    expect(acknowledged.code, acknowledged.output).toBe(0);
    expect(await sum('drift')).toBe(0);
    const after = await startVoters(system, 20);
    await after.untilAccepted(100);
    expect(await finish(system, before, after)).toEqual([]);
  });
});

async function refusedAsNotPrepared(vote: LocalReplica): Promise<number> {
  const metric = /^ballots_not_accepted_total\{cause="not-prepared"\} (\d+)/m;
  return Number(metric.exec(await vote.metrics())?.[1]);
}

describe('a Redis that was rolled back while no worker runs', () => {
  async function voteBeforeTheWorkerComes(build?: string): Promise<string[]> {
    const vote = await system.add('vote', build === undefined ? {} : { build });
    const worker = await system.add('worker');
    await worker.untilReady();
    await keepCopy();
    const before = await startVoters(system, 20);
    await before.untilAccepted(100);
    await before.stop();
    await system.untilDrained();
    await worker.kill();
    const refused = await refusedAsNotPrepared(vote);
    await rollBack();
    const after: Cast[] = [];
    await until('vote asks the rolled back Redis', async () => {
      after.push(await cast(system.voteUrl, 'voter-0', OPTIONS[after.length % OPTIONS.length]!));
      return after.at(-1)!.outcome === 'ok' || (await refusedAsNotPrepared(vote)) > refused;
    });
    for (let i = 0; i < 40; i++) {
      after.push(await cast(system.voteUrl, `voter-${i % 20}`, OPTIONS[(i + 7) % OPTIONS.length]!));
    }
    await (await system.add('worker')).untilReady();
    await system.untilDrained();
    // Everything had been recorded before: nothing is missing, but what happened in Redis's last second is unknown.
    expect(await sum('drift')).toBe(0);
    const acknowledged = await system.workerCommand('acknowledge-loss');
    expect(acknowledged.output).toContain('at least 0 ballots');
    return finish(system, { ...before, history: [...before.history, ...after] });
  }

  it('accepts nothing until a worker has been there', async () => {
    expect(await voteBeforeTheWorkerComes()).toEqual([]);
  });

  it('would lose accepted ballots if the append did not name the run of Redis', async () => {
    const faults = await voteBeforeTheWorkerComes(
      await copyBuild([
        {
          file: 'ballot-stream/dist/scripts.js',
          find: 'if state[1] ~= ARGV[1] or not state[2] then',
          replace: 'if not state[2] then',
        },
      ]),
    );
    expect(faults.join('\n')).toMatch(/the receipt of ballot \d+ says rejected/);
  });
});
