-- Lease up to `asked` tasks: those that come again first, then new ones in their order.
-- Answer: {"id count body_bytes state_bytes ...", bodies and states}; with none: {ms until the next hidden task
-- is due or -1, last id of the stream, last id of the wake stream}.
local stream, leases, waiting, state, delayed, later = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local wake = KEYS[8]
local asked, lease_ms, group = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local head, blob, held, taken = {}, {}, {}, 0

local function body_of(fields)
  for place = 1, #fields, 2 do
    if fields[place] == 'b' then return fields[place + 1] end
  end
  return ''
end

local function take(id, count, fields, known)
  local body = body_of(fields)
  taken = taken + 1
  head[taken] = id .. ' ' .. count .. ' ' .. #body .. ' ' .. #known
  blob[2 * taken - 1] = body
  blob[2 * taken] = known
  held[2 * taken - 1] = now + lease_ms
  held[2 * taken] = id .. ':' .. count
end

local function take_again(hidden)
  local receipts = redis.call('ZRANGEBYSCORE', hidden, '-inf', now, 'LIMIT', 0, asked - taken)
  if #receipts == 0 then return end
  redis.call('ZREM', hidden, unpack(receipts))
  for _, receipt in ipairs(receipts) do
    local id, count = string.match(receipt, '^(.+):(%d+)$')
    local entry = redis.call('XRANGE', stream, id, id)[1]
    if entry then
      take(id, count + 1, entry[2], redis.call('HGET', state, id) or '')
    else
      redis.call('HDEL', state, id)
    end
  end
end

local function move_due()
  local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, 1000)
  for _, member in ipairs(due) do
    local body = redis.call('HGET', later, member)
    if body then redis.call('XADD', stream, '*', 'b', body) end
  end
  if #due > 0 then
    redis.call('ZREM', delayed, unpack(due))
    redis.call('HDEL', later, unpack(due))
  end
end

local function read_new()
  local command = {'XREADGROUP', 'GROUP', group, group, 'COUNT', asked - taken, 'NOACK', 'STREAMS', stream, '>'}
  local answer = redis.pcall(unpack(command))
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'NOGROUP') then return answer end
    redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
    answer = redis.call(unpack(command))
  end
  if answer then
    for _, entry in ipairs(answer[1][2]) do take(entry[1], 1, entry[2], '') end
  end
end

-- We read without a pending list: what is there was read by somebody else's program. It gets one lease's time.
local function take_over_strays()
  if redis.call('XPENDING', stream, group)[1] == 0 then return end
  for _, stray in ipairs(redis.call('XPENDING', stream, group, '-', '+', 100)) do
    redis.call('XACK', stream, group, stray[1])
    redis.call('ZADD', leases, now + lease_ms, stray[1] .. ':1')
  end
end

local function due_in()
  local first = -1
  for _, hidden in ipairs({leases, waiting, delayed}) do
    local score = redis.call('ZRANGE', hidden, 0, 0, 'WITHSCORES')[2]
    if score then
      local left = math.max(tonumber(score) - now, 0)
      if first < 0 or left < first then first = left end
    end
  end
  return first
end

local function last_of(key)
  local entry = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or '0-0'
end

move_due()
take_again(waiting)
if taken < asked then take_again(leases) end
if taken < asked then
  local failed = read_new()
  if failed then return failed end
  if taken < asked then take_over_strays() end
end
if taken == 0 then return {due_in(), last_of(stream), last_of(wake)} end
redis.call('ZADD', leases, unpack(held))
return {table.concat(head, ' '), table.concat(blob)}
