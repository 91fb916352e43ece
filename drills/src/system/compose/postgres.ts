import { createPool } from '@hbf/ballot-store/connection';
import { until } from '../../until.ts';
import { untilRecoveredOrStopped } from '../recovered-or-stopped.ts';
import type { System } from '../system.ts';
import { createContainer } from './container.ts';
import { docker } from './docker.ts';
import type { Endings } from './endings.ts';
import type { Project } from './project.ts';

/** The PostgreSQL of a system in containers; `up` is what starts it first. */
export type PostgresPart = System['postgres'] & {
  launch(up: Promise<unknown>): Promise<void>;
  close(): Promise<void>;
};

const FILLING = '/var/lib/postgresql/data/filling';
/** There as long as the disk is to be full. */
const FULL = '/var/lib/postgresql/data/full';
const START_TIMEOUT_MS = 60_000;
const GRACE_MS = 30_000;

export function createPostgresPart(options: {
  project: Project;
  endings: Endings;
  port: number;
  password: string;
  smallDisk: boolean;
}): PostgresPart {
  const { project, endings, port, password, smallDisk } = options;
  const container = createContainer({ name: `${project.name}-db-1`, endings });
  const url = `postgres://hbf:${password}@127.0.0.1:${port}/hbf`;
  const pool = createPool(url, 'hbf-drills', { max: 2, timeoutMs: 10_000 });
  // By the container that keeps the disk mounted: PostgreSQL's own may be down or frozen.
  const onDisk = async (script: string) => {
    if (!smallDisk) throw new Error('PostgreSQL has no disk of its own in this system');
    await docker(['exec', `${project.name}-db-disk-1`, 'sh', '-c', script]);
  };
  return {
    get running() {
      return container.running;
    },
    launch: (up) => container.launch(() => up),
    kill: container.kill,
    // What its two kinds of shutdown are asked for with.
    stop: (mode: 'fast' | 'immediate' = 'immediate') =>
      container.end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT', GRACE_MS),
    pause: container.pause,
    resume: container.resume,
    async start() {
      await container.start();
      await until('PostgreSQL answers', () => pool.query('SELECT'), START_TIMEOUT_MS);
    },
    query: async (text, values) => (await pool.query(text, values)).rows,
    // cat goes on until there is no space for a single byte more. What others free is filled again, until freeDisk.
    fillDisk: () =>
      onDisk(
        `touch ${FULL}; cat /dev/zero >>${FILLING}; sync ${FILLING}
        (while [ -e ${FULL} ]; do cat /dev/zero >>${FILLING}; sleep 0.05; done; rm -f ${FILLING}) >/dev/null 2>&1 &`,
      ),
    async freeDisk() {
      await onDisk(`rm -f ${FULL}; while [ -e ${FILLING} ]; do sleep 0.05; done`);
      const hung = await untilRecoveredOrStopped({
        isRunning: () => container.running,
        answers: () => pool.query('SELECT 1'),
        stop: () => container.end('SIGQUIT', GRACE_MS),
      });
      return { hung };
    },
    close: () => pool.end(),
  };
}
