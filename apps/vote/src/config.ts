import { PORTS } from '@hbf/contracts/ports';
import {
  ConfigurationError,
  logLevel,
  nodeEnv,
  origin,
  port,
  readEnvironment,
  trustProxy,
  urlOf,
  wholeNumber,
} from '@hbf/service-kit/environment';
import { type Key, keysFor } from '@hbf/service-kit/keyring';
import { z } from 'zod';
import type { LimitsConfig } from './limits/limits.ts';

/** What the app needs to know; `createApp` takes it. */
export type AppConfig = {
  /** Sign the cookies. */
  voterKeys: readonly Key[];
  /** Sign the receipts; the result service has the same. */
  receiptKeys: readonly Key[];
  trustProxy: number | string[];
  /** The origin under which voters reach this service, where it is fixed. */
  publicVoteUrl: string | undefined;
  /** The result service's origin, where it is fixed. */
  publicResultUrl: string | undefined;
  /** The result service's port, where its origin is not fixed. */
  resultPort: number;
  /** Holds every request up for so long (ms), for tests of alerts; see fault-delay.ts. */
  faultDelayMs?: number | undefined;
};

/** What `main.ts` needs beyond that. */
export type Config = AppConfig & {
  port: number;
  metricsPort: number;
  metricsHost: string;
  redisUrl: string;
  limits: LimitsConfig;
  logLevel: string;
};

/** The largest budget that can be set. */
const MOST = 1_000_000_000;

const onOrOff = (env: Record<string, string | undefined>) =>
  z
    .enum(['on', 'off'], 'must be on or off')
    .refine(
      (value) => value === 'on' || env.NODE_ENV !== 'production',
      'is off, which NODE_ENV=production refuses; give those who may pass a key of CROWD_KEYS instead',
    )
    .default('on');

const faultDelay = (env: Record<string, string | undefined>) =>
  wholeNumber(1, 60_000).refine(
    () => env.NODE_ENV !== 'production',
    'makes every request slow on purpose, which NODE_ENV=production refuses; leave it out',
  );

/** Whether two URLs lead to one Redis: its databases share a disk. */
function isSameServer(one: string | undefined, other: string): boolean {
  if (one === undefined) return false;
  const [a, b] = [one, other].map((url) => {
    const { hostname, port } = new URL(url);
    return `${hostname}:${port || 6379}`;
  });
  return a === b;
}

/** @throws ConfigurationError that names every variable at fault. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const values = readEnvironment(
    {
      PORT: port(PORTS.vote),
      METRICS_PORT: port(PORTS.voteInternal),
      METRICS_HOST: z.string().default('127.0.0.1'),
      REDIS_URL: urlOf('redis:', 'rediss:'),
      VOTER_KEYS: keysFor(env),
      RECEIPT_KEYS: keysFor(env),
      TRUST_PROXY: trustProxy,
      LOG_LEVEL: logLevel,
      PUBLIC_VOTE_URL: origin.optional(),
      PUBLIC_RESULT_URL: origin.optional(),
      RESULT_PORT: port(PORTS.result),
      NODE_ENV: nodeEnv,
      VOTE_LIMITS: onOrOff(env),
      LIMIT_VOTER_PER_MINUTE: wholeNumber(1, MOST).default(10),
      LIMIT_VOTER_PER_HOUR: wholeNumber(1, MOST).default(60),
      LIMIT_ADDRESS_PER_MINUTE: wholeNumber(1, MOST).default(1_000),
      LIMIT_ADDRESS_PER_HOUR: wholeNumber(1, MOST).default(5_000),
      LIMITS_REDIS_URL: urlOf('redis:', 'rediss:').optional(),
      CROWD_KEYS: keysFor(env).optional(),
      HBF_FAULT_DELAY_MS: faultDelay(env).optional(),
    },
    env,
  );
  if (isSameServer(values.LIMITS_REDIS_URL, values.REDIS_URL)) {
    throw new ConfigurationError(
      'The environment is not right:\n  LIMITS_REDIS_URL: is the server of REDIS_URL, which would write every count to its disk; name another Redis, or none',
    );
  }
  return {
    port: values.PORT,
    metricsPort: values.METRICS_PORT,
    metricsHost: values.METRICS_HOST,
    redisUrl: values.REDIS_URL,
    limits: {
      on: values.VOTE_LIMITS === 'on',
      loopbackPasses: values.NODE_ENV !== 'production',
      crowdKeys: values.CROWD_KEYS ?? [],
      allow: {
        voterPerMinute: values.LIMIT_VOTER_PER_MINUTE,
        voterPerHour: values.LIMIT_VOTER_PER_HOUR,
        addressPerMinute: values.LIMIT_ADDRESS_PER_MINUTE,
        addressPerHour: values.LIMIT_ADDRESS_PER_HOUR,
      },
      storeUrl: values.LIMITS_REDIS_URL,
    },
    voterKeys: values.VOTER_KEYS,
    receiptKeys: values.RECEIPT_KEYS,
    trustProxy: values.TRUST_PROXY,
    logLevel: values.LOG_LEVEL,
    publicVoteUrl: values.PUBLIC_VOTE_URL,
    publicResultUrl: values.PUBLIC_RESULT_URL,
    resultPort: values.RESULT_PORT,
    faultDelayMs: values.HBF_FAULT_DELAY_MS,
  };
}
