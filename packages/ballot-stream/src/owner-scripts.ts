import { ENTRY_IDS } from './entry-ids-in-lua.ts';

/** The scripts of a partition's owner. See scripts.ts. */

/**
 * Opens a partition for one run of Redis. It only ever raises: the stream's newest id and the accepted total.
 *
 * KEYS ballots, state
 * ARGV run id, epoch of the owner, position, accepted total that PostgreSQL knows of at least, the total that Redis was
 *      reminded of as far as the owner has noted that loss (0: none)
 * Returns {'opened', accepted total before or '' where there was none, newest id before} or {'superseded', epoch}
 *   when an owner with a later epoch has been here.
 *
 * In a run of Redis that the partition was not yet opened for, and where the stream ends before the position, ballots
 * may have been accepted and lost. Then the newest id is also raised beyond the millisecond of the last id that is known,
 * and to the present moment: no ballot must get the id of a lost one, and the position must pass those, so that their
 * receipts say "lost" rather than "queued" for ever.
 */
export const OPEN = `${ENTRY_IDS}
local state = redis.call('HMGET', KEYS[2], 'run', 'epoch', 'accepted', 'told')
if state[2] and tonumber(state[2]) > tonumber(ARGV[2]) then return {'superseded', state[2]} end
local newest = newest_id(KEYS[1])
local raised = newest
if precedes(newest, ARGV[3]) then raised = ARGV[3] end
if state[1] ~= ARGV[1] or precedes(newest, ARGV[3]) then
  local ms = string.match(raised, '^%d+')
  -- One that is longer was put in by hand: no clock gets there, and there may be nothing beyond it.
  if #ms <= 15 then raised = string.format('%.0f-0', tonumber(ms) + 1) end
  local time = redis.call('TIME')
  local present = string.format('%.0f-0', time[1] * 1000 + math.floor(time[2] / 1000))
  if precedes(raised, present) then raised = present end
end
raise_newest_id(KEYS[1], raised)
local accepted = ARGV[4]
for i = 3, 4 do
  if state[i] and tonumber(state[i]) > tonumber(accepted) then accepted = state[i] end
end
redis.call('HSET', KEYS[2], 'run', ARGV[1], 'epoch', ARGV[2], 'accepted', accepted)
if state[1] ~= ARGV[1] then redis.call('HSET', KEYS[2], 'opened', raised, 'base', accepted) end
if state[4] and tonumber(state[4]) <= tonumber(ARGV[5]) then redis.call('HDEL', KEYS[2], 'told') end
return {'opened', state[3] or '', newest}
`;

/**
 * Shuts a partition: nothing is appended until it is opened again.
 *
 * KEYS state
 * ARGV epoch of the owner
 * Returns {'shut'} or {'superseded', epoch}.
 */
export const SHUT = `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return {'superseded', epoch} end
redis.call('HDEL', KEYS[1], 'run')
return {'shut'}
`;

/**
 * Publishes the polls' times to a partition. A poll once closed there stays closed.
 *
 * KEYS state, polls
 * ARGV epoch of the owner, then per poll: key, opens (ms or 0), closes (ms or 0), closed (0 or 1)
 * Returns {'published'} or {'superseded', epoch}.
 */
export const PUBLISH_POLLS = `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return {'superseded', epoch} end
for i = 2, #ARGV, 4 do
  local closed = ARGV[i + 3]
  local before = redis.call('HGET', KEYS[2], ARGV[i])
  if before and string.sub(before, -1) == '1' then closed = '1' end
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2] .. ' ' .. closed)
end
return {'published'}
`;

/**
 * Marks a poll as closed in a partition, for good, if its time has come or if it is closed elsewhere.
 *
 * KEYS ballots, state, polls
 * ARGV epoch of the owner, poll, '1' to close it whatever the clock says
 * Returns {'closed', the stream's newest id}, {'not-yet'} or {'superseded', epoch}.
 */
export const CLOSE_POLL = `${ENTRY_IDS}
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return {'superseded', epoch} end
local window = redis.call('HGET', KEYS[3], ARGV[2])
if not window then return {'not-yet'} end
local opens, closes, closed = string.match(window, '^(%d+) (%d+) (%d)$')
if closed == '0' and ARGV[3] ~= '1' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if closes == '0' or now < tonumber(closes) then return {'not-yet'} end
end
redis.call('HSET', KEYS[3], ARGV[2], opens .. ' ' .. closes .. ' 1')
return {'closed', newest_id(KEYS[1])}
`;

/**
 * Looks at a partition in one moment. Changes nothing.
 *
 * KEYS ballots, state
 * ARGV position
 * Returns {now (ms), run id or '', epoch or '', accepted total or '', newest id, id of the first entry after the
 *   position or '', total that Redis was reminded of and whose loss no owner has noted, or '', what stands as the time in
 *   that first entry, unchecked, or ''}.
 */
export const PEEK = `${ENTRY_IDS}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('HMGET', KEYS[2], 'run', 'epoch', 'accepted', 'told')
local first, accepted_at = '', ''
local next = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1)[1]
if next then
  first = next[1]
  for i = 1, #next[2], 2 do
    local name, value = next[2][i], next[2][i + 1]
    if name == 'a' and #value <= 15 then accepted_at = value end
  end
end
return {now, state[1] or '', state[2] or '', state[3] or '', newest_id(KEYS[1]), first, state[4] or '', accepted_at}
`;
