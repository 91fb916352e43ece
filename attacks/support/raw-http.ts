import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '@hbf/drills/until';

/** What a server wrote back. Names of headers are in lower case. */
export type RawResponse = { status: number; headers: [name: string, value: string][]; body: string };

/** A connection on which any bytes can be sent. */
export type RawConnection = {
  readonly socket: Socket;
  /** Everything that came, byte by byte (latin1). */
  readonly received: string;
  readonly isClosed: boolean;
  /** How long the connection was open (ms), once it is closed. */
  closed: Promise<number>;
  /** @param bytes as latin1, so that every byte can be written. */
  send(bytes: string): void;
  /** The responses that are complete by now. @param heads how many of the first answer a HEAD. */
  responses(heads?: number): RawResponse[];
  /** @throws when they have not come after `timeoutMs`. */
  untilResponses(count: number, timeoutMs?: number): Promise<RawResponse[]>;
};

export async function openRaw(
  url: string,
  options: { allowHalfOpen?: boolean } = {},
): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ...options });
  const openedAt = performance.now();
  const chunks: Buffer[] = [];
  let isClosed = false;
  const closed = new Promise<number>((resolve) =>
    socket.once('close', () => {
      isClosed = true;
      resolve(performance.now() - openedAt);
    }),
  );
  socket.on('data', (chunk) => chunks.push(chunk));
  // A reset is an answer like another.
  socket.on('error', () => {});
  await Promise.race([once(socket, 'connect'), closed]);
  const connection: RawConnection = {
    socket,
    closed,
    get received() {
      return Buffer.concat(chunks).toString('latin1');
    },
    get isClosed() {
      return isClosed;
    },
    send: (bytes) => void socket.write(bytes, 'latin1'),
    responses: (heads = 0) => parseResponses(connection.received, isClosed, heads),
    untilResponses: (count, timeoutMs) =>
      until(
        () => `${count} responses came, and not only: ${connection.received.slice(0, 2_000)}`,
        () => {
          const responses = connection.responses();
          return responses.length >= count && responses;
        },
        timeoutMs,
      ),
  };
  return connection;
}

/**
 * How long a server may take to close a connection on which it was asked to, or on which nothing valid came: less than the
 * 10 s after which a request without an end is ended.
 */
const CLOSE_WITHIN_MS = 8_000;

/** A server left a connection open on which it was to close. */
export class StillOpen extends Error {}

/**
 * Sends bytes and reads until the server closes: whatever they are, the last request must ask for that, or be refused.
 * @throws StillOpen when the connection is still open after 8 s.
 */
export async function talk(url: string, bytes: string, heads = 0): Promise<RawResponse[]> {
  const connection = await openRaw(url);
  try {
    connection.send(bytes);
    await until(
      () => `the server closes the connection, on which came: ${connection.received.slice(0, 500)}`,
      () => connection.isClosed,
      CLOSE_WITHIN_MS,
      1,
    ).catch(({ message }: Error) => {
      throw new StillOpen(message);
    });
    return connection.responses(heads);
  } finally {
    connection.socket.destroy();
  }
}

export type RawRequest = {
  method?: string;
  /** What stands in the request line; everything in it goes out as it is. */
  target: string;
  /** Sent in this order, also twice; a `host` here replaces the right one. */
  headers?: readonly (readonly [name: string, value: string])[];
  body?: string;
  /** Whether the connection stays open afterwards. */
  keepAlive?: boolean;
};

/** A request with everything that is asked for and what HTTP needs, nothing else. */
export function rawRequest(url: string, request: RawRequest): string {
  const { method = 'GET', target, headers = [], body, keepAlive = false } = request;
  const has = (name: string) => headers.some(([other]) => other.toLowerCase() === name);
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(has('host') ? [] : [`Host: ${new URL(url).host}`]),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined || has('content-length') || has('transfer-encoding')
      ? []
      : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`]),
    ...(keepAlive ? [] : ['Connection: close']),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

/** For how long a store may be late. */
const BUSY_MS = 20_000;
const AGAIN_AFTER_MS = 25;

/**
 * Sends one request and reads its answer; sends it again for as long as that is a 503, as clients are told to: on a busy
 * machine a store answers late, and that says nothing of an attack.
 * @throws unless there is exactly one answer, at the first try; or when it is still a 503 after 20 s.
 */
export async function ask(url: string, request: RawRequest): Promise<RawResponse> {
  const deadline = performance.now() + BUSY_MS;
  for (;;) {
    const responses = await talk(url, rawRequest(url, request), request.method === 'HEAD' ? 1 : 0);
    const [response] = responses;
    if (!response || responses.length > 1)
      throw new Error(`${responses.length} answers to ${JSON.stringify(request)}`);
    if (response.status !== 503) return response;
    if (performance.now() > deadline)
      throw new Error(`${request.method ?? 'GET'} ${request.target} is still answered ${response.body}`);
    await wait(AGAIN_AFTER_MS);
  }
}

export function header(response: RawResponse, name: string): string | undefined {
  return response.headers.find(([other]) => other === name)?.[1];
}

function parseResponses(text: string, isClosed: boolean, heads: number): RawResponse[] {
  const responses: RawResponse[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return responses;
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
    if (Number.isNaN(status)) throw new Error(`This is no response: ${JSON.stringify(rest.slice(0, 200))}`);
    rest = rest.slice(end + 4);
    if (status === 100) continue;
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const response: RawResponse = { status, headers, body: '' };
    const isHead = responses.length < heads;
    if (!isHead && status !== 101 && status !== 304) {
      const read = readBody(rest, response, isClosed);
      if (!read) return responses;
      [response.body, rest] = read;
    }
    responses.push(response);
  }
}

/** @returns the body and what follows it; undefined while it is not complete. */
function readBody(text: string, response: RawResponse, isClosed: boolean): [string, string] | undefined {
  const length = header(response, 'content-length');
  if (length !== undefined) {
    return text.length < Number(length)
      ? undefined
      : [text.slice(0, Number(length)), text.slice(Number(length))];
  }
  if (header(response, 'transfer-encoding') !== 'chunked') return isClosed ? [text, ''] : undefined;
  let body = '';
  let rest = text;
  for (;;) {
    const line = rest.indexOf('\r\n');
    if (line < 0) return undefined;
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (rest.length < line + 2 + size + 2) return undefined;
    body += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + 2 + size + 2);
    if (size === 0) return [body, rest];
  }
}
