-- Claim what a key stands for. KEYS: `once`, `claims`. ARGV: the key, for how long in ms.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 'done' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('ZSCORE', KEYS[2], ARGV[1])
if held and tonumber(held) > now then return 'theirs' end
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
return 'ours'
