import { FAULTS } from '@hbf/drills/clients/polls';
import type { Violation } from '@hbf/drills/history/violation';
import { copyBuild } from '@hbf/drills/system/build-copy';
import type { LocalReplica } from '@hbf/drills/system/replica';
import { until } from '@hbf/drills/until';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystem } from './support/system.ts';
import { createVoting } from './support/voting.ts';

const system = await createSystem();
const voting = createVoting(system);
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

const optionOf = (ballot: number) => FAULTS.options[ballot % FAULTS.options.length]!;

/** @returns the receipts. */
async function castNew(count: number, name: string): Promise<string[]> {
  const receipts: string[] = [];
  for (let i = 0; i < count; i++) receipts.push(await voting.castAccepted(`${name}-${i}`, optionOf(i)));
  return receipts;
}

async function sum(what: 'drift' | 'queued'): Promise<number> {
  const rows = await system.conservation();
  return rows.reduce(
    (total, row) => total + (what === 'queued' ? row.appended - row.accepted : row[what]),
    0,
  );
}

async function receiptStates(receipts: string[]): Promise<string[]> {
  const states = new Set<string>();
  for (const receipt of receipts) {
    const response = await fetch(`${system.resultUrl}/api/receipts/${receipt}`);
    states.add(((await response.json()) as { status: string }).status);
  }
  return [...states];
}

async function start(): Promise<void> {
  const services = [await system.add('vote'), await system.add('worker')];
  await Promise.all(services.map((service) => service.untilReady()));
}

describe.each([
  ['emptied', () => system.redis.command('FLUSHALL')],
  ['rolled back to an earlier state', rollBack],
])('a Redis that is %s behind our back', (what, lose) => {
  it('shows as drift the ballots that it lost, and loses nothing new', async () => {
    await start();
    const earlier = voting.receipts().length;
    const before = await voting.start(20);
    await before.untilAccepted(100);
    await before.stop();
    await voting.settle();
    const recorded = voting.receipts().slice(earlier);
    await keepCopy();

    const unblock = await blockRecording();
    const lost = await castNew(50, `lost-when-${what}`);
    await until('the heartbeats have seen the queued ballots', async () => (await sum('queued')) === 50);
    expect(await receiptStates(lost)).toEqual(['queued']);
    await voting.during(what, { loses: true }, lose);
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
    const after = await voting.start(20);
    await after.untilAccepted(100);
    expect(await voting.finish()).toEqual([]);
    expect(await receiptStates(recorded)).not.toContain('lost');
  });
});

async function refusedAsNotPrepared(vote: LocalReplica): Promise<number> {
  const metric = /^ballots_not_accepted_total\{cause="not-prepared"\} (\d+)/m;
  return Number(metric.exec(await vote.metrics())?.[1]);
}

describe('a Redis that was rolled back while no worker runs', () => {
  async function voteBeforeTheWorkerComes(build?: string): Promise<Violation[]> {
    const vote = await system.add('vote', build === undefined ? {} : { build });
    const worker = await system.add('worker');
    await worker.untilReady();
    await keepCopy();
    const before = await voting.start(20);
    await before.untilAccepted(100);
    await before.stop();
    await system.untilDrained();
    await worker.kill();
    const refused = await refusedAsNotPrepared(vote);
    // What it loses was recorded before: nothing excuses a ballot that is lost now.
    await rollBack();
    let asked = 0;
    await until('vote asks the rolled back Redis', async () => {
      const { type } = await voting.cast('returns-0', optionOf(asked++));
      return type === 'ok' || (await refusedAsNotPrepared(vote)) > refused;
    });
    for (let i = 0; i < 40; i++) await voting.cast(`returns-${i % 20}`, optionOf(asked + i));
    await (await system.add('worker')).untilReady();
    await system.untilDrained();
    // Everything had been recorded before: nothing is missing, but what happened in Redis's last second is unknown.
    expect(await sum('drift')).toBe(0);
    const acknowledged = await system.workerCommand('acknowledge-loss');
    expect(acknowledged.output).toContain('at least 0 ballots');
    return voting.finish();
  }

  it('accepts nothing until a worker has been there', async () => {
    expect(await voteBeforeTheWorkerComes()).toEqual([]);
  });

  it('would lose accepted ballots if the append did not name the run of Redis', async () => {
    const violations = await voteBeforeTheWorkerComes(
      await copyBuild([
        {
          file: 'ballot-stream/dist/scripts.js',
          find: 'if state[1] ~= ARGV[1] or not state[2] then',
          replace: 'if not state[2] then',
        },
      ]),
    );
    expect(violations).toContainEqual({
      rule: 'receipts-agree',
      what: expect.stringMatching(/the receipt of ballot .* says rejected/),
    });
  });
});
