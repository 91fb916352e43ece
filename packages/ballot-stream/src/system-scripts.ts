/** The scripts that are about Redis as a whole. See scripts.ts. */

/**
 * Ties Redis to one system, the first time; afterwards tells which it is tied to, and writes nothing: also a Redis that
 * is full must tell.
 *
 * KEYS system
 * ARGV system id, number of partitions
 * Returns {id, partitions} as they now stand in Redis.
 */
export const TIE_SYSTEM = `
local tied = redis.call('HMGET', KEYS[1], 'id', 'partitions')
if tied[1] then return tied end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'partitions', ARGV[2])
return {ARGV[1], ARGV[2]}
`;

/**
 * Publishes the polls' definitions for vote, unless a later revision is there already.
 *
 * KEYS polls
 * ARGV revision, polls as JSON
 * Returns the revision that now stands.
 */
export const PUBLISH_DEFINITIONS = `
local revision = redis.call('HGET', KEYS[1], 'revision')
if revision and tonumber(revision) >= tonumber(ARGV[1]) then return revision end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'polls', ARGV[2])
return ARGV[1]
`;
