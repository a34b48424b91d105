-- A hash: `w` is the window's length, each other field a sub-bucket's number and what was spent in it.
local function sliding_load(key, window, now)
  local width = math.max(1, math.ceil(window / 60))
  local kept = math.max(1, math.floor(window / width))
  local index = math.floor(now / width)
  local raw = redis.call('HGETALL', key)
  local subs, numbers, newest, length = {}, {}, 0, nil
  for i = 1, #raw, 2 do
    if raw[i] == 'w' then
      length = tonumber(raw[i + 1])
    else
      local number = tonumber(raw[i])
      subs[number] = tonumber(raw[i + 1])
      numbers[#numbers + 1] = number
      newest = math.max(newest, number)
    end
  end
  local fresh = length ~= window or newest > index + kept
  if fresh then
    subs, numbers = {}, {}
  else
    index = math.max(index, newest)
    table.sort(numbers)
  end
  return {
    fresh = fresh, subs = subs, numbers = numbers, index = index, width = width, kept = kept,
    first = math.max(0, index + 1 - kept),
  }
end

local function sliding_leaves_in(state, number, now)
  return math.max(0, (number + state.kept) * state.width - now)
end

-- fits, remaining, retry after, reset after
local function sliding_weigh(state, limit, window, cost, now)
  local spent, reset = 0, 0
  for _, number in ipairs(state.numbers) do
    if number >= state.first then
      spent = spent + state.subs[number]
      reset = sliding_leaves_in(state, number, now)
    end
  end
  local wanted = math.max(1, cost)
  local excess = math.max(0, spent + wanted - limit)
  local fits = excess == 0
  local retry = fits and 0 or window
  if not fits and wanted <= limit then
    for _, number in ipairs(state.numbers) do
      if number >= state.first then
        excess = excess - state.subs[number]
        if excess <= 0 then
          retry = sliding_leaves_in(state, number, now)
          break
        end
      end
    end
  end
  return fits, math.max(0, limit - spent), retry, reset
end

local function sliding_put(key, state, window, number, spent, now)
  if state.fresh then redis.call('DEL', key) end
  local newest = 0
  local kept = {}
  for _, old in ipairs(state.numbers) do
    if old < state.first then
      redis.call('HDEL', key, string.format('%.0f', old))
    else
      kept[#kept + 1] = old
      newest = old
    end
  end
  state.fresh = false
  if number == nil then return end
  local field = string.format('%.0f', number)
  if state.subs[number] == nil then
    kept[#kept + 1] = number
    table.sort(kept)
    newest = kept[#kept]
  end
  state.numbers = kept
  state.subs[number] = spent
  if spent > 0 then
    redis.call('HSET', key, 'w', string.format('%.0f', window), field, string.format('%.0f', spent))
    redis.call('PEXPIRE', key, string.format('%.0f', sliding_leaves_in(state, newest, now) + 1000))
  else
    redis.call('HDEL', key, field)
    for place, old in ipairs(kept) do
      if old == number then table.remove(kept, place) break end
    end
  end
end

-- the mark
local function sliding_charge(key, state, window, cost, now)
  if cost > 0 then
    sliding_put(key, state, window, state.index, (state.subs[state.index] or 0) + cost, now)
  else
    sliding_put(key, state, window, nil, 0, now)
  end
  return state.index
end

local function sliding_settle(key, state, window, mark, delta, now)
  if mark + state.kept <= state.index or mark > state.index then return 0 end
  local before = state.subs[mark]
  if before == nil and delta <= 0 then return 0 end
  sliding_put(key, state, window, mark, math.max(0, (before or 0) + delta), now)
  return 1
end
