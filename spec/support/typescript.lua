--- Drives the TypeScript SDK: code in, what it returns or throws out. Node runs
--- beside this process, whose loop serves a simulator meanwhile.
local child = require("spec.support.child")
local core = require("claude.core")
local raw = require("spec.support.raw_http")
local uv = require("luv")

local M = {}

local PACKAGE = "build/npm/node_modules/@anthropic-ai/sdk/package.json"

--- Why the SDK cannot be driven here; nil when it can.
---@return string|nil
function M.missing()
  for _, program in ipairs({ "node", "npm" }) do
    if child.run("command -v " .. program).status ~= 0 then
      return program .. " is not installed"
    end
  end
  local file = io.open(PACKAGE)
  if not file then return "npm did not install the SDK: run .ci/npm" end
  file:close()
end

local Node = {}
Node.__index = Node

--- Starts Node; a spec file has one for all its situations.
function M.start()
  local node = setmetatable({ out = "", said = "" }, Node)
  node.stdin, node.stdout, node.stderr = uv.new_pipe(), uv.new_pipe(), uv.new_pipe()
  node.process = assert(uv.spawn("node", {
    args = { "spec/clients/typescript.mjs" },
    stdio = { node.stdin, node.stdout, node.stderr },
  }, function() node.ended = true end))
  node.stdout:read_start(function(_, bytes) node.out = node.out .. (bytes or "") end)
  node.stderr:read_start(function(_, bytes) node.said = node.said .. (bytes or "") end)
  return node
end

--- Runs JavaScript in which `client` is one of the SDK's for the simulator.
---@param sim claude.simulator.Simulator
---@param code string the body of an async function of client, Anthropic, helper(name), given and
--- connect(options)
---@param given? any what the code sees as `given`
---@return any value what the code returned
---@return table|nil error what it threw: name, message, status, type, code
function Node:run(sim, code, given)
  local line =
    assert(core.encode({ code = code, url = sim.url, given = given }, { request = true }))
  self.stdin:write(line .. "\n")
  raw.wait(function() return self.ended or self.out:find("\n", 1, true) ~= nil end)
  local first, rest = self.out:match("^([^\n]*)\n(.*)$")
  assert(first, "node ended: " .. self.said)
  self.out = rest
  local answer = assert(core.decode(first))
  return answer.value, answer.error
end

--- Lets Node end: its input is over.
function Node:stop()
  self.stdin:close()
  raw.wait(function() return self.ended end)
  for _, handle in ipairs({ self.stdout, self.stderr, self.process }) do
    handle:close()
  end
  uv.run("nowait")
end

return M
