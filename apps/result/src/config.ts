import { PORTS } from '@hbf/contracts/ports';
import {
  logLevel,
  nodeEnv,
  origin,
  port,
  readEnvironment,
  trustProxy,
  urlOf,
  wholeNumber,
} from '@hbf/service-kit/environment';
import { keysFor } from '@hbf/service-kit/keyring';
import { parseHost } from '@hbf/service-kit/request-origin';
import { z } from 'zod';

export type Config = ReturnType<typeof readConfig>;

/** A name or an address, without a port, as it stands in a URL. */
const networkAddress = z
  .string()
  .refine(
    (value) => parseHost(value)?.port === '',
    'must be a host name or an address, as 192.168.1.7 or [2001:db8::7]',
  );

/** More than one process could serve. */
const MOST_SOCKETS = 1_000_000;

/**
 * The configuration as a pure function of the environment; docs/configuration.md lists the variables.
 * @throws ConfigurationError that names every variable at fault, at once.
 */
export function readConfig(env: Record<string, string | undefined>) {
  return readEnvironment(
    {
      PORT: port(PORTS.result),
      METRICS_PORT: port(PORTS.resultInternal),
      METRICS_HOST: z.string().default('127.0.0.1'),
      DATABASE_URL: urlOf('postgres:', 'postgresql:'),
      RECEIPT_KEYS: keysFor(env),
      TRUST_PROXY: trustProxy,
      LOG_LEVEL: logLevel,
      PUBLIC_VOTE_URL: origin.optional(),
      VOTE_PORT: port(PORTS.vote),
      NETWORK_ADDRESS: networkAddress.optional(),
      PUBLIC_RESULT_URL: origin.optional(),
      NODE_ENV: nodeEnv,
      SOCKETS_MAX: wholeNumber(1, MOST_SOCKETS).default(1_500),
      SOCKETS_PER_NETWORK: wholeNumber(1, MOST_SOCKETS).default(1_000),
    },
    env,
  );
}
