import { isFree } from './free-port.ts';
import { describeTakenPort } from './port-holder.ts';
import type { ServiceSpec } from './service.ts';

/** Throws, naming each port that is taken, who wants it and who holds it. */
export async function checkPorts(services: readonly ServiceSpec[]): Promise<void> {
  const taken: string[] = [];
  for (const { name, listens } of services) {
    for (const { host, port, variable } of listens) {
      // On some systems one may listen on all addresses beside somebody who listens on one of them.
      const hosts = host === '*' ? ['*', '127.0.0.1'] : [host];
      let free = true;
      for (const each of hosts) free &&= await isFree(port, each);
      if (!free)
        taken.push(`${describeTakenPort(port, name)}\n  To use another one: ${variable}=<port> npm start`);
    }
  }
  if (taken.length > 0) throw new Error(taken.join('\n'));
}
