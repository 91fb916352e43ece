/**
 * `npm start`: the whole system on this machine, without Docker. Installs and builds what is missing, starts
 * a Redis and a PostgreSQL of its own, prepares the database, runs vote, worker and result, and stops all of
 * it on Ctrl-C. Data, keys and logs are kept in `.local`.
 *
 * Environment: VOTE_PORT, RESULT_PORT, VOTE_METRICS_PORT, RESULT_METRICS_PORT, WORKER_METRICS_PORT;
 * DATABASE_URL, REDIS_URL (then that store is not started); POLLS_FILE; HBF_LOCAL_DIR in place of `.local`;
 * HBF_NO_INSTALL=1 to install no Redis; and what the services themselves read.
 */
import { resolve } from 'node:path';
import { root } from './pnpm.mjs';
import { checkNode, prepare } from './prepare.mjs';
import { say, step } from './terminal.mjs';

checkNode();
const { env } = process;

function port(variable, fallback) {
  const text = env[variable] || String(fallback);
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535) {
    throw new Error(`${variable} is ${text}, which is not a port`);
  }
  return { port: number, variable };
}

/** A service with an internal port, and with a public one unless it has no pages. */
function service(name, internalFallback, publicFallback) {
  const prefix = name.toUpperCase();
  const internal = port(`${prefix}_METRICS_PORT`, internalFallback);
  const open = publicFallback && port(`${prefix}_PORT`, publicFallback);
  return {
    name,
    args: [`apps/${name}/dist/main.js`],
    env: { METRICS_PORT: String(internal.port), ...(open && { PORT: String(open.port) }) },
    listens: [...(open ? [{ host: '*', ...open }] : []), { host: '127.0.0.1', ...internal }],
    readyUrl: `http://127.0.0.1:${internal.port}/readyz`,
  };
}

/** What runs here; everything that knows of voting is in this description. */
function describeSystem() {
  const [worker, vote, result] = [
    service('worker', 9103),
    service('vote', 9102, 5002),
    service('result', 9101, 5001),
  ];
  return {
    root,
    stateDir: resolve(root, env.HBF_LOCAL_DIR || '.local'),
    env,
    database: 'hbf',
    keys: ['VOTER_KEYS', 'RECEIPT_KEYS'],
    setUp: {
      name: 'migrate',
      args: ['apps/worker/dist/main.js', 'migrate'],
      env: { POLLS_FILE: resolve(root, env.POLLS_FILE || 'polls.yaml') },
      // The polls file was refused; the polls as they were stay in force.
      exitToWarn: 2,
    },
    services: [worker, vote, result],
    pages: [
      { label: 'Vote', port: Number(vote.env.PORT) },
      { label: 'Watch', port: Number(result.env.PORT) },
    ],
  };
}

try {
  const system = describeSystem();
  await prepare();
  const { runSystem } = await import('../packages/local-services/dist/system.js');
  process.exit(await runSystem(system, { say, step }));
} catch (error) {
  say(`\n✗ ${error.message}`);
  process.exit(1);
}
