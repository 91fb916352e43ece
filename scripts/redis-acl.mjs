/** Who may do what in the Redis of compose.release.yaml, as the file that Redis reads (`aclfile`). */
import { createHash } from 'node:crypto';

/** What the scripts of packages/ballot-stream use that vote runs, and what its client asks. Redis checks each. */
const VOTE = [
  ...['ping', 'info', 'time', 'eval', 'evalsha'],
  ...['exists', 'hget', 'hmget', 'hset', 'xadd', 'xdel', 'xsetid', 'xinfo|stream'],
];
const WORKER = [...VOTE, 'hdel', 'xrange', 'xread', 'xtrim', 'config|get'];

const allow = (commands) => commands.map((command) => `+${command}`).join(' ');

/** As it stands in the file, which so holds no password. */
export const hashOf = (password) => `#${createHash('sha256').update(password).digest('hex')}`;

/** @param passwords of the users vote, worker and operator. */
export function redisAcl({ vote, worker, operator }) {
  return [
    // Off: nobody can be this user. But with its rights Redis reads its append-only file, and without them a restart would
    // lose all queued ballots: docs/decisions/the-default-user-keeps-its-rights.md.
    'user default off resetpass ~* &* +@all',
    // It appends, and reads which system and polls there are and when they are open: none of that is its to change. What
    // it appends to it can also empty (XADD with MAXLEN 0), which no rights prevent: docs/security.md.
    `user vote on ${hashOf(vote)} ~hbf:{*}:ballots ~hbf:{*}:state %R~hbf:{*}:polls %R~hbf:system %R~hbf:polls ${allow(VOTE)}`,
    `user worker on ${hashOf(worker)} ~hbf:* ${allow(WORKER)}`,
    // Whoever reaches the port knows already that somebody listens.
    'user health on nopass +ping',
    `user operator on ${hashOf(operator)} ~* &* +@all`,
  ].join('\n');
}
