import { PORTS } from '@hbf/contracts/ports';
import { origin, port, readEnvironment } from '@hbf/service-kit/environment';
import { keysFor, writeKey } from '@hbf/service-kit/keyring';
import { z } from 'zod';

/** Where the services are, what lets the crowd pass the limits of the vote service, and what it has of this machine. */
export type Config = {
  voteUrl: string;
  resultUrl: string;
  /** One of the vote service's CROWD_KEYS; undefined: the limits apply. */
  crowdKey: string | undefined;
  /** Where it tells what it sees. */
  metricsPort: number;
  metricsHost: string;
  chromiumPath: string;
};

/** @throws ConfigurationError that names every variable at fault. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const values = readEnvironment(
    {
      VOTE_URL: origin.default(`http://localhost:${PORTS.vote}`),
      RESULT_URL: origin.default(`http://localhost:${PORTS.result}`),
      // A list, as the vote service has: one file will do for both. The first is shown.
      CROWD_KEY: keysFor(env).optional(),
      METRICS_PORT: port(PORTS.crowdInternal),
      METRICS_HOST: z.string().default('127.0.0.1'),
      CHROMIUM_PATH: z.string().default('/usr/bin/chromium'),
    },
    env,
  );
  const [key] = values.CROWD_KEY ?? [];
  return {
    voteUrl: values.VOTE_URL,
    resultUrl: values.RESULT_URL,
    crowdKey: key && writeKey(key),
    metricsPort: values.METRICS_PORT,
    metricsHost: values.METRICS_HOST,
    chromiumPath: values.CHROMIUM_PATH,
  };
}
