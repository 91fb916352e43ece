import { Poll } from '@hbf/contracts/poll';
import type { Redis } from 'ioredis';
import { POLLS_KEY } from './keys.ts';
import { readSystem, type System } from './partition.ts';
import type { RedisClock } from './redis-clock.ts';

/** What workers publish for vote, as last read. */
export type Definitions = {
  /** The polls in order; undefined until they were read for the first time. */
  polls(): readonly Poll[] | undefined;
  /**
   * Reads them again, and Redis's clock.
   * @returns the system that Redis belongs to, or undefined where it was not set up yet. @throws what Redis throws.
   */
  read(): Promise<System | undefined>;
};

export function createDefinitions(
  redis: Redis,
  clock: RedisClock,
  log: { warn(details: object, message: string): void },
): Definitions {
  let polls: readonly Poll[] | undefined;
  let revision: string | undefined;
  return {
    polls: () => polls,
    async read() {
      const [time, system, published] = await Promise.all([
        redis.time(),
        readSystem(redis),
        redis.hmget(POLLS_KEY, 'revision', 'polls'),
      ]);
      clock.learn(Math.floor(Number(time[0]) * 1000 + Number(time[1]) / 1000));
      const [newRevision, definitions] = published;
      if (definitions && newRevision && newRevision !== revision) {
        revision = newRevision;
        try {
          polls = Poll.array().parse(JSON.parse(definitions));
        } catch (error) {
          // As a worker of a later version may write them. Those known go on; giving up the connection would help
          // nobody.
          log.warn({ err: error }, 'the published polls cannot be read: those known before stay in force');
        }
      }
      return polls && system;
    },
  };
}
