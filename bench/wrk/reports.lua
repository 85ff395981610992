-- Brings a photo and then the report that names it, again and again, on one connection kept alive. One wrk
-- thread is one phone.
--
-- arguments: folder of the threads' files, path of photos before the hash, path of reports, "bare" where the
-- photo is all that is sent. A file: the access token, the head of a body ({"log": ...), then by turns
-- "<hash> <last bytes in hexadecimal>" and the list of entries.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  photo_path, report_path = args[2], args[3]
  local file = io.open(args[1] .. "/photo", "rb")
  photo = file:read("*a")
  file:close()
  lines = {}
  for line in io.lines(args[1] .. "/" .. number) do lines[#lines + 1] = line end
  token = "Bearer " .. lines[1]
  sent, good, bad, exhausted, photo_is_there = 0, 0, "", false, false
  tried = number > 0 -- wrk asks the first thread once before it starts and throws that request away
end

function request()
  if not tried then
    tried = true
    return wrk.format("GET", "/healthz")
  end
  if photo_is_there then
    photo_is_there = false
    sent = sent + 1
    local sent_at = os.date("!%Y-%m-%dT%H:%M:%S.000Z")
    local body = lines[2] .. ',"sent_at":"' .. sent_at .. '","entries":' .. lines[2 * sent + 2] .. "}"
    return wrk.format("POST", report_path, { ["Content-Type"] = "application/json", ["Authorization"] = token }, body)
  end
  local line = lines[2 * sent + 3]
  if not line then
    exhausted = true
    return wrk.format("GET", "/healthz")
  end
  photo_is_there = true
  local hash, last = line:match("(%x+) (%x+)")
  local body = photo .. last:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)
  return wrk.format("PUT", photo_path .. hash, { ["Content-Type"] = "image/jpeg", ["Authorization"] = token }, body)
end

function delay()
  return exhausted and 60000 or 0
end

function response(status, _, body)
  if exhausted then return end
  local is_report = body:find('"results"', 1, true) ~= nil
  if status == 200 and is_report and body:find('"applied"', 1, true) then
    good = good + 1
  elseif bad == "" and not (status == 200 and body:find('"stored"', 1, true)) then
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
    latency:percentile(50), latency:percentile(95), latency:percentile(99), empty,
    table.concat(per_thread, ",")))
  print("COMPLAINT " .. string.gsub(complaint, "%s+", " "))
end
