local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local answer = {}
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 5 + 1
  local kind, limit, window = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local mark, delta = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  if kind == 'gauge' then
    answer[i] = redis.call('ZREM', key, ARGV[at + 4])
  elseif ARGV[at + 4] == '' and delta < 0 then
    answer[i] = 0
  elseif kind == 'sliding' then
    local state = sliding_load(key, window, now)
    if ARGV[at + 4] == '' then
      sliding_charge(key, state, window, delta, now)
      answer[i] = 1
    else
      answer[i] = sliding_settle(key, state, window, mark, delta, now)
    end
  else
    local state = bucket_load(key, window, now)
    if ARGV[at + 4] == '' then
      bucket_charge(key, state, limit, window, delta, now)
      answer[i] = 1
    else
      answer[i] = bucket_settle(key, state, limit, window, mark, delta, now)
    end
  end
end
return answer
