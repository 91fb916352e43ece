import { parseHost, siblingOrigin } from '@hbf/service-kit/request-origin';
import type { Config } from './config.ts';

/** Where one votes. */
export type VotingAddress = {
  /** The vote service's origin for whoever reads this page; undefined where it is unknown. */
  here: string | undefined;
  /** Its origin for phones that look at this page on a wall; undefined where it is unknown. */
  phones: string | undefined;
  /** The page was opened by an address that leads each device to itself. */
  isLocal: boolean;
};

/** Addresses by which a machine reaches itself alone. */
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\]|0\.0\.0\.0)$/;

/** @param request where the reader asked for this page. */
export function votingAddress(
  request: { protocol: string; host: string | undefined },
  config: Pick<Config, 'PUBLIC_VOTE_URL' | 'VOTE_PORT' | 'NETWORK_ADDRESS'>,
): VotingAddress {
  const here = siblingOrigin(request, config.PUBLIC_VOTE_URL, config.VOTE_PORT);
  const isLocal = here !== undefined && LOOPBACK.test(parseHost(new URL(here).host)?.name ?? '');
  if (!isLocal) return { here, phones: here, isLocal };
  const address = config.NETWORK_ADDRESS;
  const { port } = new URL(here);
  return { here, phones: address && `http://${address}${port && `:${port}`}`, isLocal };
}
