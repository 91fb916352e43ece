import { createPool } from '@hbf/ballot-store/connection';
import { describeExit } from '@hbf/local-services/managed-process';
import { type LocalPostgres, startPostgres } from '@hbf/local-services/postgres';
import { untilRecoveredOrStopped } from './recovered-or-stopped.ts';
import type { System } from './system.ts';

/** The PostgreSQL of a local system. */
export type PostgresPart = System['postgres'] & {
  readonly url: string;
  readonly port: number;
  /** Makes a database and returns its URL. */
  createDatabase(name: string): Promise<string>;
  close(): Promise<void>;
};

/** A disk that holds nothing else, and can be filled. */
export type Disk = { readonly path: string; fill(): void; free(): void };

const SETTINGS = {
  // Six a worker, and five or more workers.
  max_connections: '300',
};

/**
 * Without these it would write on for a while into files of its log that it keeps in reserve. So the very next write
 * finds the disk full, and a drill knows from when on nothing can be recorded.
 */
const ON_SMALL_DISK = {
  wal_recycle: 'off',
  wal_init_zero: 'off',
  max_wal_size: '64MB',
  min_wal_size: '32MB',
};

export async function startPostgresPart(options: {
  dataDir: string;
  disk: Disk | undefined;
  env: Record<string, string>;
  onLog: (line: string) => void;
}): Promise<PostgresPart> {
  const { disk } = options;
  const server: LocalPostgres = await startPostgres({
    dataDir: options.dataDir,
    env: options.env,
    settings: { ...SETTINGS, ...(disk ? ON_SMALL_DISK : {}) },
    onLog: options.onLog,
  });
  server.onExit((exit) => options.onLog(`--- PostgreSQL ended: ${describeExit(exit)}`));
  const pool = createPool(server.url, 'hbf-drills', { max: 2, timeoutMs: 10_000 });
  const onDisk = () => {
    if (!disk) throw new Error('PostgreSQL has no disk of its own in this system');
    return disk;
  };
  return {
    url: server.url,
    port: server.port,
    createDatabase: server.createDatabase,
    get running() {
      return server.running;
    },
    kill: () => server.kill('SIGKILL'),
    stop: (mode: 'fast' | 'immediate' = 'immediate') => server.stop(mode),
    pause: () => server.kill('SIGSTOP'),
    resume: () => server.kill('SIGCONT'),
    start: server.start,
    query: async (text, values) => (await pool.query(text, values)).rows,
    async fillDisk() {
      const filled = onDisk();
      // Away from the file of its log that has space of its own already, which a recovery would give back.
      await pool.query('SELECT pg_switch_wal()');
      await pool.query('CHECKPOINT');
      filled.fill();
    },
    async freeDisk() {
      onDisk().free();
      const hung = await untilRecoveredOrStopped({
        isRunning: () => server.running,
        answers: () => pool.query('SELECT 1'),
        stop: () => server.stop('immediate'),
      });
      return { hung };
    },
    async close() {
      await server.stop('immediate');
      await pool.end();
    },
  };
}
