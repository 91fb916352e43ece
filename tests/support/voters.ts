import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { findBallot } from '@hbf/ballot-store/find-ballot';
import { RECEIPT_PURPOSE, readReceipt } from '@hbf/receipt/receipt';
import { createKeyring, keys } from '@hbf/service-kit/keyring';
import pg from 'pg';
import { type Cast, check, type FinalState } from './history.ts';
import { OPTIONS, type System } from './system.ts';

/** Voters of the poll "faults" who vote again and again over HTTP, and write down what they are told. */
export type Voters = {
  readonly history: Cast[];
  /** Resolves when so many more ballots were accepted. */
  untilAccepted(more: number): Promise<void>;
  /** Lets each voter finish the ballot in hand. */
  stop(): Promise<void>;
};

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** Casts one ballot as an API client would. A voter of an open poll is its Idempotency-Key. */
export function cast(voteUrl: string, voter: string, choice: string): Promise<Cast> {
  const began = performance.now();
  const done = (rest: Pick<Cast, 'outcome' | 'receipt' | 'detail'>): Cast => ({
    voter,
    choice,
    ...rest,
    ms: performance.now() - began,
  });
  return new Promise((resolve) => {
    const req = request(
      `${voteUrl}/api/polls/faults/ballots`,
      {
        method: 'POST',
        agent,
        timeout: 5_000,
        headers: { 'content-type': 'application/json', 'idempotency-key': voter },
      },
      (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (part: string) => {
          text += part;
        });
        res.on('error', (error) => resolve(done({ outcome: 'unknown', detail: error.message })));
        res.on('end', () => {
          if (res.statusCode === 202) {
            resolve(done({ outcome: 'ok', receipt: (JSON.parse(text) as { receipt: string }).receipt }));
          } else {
            const unknown = /"\/problems\/unconfirmed"/.test(text) || res.statusCode === 500;
            resolve(done({ outcome: unknown ? 'unknown' : 'fail', detail: `${res.statusCode} ${text}` }));
          }
        });
      },
    );
    req.on('timeout', () => req.destroy(new Error('no answer within 5 s')));
    req.on('error', (error: NodeJS.ErrnoException) =>
      resolve(done({ outcome: error.code === 'ECONNREFUSED' ? 'fail' : 'unknown', detail: error.message })),
    );
    req.end(JSON.stringify({ choices: [choice] }));
  });
}

/** Starts voters and waits until each has had its first ballot accepted. */
export async function startVoters(system: System, count: number): Promise<Voters> {
  const history: Cast[] = [];
  let stopping = false;
  let accepted = 0;
  let begun = 0;
  let allBegun: () => void;
  const beginning = new Promise<void>((resolve) => {
    allBegun = resolve;
  });
  const voting = Array.from({ length: count }, async (_, number) => {
    const voter = `voter-${number}`;
    let first = true;
    for (let ballot = number; !stopping; ) {
      const entry = await cast(system.voteUrl, voter, OPTIONS[ballot % OPTIONS.length]!);
      history.push(entry);
      // Another choice after each ballot that may count, so that the next one is told apart from it.
      if (entry.outcome !== 'fail') ballot += 1;
      if (entry.outcome === 'ok') {
        accepted += 1;
        if (first && ++begun === count) allBegun();
        first = false;
      } else {
        await wait(20);
      }
      await wait(5);
    }
  });
  await Promise.race([
    beginning,
    wait(30_000).then(() => {
      throw new Error(`not all voters could vote: ${history.at(-1)?.detail}`);
    }),
  ]);
  return {
    history,
    async untilAccepted(more) {
      const goal = accepted + more;
      const deadline = performance.now() + 40_000;
      while (accepted < goal) {
        if (performance.now() > deadline) {
          throw new Error(
            `only ${accepted} of ${goal} ballots were accepted; the last answer: ${history.at(-1)?.detail}`,
          );
        }
        await wait(10);
      }
    },
    async stop() {
      stopping = true;
      await Promise.all(voting);
    },
  };
}

/** Reads what the system ended up with, and checks the whole history against it. Call it when nothing is queued. */
export async function checkHistory(system: System, history: readonly Cast[]): Promise<string[]> {
  const keyring = createKeyring(keys.parse(system.receiptKeys), RECEIPT_PURPOSE);
  const names = new Map<string, string>();
  for (const { voter, receipt } of history) {
    if (receipt) names.set(readReceipt(keyring, receipt)!.voter.toString('hex'), voter);
  }
  const ballots = await system.postgres.query<{ voter: string; choices: string[] }>(
    `SELECT encode(voter, 'hex') AS voter, choices FROM ballots WHERE poll = 'faults'`,
  );
  const tally = await system.postgres.query<{ option: string; votes: number }>(
    `SELECT option, sum(votes)::int AS votes FROM tallies WHERE poll = 'faults' GROUP BY option`,
  );
  const [turnout] = await system.postgres.query<{ voters: number }>(
    `SELECT coalesce(sum(voters), 0)::int AS voters FROM turnouts WHERE poll = 'faults'`,
  );
  const receipts = new Map<string, string>();
  const client = new pg.Client({ connectionString: system.postgres.url });
  await client.connect();
  try {
    for (const { receipt } of history) {
      if (receipt) receipts.set(receipt, (await findBallot(client, readReceipt(keyring, receipt)!)).status);
    }
  } finally {
    await client.end();
  }
  const final: FinalState = {
    counted: new Map(
      ballots.map(({ voter, choices }) => [names.get(voter) ?? `stranger ${voter}`, choices.join('+')]),
    ),
    tally: new Map(tally.map(({ option, votes }) => [option, votes])),
    turnout: turnout!.voters,
    receipts,
  };
  return check(history, final);
}
