-- Puts marks in the place of those that the caller knew, where they are still these; answers what is there else.
-- KEYS: the marks, the replicas. ARGV: marks known, marks to put ('' for none), their life in ms, who asks,
-- for how many seconds a replica counts that was not heard of.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZADD', KEYS[2], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[5])
local replicas = redis.call('ZCARD', KEYS[2])
local marks = redis.call('GET', KEYS[1]) or ''
local is_put = marks == ARGV[1]
if is_put and ARGV[2] ~= marks then
    if ARGV[2] == '' then
        redis.call('DEL', KEYS[1])
    else
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    end
end
return {is_put and 1 or 0, marks, time[1], time[2], replicas}
