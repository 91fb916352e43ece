import type { Poll } from '@hbf/contracts/poll';
import { makePoll as makeAnyPoll } from '@hbf/contracts/testing';
import { createTestDatabase } from '@hbf/local-services/testing';
import { afterAll } from 'vitest';
import { applyPolls } from '../../src/apply-polls.ts';
import { type Client, openClient } from '../../src/connection.ts';
import { migrateSchema } from '../../src/migrate.ts';
import type { BallotToRecord } from '../../src/record-ballots.ts';
import { setUpSystem } from '../../src/system.ts';

/** A connection that is closed after the file's last test. */
export async function connectForTests(url: string): Promise<Client> {
  const client = await openClient(url, 'hbf-test');
  afterAll(() => client.end());
  return client;
}

/** Up to three of three choices. */
export function makePoll(key: string, changes: Partial<Poll> = {}): Poll {
  const options = ['a', 'b', 'c'].map((option) => ({ key: option, label: `Label ${option}` }));
  return makeAnyPoll(key, { options, choices: { min: 1, max: 3 }, ...changes });
}

/** A database of its own, migrated, set up, with the given polls in the given order. */
export async function createStore(
  options: { partitions?: number; polls?: Poll[] } = {},
): Promise<{ url: string; client: Client }> {
  const url = await createTestDatabase();
  const client = await connectForTests(url);
  await migrateSchema(client);
  await setUpSystem(client, options.partitions ?? 4);
  if (options.polls) {
    const outcome = await applyPolls(
      client,
      options.polls.map((poll, rank) => ({ ...poll, rank })),
    );
    if (outcome.refused) throw new Error(JSON.stringify(outcome.refused));
  }
  return { url, client };
}

export const voter = (n: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(n, 12);
  return bytes;
};

export const ballot = (
  who: number,
  choices: readonly string[],
  place: { poll?: string; entryId?: string; index?: number } = {},
): BallotToRecord => ({
  poll: place.poll ?? 'pets',
  voter: voter(who),
  choices,
  entryId: place.entryId ?? '1000-0',
  index: place.index ?? 0,
});
