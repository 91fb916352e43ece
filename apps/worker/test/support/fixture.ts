import { applyPolls } from '@hbf/ballot-store/apply-polls';
import { type Client, openClient } from '@hbf/ballot-store/connection';
import { migrateSchema } from '@hbf/ballot-store/migrate';
import { setUpSystem } from '@hbf/ballot-store/system';
import type { ReadEntry } from '@hbf/ballot-stream/entry';
import { partitionOf } from '@hbf/contracts/ballot';
import type { Poll } from '@hbf/contracts/poll';
import { makePoll as makeAnyPoll } from '@hbf/contracts/testing';
import { createTestDatabase } from '@hbf/local-services/testing';
import { afterAll } from 'vitest';

export const PARTITIONS = 4;

/** Up to two of three choices. */
export function makePoll(key: string, changes: Partial<Poll> = {}): Poll {
  const options = ['a', 'b', 'c'].map((option) => ({ key: option, label: `Label ${option}` }));
  return makeAnyPoll(key, { options, choices: { min: 1, max: 2 }, ...changes });
}

/** A voter of partition 1 (of 4). */
export const voter = (n: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(1, 0);
  bytes.writeUInt32BE(n, 12);
  if (partitionOf(bytes, PARTITIONS) !== 1) throw new Error('the fixture is wrong');
  return bytes;
};

/** An entry with the given ballots, as the append script leaves them; `total` is the total with them. */
export const entry = (
  id: string,
  total: number,
  ballots: (readonly [who: number, ...choices: string[]])[],
  poll = 'pets',
): ReadEntry => ({
  kind: 'ballots',
  id,
  poll,
  total,
  acceptedAt: Number(id.split('-')[0]),
  ballots: ballots.map(([who, ...choices]) => ({ voter: voter(who), choices })),
});

export async function connectForTests(url: string): Promise<Client> {
  const client = await openClient(url, 'hbf-test');
  afterAll(() => client.end());
  return client;
}

/** A database that is migrated and set up, with the given polls. */
export async function createStore(polls: Poll[]): Promise<{ url: string; client: Client }> {
  const url = await createTestDatabase();
  const client = await connectForTests(url);
  await migrateSchema(client);
  await setUpSystem(client, PARTITIONS);
  await applyPolls(client, polls);
  return { url, client };
}
