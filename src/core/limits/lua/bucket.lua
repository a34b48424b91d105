-- A hash: `w` is the window's length, `d` the debt in tokens times milliseconds of the window, `t` when it was so,
-- `r` what is worked off in a millisecond.
local function bucket_load(key, window, now)
  local raw = redis.call('HMGET', key, 'w', 'd', 't', 'r')
  local debt, at, rate = 0, now, 0
  if raw[1] and tonumber(raw[1]) == window and tonumber(raw[3]) <= now + window then
    at = math.max(now, tonumber(raw[3]))
    rate = tonumber(raw[4])
    debt = math.max(0, tonumber(raw[2]) - (at - tonumber(raw[3])) * rate)
    if rate == 0 and at - tonumber(raw[3]) >= window then debt = 0 end
  end
  return { debt = debt, at = at, rate = rate }
end

local function bucket_worked_off_in(rate, window, debt)
  if debt == 0 then return 0 end
  if rate == 0 then return window end
  return math.ceil(debt / rate)
end

-- fits, remaining, retry after, reset after
local function bucket_weigh(state, limit, window, burst, cost, now)
  local wanted = math.max(1, cost)
  local room = math.min(math.max(1, burst), limit)
  local excess = math.max(0, state.debt + wanted * window - math.max(room, wanted) * window)
  local late = state.at - now
  local retry, reset = 0, 0
  if wanted > limit then
    retry = window
  elseif excess > 0 then
    retry = late + bucket_worked_off_in(state.rate, window, excess)
  end
  if state.debt > 0 then reset = late + bucket_worked_off_in(state.rate, window, state.debt) end
  local remaining = window > 0 and math.floor(math.max(0, room * window - state.debt) / window) or 0
  return wanted <= limit and excess == 0, remaining, retry, reset
end

local function bucket_put(key, state, limit, window, debt, now)
  state.debt, state.rate = debt, limit
  redis.call('HSET', key, 'w', string.format('%.0f', window), 'd', string.format('%.0f', debt),
    't', string.format('%.0f', state.at), 'r', string.format('%.0f', limit))
  local free = state.at - now + bucket_worked_off_in(limit, window, debt)
  redis.call('PEXPIRE', key, string.format('%.0f', free + 1000))
end

-- the mark
local function bucket_charge(key, state, limit, window, cost, now)
  bucket_put(key, state, limit, window, state.debt + cost * window, now)
  return state.at
end

local function bucket_settle(key, state, limit, window, mark, delta, now)
  if mark + window <= state.at or mark > state.at then return 0 end
  local debt = math.max(0, state.debt + delta * window)
  if debt == state.debt then return 0 end
  bucket_put(key, state, limit, window, debt, now)
  return 1
end
