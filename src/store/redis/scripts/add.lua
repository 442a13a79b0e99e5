-- KEYS[1]: a counter. ARGV: amount, life in ms (0: for ever). Gives the new value as text, which is exact beyond 2^53.
-- What is no number counts as 0, and a sum that is too large stays at the bound.
local done = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(done) == 'table' and done.err then
  local value = ARGV[1]
  if string.find(done.err, 'overflow', 1, true) then
    value = string.sub(ARGV[1], 1, 1) == '-' and '-9223372036854775808' or '9223372036854775807'
  elseif not (string.find(done.err, 'WRONGTYPE', 1, true) or string.find(done.err, 'not an integer', 1, true)) then
    return done
  end
  redis.call('SET', KEYS[1], value)
end
if ARGV[2] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
