-- What a key stands for is done. KEYS: `once`, `claims`. ARGV: the key.
redis.call('ZADD', KEYS[1], 'NX', 0, ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
