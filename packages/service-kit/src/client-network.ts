import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Where nothing tells who the client is. */
export const UNKNOWN_NETWORK = 'unknown';

const WITH_PORT = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[\d.]+))(?::\d{1,5})?$/;

/**
 * What one client is known by where clients are counted: its IPv4 address, or its IPv6 network of 64 bits, since a
 * household gets at least that and can send from 2^64 addresses. An IPv4 address written as IPv6 (mapped, or by NAT64)
 * is that IPv4 address. Some proxies append the port: it is left out.
 *
 * @param address as the socket or a trusted proxy tells it; anything else than an address is UNKNOWN_NETWORK.
 */
export function clientNetwork(address: string | undefined): string {
  const parsed = parse(address);
  if (!parsed) return UNKNOWN_NETWORK;
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  if (parsed.range() === 'rfc6052') return parsed.toByteArray().slice(12).join('.');
  const prefix = parsed.parts.slice(0, 4).map((part) => part.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** Whether an address, written as `clientNetwork` takes it, is one that no client on the Internet has. */
export function isPrivate(address: string | undefined): boolean {
  const range = parse(address)?.range();
  return range !== undefined && PRIVATE.has(range);
}

const PRIVATE = new Set(['private', 'uniqueLocal', 'linkLocal', 'loopback']);

function parse(address: string | undefined): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const text = address ?? '';
  const groups = isIP(text) ? undefined : WITH_PORT.exec(text)?.groups;
  const plain = groups ? (groups.v6 ?? groups.v4 ?? '') : text;
  return isIP(plain) ? ipaddr.process(plain) : undefined;
}

/** Whether a socket's remote address is this machine itself. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && isIP(address) !== 0 && ipaddr.process(address).range() === 'loopback';
}
