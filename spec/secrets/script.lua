--- A program that does with a key whatever this library can do, in one process: asks, fails,
--- logs, records, saves, uploads, downloads, remembers, and starts an MCP server.
---
---     lua script.lua FOLDER ECHO-URL
---
--- The key comes from the environment, so that a process it starts could inherit it.
local claude = require("claude")

local folder, echo = arg[1], arg[2]

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 8000,
  messages = { { role = "user", content = "What is 6 * 7?" } },
}

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
  file:close()
end

local function exists(name)
  local file = io.open(folder .. "/" .. name)
  if file then file:close() end
  return file ~= nil
end

local client = claude.new()

local function ask()
  print(assert(client.messages:create(PARAMS)):text())
  print(client, client.messages, client.models, client.files)
end

-- A server that says everything it heard, in every way in which it can.
local function fail()
  for _, path in ipairs({ "400", "401", "500", "302", "200", "event" }) do
    local other =
      claude.new({ base_url = echo .. "/" .. path, max_retries = 1, max_retry_wait = 0 })
    for _, call in ipairs({ "create", "count_tokens" }) do
      local _, text, err = other.messages[call](other.messages, PARAMS)
      print(text, err, err and err.body, err and err.details)
    end
    print(pcall(function() return assert(other.messages:create(PARAMS)) end))
  end
end

local function record()
  local stream, lines = client.messages:stream(PARAMS), {}
  local event = stream:next_event()
  while event do
    lines[#lines + 1] = "event: " .. event.type .. "\ndata: " .. claude.core_encode(event) .. "\n\n"
    event = stream:next_event()
  end
  write("recorded.sse", table.concat(lines))
end

local function converse()
  local reader = claude.tool({
    name = "read_file",
    input_schema = { type = "object", properties = { path = { type = "string" } } },
    run = function() error("no file, and " .. os.getenv("ANTHROPIC_API_KEY")) end,
  })
  local chat = client:conversation({
    model = "claude-opus-4-8",
    max_tokens = 8000,
    tools = { reader, claude.memory_tool({ directory = folder .. "/memory" }) },
    journal = folder .. "/chat.journal",
  })
  chat:user('Read the file "a.txt"')
  print(assert(chat:run({ max_requests = 4 }):final_message()):text())
  assert(chat:save(folder .. "/saved.claude"))
  print(chat, #assert(chat:dump()))
end

local function move_files()
  write("a.txt", "some text")
  local file = assert(client.files:upload(folder .. "/a.txt"))
  print(client.files:download(file.id, folder .. "/b.txt"))
  print(claude.doctor({ reach = true }))
end

-- Until somebody has looked at the process that was started.
local function start_server()
  local server = claude.mcp({ command = { "sh", "-c", "env; exec sleep 60" }, start_timeout = 30 })
  claude.loop(function()
    local task = claude.spawn(function() print(server:start()) end)
    for _ = 1, 600 do
      if exists("seen") then break end
      claude.sleep(0.05)
    end
    task:cancel()
    server:close()
  end)
end

claude.core_encode = require("claude.core").encode
ask()
fail()
record()
converse()
move_files()
start_server()
