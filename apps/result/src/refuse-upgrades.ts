import { type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Answers a request for an upgrade that nobody here offers as if it had not asked for one, as RFC 9110 (7.8) has it:
 * some clients ask with every first request for HTTP/2 (`Upgrade: h2c`; Java's does). Node hands each of them to the
 * listeners of `upgrade` alone once there is one, and Engine.IO would let them wait and hang up.
 * @param offered the path below which upgrades are somebody else's.
 */
export function refuseUpgrades(server: Server, offered: string): void {
  server.on('upgrade', (req, socket) => {
    if (req.url?.startsWith(offered)) return;
    const res = new ServerResponse(req);
    // The parser has let go of the connection: nothing more can be read from it.
    res.shouldKeepAlive = false;
    res.assignSocket(socket as Socket);
    res.once('finish', () => {
      res.detachSocket(socket as Socket);
      socket.end();
    });
    server.emit('request', req, res);
  });
}
