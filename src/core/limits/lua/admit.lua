-- One request's admission: LiteLLM's three scripts (window, gauge, tokens) on the same keys, with the same effects in
-- the same order, until one of them refuses. The windows of requests go by the client's clock and those of tokens by
-- the server's, as in LiteLLM.
--
-- KEYS: pairs (window, counter); gauges; pairs (window, counter) of tokens, those of one descriptor side by side.
-- ARGV: number of pairs, gauges and tokens; now and length of the windows in seconds; time to live of a slot, slot;
--       1 if a refusal takes back what was charged, 2 to refuse in any case and take back; a limit for each pair; a
--       limit for each gauge; (descriptor, limit, increment, time to live, window length) for each token counter.
-- Answers with a list for each step that was gone: the pairs' {window start, counter, ...}; if no counter is over its
-- limit, the gauges' {0, in flight, ...} or {1, gauge, in flight}; if there was room, the tokens' {0, counter, window
-- start, ...} or {1, token counter, its count}. A step that has none of its kind answers {}. One that fails, as on a key
-- of another type, answers its error and is the last; what it did by then stays done, as if it were a script by itself.
local pairs_n, gauges_n, tokens_n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now, window_size = tonumber(ARGV[4]), tonumber(ARGV[5])
local slot_ttl, slot, take_back = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])
local server_now = tonumber(redis.call('TIME')[1])
local answer = {}

local function begin(window_key, start)
    local prefix = string.sub(window_key, 1, -(#':window') - 1)
    redis.call('DEL', prefix .. ':requests', prefix .. ':tokens')
    redis.call('SET', window_key, tostring(start))
end

local function count_windows()
    local counted, over = {}, take_back == 2
    for i = 1, pairs_n do
        local window_key, counter_key = KEYS[i * 2 - 1], KEYS[i * 2]
        local start = redis.call('GET', window_key)
        local counter = 1
        if not start or (now - tonumber(start)) >= window_size then
            begin(window_key, now)
            redis.call('SET', counter_key, 1)
            redis.call('EXPIRE', window_key, window_size)
            redis.call('EXPIRE', counter_key, window_size)
            start = tostring(now)
        else
            counter = redis.call('INCR', counter_key)
            if redis.call('TTL', counter_key) == -1 then
                redis.call('EXPIRE', counter_key, window_size)
            end
        end
        counted[#counted + 1] = start
        counted[#counted + 1] = counter
        over = over or counter > tonumber(ARGV[8 + i])
    end
    return counted, over
end

local function take_slots()
    local first = pairs_n * 2
    for i = 1, gauges_n do
        local key = KEYS[first + i]
        redis.call('ZREMRANGEBYSCORE', key, '-inf', server_now - slot_ttl)
        local in_flight = redis.call('ZCARD', key)
        if in_flight + 1 > tonumber(ARGV[8 + pairs_n + i]) then
            return { 1, i, in_flight }, true
        end
    end
    local in_flight = { 0 }
    for i = 1, gauges_n do
        local key = KEYS[first + i]
        redis.call('ZADD', key, server_now, slot)
        redis.call('EXPIRE', key, slot_ttl)
        in_flight[#in_flight + 1] = redis.call('ZCARD', key)
    end
    return in_flight, false
end

-- Descriptor by descriptor, each all or nothing; what earlier ones were charged is given back where one refuses.
local function reserve_tokens()
    local first, base = pairs_n * 2 + gauges_n, 8 + pairs_n + gauges_n
    local charged, counts, from = {}, { 0 }, 1
    while from <= tokens_n do
        local to = from
        while to < tokens_n and ARGV[base + to * 5 + 1] == ARGV[base + (from - 1) * 5 + 1] do
            to = to + 1
        end
        local states = {}
        for i = from, to do
            local argument = base + (i - 1) * 5
            local limit, increment = tonumber(ARGV[argument + 2]), tonumber(ARGV[argument + 3])
            local start = redis.call('GET', KEYS[first + i * 2 - 1])
            local expired = not start or (server_now - tonumber(start)) >= tonumber(ARGV[argument + 5])
            local current = 0
            if not expired then
                current = tonumber(redis.call('GET', KEYS[first + i * 2]) or 0)
            end
            local blocked = current >= limit
            if increment > 0 then
                blocked = current + increment > limit
            end
            if blocked then
                for _, one in ipairs(charged) do
                    local active = redis.call('GET', one[1])
                    if active and active == one[3] then
                        redis.call('INCRBY', one[2], -one[4])
                    end
                end
                return { 1, i, current }, true
            end
            states[i] = { expired, start }
        end
        local begun = {}
        for i = from, to do
            local argument = base + (i - 1) * 5
            local increment, ttl = tonumber(ARGV[argument + 3]), tonumber(ARGV[argument + 4])
            local window_key, counter_key = KEYS[first + i * 2 - 1], KEYS[first + i * 2]
            local start, counter = server_now, increment
            if states[i][1] then
                if not begun[window_key] then
                    begin(window_key, server_now)
                    begun[window_key] = true
                end
                redis.call('SET', window_key, tostring(server_now))
                redis.call('SET', counter_key, increment)
                redis.call('EXPIRE', window_key, tonumber(ARGV[argument + 5]))
                if ttl > 0 then
                    redis.call('EXPIRE', counter_key, ttl)
                end
            else
                start = tonumber(states[i][2])
                counter = redis.call('INCRBY', counter_key, increment)
                if redis.call('TTL', counter_key) == -1 and ttl > 0 then
                    redis.call('EXPIRE', counter_key, ttl)
                end
            end
            counts[#counts + 1] = counter
            counts[#counts + 1] = start
            charged[#charged + 1] = { window_key, counter_key, string.format('%.0f', start), increment }
        end
        from = to + 1
    end
    return counts, false
end

for _, step in ipairs({ { pairs_n, count_windows }, { gauges_n, take_slots }, { tokens_n, reserve_tokens } }) do
    local refused = false
    if step[1] > 0 then
        local went, result, is_refused = pcall(step[2])
        if not went then
            answer[#answer + 1] = { err = type(result) == 'table' and result.err or tostring(result) }
            return answer
        end
        answer[#answer + 1] = result
        refused = is_refused
    else
        answer[#answer + 1] = {}
    end
    if refused then
        if take_back > 0 then
            for i = 1, pairs_n do
                redis.call('INCRBY', KEYS[i * 2], -1)
            end
            for i = 1, gauges_n do
                redis.call('ZREM', KEYS[pairs_n * 2 + i], slot)
            end
        end
        return answer
    end
end
return answer
