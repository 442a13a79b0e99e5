-- KEYS[1]: a bucket. ARGV: level, rate, burst, life in ms (0: for ever). Puts it back as it was, leaking from now on.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'level', ARGV[1], 'at', string.format('%.0f', now), 'rate', ARGV[2], 'burst', ARGV[3])
if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
