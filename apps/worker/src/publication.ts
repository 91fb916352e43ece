import type { Queryable } from '@hbf/ballot-store/connection';
import { readPublication, type StoredPoll } from '@hbf/ballot-store/read-polls';
import type { Poll } from '@hbf/contracts/poll';

/** The polls as this worker last read them; its owners publish them to Redis. */
export type Publication = {
  readonly revision: number;
  readonly polls: readonly StoredPoll[];
  readonly byKey: ReadonlyMap<string, Poll>;
  /** Reads them again. */
  refresh(client: Queryable): Promise<void>;
};

export function createPublication(): Publication {
  let revision = -1;
  let polls: readonly StoredPoll[] = [];
  let byKey: ReadonlyMap<string, Poll> = new Map();
  return {
    get revision() {
      return revision;
    },
    get polls() {
      return polls;
    },
    get byKey() {
      return byKey;
    },
    async refresh(client) {
      const read = await readPublication(client);
      if (read.revision < revision) return;
      revision = read.revision;
      polls = read.polls;
      byKey = new Map(polls.map(({ poll }) => [poll.key, poll]));
    },
  };
}
