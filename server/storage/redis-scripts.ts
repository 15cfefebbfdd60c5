// The steps of the live store that must be atomic, as Lua scripts. Each touches one key. `now` is the time by the program's
// clock: Redis forgets by its own time, and what is past by ours is treated as forgotten.

const DROP_FOREIGN = `if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end`

/** Hash fields of a record: d data, e expiry, c when it was consumed. */
const put = `
${DROP_FOREIGN}
local now, data, expires, ttl = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local old = tonumber(redis.call('HGET', KEYS[1], 'e') or '')
if not old or old <= now then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'd', data, 'e', expires)
redis.call('PEXPIRE', KEYS[1], ttl)
return 1`

/** Answers 1 to the one caller who takes the record, and 0 to all others. */
const take = `
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
local now = tonumber(ARGV[1])
local expires = tonumber(redis.call('HGET', KEYS[1], 'e') or '')
if not expires or expires <= now then return 0 end
return redis.call('HSETNX', KEYS[1], 'c', math.floor(now / 1000))`

/** Points a cookie to its session, unless that cookie was dropped. */
const point = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' and redis.call('GET', KEYS[1]) == ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`

/**
 * Hash fields of a session: d data, e expiry, a account, r rank, p:CLIENT its part, t:CLIENT the part's tag, x:CLIENT:TAG a part
 * that was removed, end that it has ended.
 */
const saveSession = `
${DROP_FOREIGN}
local key = KEYS[1]
local now, data, expires, ttl, account, rank = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
if redis.call('HEXISTS', key, 'end') == 1 then return 'ended' end
local old = tonumber(redis.call('HGET', key, 'e') or '')
if not old or old <= now then redis.call('DEL', key) end
local there = redis.call('HGET', key, 'a')
if there and there ~= '' and there ~= account then return 'other-account' end
local place = tonumber(redis.call('HGET', key, 'r') or '')
if not place or rank >= place then
  redis.call('HSET', key, 'd', data, 'e', expires, 'a', account, 'r', ARGV[6])
  redis.call('PEXPIRE', key, ttl)
end
local next = 8
for _ = 1, tonumber(ARGV[7]) do
  local client = ARGV[next]
  local tag = redis.call('HGET', key, 't:' .. client)
  if tag then
    redis.call('HSET', key, 'x:' .. client .. ':' .. tag, '1')
    redis.call('HDEL', key, 'p:' .. client, 't:' .. client)
  end
  next = next + 1
end
while ARGV[next] do
  local client, tag, part = ARGV[next], ARGV[next + 1], ARGV[next + 2]
  if redis.call('HEXISTS', key, 'x:' .. client .. ':' .. tag) == 0 then
    redis.call('HSET', key, 'p:' .. client, part, 't:' .. client, tag)
  end
  next = next + 3
end
return 'saved'`

const endSession = `
local ttl = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[1]))
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'end', '1')
redis.call('PEXPIRE', KEYS[1], ttl)
return 1`

/**
 * Adds entries to the copy of the revocation list, a stream whose ids are the entries' numbers; its neighbours are told. What is
 * there already is not added again, so all processes may do it. A stream of another database is thrown away. Answers -1 when all is
 * there, or else the number after which entries are missing: then nothing was added.
 *
 * With a `looked` a sign of life comes last: PostgreSQL's time at a look at it, and up to which number all is there as of that. It is
 * the newest of the stream, there is one at most, it never goes back, and it is not given again for half a second. What is over is
 * taken out with it, as far as it does not stand behind an entry that lives longer than a hundred others. The first command that
 * writes is one that a Redis without room refuses: after one that it takes it would take all of the script.
 */
const copyRevocations = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'stream' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local lineage, from, oldest, ttl = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local looked, sequence, issuer = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local last, sign, signed = 0, nil, nil
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then
  local fields = {}
  for at = 1, #newest[2], 2 do fields[newest[2][at]] = newest[2][at + 1] end
  if fields.lineage == lineage then
    last = tonumber(string.match(newest[1], '^%d+'))
    if not fields.kind then sign, signed = newest[1], tonumber(fields.now) end
  else
    redis.call('DEL', KEYS[1])
  end
