-- Uploads photos that differ in their last bytes. One wrk thread has one connection and is one phone.
--
-- arguments: folder of the threads' files, path before the hash, file of the photo that all begin with.
-- A file: the access token, then "<hash> <last bytes in hexadecimal>" a line.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  path = args[2]
  local file = io.open(args[3], "rb")
  photo = file:read("*a")
  file:close()
  lines = {}
  for line in io.lines(args[1] .. "/" .. number) do lines[#lines + 1] = line end
  headers = { ["Content-Type"] = "image/jpeg", ["Authorization"] = "Bearer " .. lines[1] }
  sent, good, bad, exhausted = 0, 0, "", false
  tried = number > 0 -- wrk asks the first thread once before it starts and throws that request away
end

function request()
  if not tried then
    tried = true
    return wrk.format("GET", "/healthz")
  end
  local line = lines[sent + 2]
  if not line then
    exhausted = true
    return wrk.format("GET", "/healthz")
  end
  sent = sent + 1
  local hash, last = line:match("(%x+) (%x+)")
  local body = photo .. last:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)
  return wrk.format("PUT", path .. hash, headers, body)
end

function delay()
  return exhausted and 60000 or 0
end

function response(status, _, body)
  if exhausted then return end
  if status == 200 and body:find('"stored"', 1, true) then
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
