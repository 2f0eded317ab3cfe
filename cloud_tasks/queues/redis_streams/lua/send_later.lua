-- Keep a task until it is due. ARGV: its body, the delay in ms, a name that nothing else has.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[6], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[5], now + ARGV[2], ARGV[3])
redis.call('XADD', KEYS[8], 'MAXLEN', 1, '*', 'w', '')
return 1
