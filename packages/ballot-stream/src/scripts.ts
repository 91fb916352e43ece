/**
 * The scripts that change a partition. Each opens with its contract. They run under Redis's single thread, so each is
 * atomic; a script that may refuse does all its checks before its first write.
 */

/**
 * Appends one entry.
 *
 * KEYS ballots, state, polls
 * ARGV run id of the caller's connection, deadline (ms, Redis's clock), format version, poll, number of ballots,
 *      ballots
 * Returns {'accepted', now, entry id, accepted total with these ballots, id at which the partition was opened} or,
 *   having changed nothing, {refusal, now} with refusal one of
 *   'not-prepared'      the partition is not open for this run of Redis
 *   'late'              the deadline has passed
 *   'poll-unknown' | 'poll-not-yet-open' | 'poll-closed'
 *
 * XADD comes before the total is stored: a failed XADD (out of memory) must leave nothing behind.
 */
export const APPEND = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('HMGET', KEYS[2], 'run', 'accepted', 'opened')
if state[1] ~= ARGV[1] or not state[2] then return {'not-prepared', now} end
if now > tonumber(ARGV[2]) then return {'late', now} end
local window = redis.call('HGET', KEYS[3], ARGV[4])
if not window then return {'poll-unknown', now} end
local opens, closes, closed = string.match(window, '^(%d+) (%d+) (%d)$')
if closed == '1' or (closes ~= '0' and now >= tonumber(closes)) then return {'poll-closed', now} end
if now < tonumber(opens) then return {'poll-not-yet-open', now} end
local total = string.format('%.0f', tonumber(state[2]) + tonumber(ARGV[5]))
local id = redis.call('XADD', KEYS[1], '*', 'v', ARGV[3], 'p', ARGV[4], 'n', ARGV[5], 'b', ARGV[6], 't', total)
redis.call('HSET', KEYS[2], 'accepted', total)
return {'accepted', now, id, total, state[3] or '0-0'}
`;

/**
 * Reminds a partition of a total that Redis told to somebody who appended: it only ever raises. A Redis that was
 * emptied or rolled back has a smaller one, and nothing else shows what it lost after the last heartbeat.
 *
 * KEYS state
 * ARGV run id of the caller's connection, the total, the id at which the partition was opened when it was told (ms, seq)
 * Returns 'known' where the total shows no loss, else 'lost'.
 *
 * If the partition was opened again since, the lost totals may have been given a second time, to other ballots: then
 * what is missing is what lies beyond `base`. `told` is the total with what is missing, and stays until an owner has
 * noted the loss. Where the partition is not open for this run, the rest is left to OPEN: nothing is appended meanwhile.
 */
export const REMIND = `
local state = redis.call('HMGET', KEYS[1], 'run', 'accepted', 'opened', 'base', 'told')
local total, accepted, base = tonumber(ARGV[2]), tonumber(state[2] or '0'), tonumber(state[4] or '0')
local missing = total - accepted
if state[3] then
  local ms, seq = string.match(state[3], '^(%d+)-(%d+)$')
  local before, after = tonumber(ARGV[3]), tonumber(ms)
  if before < after or (before == after and tonumber(ARGV[4]) < tonumber(seq)) then missing = total - base end
end
local raised = string.format('%.0f', accepted + missing)
if missing <= 0 then return 'known' end
if state[1] == ARGV[1] and state[2] then
  base = string.format('%.0f', math.max(total, base))
  redis.call('HSET', KEYS[1], 'accepted', raised, 'base', base, 'told', raised)
elseif not state[5] or tonumber(raised) > tonumber(state[5]) then
  redis.call('HSET', KEYS[1], 'told', raised)
end
return 'lost'
`;

/**
 * Opens a partition for one run of Redis. It only ever raises: the stream's newest id and the accepted total.
 *
 * KEYS ballots, state
 * ARGV run id, epoch of the owner, position (ms, seq), accepted total that PostgreSQL knows of at least, the total that
 *      Redis was reminded of as far as the owner has noted that loss (0: none)
 * Returns {'opened', accepted total before or '' where there was none, newest id before} or {'superseded', epoch}
 *   when an owner with a later epoch has been here.
 *
 * In a run of Redis that the partition was not yet opened for, the newest id is also raised to the present moment:
 * every ballot that an earlier run accepted and then lost has a smaller id, so the position passes it, and its
 * receipt says "lost" rather than "queued" for ever.
 */
export const OPEN = `
local state = redis.call('HMGET', KEYS[2], 'run', 'epoch', 'accepted', 'told')
if state[2] and tonumber(state[2]) > tonumber(ARGV[2]) then return {'superseded', state[2]} end
local newest = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then newest = info[i + 1] end end
end
local ms, seq = string.match(newest, '^(%d+)-(%d+)$')
local raise_ms, raise_seq = ms, seq
local function at_least(other_ms, other_seq)
  local a, b = tonumber(raise_ms), tonumber(other_ms)
  if b > a or (b == a and tonumber(other_seq) > tonumber(raise_seq)) then
    raise_ms, raise_seq = other_ms, other_seq
  end
end
at_least(ARGV[3], ARGV[4])
if state[1] ~= ARGV[1] then
  local time = redis.call('TIME')
  at_least(string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), '0')
end
if raise_ms ~= ms or raise_seq ~= seq then
  local id = raise_ms .. '-' .. raise_seq
  if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('XADD', KEYS[1], id, 'raised', '1')
    redis.call('XDEL', KEYS[1], id)
  else
    redis.call('XSETID', KEYS[1], id)
  end
end
local accepted = ARGV[5]
for i = 3, 4 do
  if state[i] and tonumber(state[i]) > tonumber(accepted) then accepted = state[i] end
end
redis.call('HSET', KEYS[2], 'run', ARGV[1], 'epoch', ARGV[2], 'accepted', accepted)
if state[1] ~= ARGV[1] then
  redis.call('HSET', KEYS[2], 'opened', raise_ms .. '-' .. raise_seq, 'base', accepted)
end
if state[4] and tonumber(state[4]) <= tonumber(ARGV[6]) then redis.call('HDEL', KEYS[2], 'told') end
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
export const CLOSE_POLL = `
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
local newest = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then newest = info[i + 1] end end
end
return {'closed', newest}
`;

/**
 * Looks at a partition in one moment. Changes nothing.
 *
 * KEYS ballots, state
 * ARGV position
 * Returns {now (ms), run id or '', epoch or '', accepted total or '', newest id, id of the first entry after the
 *   position or '', total that Redis was reminded of and whose loss no owner has noted, or ''}.
 */
export const PEEK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('HMGET', KEYS[2], 'run', 'epoch', 'accepted', 'told')
local newest, first = '0-0', ''
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then newest = info[i + 1] end end
  local next = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1)
  if next[1] then first = next[1][1] end
end
return {now, state[1] or '', state[2] or '', state[3] or '', newest, first, state[4] or ''}
`;

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
