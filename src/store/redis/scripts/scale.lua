-- KEYS[1]: a bucket. ARGV: multipliers of rate and burst, the bounds of both factors, life in ms (0: for ever).
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kind = redis.call('TYPE', KEYS[1]).ok
-- A script that has written once is let go on in full memory: nothing is deleted that is not there.
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local function bound(factor, most)
  most = math.max(1, tonumber(most))
  return string.format('%.17g', math.min(most, math.max(1 / most, factor)))
end
local pail = redis.call('HMGET', KEYS[1], 'level', 'at', 'rate', 'burst')
redis.call('HSET', KEYS[1], 'level', pail[1] or '0', 'at', pail[2] or string.format('%.0f', now),
  'rate', bound(tonumber(pail[3] or '1') * tonumber(ARGV[1]), ARGV[3]),
  'burst', bound(tonumber(pail[4] or '1') * tonumber(ARGV[2]), ARGV[4]))
if ARGV[5] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return 1
