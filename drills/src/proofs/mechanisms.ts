import type { Mutation } from '../system/build-copy.ts';

/**
 * The mechanisms that keep the promises, and how each is switched off in a copy of the build. Texts are those of the
 * compiled files; one that is not found any more is an error, so that no proof silently proves nothing.
 */

const movePosition = 'ballot-store/dist/move-position.js';
const ownPartition = 'ballot-store/dist/own-partition.js';
const recordBallots = 'ballot-store/dist/record-ballots.js';
const migration = 'ballot-store/migrations/001.do.create-the-schema.sql';
const scripts = 'ballot-stream/dist/scripts.js';

export const acceptEverysec: Mutation = {
  file: 'ballot-stream/dist/durability.js',
  find: "appendfsync: 'always',",
  replace: "appendfsync: 'everysec',",
};

export const positionOutsideTheTransaction: Mutation = {
  file: 'worker/dist/record-batch.js',
  find: "reach('moved');",
  replace: "await session.query('COMMIT'); await session.query('BEGIN'); reach('moved');",
};

export const noCompareAndSet: readonly Mutation[] = [
  {
    file: movePosition,
    find: 'WHERE partition = $1 AND epoch = $2 AND position_ms = $3 AND position_seq = $4',
    replace: 'WHERE partition = $1 AND $2::bigint + $3::bigint + $4::bigint IS NOT NULL',
  },
  {
    file: movePosition,
    find: 'AND (position_ms, position_seq) <= ($5::numeric, $6::numeric)',
    replace: '',
  },
];

export const noRunId: Mutation = {
  file: scripts,
  find: 'if state[1] ~= ARGV[1] or not state[2] then',
  replace: 'if not state[2] then',
};

export const noDeadline: Mutation = {
  file: scripts,
  find: "if now > tonumber(ARGV[2]) then return {'late', now} end",
  replace: '',
};

export const trimBeforeTheCommit: Mutation = {
  file: 'worker/dist/carry-ballots.js',
  find: 'const result = await recordBatch(',
  replace: `await deps.redis.xtrim('hbf:{' + partition + '}:ballots', 'MINID', batch.to.replace(/\\d+$/, (seq) => String(Number(seq) + 1)));
    const result = await recordBatch(`,
};

export const maxlenOnXadd: Mutation = {
  file: scripts,
  find: "redis.call('XADD', KEYS[1], '*',",
  replace: "redis.call('XADD', KEYS[1], 'MAXLEN', '20', '*',",
};

export const voterNotInThePrimaryKey: readonly Mutation[] = [
  {
    file: migration,
    find: 'PRIMARY KEY (poll, voter)\n',
    replace: 'PRIMARY KEY (poll, partition, entry_ms, entry_seq, entry_index)\n',
  },
  {
    file: recordBallots,
    find: 'ON CONFLICT (poll, voter) DO UPDATE',
    replace: 'ON CONFLICT (poll, partition, entry_ms, entry_seq, entry_index) DO UPDATE',
  },
];

export const noGuardOnOrder: Mutation = {
  file: recordBallots,
  find: `  WHERE (b.entry_ms, b.entry_seq, b.entry_index)
      < (excluded.entry_ms, excluded.entry_seq, excluded.entry_index)
`,
  replace: '',
};

/** A worker takes every partition, whoever holds it, and does not see that there are later owners. */
export const ignoreLocks: readonly Mutation[] = [
  {
    file: ownPartition,
    find: 'SELECT pg_try_advisory_lock($1, $2) AS taken',
    replace: 'SELECT $1::int + $2::int IS NOT NULL AS taken',
  },
  { file: 'worker/dist/worker.js', find: '!ownedPartitions.includes(partition) && ', replace: '' },
];

export const epochsThatDoNotGrow: Mutation = {
  file: ownPartition,
  find: 'SET epoch = epoch + 1',
  replace: 'SET epoch = epoch',
};

/** When its session is lost, and the lock with it, the worker goes on with another session from where it was. */
export const ignoreTheLossOfTheLock: Mutation = {
  file: 'worker/dist/own-partition.js',
  find: `            held = holdPartition(deps, session, partition, owned, closings);
            await carry(deps, held, () => releasing);`,
  replace: `            for (let current = session, known = owned; ; ) {
                held = holdPartition(deps, current, partition, known, closings);
                try {
                    await carry(deps, held, () => releasing);
                    break;
                }
                catch (error) {
                    if (!current.lost)
                        throw error;
                    const { position, accepted, appended } = held;
                    known = { ...owned, position, accepted, appended };
                    current = await openSession(deps.databaseUrl, 'hbf-worker-partition-' + partition);
                }
            }`,
};
