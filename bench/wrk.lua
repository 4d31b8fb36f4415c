-- One measure under wrk: every answer's status and a piece of its body are checked; the end is one line of JSON.
-- arguments: method, status, marker, name=value headers …; of a POST also @FILE with "address seq token" lines.

local method, status, marker, targets, headers = "GET", 200, "", {}, {}
local threads, wrong_total = {}, 0

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  method, status, marker = args[1], tonumber(args[2]), args[3]
  for index = 4, #args do
    if args[index]:sub(1, 1) == "@" then
      local line_number = 0
      for line in io.lines(args[index]:sub(2)) do
        line_number = line_number + 1
        -- Each thread has conversations of its own, so that it knows the last line of each.
        if line_number % 2 == number % 2 then
          local address, seq = line:match("^(%S+) (%d+)$")
          table.insert(targets, { address = address, seq = tonumber(seq) })
        end
      end
    else
      local name, value = args[index]:match("^([^=]+)=(.*)$")
      headers[name] = value
    end
  end
  wrong, sent, example, salt = 0, 0, "", tostring(os.time()) .. "-" .. tostring(math.random(1e9)) .. "-" .. number
  token = headers["X-CSRFToken"]
end

function request()
  if method == "GET" then
    return wrk.format("GET", nil, headers)
  end
  sent = sent + 1
  local target = targets[sent % #targets + 1]
  headers["Content-Type"] = "application/x-www-form-urlencoded"
  local body = "csrf_token=" .. token .. "&idempotency_key=" .. salt .. "-" .. sent .. "&after=" .. target.seq
    .. "&content=Measured+message+" .. salt .. "-" .. sent .. ",+as+long+as+people+write+in+a+chat:+a+line+or+two."
  -- wrk calls this once before the first thread begins, to look at what comes, and sends nothing.
  if sent > 1 or number > 0 then
    target.seq = target.seq + 1
  end
  return wrk.format("POST", target.address, headers, body)
end

function response(code, _headers, body)
  if code ~= status or (marker ~= "" and not body:find(marker, 1, true)) then
    wrong = wrong + 1
    example = tostring(code) .. " " .. body:sub(1, 300)
  end
end

function done(summary, latency, _requests)
  local wrong_answers, first = 0, ""
  for _, thread in ipairs(threads) do
    wrong_answers = wrong_answers + thread:get("wrong")
    if first == "" then
      first = thread:get("example")
    end
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "failed": %d, "wrong": %d, "example": %q}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.timeout, wrong_answers, first:gsub("[%c\"\\]", " ")))
end
