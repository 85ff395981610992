-- Feeds wrk with prebuilt bodies. One wrk thread has one connection and plays one phone, so that each
-- phone sends its log in order, one request at a time, as docs/phone-log.md asks.
--
-- arguments: folder of the threads' files, path, text that a good answer holds, how often it holds it,
-- milliseconds between an answer and the next request.
-- A file: the access token, the head of a body ({"log": ...), then one list of entries a line.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  path, wanted, times, pause_ms = args[2], args[3], tonumber(args[4]), tonumber(args[5])
  lines = {}
  for line in io.lines(args[1] .. "/" .. number) do lines[#lines + 1] = line end
  headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. lines[1] }
  sent, good, bad, exhausted = 0, 0, "", false
  tried = number > 0 -- wrk asks the first thread once before it starts and throws that request away
end

function request()
  if not tried then
    tried = true
    return wrk.format("GET", "/healthz")
  end
  local entries = lines[sent + 3]
  if not entries then
    exhausted = true
    return wrk.format("GET", "/healthz")
  end
  sent = sent + 1
  local sent_at = os.date("!%Y-%m-%dT%H:%M:%S.000Z")
  local body = lines[2] .. ',"sent_at":"' .. sent_at .. '","entries":' .. entries .. "}"
  return wrk.format("POST", path, headers, body)
end

-- A client that a quick server process served more often than the others has sent all it had: it rests,
-- so the rate is a floor.
function delay()
  return exhausted and 60000 or pause_ms
end

function response(status, _, body)
  if exhausted then return end
  local _, found = string.gsub(body, wanted, "")
  if status == 200 and found == times then
    good = good + 1
  elseif bad == "" then
    bad = status .. " " .. string.sub(body, 1, 300)
  end
end

function done(summary, latency)
  local answered, per_thread, complaint, empty = 0, {}, "", 0
  for _, thread in ipairs(threads) do
    answered = answered + thread:get("good")
    per_thread[#per_thread + 1] = thread:get("sent")
    if thread:get("bad") ~= "" then complaint = thread:get("bad") end
    if thread:get("exhausted") then empty = empty + 1 end
  end
  print(string.format("RESULT %d %.6f %d %d %d %d %s", answered, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), empty, table.concat(per_thread, ",")))
  print("COMPLAINT " .. string.gsub(complaint, "%s+", " "))
end
