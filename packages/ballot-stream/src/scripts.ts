import { ENTRY_IDS } from './entry-ids-in-lua.ts';

/**
 * The scripts of whoever appends; those of a partition's owner are in owner-scripts.ts. Each opens with its contract.
 * They run under Redis's single thread, so each is atomic; a script that may refuse does all its checks before its first
 * write.
 */

/**
 * Appends one entry.
 *
 * KEYS ballots, state
 * ARGV run id of the caller's connection, deadline (ms, Redis's clock), format version, poll, number of ballots,
 *      ballots, key of the partition's polls
 * Returns {'accepted', now, entry id, accepted total with these ballots, id at which the partition was opened} or,
 *   having changed nothing, {refusal, now} with refusal one of
 *   'not-prepared'      the partition is not open for this run of Redis
 *   'late'              the deadline has passed
 *   'poll-unknown' | 'poll-not-yet-open' | 'poll-closed'
 *
 * The polls' key is none of KEYS: on those a user of Redis needs the right to write, and vote's may only read the polls.
 * It has the others' hash tag, so it is where they are. XADD comes before the total is stored: a failed XADD (out of memory) must leave nothing behind.
 */
export const APPEND = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('HMGET', KEYS[2], 'run', 'accepted', 'opened')
if state[1] ~= ARGV[1] or not state[2] then return {'not-prepared', now} end
if now > tonumber(ARGV[2]) then return {'late', now} end
local window = redis.call('HGET', ARGV[7], ARGV[4])
if not window then return {'poll-unknown', now} end
local opens, closes, closed = string.match(window, '^(%d+) (%d+) (%d)$')
if closed == '1' or (closes ~= '0' and now >= tonumber(closes)) then return {'poll-closed', now} end
if now < tonumber(opens) then return {'poll-not-yet-open', now} end
local total = string.format('%.0f', tonumber(state[2]) + tonumber(ARGV[5]))
local id = redis.call('XADD', KEYS[1], '*', 'v', ARGV[3], 'p', ARGV[4], 'n', ARGV[5], 'b', ARGV[6],
  't', total, 'a', string.format('%.0f', now))
redis.call('HSET', KEYS[2], 'accepted', total)
return {'accepted', now, id, total, state[3] or '0-0'}
`;

/**
 * Reminds a partition of a total that Redis told to somebody who appended, and of the newest entry's id: it only ever
 * raises. A Redis that was emptied or rolled back has a smaller total, and nothing else shows what it lost after the last
 * heartbeat. And while its clock is behind the ids that it gave, it would give those of lost entries again.
 *
 * KEYS ballots, state
 * ARGV run id of the caller's connection, the total, the id at which the partition was opened when it was told, the id of
 *      the newest entry of which the caller knows
 * Returns 'known' where the total shows no loss, else 'lost'.
 *
 * If the partition was opened again since, the lost totals may have been given a second time, to other ballots: then
 * what is missing is what lies beyond `base`. `told` is the total with what is missing, and stays until an owner has
 * noted the loss. Where the partition is not open for this run, the rest is left to OPEN: nothing is appended meanwhile.
 */
export const REMIND = `${ENTRY_IDS}
raise_newest_id(KEYS[1], ARGV[4])
local state = redis.call('HMGET', KEYS[2], 'run', 'accepted', 'opened', 'base', 'told')
local total, accepted, base = tonumber(ARGV[2]), tonumber(state[2] or '0'), tonumber(state[4] or '0')
local missing = total - accepted
if state[3] and precedes(ARGV[3], state[3]) then missing = total - base end
local raised = string.format('%.0f', accepted + missing)
if missing <= 0 then return 'known' end
if state[1] == ARGV[1] and state[2] then
  base = string.format('%.0f', math.max(total, base))
  redis.call('HSET', KEYS[2], 'accepted', raised, 'base', base, 'told', raised)
elseif not state[5] or tonumber(raised) > tonumber(state[5]) then
  redis.call('HSET', KEYS[2], 'told', raised)
end
return 'lost'
`;
