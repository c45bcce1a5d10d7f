--- The program that the situations are tried in: what it is told by its environment.
---
---     FAULTS_PORTS      "door=port …"
---     FAULTS_CA         the file of the CA, where a client can be told
---     FAULTS_SHIM       spec/faults/shim.c, built and preloaded, where there is one
---     FAULTS_QUICK      "1": the short form
---     FAULTS_ONLY       a Lua pattern: only situations whose name it finds
local M = {}

local function value(name)
  local text = os.getenv(name)
  return text ~= "" and text or nil
end

local function ports_of(text)
  local ports = {}
  for door, port in text:gmatch("(%w+)=(%d+)") do
    ports[door] = tonumber(port)
  end
  return ports
end

---@param transport "libcurl"|"nginx"
---@return spec.FaultHost
function M.new(transport)
  local shim = value("FAULTS_SHIM")
  if shim then assert(package.loadlib(shim, "faults_count"))() end
  return {
    transport = transport,
    ports = ports_of(value("FAULTS_PORTS")),
    ca_file = value("FAULTS_CA"),
    live = shim and assert(package.loadlib(shim, "faults_live")),
    only = value("FAULTS_ONLY"),
    quick = value("FAULTS_QUICK") == "1",
  }
end

--- Writes to standard output at once.
---@param text string
function M.write(text)
  io.stdout:write(text)
  io.stdout:flush()
end

return M
