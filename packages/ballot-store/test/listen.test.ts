import { startTestPostgres } from '@hbf/local-services/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inTransaction } from '../src/connection.ts';
import { listenForTallies } from '../src/listen.ts';
import { notifyTally } from '../src/notify-tally.ts';
import { connectForTests, createStore } from './support/store-fixture.ts';

function listen(url: string) {
  const heard = { hints: 0, states: [] as boolean[] };
  const stop = listenForTallies(
    url,
    () => {
      heard.hints += 1;
    },
    ({ connected }) => heard.states.push(connected),
  );
  onTestFinished(stop);
  return { heard, stop };
}

describe('listenForTallies', () => {
  it('hints once when connected, and then at each notification that was committed', async () => {
    const { client, url } = await createStore();
    const { heard } = listen(url);
    await expect.poll(() => heard).toEqual({ hints: 1, states: [true] });
    await inTransaction(client, () => notifyTally(client));
    await expect.poll(() => heard.hints).toBe(2);
    await expect(
      inTransaction(client, async () => {
        await notifyTally(client);
        throw new Error('never mind');
      }),
    ).rejects.toThrow();
    await notifyTally(client);
    await expect.poll(() => heard.hints).toBe(3);
  });

  it('connects again when its session is ended, and hints then: what was sent meanwhile is gone', async () => {
    const { client, url } = await createStore();
    const { heard } = listen(url);
    await expect.poll(() => heard.hints).toBe(1);
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hbf-result-listen'
       AND datname = current_database()`,
    );
    await expect.poll(() => heard, { timeout: 5_000 }).toEqual({ hints: 2, states: [true, false, true] });
    await notifyTally(client);
    await expect.poll(() => heard.hints).toBe(3);
  });

  it('outlives a PostgreSQL that is killed, and one that falls silent', async () => {
    const server = await startTestPostgres();
    const { heard } = listen(server.url);
    await expect.poll(() => heard.states, { timeout: 5_000 }).toEqual([true]);
    await server.kill('SIGKILL');
    await expect.poll(() => heard.states.includes(false)).toBe(true);
    await server.start();
    await expect.poll(() => heard.states.at(-1), { timeout: 10_000 }).toBe(true);
    heard.states.length = 0;
    await server.kill('SIGSTOP');
    await expect.poll(() => heard.states.includes(false), { timeout: 10_000 }).toBe(true);
    await server.kill('SIGCONT');
    await expect.poll(() => heard.states.at(-1), { timeout: 10_000 }).toBe(true);
    const client = await connectForTests(server.url);
    const { hints } = heard;
    await notifyTally(client);
    await expect.poll(() => heard.hints).toBeGreaterThan(hints);
  });

  it('leaves no connection behind when it is stopped', async () => {
    const { client, url } = await createStore();
    const { heard, stop } = listen(url);
    await expect.poll(() => heard.hints).toBe(1);
    await stop();
    const open = `SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'hbf-result-listen'
       AND datname = current_database()`;
    await expect.poll(async () => (await client.query(open)).rows[0].n).toBe(0);
    await notifyTally(client);
    expect(heard).toEqual({ hints: 1, states: [true] });
  });
});
