-- Add a task to the stream, unless one was added under that key. KEYS: the stream, `once`. ARGV: the key, the body.
if redis.call('ZADD', KEYS[2], 'NX', 0, ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[1], '*', 'b', ARGV[2])
return 1
