import { type BallotIdentity, partitionOf } from '@hbf/contracts/ballot';
import { Poll } from '@hbf/contracts/poll';
import { connectRedis, describeRedisFailure, readRunId, within } from './connection.ts';
import { ENTRY_VERSION, encodeBallots, MAX_BALLOTS_PER_ENTRY, type NewBallot } from './entry.ts';
import { POLLS_KEY, partitionKeys, SYSTEM_KEY } from './keys.ts';
import { createRedisClock } from './redis-clock.ts';
import { runScript } from './run-script.ts';
import { APPEND } from './scripts.ts';

/**
 * What became of a ballot. `not-accepted` is sure: it will never count. `unconfirmed`: it was sent and no answer
 * came; it may count, and cannot count twice if the voter tries again.
 */
export type AppendOutcome =
  | { outcome: 'accepted'; identity: BallotIdentity }
  | { outcome: 'poll-closed' }
  | { outcome: 'poll-not-yet-open' }
  | { outcome: 'not-accepted'; reason: NotAcceptedReason }
  | { outcome: 'unconfirmed' };

export const NOT_ACCEPTED_REASONS = [
  /** There is no usable connection, or the last command on it has had no answer yet. */
  'unreachable',
  /** No worker has opened the partition for this run of Redis. */
  'not-prepared',
  /** It reached Redis after its deadline. */
  'late',
  /** Redis refused to write: out of memory, loading, read-only, or its disk failed. */
  'refused-by-redis',
] as const;
export type NotAcceptedReason = (typeof NOT_ACCEPTED_REASONS)[number];

/** How long after its arrival here an append may still run in Redis (ms, Redis's clock). */
export const DEADLINE_MS = 140;
// When to give up waiting: after the deadline, so that nothing sent can run later than the voter was told, and well
// before the 200 ms of the SLA.
const ANSWER_WITHIN_MS = 150;
const REFRESH_EVERY_MS = 1_000;
const PROBE_EVERY_MS = 100;
// A connection that is silent for this long is half-open or its server hangs: a new one is tried.
const SILENT_CONNECTION_MS = 1_500;

/** vote's end of the ballot stream. */
export type Producer = {
  /** The polls in order, as last published; undefined until they were read for the first time. */
  polls(): readonly Poll[] | undefined;
  /** Redis's time (ms) as far as known, else this machine's. */
  now(): number;
  /** Appends a ballot whose choices were checked. Settles within about 150 ms, whatever Redis does. Never rejects. */
  append(poll: string, ballot: NewBallot): Promise<AppendOutcome>;
  /** Resolves when the polls are known and ballots can be sent; stays pending while Redis is away. */
  ready: Promise<void>;
  /** Waits for the answers to what was sent, then leaves. Idempotent. */
  close(): Promise<void>;
};

/** One connection that is up: what must never be carried over to another. */
type Link = { runId: string; partitions: number; suspect: boolean };

type Waiting = { ballot: NewBallot; arrived: number; settle: (outcome: AppendOutcome) => void };

/**
 * @param log hears what an operator should know: connection lost, regained, and why.
 * @throws nothing: while Redis is away it keeps trying, and `append` says so.
 */
