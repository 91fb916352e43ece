import { aptInstall, canInstall } from './apt.ts';
import { findCommand } from './find-command.ts';

/** What the checks of the monitoring run, by the names that they have upstream and in Debian. */
const PROGRAMS = {
  prometheus: ['prometheus'],
  promtool: ['promtool'],
  alertmanager: ['alertmanager', 'prometheus-alertmanager'],
  amtool: ['amtool'],
  redisExporter: ['redis_exporter', 'prometheus-redis-exporter'],
  postgresExporter: ['postgres_exporter', 'prometheus-postgres-exporter'],
} as const;
/** The packages of Debian and Ubuntu that have them. */
export const MONITORING_PACKAGES = [
  'prometheus',
  'prometheus-alertmanager',
  'prometheus-redis-exporter',
  'prometheus-postgres-exporter',
];

/** The full path of each program. */
export type Monitoring = Record<keyof typeof PROGRAMS, string>;

function findInstalled(env: NodeJS.ProcessEnv): Monitoring | undefined {
  const found = Object.entries(PROGRAMS).map(([program, names]) => [program, findCommand(names, env)]);
  return found.every(([, path]) => path !== undefined) ? Object.fromEntries(found) : undefined;
}

/**
 * Finds Prometheus, Alertmanager and the exporters of the stores for the tests: on the PATH; else, as root on Debian or
 * Ubuntu, installs them with apt-get. Undefined when they are not to be had; `say` was told then what that leaves out.
 */
export function findMonitoring(
  say: (line: string) => void = console.error,
  env: NodeJS.ProcessEnv = process.env,
): Monitoring | undefined {
  const found = findInstalled(env);
  if (found) return found;
  let reason = 'this user cannot install them here';
  if (env.HBF_NO_INSTALL === '1') reason = 'HBF_NO_INSTALL=1 forbids to install them';
  if (canInstall(env)) {
    try {
      aptInstall(MONITORING_PACKAGES, say);
      const installed = findInstalled(env);
      if (installed) return installed;
      reason = 'apt-get installed not all of them';
    } catch (error) {
      reason = (error as Error).message;
    }
  }
  say(`Tests of the monitoring are left out: not all of its programs were found, and ${reason}.`);
  const missing = Object.values(PROGRAMS).filter((names) => findCommand(names, env) === undefined);
  say(`To run them, install ${missing.map((names) => names.join(' or ')).join(', ')}.`);
  return undefined;
}
