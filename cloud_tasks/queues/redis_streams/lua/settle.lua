-- Carry out requests about leases: [[kind, receipt, number, text, interruptions], ...] as JSON.
-- "a" ack (text: the record of it, or ""), "n" nack (number: delay in ms; text: notes), "d" dead-letter (text: notes;
-- fifth: the reason), "e" extend (number: ms from now). Answer: a "1" for each that was held, a "0" for others.
local stream, leases, waiting, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local dead, wake, completed = KEYS[7], KEYS[8], KEYS[9]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answers, gone, forgotten, look_again = {}, {}, {}, false

local function remove(id, count)
  gone[#gone + 1] = id
  if count ~= '1' then forgotten[#forgotten + 1] = id end
end

local function extend(receipt, ms)
  local before = redis.call('ZSCORE', leases, receipt)
  if not before then return '0' end
  redis.call('ZADD', leases, now + ms, receipt)
  if now + ms < tonumber(before) then look_again = true end
  return '1'
end

local function hand_back(id, receipt, ms, notes, interruptions)
  redis.call('HSET', state, id, string.format('%d %.0f ', interruptions, now) .. notes)
  redis.call('ZADD', waiting, now + ms, receipt)
  look_again = true
end

local function bury(id, count, notes, reason)
  local entry = redis.call('XRANGE', stream, id, id)[1]
  local body = ''
  if entry then
    for place = 1, #entry[2], 2 do
      if entry[2][place] == 'b' then body = entry[2][place + 1] end
    end
  end
  redis.call('XADD', dead, '*', 'b', body, 'r', reason, 'n', count, 'h', notes)
  remove(id, count)
end

local function settle(kind, receipt, number, text, more)
  if kind == 'e' then return extend(receipt, number) end
  if redis.call('ZREM', leases, receipt) == 0 then return '0' end
  local id, count = string.match(receipt, '^(.+):(%d+)$')
  if kind == 'a' then
    if text ~= '' then redis.call('XADD', completed, 'MAXLEN', '~', ARGV[2], '*', 'c', text) end
    remove(id, count)
  elseif kind == 'n' then
    hand_back(id, receipt, number, text, more)
  else
    bury(id, count, text, more)
  end
  return '1'
end

for place, request in ipairs(cjson.decode(ARGV[1])) do answers[place] = settle(unpack(request)) end
if #gone > 0 then redis.call('XDEL', stream, unpack(gone)) end
if #forgotten > 0 then redis.call('HDEL', state, unpack(forgotten)) end
if look_again then redis.call('XADD', wake, 'MAXLEN', 1, '*', 'w', '') end
return table.concat(answers)
