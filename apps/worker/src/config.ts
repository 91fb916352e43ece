import { PORTS } from '@hbf/contracts/ports';
import {
  ConfigurationError,
  logLevel,
  nodeEnv,
  port,
  readEnvironment,
  urlOf,
  wholeNumber,
} from '@hbf/service-kit/environment';
import { z } from 'zod';
import { type Failpoint, failpointSetting } from './failpoint.ts';

const database = { DATABASE_URL: urlOf('postgres:', 'postgresql:'), LOG_LEVEL: logLevel };

/** The environment of `worker recount`. */
export function readDatabaseConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment(database, env);
}

/** The environment of `worker acknowledge-loss`. */
export function readStoresConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment({ ...database, REDIS_URL: urlOf('redis:', 'rediss:') }, env);
}

/** The environment of `worker migrate`. */
export function readMigrateConfig(env: NodeJS.ProcessEnv) {
  return readEnvironment(
    {
      ...database,
      REDIS_URL: urlOf('redis:', 'rediss:'),
      POLLS_FILE: z.string().default('polls.yaml'),
      /** Only for the first set-up; afterwards it must be left out or say what was chosen then. */
      PARTITIONS: wholeNumber(1, 64).optional(),
      /** For one start with a Redis that was lost: what was queued in it is given up. */
      REDIS_LOSS: z.literal('acknowledged', 'can only be "acknowledged", or be left out').optional(),
    },
    env,
  );
}

export type WorkerConfig = {
  databaseUrl: string;
  redisUrl: string;
  metricsPort: number;
  metricsHost: string;
  logLevel: string;
  /** Set where Redis hides its configuration and an operator vouches for its durability. */
  redisDurabilityAssumed: boolean;
  failpoint: Failpoint | undefined;
};

/** The environment of the worker. @throws ConfigurationError */
export function readWorkerConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const values = readEnvironment(
    {
      ...database,
      REDIS_URL: urlOf('redis:', 'rediss:'),
      METRICS_PORT: port(PORTS.workerInternal),
      METRICS_HOST: z.string().default('127.0.0.1'),
      REDIS_DURABILITY: z.literal('assumed', 'can only be "assumed", or be left out').optional(),
      HBF_FAILPOINT: failpointSetting.optional(),
      NODE_ENV: nodeEnv,
    },
    env,
  );
  if (values.NODE_ENV === 'production' && values.HBF_FAILPOINT) {
    throw new ConfigurationError(
      'HBF_FAILPOINT kills the worker on purpose and is refused when NODE_ENV=production',
    );
  }
  return {
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    metricsPort: values.METRICS_PORT,
    metricsHost: values.METRICS_HOST,
    logLevel: values.LOG_LEVEL,
    redisDurabilityAssumed: values.REDIS_DURABILITY === 'assumed',
    failpoint: values.HBF_FAILPOINT,
  };
}