export function createProducer(options: {
  url: string;
  log: { warn(details: object, message: string): void; info(message: string): void };
}): Producer {
  const { log } = options;
  const clock = createRedisClock();
  let link: Link | undefined;
  let polls: readonly Poll[] | undefined;
  let revision: string | undefined;
  let lost = true;
  let closed = false;
  let markReady: () => void;
  const ready = new Promise<void>((resolve) => {
    markReady = resolve;
  });

  const redis = connectRedis(options.url, (error) => {
    if (lost) return;
    log.warn({ err: error }, 'Redis is away: ballots are refused until it is back');
    lost = true;
  });
  redis.on('ready', () => void establish());
  redis.on('close', () => {
    if (link && !closed)
      log.warn({}, 'the connection to Redis was lost: ballots are refused until it is back');
    link = undefined;
    lost = true;
  });

  let attempt = 0;
  async function establish(): Promise<void> {
    const mine = ++attempt;
    clock.reset();
    try {
      const runId = await within(SILENT_CONNECTION_MS, readRunId(redis), 'INFO');
      const partitions = await within(SILENT_CONNECTION_MS, readDefinitions(), 'reading the polls');
      if (mine !== attempt || redis.status !== 'ready') return;
      if (partitions === undefined) return retryEstablish(mine, 'no worker has set this Redis up yet');
      link = { runId, partitions, suspect: false };
      if (lost) log.info('Redis is there: ballots are appended');
      lost = false;
      markReady();
    } catch (error) {
      if (mine === attempt) retryEstablish(mine, error);
    }
  }

  let saidNotSetUp = false;
  function retryEstablish(mine: number, reason: unknown): void {
    if (closed || redis.status !== 'ready') return;
    if (typeof reason === 'string') {
      if (!saidNotSetUp) log.warn({}, `waiting: ${reason}`);
      saidNotSetUp = true;
      setTimeout(() => mine === attempt && redis.status === 'ready' && void establish(), 250).unref();
    } else {
      log.warn({ err: reason }, 'Redis accepted the connection but does not answer: connecting again');
      redis.disconnect(true);
    }
  }

  /** @returns the number of partitions, or undefined where Redis was not set up yet. */
  async function readDefinitions(): Promise<number | undefined> {
    const [time, partitions, published] = await Promise.all([
      redis.time(),
      redis.hget(SYSTEM_KEY, 'partitions'),
      redis.hmget(POLLS_KEY, 'revision', 'polls'),
    ]);
    clock.learn(Math.floor(Number(time[0]) * 1000 + Number(time[1]) / 1000));
    const [newRevision, definitions] = published;
    if (definitions && newRevision && newRevision !== revision) {
      revision = newRevision;
      try {
        polls = Poll.array().parse(JSON.parse(definitions));
      } catch (error) {
        // As a worker of a later version may write them. Those known go on; giving up the connection would help nobody.
        log.warn({ err: error }, 'the published polls cannot be read: those known before stay in force');
      }
    }
    return partitions && polls ? Number(partitions) : undefined;
  }

  let refreshing = false;
  let lastRefresh = 0;
  const ticker = setInterval(() => {
    const current = link;
    if (!current || refreshing) return;
    if (!current.suspect && performance.now() - lastRefresh < REFRESH_EVERY_MS) return;
    refreshing = true;
    lastRefresh = performance.now();
    within(SILENT_CONNECTION_MS, readDefinitions(), 'reading the polls')
      .then(
        () => {
          current.suspect = false;
        },
        (error) => {
          if (link !== current || closed) return;
          log.warn({ reason: describeRedisFailure(error) }, 'Redis does not answer: connecting again');
          // At once, and not with the socket's end: nothing more is asked or sent on it.
          link = undefined;
          redis.disconnect(true);
        },
      )
      .finally(() => {
        refreshing = false;
      });
  }, PROBE_EVERY_MS);
  ticker.unref();

  /** The ballots of this turn of the event loop, by partition and poll: they go out together. */
  let turn = new Map<string, { partition: number; poll: string; waiting: Waiting[] }>();
  const inFlight = new Set<Promise<void>>();

  function flush(): void {
    const groups = turn;
    turn = new Map();
    for (const group of groups.values()) {
      for (let from = 0; from < group.waiting.length; from += MAX_BALLOTS_PER_ENTRY) {
        const chunk = group.waiting.slice(from, from + MAX_BALLOTS_PER_ENTRY);
        const sent = send(group.partition, group.poll, chunk);
        inFlight.add(sent);
        void sent.finally(() => inFlight.delete(sent));
      }
    }
  }

  async function send(partition: number, poll: string, chunk: Waiting[]): Promise<void> {
    const current = link;
    const now = clock.now();
    const settleAll = (outcome: AppendOutcome) => {
      for (const waiting of chunk) waiting.settle(outcome);
    };
    if (!current || current.suspect || now === undefined || redis.status !== 'ready') {
      settleAll({ outcome: 'not-accepted', reason: 'unreachable' });
      return;
    }
    const keys = partitionKeys(partition);
    const waited = performance.now() - chunk[0]!.arrived;
    const answer = runScript(
      redis,
      APPEND,
      [keys.ballots, keys.state, keys.polls],
      [
        current.runId,
        Math.floor(now - waited + DEADLINE_MS),
        ENTRY_VERSION,
        poll,
        chunk.length,
        encodeBallots(chunk.map((waiting) => waiting.ballot)),
      ],
    );
    let answered = false;
    const timer = setTimeout(
      () => {
        // A busy process fires its timers before it reads its sockets: give an answer that is here already its turn.
        setImmediate(() => {
          if (answered) return;
          current.suspect = true;
          settleAll({ outcome: 'unconfirmed' });
        });
      },
      Math.max(1, ANSWER_WITHIN_MS - waited),
    );
    let outcome: (index: number) => AppendOutcome;
    try {
      outcome = readAnswer(partition, (await answer) as [string, number, string?]);
      current.suspect = false;
    } catch (error) {
      outcome = () => failure(error as Error);
    }
    answered = true;
    clearTimeout(timer);
    for (const [index, waiting] of chunk.entries()) waiting.settle(outcome(index));
  }

  function readAnswer(
    partition: number,
    [status, redisNow, entryId]: [string, number, string?],
  ): (index: number) => AppendOutcome {
    clock.learn(redisNow);
    switch (status) {
      case 'accepted':
        return (index) => ({ outcome: 'accepted', identity: { partition, entryId: entryId!, index } });
      case 'poll-closed':
      case 'poll-not-yet-open':
        return () => ({ outcome: status });
      case 'late':
        return () => ({ outcome: 'not-accepted', reason: 'late' });
      default:
        // 'poll-unknown' as well: the definitions are published, this partition's owner has not followed yet.
        return () => ({ outcome: 'not-accepted', reason: 'not-prepared' });
    }
  }

  function failure(error: Error): AppendOutcome {
    // An error reply is Redis's own word that the script stopped; it stops before its first write, or not at all.
    if (error.name === 'ReplyError') {
      log.warn({ err: error }, 'Redis refused an append');
      return { outcome: 'not-accepted', reason: 'refused-by-redis' };
    }
    // ioredis's word for "never written to the socket".
    if (error.message.startsWith("Stream isn't writeable")) {
      return { outcome: 'not-accepted', reason: 'unreachable' };
    }
    return { outcome: 'unconfirmed' };
  }

  let closing: Promise<void> | undefined;
  return {
    ready,
    polls: () => polls,
    now: () => clock.now() ?? Date.now(),
    append(poll, ballot) {
      return new Promise((resolve) => {
        if (!link || closed) {
          resolve({ outcome: 'not-accepted', reason: 'unreachable' });
          return;
        }
        const partition = partitionOf(ballot.voter, link.partitions);
        if (turn.size === 0) setImmediate(flush);
        const name = `${partition} ${poll}`;
        let group = turn.get(name);
        if (!group) {
          group = { partition, poll, waiting: [] };
          turn.set(name, group);
        }
        group.waiting.push({ ballot, arrived: performance.now(), settle: resolve });
      });
    },
    close() {
      closing ??= (async () => {
        closed = true;
        clearInterval(ticker);
        flush();
        // Whoever has had no answer by now was told "unconfirmed". A Redis that hangs would hold this process for ever.
        await within(2 * ANSWER_WITHIN_MS, Promise.allSettled(inFlight), 'the last answers').catch(() => {});
        redis.disconnect();
      })();
      return closing;
    },
  };
}
