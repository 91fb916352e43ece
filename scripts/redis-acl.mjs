/** Who may do what in the two Redis of compose.release.yaml, as the files that they read (`aclfile`). */
import { createHash } from 'node:crypto';

/** What the scripts of packages/ballot-stream use that vote runs, and what its client asks. Redis checks each. */
const VOTE = [
  ...['ping', 'info', 'time', 'eval', 'evalsha'],
  ...['exists', 'hget', 'hmget', 'hset', 'xadd', 'xdel', 'xsetid', 'xinfo|stream'],
];
const WORKER = [...VOTE, 'hdel', 'xrange', 'xread', 'xtrim', 'config|get'];

/** What rate-limiter-flexible's script uses, and what vote's client asks. */
const COUNTING = ['ping', 'info', 'eval', 'evalsha', 'set', 'incrby', 'pttl', 'expire'];

const allow = (commands) => commands.map((command) => `+${command}`).join(' ');

/** As it stands in the file, which so holds no password. */
export const hashOf = (password) => `#${createHash('sha256').update(password).digest('hex')}`;

/** What redis_exporter asks, as infra/compose.sla.release.yaml sets it up. It touches no key. */
const EXPORTER = ['ping', 'info'];

// Whoever reaches the port knows already that somebody listens.
const HEALTH = 'user health on nopass +ping';

/** Of the Redis that holds the ballots. @param passwords of the users vote, worker, exporter and operator. */
export function redisAcl({ vote, worker, exporter, operator }) {
  return [
    // Off: nobody can be this user. But with its rights Redis reads its append-only file, and without them a restart would
    // lose all queued ballots: docs/decisions/the-default-user-keeps-its-rights.md.
    'user default off resetpass ~* &* +@all',
    // It appends, and reads which system and polls there are and when they are open: none of that is its to change. What
    // it appends to it can also empty (XADD with MAXLEN 0), which no rights prevent: docs/security.md.
    `user vote on ${hashOf(vote)} ~hbf:{*}:ballots ~hbf:{*}:state %R~hbf:{*}:polls %R~hbf:system %R~hbf:polls ${allow(VOTE)}`,
    `user worker on ${hashOf(worker)} ~hbf:* ${allow(WORKER)}`,
    `user exporter on ${hashOf(exporter)} ${allow(EXPORTER)}`,
    HEALTH,
    `user operator on ${hashOf(operator)} ~* &* +@all`,
  ].join('\n');
}

/** Of the one that holds the counters of the limits, and nothing that must outlive it. @param password of the user vote. */
export function limitsAcl(password) {
  return [
    'user default off',
    `user vote on ${hashOf(password)} ~hbf:limits:* ${allow(COUNTING)}`,
    HEALTH,
  ].join('\n');
}
