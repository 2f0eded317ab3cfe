-- How many tasks there are. Answer: {visible, in flight, delayed, dead}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('ZCOUNT', KEYS[2], '(' .. now, '+inf')
local handed_back = redis.call('ZCOUNT', KEYS[3], '(' .. now, '+inf')
local later = redis.call('ZCOUNT', KEYS[5], '(' .. now, '+inf')
local due = redis.call('ZCARD', KEYS[5]) - later
local visible = redis.call('XLEN', KEYS[1]) + due - held - handed_back
return {visible, held, handed_back + later, redis.call('XLEN', KEYS[7])}
