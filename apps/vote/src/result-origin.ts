import { isIP } from 'node:net';
import { PORTS } from '@hbf/contracts/ports';
import type { Request } from 'express';

const HOST =
  /^(?:(?<name>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)|\[(?<ipv6>[0-9a-f:.]{2,45})\])(?::\d{1,5})?$/i;

/**
 * The origin of the result service as this client can reach it: the configured one, else the host that the client
 * asked for, with the result service's port, so that a phone in the same network follows the link.
 *
 * The Host header is the client's own text, and this goes into the page and into its security policy: whatever is not
 * plainly a host is left out.
 */
export function resultOrigin(req: Request, publicResultUrl: string | undefined): string | undefined {
  if (publicResultUrl !== undefined) return publicResultUrl;
  const match = HOST.exec(req.headers.host ?? '');
  const { name, ipv6 } = match?.groups ?? {};
  if (name) return `${req.protocol}://${name.toLowerCase()}:${PORTS.result}`;
  if (ipv6 && isIP(ipv6) === 6) return `${req.protocol}://[${ipv6.toLowerCase()}]:${PORTS.result}`;
  return undefined;
}