end
if last < from then return last end
local told
for at = 8, #ARGV, 6 do
  if tonumber(ARGV[at]) > last then
    local fields = {'kind', ARGV[at + 1], 'value', ARGV[at + 2], 'until', ARGV[at + 4], 'at', ARGV[at + 5], 'lineage', lineage}
    if ARGV[at + 3] ~= '' then
      fields[#fields + 1] = 'before'
      fields[#fields + 1] = ARGV[at + 3]
    end
    redis.call('XADD', KEYS[1], ARGV[at] .. '-0', unpack(fields))
    told = ARGV[at]
  end
end
if looked and looked > (signed or 0) and (told or looked >= (signed or 0) + 0.5) then
  local id = (told or string.format('%.0f', last)) .. '-' .. string.format('%.0f', looked * 1000)
  redis.call('XADD', KEYS[1], id, 'now', ARGV[5], 'sequence', sequence, 'issuer', issuer, 'lineage', lineage)
  if sign then redis.call('XDEL', KEYS[1], sign) end
  redis.call('XTRIM', KEYS[1], 'MINID', oldest)
  local start = '-'
  repeat
    local over = {}
    for _, entry in ipairs(redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', 100)) do
      start = '(' .. entry[1]
      for at = 1, #entry[2], 2 do
        if entry[2][at] == 'until' and tonumber(entry[2][at + 1]) <= looked then over[#over + 1] = entry[1] end
      end
    end
    if #over > 0 then redis.call('XDEL', KEYS[1], unpack(over)) end
  until #over == 0
elseif told and sign then
  redis.call('XDEL', KEYS[1], sign)
end
if redis.call('PTTL', KEYS[1]) < ttl then redis.call('PEXPIRE', KEYS[1], ttl) end
if told then redis.call('PUBLISH', KEYS[1], told) end
return -1`

/** Sets the key of a revocation; of several the latest time stays, and the longest life. */
const revoke = `
local before, ttl = tonumber(ARGV[1]), tonumber(ARGV[2])
local there = tonumber(redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1]) or '') or 0
local left = math.max(redis.call('PTTL', KEYS[1]), ttl)
redis.call('SET', KEYS[1], math.max(there, before), 'PX', left)
return 1`

/**
 * Adds to a stream of recent things, fields k their kind and d what is known of them, under the time by the program's clock, and keeps so
 * many: of the kind that there is most of the oldest goes first.
 */
const addRecent = `
local key, most, ttl, oldest, now = KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local type = redis.call('TYPE', key).ok
if type ~= 'stream' and type ~= 'none' then redis.call('DEL', key) end
local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
local ms, number = string.match(newest and newest[1] or '0-0', '^(%d+)-(%d+)$')
if tonumber(ms) < tonumber(now) then ms, number = now, 0 end
for at = 5, #ARGV, 2 do
  number = number + 1
  redis.call('XADD', key, ms .. '-' .. string.format('%.0f', number), 'k', ARGV[at], 'd', ARGV[at + 1])
end
redis.call('XTRIM', key, 'MINID', oldest)
redis.call('PEXPIRE', key, ttl)
local over = redis.call('XLEN', key) - most
if over <= 0 then return 1 end
local all, counts = redis.call('XRANGE', key, '-', '+'), {}
for _, entry in ipairs(all) do counts[entry[2][2]] = (counts[entry[2][2]] or 0) + 1 end
for _ = 1, over do
  local largest = 0
  for _, count in pairs(counts) do largest = math.max(largest, count) end
  for at, entry in ipairs(all) do
    if counts[entry[2][2]] == largest then
      counts[entry[2][2]] = largest - 1
      redis.call('XDEL', key, entry[1])
      table.remove(all, at)
      break
    end
  end
end
return 1`

/** By the names under which the client knows them. */
export const redisScripts = {
  latchkeyPut: put,
  latchkeyTake: take,
  latchkeyPoint: point,
  latchkeySaveSession: saveSession,
  latchkeyEndSession: endSession,
  latchkeyRevoke: revoke,
  latchkeyCopyRevocations: copyRevocations,
  latchkeyAddRecent: addRecent,
} as const
