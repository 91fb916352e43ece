import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTestDirectory } from '@hbf/local-services/testing';
import supertest from 'supertest';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { makePoll } from './support/polls.ts';
import { startPreparedRedis } from './support/prepared-redis.ts';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const HEX = '00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef';
const crowdKeys = join(makeTestDirectory('keys'), 'crowd-keys');
writeFileSync(crowdKeys, `c1:${HEX}\n`);
const redis = await startPreparedRedis([makePoll({ eligibility: 'open' })]);

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Runs the built service as an operator does, from another directory. */
function run(env: Record<string, string>) {
  const child = spawn(process.execPath, [main], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const service = { child, stdout: '', stderr: '', ended: once(child, 'close') };
  child.stdout.on('data', (data) => {
    service.stdout += data;
  });
  child.stderr.on('data', (data) => {
    service.stderr += data;
  });
  return service;
}

/** Runs it with a right configuration and waits until it listens. */
async function runListening(env: Record<string, string> = {}) {
  const service = run({
    PORT: '0',
    METRICS_PORT: '0',
    REDIS_URL: redis.server.url,
    VOTER_KEYS: `v1:${HEX}`,
    RECEIPT_KEYS: `r1:${HEX}`,
    ...env,
  });
  const ports = await vi.waitFor(
    () => {
      const line = service.stdout.split('\n').find((text) => text.includes('vote listens'));
      expect(line, service.stderr).toBeDefined();
      return JSON.parse(line!) as { port: number; metricsPort: number };
    },
    { timeout: 10_000 },
  );
  return {
    ...service,
    ...ports,
    public: supertest(`http://127.0.0.1:${ports.port}`),
    internal: supertest(`http://127.0.0.1:${ports.metricsPort}`),
  };
}

const castOn = (client: ReturnType<typeof supertest>) =>
  client.post('/api/polls/best-friend/ballots').send({ choices: ['a'] });

describe('the service as a process', () => {
  it('names everything that is wrong with its environment and exits 1', async () => {
    const service = run({ PORT: 'x', RECEIPT_KEYS: 'dev' });
    expect((await service.ended)[0]).toBe(1);
    expect(service.stderr).toBe(
      'The environment is not right:\n' +
        '  PORT: must be a port number\n' +
        '  REDIS_URL: is required and not set\n' +
        '  VOTER_KEYS: is required and not set\n' +
        '  RECEIPT_KEYS: must be kid:64 hex digits, several separated by commas (openssl rand -hex 32 makes the digits)\n',
    );
    expect(service.stdout).toBe('');
  });

  it('does not start without limits in production, nor with development keys for the crowd', async () => {
    const service = run({
      NODE_ENV: 'production',
      REDIS_URL: redis.server.url,
      VOTER_KEYS: `v1:${HEX}`,
      RECEIPT_KEYS: `r1:${HEX}`,
      VOTE_LIMITS: 'off',
      CROWD_KEYS: `dev:${HEX}`,
    });
    expect((await service.ended)[0]).toBe(1);
    expect(service.stderr).toMatch(/^ {2}VOTE_LIMITS: is off, which NODE_ENV=production refuses/m);
    expect(service.stderr).toMatch(/^ {2}CROWD_KEYS: holds a development key/m);
  });

  it('exits 1 and says so when its port is taken', async () => {
    const first = await runListening();
    const second = run({
      PORT: String(first.port),
      METRICS_PORT: '0',
      REDIS_URL: redis.server.url,
      VOTER_KEYS: `v1:${HEX}`,
      RECEIPT_KEYS: `r1:${HEX}`,
    });
    expect((await second.ended)[0]).toBe(1);
    expect(second.stdout).toContain(`Port ${first.port} is taken by another program`);
  });

  it('listens while Redis is not prepared, tells voters so, and is ready as soon as it is', async () => {
    const service = await runListening();
    await service.internal.get('/healthz').expect(200);
    await service.internal.get('/readyz').expect(503);
    await service.public.get('/').expect(503);
    expect((await castOn(service.public)).body.type).toBe('/problems/not-accepted');

    await redis.prepare();
    await vi.waitFor(async () => expect((await service.internal.get('/readyz')).status).toBe(200), 10_000);
    await service.public.get('/').expect(200);
    await vi.waitFor(() => castOn(service.public).expect(202));
  });

  it('limits the ballots of its own machine in production, but not those that show a crowd key', async () => {
    await redis.prepare();
    const service = await runListening({
      NODE_ENV: 'production',
      LIMIT_ADDRESS_PER_MINUTE: '3',
      CROWD_KEYS_FILE: crowdKeys,
      // Nobody is there: no reason not to vote.
      LIMITS_REDIS_URL: 'redis://127.0.0.1:1',
    });
    expect(service.stdout).toContain('CROWD_KEYS is set (c1)');
    await vi.waitFor(async () => expect((await service.internal.get('/readyz')).status).toBe(200), 10_000);
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push((await castOn(service.public)).status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(3);
    expect(statuses.at(-1)).toBe(429);
    const shown = () => castOn(service.public).set('Crowd-Key', `c1:${HEX}`);
    await vi.waitFor(async () => expect((await shown()).status).toBe(202));
    const { text } = await service.internal.get('/metrics');
    expect(text).toContain('limits_enabled 1\n');
    expect(text).toContain('limits_store_away 1\n');
  });

  it('serves its metrics on the internal port alone', async () => {
    const service = await runListening();
    const { text } = await service.internal.get('/metrics').expect(200);
    expect(text).toContain('ballots_accepted_total 0');
    for (const path of ['/metrics', '/healthz', '/readyz']) await service.public.get(path).expect(404);
  });

  it('on SIGTERM answers what is in flight, tells the client to close, takes nothing new, and exits 0', async () => {
    await redis.prepare();
    const service = await runListening();
    await vi.waitFor(async () => expect((await castOn(service.public)).status).toBe(202), 10_000);

    // A stopped Redis keeps a ballot in flight for as long as the service waits for it.
    await redis.server.kill('SIGSTOP');
    try {
      const agent = new Agent({ keepAlive: true });
      const post = request({
        agent,
        host: '127.0.0.1',
        port: service.port,
        method: 'POST',
        path: '/api/polls/best-friend/ballots',
        headers: { 'Content-Type': 'application/json' },
      });
      const answered = once(post, 'response');
      await new Promise<void>((resolve) => post.end('{"choices":["a"]}', resolve));
      service.child.kill('SIGTERM');
      const [answer] = await answered;
      expect(answer.statusCode).toBe(503);
      expect(answer.headers.connection).toBe('close');
      agent.destroy();
      expect(await service.ended).toEqual([0, null]);
    } finally {
      await redis.server.kill('SIGCONT');
    }
    expect(service.child.exitCode).toBe(0);
    await expect(castOn(service.public)).rejects.toThrow(/ECONNREFUSED/);
  });
});
