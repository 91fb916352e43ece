import { PORTS } from '@hbf/contracts/ports';
import { origin, readEnvironment } from '@hbf/service-kit/environment';
import { keysFor, writeKey } from '@hbf/service-kit/keyring';

/** Where the services are, and what lets the crowd pass the limits of the vote service. */
export type Config = {
  voteUrl: string;
  resultUrl: string;
  /** One of the vote service's CROWD_KEYS; undefined: the limits apply. */
  crowdKey: string | undefined;
};

/** @throws ConfigurationError that names every variable at fault. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const values = readEnvironment(
    {
      VOTE_URL: origin.default(`http://localhost:${PORTS.vote}`),
      RESULT_URL: origin.default(`http://localhost:${PORTS.result}`),
      // A list, as the vote service has: one file will do for both. The first is shown.
      CROWD_KEY: keysFor(env).optional(),
    },
    env,
  );
  const [key] = values.CROWD_KEY ?? [];
  return { voteUrl: values.VOTE_URL, resultUrl: values.RESULT_URL, crowdKey: key && writeKey(key) };
}
