import { type RateLimiterAbstract, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { BoundedMemory } from './bounded-memory.ts';

/** How many ballots may come. */
export type Allowance = {
  /** From one voter in one poll. */
  voterPerMinute: number;
  voterPerHour: number;
  /** From one network, of voters who are not known to have voted. */
  addressPerMinute: number;
  addressPerHour: number;
};

/** The budgets, in the order in which a ballot is charged to them. */
export const BUDGETS = ['address-minute', 'address-hour', 'voter-minute', 'voter-hour'] as const;
export type Budget = (typeof BUDGETS)[number];

/** Whom a ballot is charged to; no voter where none can be the same again, and no address for one who has voted. */
export type Payers = { voter: string | undefined; address: string | undefined };

/** A budget that has nothing left, and when its window ends (s). */
export type Exhausted = { budget: Budget; seconds: number };

/** Where the budgets are kept: each counts the ballots of a window that begins with the first. */
export type Budgets = Record<Budget, Pick<RateLimiterAbstract, 'consume' | 'reward' | 'duration'>>;

/** For each budget: about 35 MB for all four, should somebody send from that many networks. */
const MOST_KEYS = 15_000;

const sizes = (allow: Allowance): Record<Budget, { points: number; duration: number }> => ({
  'voter-minute': { points: allow.voterPerMinute, duration: 60 },
  'voter-hour': { points: allow.voterPerHour, duration: 3_600 },
  'address-minute': { points: allow.addressPerMinute, duration: 60 },
  'address-hour': { points: allow.addressPerHour, duration: 3_600 },
});

const budgets = (make: (budget: Budget) => Budgets[Budget]) =>
  Object.fromEntries(BUDGETS.map((budget) => [budget, make(budget)])) as Budgets;

/** Budgets in this process. */
export function budgetsInMemory(allow: Allowance, mostKeys = MOST_KEYS): Budgets {
  return budgets((budget) => new BoundedMemory(sizes(allow)[budget], mostKeys));
}

/** Budgets in a Redis, shared by all who use it. @param storeClient ioredis's client. */
export function budgetsInRedis(allow: Allowance, storeClient: unknown): Budgets {
  return budgets(
    (budget) =>
      new RateLimiterRedis({ ...sizes(allow)[budget], storeClient, keyPrefix: `hbf:limits:${budget}` }),
  );
}

/**
 * Charges one ballot. One budget after the other, and no further than the first that has nothing left: a bot that is
 * stopped for the minute would otherwise use up the hour, and leave so many new voters' counts that others' are
 * forgotten for them. What those before it were charged is taken back: a voter who hammers would otherwise use up the
 * neighbours' budget.
 *
 * @returns the budget that has nothing left, if one has not.
 * @throws what the store throws.
 */
export async function charge(from: Budgets, payers: Payers): Promise<Exhausted | undefined> {
  const paid: Payment[] = [];
  for (const [budget, payer] of payments(payers)) {
    try {
      await from[budget].consume(payer);
      paid.push([budget, payer]);
    } catch (result) {
      if (!(result instanceof RateLimiterRes)) throw result;
      await reward(from, paid);
      return { budget, seconds: wholeSeconds(result.msBeforeNext, from[budget].duration) };
    }
  }
  return undefined;
}

/** Takes back what one ballot was charged. @throws what the store throws. */
export async function takeBack(from: Budgets, payers: Payers): Promise<void> {
  await reward(from, payments(payers));
}

type Payment = [Budget, string];

async function reward(from: Budgets, paid: readonly Payment[]): Promise<void> {
  await Promise.all(paid.map(([budget, payer]) => from[budget].reward(payer)));
}

function payments({ voter, address }: Payers): Payment[] {
  const of = {
    'address-minute': address,
    'address-hour': address,
    'voter-minute': voter,
    'voter-hour': voter,
  };
  return BUDGETS.flatMap((budget) => (of[budget] === undefined ? [] : [[budget, of[budget]]]));
}

/** Between 1 and the window's length, whatever a clock that was turned makes of it. */
function wholeSeconds(ms: number, most: number): number {
  return Math.min(Math.max(Math.ceil(ms / 1_000), 1), most);
}
