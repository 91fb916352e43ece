import { networkInterfaces } from 'node:os';

/** Bridges to containers and virtual machines: nobody else in the network can reach us through them. */
const VIRTUAL = /^(docker|br-|veth|virbr|cni|flannel|cali|vmnet|bridge\d)/;

/** This machine's addresses in its networks, as they stand in a URL: IPv4 first, no loopback, no link-local. */
export function networkAddresses(interfaces = networkInterfaces()): string[] {
  const all = Object.entries(interfaces)
    .flatMap(([name, addresses]) => (VIRTUAL.test(name) ? [] : (addresses ?? [])))
    .filter(
      ({ internal, address }) => !internal && !address.startsWith('fe80:') && !address.startsWith('169.254.'),
    );
  const of = (family: string) =>
    all.filter((address) => address.family === family).map(({ address }) => address);
  return [...new Set([...of('IPv4'), ...of('IPv6').map((address) => `[${address}]`)])];
}
