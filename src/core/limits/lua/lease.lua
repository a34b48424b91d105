local now, window, limit, wants = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local start = tonumber(redis.call('GET', KEYS[1]))
-- A window opens as in LiteLLM's own script: both counters go, and all of them live as long as the window.
if not start or now - start >= window then
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('SET', KEYS[1], string.format('%.0f', now), 'EX', window)
  start = now
end
local spent = tonumber(redis.call('GET', KEYS[2]) or 0)
local remains = limit - spent
if remains <= 0 then return { 0, start, spent } end
local granted = math.min(math.max(1, math.floor(remains / 8)), math.max(1, wants), remains)
spent = redis.call('INCRBY', KEYS[2], granted)
if redis.call('TTL', KEYS[2]) == -1 then redis.call('EXPIRE', KEYS[2], window) end
return { granted, start, spent }
