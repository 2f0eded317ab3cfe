-- Put dead letters back into the stream. ARGV: their ids. Answer: how many there were.
local moved = 0
for _, id in ipairs(ARGV) do
  local entry = redis.call('XRANGE', KEYS[7], id, id)[1]
  if entry then
    for place = 1, #entry[2], 2 do
      if entry[2][place] == 'b' then redis.call('XADD', KEYS[1], '*', 'b', entry[2][place + 1]) end
    end
    redis.call('XDEL', KEYS[7], id)
    moved = moved + 1
  end
end
return moved
