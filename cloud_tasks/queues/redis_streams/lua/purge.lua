-- Remove every task. The stream stays, so that no later entry gets the id of one that is gone.
redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
return redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
