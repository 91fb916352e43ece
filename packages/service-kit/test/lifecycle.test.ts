import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createResources } from '../src/lifecycle.ts';
import { captureLog } from './support.ts';

const lifecycle = new URL('../dist/lifecycle.js', import.meta.url).href;
const environment = new URL('../dist/environment.js', import.meta.url).href;
const logger = new URL('../dist/logger.js', import.meta.url).href;

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Runs a service whose `start` has this body, in a process of its own. */
function run(body: string, createLog = "() => createLogger('test', 'info')") {
  const program = `
    import { runService } from ${JSON.stringify(lifecycle)};
    import { ConfigurationError } from ${JSON.stringify(environment)};
    import { createLogger } from ${JSON.stringify(logger)};
    runService(${createLog}, async (log, resources, stop) => { ${body} });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  running.push(child);
  const service = {
    child,
    stdout: '',
    stderr: '',
    // 'close' comes after the last of the output, 'exit' may not
    exit: once(child, 'close') as Promise<[number | null, string | null]>,
    async said(text: string) {
      while (!service.stdout.includes(text)) await once(child.stdout, 'data');
    },
  };
  child.stdout.on('data', (data) => {
    service.stdout += data;
  });
  child.stderr.on('data', (data) => {
    service.stderr += data;
  });
  return service;
}

const ALIVE = 'setInterval(() => {}, 1000); log.info("runs");';

describe('runService', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('closes in reverse order and exits 0 on %s', async (signal) => {
    const service = run(`
      resources.add('first', () => log.info('closed first'));
      resources.add('second', async () => { await new Promise((r) => setTimeout(r, 50)); log.info('closed second'); });
      ${ALIVE}`);
    await service.said('runs');
    service.child.kill(signal);
    expect(await service.exit).toEqual([0, null]);
    const order = service.stdout.match(/closed \w+|"stopped"/g);
    expect(order).toEqual(['closed second', 'closed first', '"stopped"']);
  });

  it('goes on when nobody reads its log any more, and ends all the same', async () => {
    const service = run(`
      ${ALIVE}
      const line = 'x'.repeat(10_000);
      setTimeout(() => {
        for (let i = 0; i < 1_000; i++) log.info(line);
        process.stderr.write('went on');
      }, 50);`);
    await service.said('runs');
    service.child.stdout.pause();
    await once(service.child.stderr, 'data');
    expect(service.stderr).toBe('went on');
    service.child.kill('SIGTERM');
    expect(await once(service.child, 'exit')).toEqual([null, 'SIGKILL']);
  });

  it('prints a configuration error as plain text and exits 1', async () => {
    const atLog = run('', "() => { throw new ConfigurationError('PORT: is wrong') }");
    expect(await atLog.exit).toEqual([1, null]);
    expect(atLog.stderr).toBe('PORT: is wrong\n');
    const atStart = run(`throw new ConfigurationError('KEY: is wrong')`);
    expect(await atStart.exit).toEqual([1, null]);
    expect(atStart.stderr).toBe('KEY: is wrong\n');
  });

  it.each([
    ['a failed start', `throw new Error('the port is taken')`],
    [
      'an exception that nobody caught',
      `setTimeout(() => { throw new Error('the port is taken') }, 10); ${ALIVE}`,
    ],
    ['a rejection that nobody caught', `void Promise.reject(new Error('the port is taken')); ${ALIVE}`],
    ['a stop with a reason', `setTimeout(() => stop(new Error('the port is taken')), 10); ${ALIVE}`],
  ])('logs %s, closes what is open and exits 1', async (_, body) => {
    const service = run(`resources.add('store', () => log.info('closed the store')); ${body}`);
    expect(await service.exit).toEqual([1, null]);
    expect(service.stdout).toMatch(/"level":"fatal".*the port is taken/);
    expect(service.stdout).toContain('closed the store');
  });

  it('exits 0 when the service stops itself without a reason', async () => {
    const service = run(`setTimeout(() => stop(), 10); ${ALIVE}`);
    expect(await service.exit).toEqual([0, null]);
  });

  it('leaves with 1 what cannot be closed within the deadline', async () => {
    const service = run(`resources.add('stuck', () => new Promise(() => {})); ${ALIVE}`);
    await service.said('runs');
    service.child.kill('SIGTERM');
    expect(await service.exit).toEqual([1, null]);
    expect(service.stdout).toContain('not everything was closed');
  });
});

describe('createResources', () => {
  it('closes everything even if one fails, says which, and closes nothing twice', async () => {
    const { log, lines } = captureLog();
    const closed: string[] = [];
    const resources = createResources();
    resources.add('first', () => closed.push('first'));
    resources.add('second', () => {
      throw new Error('no');
    });
    resources.add('third', () => closed.push('third'));
    await Promise.all([resources.close(log), resources.close(log)]);
    await resources.close(log);
    expect(closed).toEqual(['third', 'first']);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({ level: 'error', msg: 'closing second failed' });
  });
});
