-- KEYS[1]: anything. Gives how many entries it is, and how many bytes about.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' then return {1, redis.call('STRLEN', KEYS[1])} end
if kind == 'hash' then return {1, 32} end
if kind == 'stream' then
  local items = redis.call('XLEN', KEYS[1])
  local some, bytes = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 20), 0
  for _, item in ipairs(some) do bytes = bytes + #item[2][2] + 16 end
  return {items, math.floor(#some > 0 and bytes / #some * items or 0)}
end
return {0, 0}
