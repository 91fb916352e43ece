import type { Agent } from 'node:http';
import type { Queryable } from '@hbf/ballot-store/connection';
import { readConservation } from '@hbf/ballot-store/conservation';
import type { Tally } from '@hbf/contracts/tally';
import type { FinalState, HistoryEvent } from '../history/events.ts';
import { ownedPartitions } from '../system/owned-partitions.ts';
import type { Replica, Stores, System } from '../system/system.ts';
import { until } from '../until.ts';
import { createAgent, getJson } from './http.ts';
import { type Pages, resultReplicas } from './pages.ts';
import { askReceipts } from './receipts.ts';
import { untilDrained } from './settled.ts';

/** A page shows what is stored within this time (ms). */
const PAGES_WITHIN_MS = 6_000;
/** Workers that came or went share the partitions anew within this time (ms). */
const SHARES_WITHIN_MS = 15_000;

/** What is read of a system in the end. */
export type Readable = Stores &
  Pick<System, 'workerCommand' | 'deaths'> & {
    readonly replicas: readonly Pick<Replica, 'app' | 'name' | 'url' | 'running' | 'metrics'>[];
  };

/**
 * Reads what the system ended up with. Call it when everything is healed and the voters have stopped.
 * @param voters what `voters()` of all voters told.
 * @throws if the queue does not drain, or result does not answer.
 */
export async function readFinalState(
  system: Readable,
  events: readonly HistoryEvent[],
  voters: FinalState['voters'],
  watching?: Pick<Pages, 'last'>,
): Promise<FinalState> {
  await untilDrained(system);
  const ownedPartitions = await readOwnedPartitions(system);
  const agent = createAgent();
  try {
    const tallies = await readTallies(system, agent);
    const pages = watching ? await readPages(watching, tallies) : [];
    const ballots = await system.postgres.query<FinalState['ballots'][number]>(
      `SELECT poll, encode(voter, 'hex') AS voter, choices FROM ballots ORDER BY poll, voter`,
    );
    const receipts = events.flatMap((event) => (event.type === 'ok' ? [event.receipt] : []));
    const urls = resultReplicas(system)
      .filter(({ running }) => running)
      .map(({ url }) => url);
    const [told, recount] = await Promise.all([
      askReceipts(urls, receipts, agent),
      system.workerCommand('recount'),
    ]);
    return {
      ballots,
      tallies,
      voters,
      receipts: told,
      partitions: await readPartitions(system),
      recount,
      ownedPartitions,
      pages,
      deaths: [...system.deaths],
    };
  } finally {
    agent.destroy();
  }
}

/** The books of every partition, of one moment each. */
export async function readPartitions({
  postgres,
}: Pick<Stores, 'postgres'>): Promise<FinalState['partitions']> {
  // The row's own word is taken back when a loss is acknowledged.
  const boundsOnly = await postgres.query<{ partition: number }>(
    'SELECT DISTINCT partition FROM acknowledged_losses WHERE is_lower_bound',
  );
  const client = { query: async (text: string) => ({ rows: await postgres.query(text) }) };
  const rows = await readConservation(client as unknown as Queryable);
  return rows.map((row) => ({
    partition: row.partition,
    accepted: Number(row.accepted),
    recorded: Number(row.recorded),
    superseded: Number(row.superseded),
    rejected: Number(row.rejected),
    lost: Number(row.lost),
    drift: Number(row.drift),
    isLowerBound: row.lossIsLowerBound || boundsOnly.some(({ partition }) => partition === row.partition),
    foreignEntries: Number(row.foreignEntries),
  }));
}

/** As the first replica of result that runs tells them; what the others tell is seen on their pages. */
async function readTallies(system: Readable, agent: Agent): Promise<FinalState['tallies']> {
  const polls = await system.postgres.query<{ key: string }>('SELECT key FROM polls ORDER BY rank, key');
  return await until(
    'result tells the tallies',
    async () => {
      const url = resultReplicas(system).find(({ running }) => running)?.url;
      if (url === undefined) throw new Error('no replica of result runs');
      return await Promise.all(
        polls.map(async ({ key }) => {
          const tally = await getJson<Tally>(`${url}/api/polls/${key}/tally`, agent);
          return {
            poll: key,
            votes: Object.fromEntries(tally.options.map((option) => [option.key, option.votes ?? 0])),
            turnout: tally.turnout,
            status: tally.status,
          };
        }),
      );
    },
    20_000,
    200,
  );
}

/** What the pages show once they agree with the tallies, or after 6 s what they show then. */
async function readPages(
  pages: Pick<Pages, 'last'>,
  tallies: FinalState['tallies'],
): Promise<FinalState['pages']> {
  const byPoll = new Map(tallies.map((tally) => [tally.poll, tally]));
  const agrees = ({ poll, shows, turnout, votes }: FinalState['pages'][number]): boolean => {
    const tally = byPoll.get(poll);
    const stored = Object.values(tally?.votes ?? {});
    return shows === 'live' && turnout === tally?.turnout && String(votes) === String(stored);
  };
  const agree = () => pages.last().length > 0 && pages.last().every(agrees);
  await until('the pages agree', agree, PAGES_WITHIN_MS).catch(() => {});
  return pages.last();
}

/** The sum over the workers, once it is that of all partitions, or what it is after some seconds. */
async function readOwnedPartitions(system: Readable): Promise<number> {
  const [row] = await system.postgres.query<{ partitions: number }>('SELECT partitions FROM system');
  let owned = 0;
  const count = async () => {
    const workers = system.replicas.filter(({ app, running }) => app === 'worker' && running);
    owned = (await Promise.all(workers.map(ownedPartitions))).reduce((sum, count) => sum + count, 0);
    return owned === row!.partitions;
  };
  await until('every partition is owned once', count, SHARES_WITHIN_MS, 200).catch(() => {});
  return owned;
}
