import { networkInterfaces } from 'node:os';

/** This machine's addresses in its networks, as they stand in a URL: IPv4 first, no loopback, no link-local. */
export function networkAddresses(interfaces = networkInterfaces()): string[] {
  const all = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(
      ({ internal, address }) => !internal && !address.startsWith('fe80:') && !address.startsWith('169.254.'),
    );
  const of = (family: string) =>
    all.filter((address) => address.family === family).map(({ address }) => address);
  return [...new Set([...of('IPv4'), ...of('IPv6').map((address) => `[${address}]`)])];
}
