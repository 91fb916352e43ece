import { createInterface } from 'node:readline';
import { spawnGuarded } from '@hbf/local-services/guardian';

/** Hears of each container's end, as Docker tells it. */
export type Endings = {
  /** Has `listener` called with the exit code each time the container of that name ends. */
  of(container: string, listener: (code: number) => void): void;
  close(): void;
};

/** Begins to listen; no end of a container of the project is missed, whenever it was started. */
export function watchEndings(project: string): Endings {
  const listeners = new Map<string, (code: number) => void>();
  const filters = ['type=container', 'event=die', `label=com.docker.compose.project=${project}`];
  const child = spawnGuarded(
    'docker',
    [
      'events',
      // Also what happened before this process was heard by Docker.
      '--since=1',
      ...filters.map((filter) => `--filter=${filter}`),
      '--format={{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}',
    ],
    { cwd: '/', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  child.on('error', () => {});
  child.unref();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [name = '', code] = line.split(' ');
    listeners.get(name)?.(Number(code));
  });
  return {
    of: (container, listener) => void listeners.set(container, listener),
    close: () => void child.kill(),
  };
}
