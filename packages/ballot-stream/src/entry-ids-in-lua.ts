/**
 * What scripts share that deal with the ids of entries. Ids are compared as texts: each half may have 64 bits, and a
 * number in Lua is exact up to 53.
 */
export const ENTRY_IDS = `
local function newest_id(stream)
  if redis.call('EXISTS', stream) == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then return info[i + 1] end end
end
local function smaller(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end
local function precedes(id, other)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_seq = string.match(other, '^(%d+)-(%d+)$')
  if ms ~= other_ms then return smaller(ms, other_ms) end
  return smaller(seq, other_seq)
end
local function raise_newest_id(stream, id)
  if not precedes(newest_id(stream), id) then return end
  if redis.call('EXISTS', stream) == 0 then
    redis.call('XADD', stream, id, 'raised', '1')
    redis.call('XDEL', stream, id)
  else
    redis.call('XSETID', stream, id)
  end
end
`;
