/**
 * `node scripts/forward-debuggers.mjs PORT=HOST:PORT …`: listens on each first port and hands connections on to the
 * debugger at the other. In a container of its own, since debuggers must not be published by their apps: two replicas
 * cannot have the same port, of a range Docker gives each time another one, and stores' networks publish nothing.
 */
import { connect, createServer } from 'node:net';

for (const rule of process.argv.slice(2)) {
  const [, port, host, hostPort] = /^(\d+)=([^:]+):(\d+)$/.exec(rule) ?? [];
  if (!port) {
    console.error(`${rule} is not of the form PORT=HOST:PORT`);
    process.exit(2);
  }
  createServer((client) => {
    const debug = connect({ host, port: Number(hostPort) });
    // The app is not there or is being started anew: whoever debugs sees a closed connection, as without this.
    const end = () => {
      client.destroy();
      debug.destroy();
    };
    client.on('error', end).on('close', end).pipe(debug);
    debug.on('error', end).on('close', end).pipe(client);
  }).listen(Number(port));
}
process.once('SIGTERM', () => process.exit(0));
