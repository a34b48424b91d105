local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local all, states, answers = true, {}, {}
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 5 + 1
  local kind, limit, window = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local burst, cost = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local fits, remaining, retry, reset, mark = true, 0, 0, 0, 0
  if kind == 'sliding' then
    states[i] = sliding_load(key, window, now)
    fits, remaining, retry, reset = sliding_weigh(states[i], limit, window, cost, now)
  elseif kind == 'bucket' then
    states[i] = bucket_load(key, window, now)
    fits, remaining, retry, reset = bucket_weigh(states[i], limit, window, burst, cost, now)
  else
    -- As LiteLLM's own script counts: slots older than their life are nobody's, by the server's whole seconds.
    redis.call('ZREMRANGEBYSCORE', key, '-inf', math.floor(now / 1000) - window / 1000)
    mark = redis.call('ZCARD', key)
    fits, remaining = mark + 1 <= limit, math.max(0, limit - mark)
  end
  all = all and fits
  answers[i] = { fits and 1 or 0, remaining, retry, reset, mark }
end
if all then
  for i, key in ipairs(KEYS) do
    local at = (i - 1) * 5 + 1
    local kind, limit, window = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local burst, cost = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    local mark, remaining, reset, _ = 0, 0, 0, nil
    if kind == 'sliding' then
      mark = sliding_charge(key, states[i], window, cost, now)
      _, remaining, _, reset = sliding_weigh(states[i], limit, window, 0, now)
    elseif kind == 'bucket' then
      mark = bucket_charge(key, states[i], limit, window, cost, now)
      _, remaining, _, reset = bucket_weigh(states[i], limit, window, burst, 0, now)
    else
      redis.call('ZADD', key, math.floor(now / 1000), ARGV[at + 4])
      redis.call('EXPIRE', key, window / 1000)
      mark = redis.call('ZCARD', key)
      remaining = math.max(0, limit - mark)
    end
    answers[i] = { 1, remaining, 0, reset, mark }
  end
end
local answer = { all and 1 or 0, now }
for _, values in ipairs(answers) do
  for _, value in ipairs(values) do answer[#answer + 1] = value end
end
return answer
