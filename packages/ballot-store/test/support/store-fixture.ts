import type { Poll } from '@hbf/contracts/poll';
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

export function makePoll(key: string, changes: Partial<Poll> = {}): Poll {
  return {
    key,
    rank: 0,
    question: 'Cats or dogs?',
    options: ['a', 'b', 'c'].map((option) => ({ key: option, label: `Label ${option}` })),
    eligibility: 'browser',
    choices: { min: 1, max: 3 },
    results: 'always',
    opensAt: null,
    closesAt: null,
    ...changes,
  };
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
