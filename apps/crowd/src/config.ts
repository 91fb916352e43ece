import { PORTS } from '@hbf/contracts/ports';
import { origin, readEnvironment } from '@hbf/service-kit/environment';

/** Where the services are. */
export type Config = { voteUrl: string; resultUrl: string };

/** @throws ConfigurationError that names every variable at fault. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const values = readEnvironment(
    {
      VOTE_URL: origin.default(`http://localhost:${PORTS.vote}`),
      RESULT_URL: origin.default(`http://localhost:${PORTS.result}`),
    },
    env,
  );
  return { voteUrl: values.VOTE_URL, resultUrl: values.RESULT_URL };
}
