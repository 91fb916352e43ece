import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';

/** What one WebSocket may send in a second, frames of every kind (a page of ours sends one `watch`, then pongs). */
const MAX_FRAMES_PER_SECOND = 40;
/** How long a client may take to agree that its WebSocket is closed (ms); meanwhile it holds a place. */
const CLOSE_WITHIN_MS = 2_000;

/**
 * The WebSockets under Socket.IO, each limited from its first frame on. Socket.IO's own packets are not all that a client
 * can send: each ping of WebSocket is answered by itself, and somebody who sends thousands and reads no answer would fill
 * the memory and leave no time for anybody else. So would one who asks for an upgrade again and again.
 */
export class LimitedWebSockets extends WebSocketServer {
  constructor(options: ServerOptions) {
    // Its types do not know the option yet.
    super(Object.assign({ ...options }, { closeTimeout: CLOSE_WITHIN_MS }));
  }

  override handleUpgrade(
    ...[request, socket, head, callback]: Parameters<WebSocketServer['handleUpgrade']>
  ): void {
    super.handleUpgrade(request, socket, head, (webSocket, ...rest) => {
      limitFrames(webSocket);
      callback(webSocket, ...rest);
    });
  }
}

function limitFrames(webSocket: WebSocket): void {
  let second = 0;
  let frames = 0;
  const count = () => {
    const now = Math.floor(performance.now() / 1_000);
    if (now !== second) frames = 0;
    second = now;
    frames += 1;
    // Not closed in due form: that waits for the other side, and for all that it is owed to be sent.
    if (frames > MAX_FRAMES_PER_SECOND) webSocket.terminate();
  };
  webSocket.on('message', count).on('ping', count).on('pong', count);
}
