import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { afterAll } from 'vitest';

/** What a stand-in does; a test changes it at any time. */
export type StandIn = {
  readonly app: 'vote';
  readonly url: string;
  readonly metricsPort: number;
  ready: boolean;
  /** It is connected to, and answers nothing. */
  frozen: boolean;
  /** It closes the connection when a request is there. */
  dies: boolean;
  /** How many requests have come, by method. */
  readonly asked: { GET: number; POST: number };
  /** Ends its public port alone. */
  hide(): void;
};

/**
 * Stands in for a replica of vote, for what no real one does at a test's word. Call it at the top level of a test file.
 * @param host an address of loopback, of its own: so several have the same ports, as in containers.
 */
export async function startStandIn(host: string, port: number, metricsPort: number): Promise<StandIn> {
  const listen = async (at: number, listener: RequestListener) => {
    const server = createServer(listener).listen(at, host);
    await once(server, 'listening');
    const end = () => {
      server.close();
      server.closeAllConnections();
    };
    afterAll(end);
    return end;
  };
  const hide = await listen(port, (req, res) => {
    standIn.asked[req.method as 'GET' | 'POST']++;
    if (standIn.frozen) return;
    if (standIn.dies) req.socket.destroy();
    else res.end();
  });
  await listen(metricsPort, (req, res) => {
    if (standIn.frozen) return;
    const isWell = req.url === '/healthz' || (req.url === '/readyz' && standIn.ready);
    res.writeHead(isWell ? 200 : 503).end();
  });
  const standIn: StandIn = {
    app: 'vote',
    url: `http://${host}:${port}`,
    metricsPort,
    ready: true,
    frozen: false,
    dies: false,
    asked: { GET: 0, POST: 0 },
    hide,
  };
  return standIn;
}
