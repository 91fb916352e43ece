import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createRegistry } from '@hbf/service-kit/metrics';
import { afterAll, expect, test, vi } from 'vitest';
import { createCasting } from '../src/casting.ts';
import { createVoteMetrics } from '../src/metrics.ts';
import { makeApp, receiptKey } from './support/app.ts';
import { createFakeBallots } from './support/fake-ballots.ts';
import { openPoll } from './support/polls.ts';

const { app, ballots, metric } = makeApp();
const server = createServer(app).listen(0, '127.0.0.1');
await once(server, 'listening');
afterAll(() => server.close());

const body = '{"choices":["a"]}';
const cast = (poll: string, key: string) =>
  `POST /api/polls/${poll}/ballots HTTP/1.1\r\nHost: x\r\nIdempotency-Key: ${key}\r\n` +
  `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const left = () => metric('ballots_not_accepted_total', { cause: 'voter-left' });

async function open() {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

// As a proxy delivers what it had held: the ballot, and right behind it that its voter has gone.
test('a ballot whose voter has gone by the time that it arrives is not appended, and counted as that', async () => {
  for (let number = 1; number <= 20; number += 1) {
    (await open()).end(cast('show-of-hands', `gone-${number}`));
    await vi.waitFor(async () => expect(await left()).toBe(number));
  }
  expect(ballots.appended).toEqual([]);
});

test('a ballot whose voter waits for the answer is appended', async () => {
  const socket = await open();
  socket.write(cast('show-of-hands', 'waits'));
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 202 /);
  expect(ballots.appended).toHaveLength(1);
  socket.destroy();
});

test('a voter who leaves while the limits are asked is looked for after that, and what was counted is taken back', async () => {
  const ballots = createFakeBallots();
  const casting = createCasting({
    ballots,
    receiptKeys: [receiptKey],
    metrics: createVoteMetrics(createRegistry()),
  });
  let gone = false;
  const takeBack = vi.fn();
  const ballot = { voter: Buffer.alloc(16), choices: ['a'], repeatable: true };
  const outcome = await casting.cast(openPoll, ballot, {
    async charge() {
      gone = true;
      return { takeBack };
    },
    hasLeft: async () => gone,
  });
  expect(outcome).toMatchObject({ outcome: 'refused', problem: 'not-accepted' });
  expect(ballots.appended).toEqual([]);
  expect(takeBack).toHaveBeenCalledOnce();
});
