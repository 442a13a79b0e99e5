-- KEYS[1]: a list. ARGV: ms, seq, life in ms (0: for ever), item, and so on. Puts items at their positions; one that is there stays.
-- A stream only grows at its end: items that belong before it cost building it anew.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local key, left = KEYS[1], redis.call('PTTL', KEYS[1])
local kind = redis.call('TYPE', key).ok
if kind ~= 'stream' then
  if kind ~= 'none' then redis.call('DEL', key) end
  left = 0
end
local new, ever, longest = {}, left == -1, math.max(left, 0)
local function place(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return {tonumber(ms), tonumber(seq), id}
end
for n = 1, #ARGV, 4 do
  local id = ARGV[n] .. '-' .. ARGV[n + 1]
  local row = place(id)
  local life = tonumber(ARGV[n + 2])
  row[4] = {'i', ARGV[n + 3]}
  if life == 0 then ever = true else
    longest = math.max(longest, life)
    row[4] = {'i', ARGV[n + 3], 'u', string.format('%.0f', now + life)}
  end
  if id ~= '0-0' and #redis.call('XRANGE', key, id, id) == 0 then new[#new + 1] = row end
end
local function before(a, b)
  if a[1] ~= b[1] then return a[1] < b[1] end
  return a[2] < b[2]
end
table.sort(new, before)
local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
if last and new[1] and before(new[1], place(last[1])) then
  for _, old in ipairs(redis.call('XRANGE', key, '-', '+')) do
    local row = place(old[1])
    row[4] = old[2]
    new[#new + 1] = row
  end
  table.sort(new, before)
  redis.call('DEL', key)
end
local seen
for _, row in ipairs(new) do
  if row[3] ~= seen then redis.call('XADD', key, row[3], unpack(row[4])) end
  seen = row[3]
end
if ever then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, string.format('%.0f', math.max(longest, 1))) end
return #new
