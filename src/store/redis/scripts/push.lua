-- KEYS[1]: a list. ARGV: item, most items, life in ms (0: for ever). Gives the item's position. An item says itself until when
-- it lives (u), the key lives as long as the last of them.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kind, left = redis.call('TYPE', KEYS[1]).ok, redis.call('PTTL', KEYS[1])
if kind ~= 'stream' then
  -- A script that has written once is let go on in full memory: nothing is deleted that is not there.
  if kind ~= 'none' then redis.call('DEL', KEYS[1]) end
  left = 0
end
local place
if ARGV[3] == '0' then
  place = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 'i', ARGV[1])
  redis.call('PERSIST', KEYS[1])
else
  local life = tonumber(ARGV[3])
  place = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 'i', ARGV[1], 'u', string.format('%.0f', now + life))
  if now > life then redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', now - life)) end
  if left >= 0 then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(left, life))) end
end
return place
