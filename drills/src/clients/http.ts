import { Agent, type IncomingHttpHeaders, request } from 'node:http';

/** What became of a request. Only `never-sent` tells that the server cannot have acted on it. */
export type Exchange =
  | { outcome: 'answered'; status: number; headers: IncomingHttpHeaders; text: string }
  /** No connection was made: not a byte has left. `code` is the error's, or `timeout`. */
  | { outcome: 'never-sent'; code: string }
  /** It may have arrived: no answer, or only a part of one. */
  | { outcome: 'no-answer'; code: string };

export type Request = {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** For the whole exchange. */
  timeoutMs: number;
  agent: Agent;
};

/**
 * Connections that are kept. No limit on their number: a request that waited for one to come free would be sent at a
 * moment that no history has.
 */
export function createAgent(): Agent {
  return new Agent({ keepAlive: true, maxFreeSockets: 100 });
}

/**
 * Sends one request, once. Never rejects.
 *
 * A kept connection that the server closes at that moment fails with the same ECONNRESET as a server that is killed
 * while it works on the request; nothing tells the two apart from here, so both are `no-answer`.
 */
export function exchange(url: string, { body, timeoutMs, ...options }: Request): Promise<Exchange> {
  return new Promise((resolve) => {
    let connected = false;
    const end = (result: Exchange): void => {
      clearTimeout(deadline);
      resolve(result);
    };
    const fail = (code: string): void => end({ outcome: connected ? 'no-answer' : 'never-sent', code });
    const req = request(url, options, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (part: string) => {
        text += part;
      });
      res.on('end', () => {
        end({ outcome: 'answered', status: res.statusCode!, headers: res.headers, text });
      });
      res.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    });
    // Node holds the request back until its socket is connected; an error before that is the connection's own.
    req.on('socket', (socket) => {
      if (!socket.connecting) connected = true;
      else {
        socket.once('connect', () => {
          connected = true;
        });
      }
    });
    req.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    const deadline = setTimeout(() => {
      fail('timeout');
      req.destroy();
    }, timeoutMs);
    req.end(body);
  });
}

/** Gets JSON. @throws unless the answer is a 200. */
export async function getJson<T>(url: string, agent: Agent, timeoutMs = 5_000): Promise<T> {
  const got = await exchange(url, { agent, timeoutMs });
  if (got.outcome !== 'answered') throw new Error(`GET ${url}: ${got.code}`);
  if (got.status !== 200) throw new Error(`GET ${url}: ${got.status} ${got.text.slice(0, 200)}`);
  return JSON.parse(got.text) as T;
}
