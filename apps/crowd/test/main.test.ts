import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { startFakeServices } from './fake-services.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

function start(args: string[], url = 'http://127.0.0.1:9', env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, VOTE_URL: url, RESULT_URL: url, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const seen = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    seen.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    seen.err += text;
  });
  return { child, seen, exit: once(child, 'close').then(([code]) => code as number) };
}

describe('the command crowd', () => {
  it('exits 0 when the tally grew by exactly the ballots', async () => {
    const fake = await startFakeServices();
    close = fake.close;
    const { exit, seen } = start(['seed', '--ballots', 'a=20,b=10'], fake.url);
    expect(await exit).toBe(0);
    expect(fake.ballots.size).toBe(30);
    expect(seen.out).toContain('grew by exactly');
  });

  it('shows the first of CROWD_KEY to the vote service, whole and as it was written', async () => {
    const fake = await startFakeServices();
    close = fake.close;
    const [first, second] = ['0f', '1e'].map((hex, index) => `k${2 - index}:${hex.repeat(32)}`);
    const { exit } = start(['seed', '--ballots', 'a=2'], fake.url, { CROWD_KEY: `${first},${second}` });
    expect(await exit).toBe(0);
    expect([...fake.crowdKeys]).toEqual([first]);
  });

  it('exits 1 and names CROWD_KEY where that is no key', async () => {
    const { exit, seen } = start(['seed'], undefined, { CROWD_KEY: 'secret' });
    expect(await exit).toBe(1);
    expect(seen.err).toMatch(/CROWD_KEY: must be kid:64 hex digits/);
  });

  it('exits 1 when the tally did not', async () => {
    const fake = await startFakeServices({ distort: (votes) => ({ ...votes, a: 7 }) });
    close = fake.close;
    const { exit, seen } = start(['seed', '--ballots', 'a=2', '--wait', '1'], fake.url);
    expect(await exit).toBe(1);
    expect(seen.out).toContain('Cats (a) grew by 0 and not by 2');
  });

  it('exits 1 when the services do not answer, and shows meanwhile that it waits', async () => {
    const { exit, seen } = start(['seed', '--wait', '2']);
    expect(await exit).toBe(1);
    expect(seen.out.match(/^waiting, \d s: the vote service/gm)?.length).toBeGreaterThanOrEqual(2);
    expect(seen.err).toContain('the time to wait is up');
  });

  it('exits 2 and shows the usage when it is used wrongly', async () => {
    const { exit, seen } = start(['seed', '--fast']);
    expect(await exit).toBe(2);
    expect(seen.err).toContain('Usage: crowd');
  });

  it('exits 143 soon after SIGTERM, having said what was accepted', async () => {
    const fake = await startFakeServices();
    close = fake.close;
    const { child, exit, seen } = start(['seed', '--ballots', 'a=1000000'], fake.url);
    await new Promise<void>((resolve) => {
      child.stdout.on('data', () => {
        if (/\d ballots accepted/.test(seen.out)) resolve();
      });
    });
    child.kill('SIGTERM');
    expect(await exit).toBe(143);
    expect(seen.out).toContain(`Accepted ${fake.ballots.size} of 1000000`);
  });
});
