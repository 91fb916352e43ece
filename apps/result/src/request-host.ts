import { PORTS } from '@hbf/contracts/ports';

const HOST = /^([a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::(\d{1,5}))?$/i;

/** A Host header taken apart. It is the client's input: undefined unless it is a plain name or address. */
export function parseHost(header: string | undefined): { name: string; port: string } | undefined {
  const match = HOST.exec(header ?? '');
  // The URL parser refuses what looks like an address and is none, as 1.2.3.999.
  if (!match || !URL.canParse(`http://${match[0]}`)) return undefined;
  return { name: match[1]!.toLowerCase(), port: match[2] ?? '' };
}

/** Where people vote: the configured address, else the request's own host with vote's port; undefined if unsure. */
export function voteUrl(
  request: { protocol: string; host: string | undefined },
  publicVoteUrl: string | undefined,
): string | undefined {
  if (publicVoteUrl !== undefined) return publicVoteUrl;
  const host = parseHost(request.host);
  const scheme = request.protocol === 'https' ? 'https' : 'http';
  return host && `${scheme}://${host.name}:${PORTS.vote}`;
}
