-- KEYS[1]: a bucket. ARGV: amount, capacity, leak in a second, life in ms (0: for ever). By the server's clock; all numbers come
-- and go as text with 17 digits, which keeps every double as it is.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kind = redis.call('TYPE', KEYS[1]).ok
-- A script that has written once is let go on in full memory: nothing is deleted that is not there.
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local pail = redis.call('HMGET', KEYS[1], 'level', 'at', 'rate', 'burst')
local level, at = tonumber(pail[1] or '0'), tonumber(pail[2] or now)
local rate, burst = tonumber(pail[3] or '1'), tonumber(pail[4] or '1')
local amount, capacity, leak = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
level = math.max(0, level - math.max(0, now - at) / 1000 * leak * rate)
local passed = 0
if amount <= 0 or level + amount <= capacity * burst then
  level = math.max(0, level + amount)
  passed = 1
end
local text = string.format('%.17g', level)
redis.call('HSET', KEYS[1], 'level', text, 'at', string.format('%.0f', math.max(now, at)))
if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return {passed, text, string.format('%.17g', rate), string.format('%.17g', burst)}
