import { PORTS } from '@hbf/contracts/ports';
import {
  logLevel,
  nodeEnv,
  origin,
  port,
  readEnvironment,
  trustProxy,
  urlOf,
} from '@hbf/service-kit/environment';
import { type Key, keysFor } from '@hbf/service-kit/keyring';
import { z } from 'zod';

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
};

/** What `main.ts` needs beyond that. */
export type Config = AppConfig & {
  port: number;
  metricsPort: number;
  metricsHost: string;
  redisUrl: string;
  logLevel: string;
};

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
    },
    env,
  );
  return {
    port: values.PORT,
    metricsPort: values.METRICS_PORT,
    metricsHost: values.METRICS_HOST,
    redisUrl: values.REDIS_URL,
    voterKeys: values.VOTER_KEYS,
    receiptKeys: values.RECEIPT_KEYS,
    trustProxy: values.TRUST_PROXY,
    logLevel: values.LOG_LEVEL,
    publicVoteUrl: values.PUBLIC_VOTE_URL,
    publicResultUrl: values.PUBLIC_RESULT_URL,
    resultPort: values.RESULT_PORT,
  };
}
