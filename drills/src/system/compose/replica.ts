import { until } from '../../until.ts';
import type { Place } from '../replica-ports.ts';
import type { AppName, Replica } from '../system.ts';
import { createContainer, describeCode } from './container.ts';
import type { Endings } from './endings.ts';
import type { Project } from './project.ts';

/** What the apps listen on inside their containers. */
const PORTS: Record<AppName, { public?: number; metrics: number }> = {
  vote: { public: 5002, metrics: 9102 },
  worker: { metrics: 9103 },
  result: { public: 5001, metrics: 9101 },
};

const READY_TIMEOUT_MS = 30_000;
/** As `docker compose stop` gives them (compose.yaml, stop_grace_period). */
const GRACE_MS = 10_000;
const KILLED = 137;

export type ReplicaPlan = {
  app: AppName;
  name: string;
  place: Place;
  project: Project;
  endings: Endings;
  /** On top of what compose.yaml gives it. */
  env: Record<string, string>;
  /** Called with how, when it ended although nobody had asked it to, or not in time. */
  onDeath: (how: string) => void;
};

/** Runs an app in a container of its own, with fixed ports on loopback; resolves when it runs. */
export async function startReplica(plan: ReplicaPlan): Promise<Replica> {
  const { app, name, place, project, env } = plan;
  // It is meant to end by itself, as if killed.
  const kills = 'HBF_FAILPOINT' in env;
  const container = createContainer({
    name: `${project.name}-${name}`,
    endings: plan.endings,
    onDeath: (code) => {
      if (!(kills && code === KILLED)) plan.onDeath(describeCode(code));
    },
    onOverdue: (graceMs) => plan.onDeath(`killed, ${graceMs / 1000} s after SIGTERM`),
  });
  const ports = PORTS[app];
  // Chosen by us and not by Docker, which would choose others at every start.
  const published = [`127.0.0.1:${place.metricsPort}:${ports.metrics}`];
  if (ports.public !== undefined) published.push(`127.0.0.1:${place.port}:${ports.public}`);
  await container.launch(() =>
    project.compose(
      'run',
      '--detach',
      '--no-deps',
      ...['--name', container.name],
      ...published.flatMap((each) => ['--publish', each]),
      ...Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      app,
    ),
  );
  const internal = `http://127.0.0.1:${place.metricsPort}`;
  return {
    app,
    name,
    ...(ports.public === undefined ? {} : { url: `http://127.0.0.1:${place.publicPort}` }),
    get running() {
      return container.running;
    },
    kill: container.kill,
    stop: () => container.end('SIGTERM', GRACE_MS),
    pause: container.pause,
    resume: container.resume,
    start: container.start,
    gone: container.gone,
    async untilReady() {
      let ended = false;
      await until(
        `${name} is ready`,
        async () => {
          ended = !container.running;
          return ended || (await fetch(`${internal}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
        },
        READY_TIMEOUT_MS,
      );
      if (ended) throw new Error(`${name} ended before it was ready`);
    },
    async metrics() {
      const response = await fetch(`${internal}/metrics`, { signal: AbortSignal.timeout(5_000) });
      return response.text();
    },
  };
}
