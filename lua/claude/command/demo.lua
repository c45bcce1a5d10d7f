--- `lua-claude demo`, what `make run` runs: an agent with three tools answers
--- a question that needs several of them, thinking in between.
local complaint = require "claude.command.complaint"
local exits = require "claude.command.exits"
local options_module = require "claude.command.options"

local M = {}

local QUESTION = "What time is it, and how many minutes have passed since midnight? "
  .. "How many lines does README.md have? "
  .. "And what becomes of $10,000 at 5% compound interest after 10 years?"

--- Declares the options.
---@param command table of argparse
function M.declare(command)
  command:summary "Watch an agent with tools answer a question."
  command:description(
    "An agent with a calculator, a clock and the files of the current folder answers a question,\n"
      .. "with ANTHROPIC_API_KEY by the real API, without it by the built-in simulator."
  )
  command:argument("question", "Another question."):args "?"
  options_module.declare(command)
end

local function has_credentials()
  for _, name in ipairs { "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN" } do
    if (os.getenv(name) or "") ~= "" then return true end
  end
  return false
end

-- The API, or a simulator in this process where there is no key.
local function open_client(out)
  if has_credentials() then return options_module.client() end
  if not pcall(require, "luv") then
    return nil,
      "without ANTHROPIC_API_KEY it needs luv: apt install lua-luv, or luarocks install luv"
  end
  local sim, problem = require("claude.simulator").start { pace = 0.01 }
  if not sim then return nil, problem end
  out:line(
    "ANTHROPIC_API_KEY is not set: the built-in simulator answers, at "
      .. sim.url
      .. ". No model is asked."
  )
  return options_module.client { base_url = sim.url, api_key = "simulated" }, nil, sim
end

local function params_of(options)
  if options.question and not options.question:find "%S" then
    return nil, "the question is empty"
  end
  local params, why = options_module.params(options)
  if not params then return nil, why end
  params.cache_control = options_module.caching
  params.tools = params.tools or require("claude.command.toolbox").all
  return params
end

local function answer(client, params, question, out)
  local chat, why = options_module.begin(client, params)
  if not chat then
    complaint.say(why)
    return exits.usage
  end
  out:line("[question] " .. question)
  chat:user(question)
  local view = require("claude.command.view").new(out, out)
  return require("claude.command.answer").run(chat, view, { max_requests = 30 })
end

--- Runs the subcommand.
---@param options table
---@return integer status
function M.run(options)
  local params, why = params_of(options)
  if not params then
    complaint.say(why)
    return exits.usage
  end
  local out = require("claude.command.terminal").new(io.stdout, 1)
  local client, problem, sim = open_client(out)
  if not client then
    complaint.say(problem)
    return exits.failed
  end
  local status = answer(client, params, options.question or QUESTION, out)
  if sim then
    sim:close()
    require("luv").run "nowait" -- closed handles are let go of in the loop
  end
  return status
end

return M
