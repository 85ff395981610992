-- Reads one address again and again. arguments: path, access token

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  good, bad = 0, 0
  wrk.path = args[1]
  wrk.headers["Authorization"] = "Bearer " .. args[2]
end

function response(status)
  if status == 200 then good = good + 1 else bad = bad + 1 end
end

function done(summary, latency)
  local answered, failed = 0, 0
  for _, thread in ipairs(threads) do
    answered = answered + thread:get("good")
    failed = failed + thread:get("bad")
  end
  print(string.format("RESULT %d %.6f %d %d %d %d -", answered, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), failed))
end
