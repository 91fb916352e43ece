import type { IncomingHttpHeaders } from 'node:http';
import { parseHost } from './request-host.ts';

const OWN_SITES = new Set(['same-origin', 'none']);
const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };

/**
 * Whether a socket's handshake may have come from a page of ours, or from a program. CORS does not hold for WebSocket:
 * without this check any site could open one from a visitor's browser, into a network that only the visitor reaches.
 * @param publicUrl this service's public origin, for proxies that change the Host header.
 */
export function isFromOwnSite(headers: IncomingHttpHeaders, publicUrl: string | undefined): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && !OWN_SITES.has(String(site))) return false;
  if (headers.origin === undefined) return true;
  if (!URL.canParse(headers.origin)) return false;
  const origin = new URL(headers.origin);
  if (publicUrl !== undefined && origin.host === new URL(publicUrl).host) return true;
  const host = parseHost(headers.host);
  if (!host) return false;
  const fallback = DEFAULT_PORTS[origin.protocol] ?? '';
  return origin.hostname === host.name && (origin.port || fallback) === (host.port || fallback);
}
