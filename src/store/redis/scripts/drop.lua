-- KEYS[1]: anything. Removes it and gives how many entries it was.
local kind, entries = redis.call('TYPE', KEYS[1]).ok, 1
if kind == 'stream' then entries = redis.call('XLEN', KEYS[1]) end
return redis.call('UNLINK', KEYS[1]) * entries
