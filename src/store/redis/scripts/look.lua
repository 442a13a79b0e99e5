-- KEYS[1]: anything. ARGV: for a list, where to begin and how many items at most. Gives what it is, what remains of its life in
-- ms, and what is in it.
local kind, left = redis.call('TYPE', KEYS[1]).ok, redis.call('PTTL', KEYS[1])
if kind == 'string' then return {kind, left, redis.call('GET', KEYS[1])} end
if kind == 'hash' then return {kind, left, redis.call('HMGET', KEYS[1], 'level', 'rate', 'burst')} end
if kind == 'stream' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  return {kind, string.format('%.0f', now), redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])}
end
return {kind, left}
