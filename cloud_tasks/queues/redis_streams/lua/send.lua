-- Add tasks to the stream. ARGV: their bodies.
for _, body in ipairs(ARGV) do redis.call('XADD', KEYS[1], '*', 'b', body) end
return #ARGV
