import { randomBytes } from 'node:crypto';
import { until } from '@hbf/drills/until';
import { openRaw, type RawConnection, rawRequest } from './raw-http.ts';

/** A WebSocket of which every byte is ours; it answers nothing by itself, no ping either. */
export type RawWebSocket = RawConnection & {
  /** Sends a frame. @param options.opcode 1 is text, 2 binary, 8 close, 9 ping, 10 pong, 0 continues. */
  frame(payload: string | Buffer, options?: FrameOptions): void;
  /** Whether the connection is closed, or the server has said that it ends it: it then waits for us to agree. */
  hasEnded(): boolean;
  /** The texts that came by now. */
  texts(): string[];
  /** @throws when none has come that has `what` in it. */
  untilText(what: string): Promise<string>;
};

export type FrameOptions = { opcode?: number; isLast?: boolean; reserved?: number; isMasked?: boolean };

/** A handshake, as it is written. */
export function webSocketRequest(
  url: string,
  headers: readonly (readonly [string, string])[] = [],
  target = '/socket.io/?EIO=4&transport=websocket',
): string {
  return rawRequest(url, {
    target,
    headers: [
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', randomBytes(16).toString('base64')],
      ...headers,
    ],
    keepAlive: true,
  });
}

export async function openWebSocket(
  url: string,
  ...handshake: [headers?: readonly (readonly [string, string])[], target?: string]
): Promise<RawWebSocket> {
  const connection = await openRaw(url);
  connection.send(webSocketRequest(url, ...handshake));
  await until(
    () => `the handshake is answered, and not with ${connection.received}`,
    () => connection.received.includes('\r\n\r\n') || connection.isClosed,
  );
  if (!connection.received.startsWith('HTTP/1.1 101 '))
    throw new Error(`No WebSocket: ${connection.received}`);
  const frames = () => readFrames(connection.received.slice(connection.received.indexOf('\r\n\r\n') + 4));
  const texts = () => frames().flatMap(({ opcode, payload }) => (opcode === 1 ? [payload] : []));
  // Not spread: its getters would be read once.
  return Object.assign(Object.create(connection) as RawConnection, {
    frame(payload: string | Buffer, options: FrameOptions = {}) {
      connection.socket.write(encodeFrame(payload, options));
    },
    hasEnded: () => connection.isClosed || frames().some(({ opcode }) => opcode === 8),
    texts,
    untilText: (what: string) =>
      until(
        () => `a text comes with ${what}, and not only ${texts().join(' ').slice(0, 1_000)}`,
        () => texts().find((text) => text.includes(what)),
      ),
  });
}

/** As `openWebSocket`, and joins Socket.IO's only namespace. */
export async function joinSocketIo(url: string): Promise<RawWebSocket> {
  const socket = await openWebSocket(url);
  await socket.untilText('0{');
  socket.frame('40');
  await socket.untilText('40{');
  return socket;
}

export function encodeFrame(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const {
    opcode = typeof payload === 'string' ? 1 : 2,
    isLast = true,
    reserved = 0,
    isMasked = true,
  } = options;
  const data = Buffer.from(payload);
  const first = (isLast ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = isMasked ? 0x80 : 0;
  const head =
    data.length < 126
      ? Buffer.from([first, mask | data.length])
      : Buffer.from([first, mask | 127, ...lengthBytes(data.length)]);
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([head, ...(isMasked ? [Buffer.alloc(4)] : []), data]);
}

export function lengthBytes(length: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return [...bytes];
}

/** A server's frames (latin1), the last of which may be cut. */
function readFrames(received: string): { opcode: number; payload: string }[] {
  const bytes = Buffer.from(received, 'latin1');
  const frames: { opcode: number; payload: string }[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const opcode = bytes[at]! & 0x0f;
    const short = bytes[at + 1]! & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (at + head > bytes.length) break;
    const length =
      short === 126
        ? bytes.readUInt16BE(at + 2)
        : short === 127
          ? Number(bytes.readBigUInt64BE(at + 2))
          : short;
    if (at + head + length > bytes.length) break;
    frames.push({ opcode, payload: bytes.toString('utf8', at + head, at + head + length) });
    at += head + length;
  }
  return frames;
}
