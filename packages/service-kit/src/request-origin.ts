import type { IncomingHttpHeaders } from 'node:http';

const HOST = /^([a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::(\d{1,5}))?$/i;
const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };

/** A Host header taken apart. It is the client's own text: undefined unless it is plainly a name or an address. */
export function parseHost(header: string | undefined): { name: string; port: string } | undefined {
  const match = HOST.exec(header ?? '');
  // The URL parser refuses what looks like an address and is none, as 1.2.3.999.
  if (!match || !URL.canParse(`http://${match[0]}`)) return undefined;
  return { name: match[1]!.toLowerCase(), port: match[2] ?? '' };
}

/**
 * The origin of a service beside this one, as this client can reach it: the configured one, else the host that the
 * client asked for with that service's port, so that a phone in the same network follows the link.
 * @returns undefined where the client's Host header is not plainly a host: this goes into pages and their policies.
 */
export function siblingOrigin(
  request: { protocol: string; host: string | undefined },
  publicUrl: string | undefined,
  port: number,
): string | undefined {
  if (publicUrl !== undefined) return publicUrl;
  const host = parseHost(request.host);
  const scheme = request.protocol === 'https' ? 'https' : 'http';
  return host && `${scheme}://${host.name}:${port}`;
}

/**
 * The origin of this service as this client reached it: the configured one, else the host that the client asked for.
 * @returns undefined where the client's Host header is not plainly a host: this goes into pages.
 */
export function ownOrigin(
  request: { protocol: string; host: string | undefined },
  publicUrl: string | undefined,
): string | undefined {
  if (publicUrl !== undefined) return publicUrl;
  const host = parseHost(request.host);
  const scheme = request.protocol === 'https' ? 'https' : 'http';
  return host && `${scheme}://${host.name}${host.port && `:${host.port}`}`;
}

/**
 * Whether a request or a socket's handshake was made by another site's page. Judged by Sec-Fetch-Site, which no page
 * can set; by Origin where the browser sends none (it does so over plain http only); a client that sends neither is no
 * browser. "same-site" does not pass: it takes in every other port and sub-domain.
 *
 * @param publicUrl the origin under which browsers see this service, should a proxy change the Host header.
 */
export function isCrossSite(headers: IncomingHttpHeaders, publicUrl: string | undefined): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (headers.origin === undefined) return false;
  if (headers.origin === publicUrl) return false;
  // "null" too: a sandboxed frame, a local file, a redirect from elsewhere.
  if (!URL.canParse(headers.origin)) return true;
  const origin = new URL(headers.origin);
  const host = parseHost(headers.host);
  if (!host) return true;
  const fallback = DEFAULT_PORTS[origin.protocol] ?? '';
  return origin.hostname !== host.name || (origin.port || fallback) !== (host.port || fallback);
}
