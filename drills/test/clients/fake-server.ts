import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** Serves HTTP until the test ends. @returns its URL. */
export async function serve(
  handle: (req: IncomingMessage, res: ServerResponse, body: string) => void,
): Promise<string> {
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (part) => {
      body += part;
    });
    req.on('end', () => handle(req, res, body));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return await listen(server);
}

/** Answers every ballot alike. */
export function serveAnswer(status: number, text: string): Promise<string> {
  return serve((_, res) => {
    res.writeHead(status).end(text);
  });
}

/** Serves connections without any protocol, until the test ends. */
export async function serveTcp(handle: Parameters<typeof createTcpServer>[1]): Promise<string> {
  const server = createTcpServer(handle);
  onTestFinished(() => {
    server.close();
  });
  return await listen(server);
}

/** @returns a URL at which nobody listens. */
export async function nowhere(): Promise<string> {
  const server = createTcpServer();
  const url = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return url;
}

async function listen(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
