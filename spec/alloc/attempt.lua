--- One scenario with one refusal, in a process of its own (spec/alloc/run.c). A scenario is
--- a function that works and checks what it gets, or a table:
---
---     prepare()            → state; memory is there
---     act(state)           → a true value, or `nil, text, err`; this is what memory fails for
---     verify(state, done)  checks what is left: after `act` went well, and after it failed
---     again(state)         as `act`, once memory is back; `act` itself when not given
---
--- `act` must return or raise that there is no memory, or come through with the right result;
--- then, in the same state, `again` must go well.
local function in_full(scenario)
  if type(scenario) == "function" then return { act = function() return scenario() or true end } end
  return scenario
end

-- libcurl tells of some refusals as of a connection that cannot be made.
local function tells_of_memory(kind, problem)
  local text = tostring(problem)
  if kind == "curl" then return problem ~= nil and text ~= "" end
  return text:find("memory", 1, true) ~= nil
end

-- Lua 5.1 takes a module that raised as it was loaded for one that is being loaded, for ever.
local LOADED = { table = true, ["function"] = true, boolean = true }
local function forget_failed_modules()
  for name, value in pairs(package.loaded) do
    if not LOADED[type(value)] then package.loaded[name] = nil end
  end
end

local function attempt(scenario, memory, kind, after, in_a_row)
  local act, again = scenario.act, scenario.again or scenario.act
  local verify = scenario.verify or function() end
  local refuse, refused = memory.refuse, memory.refused
  local state = scenario.prepare and scenario.prepare()
  refuse(kind, after, in_a_row)
  local ok, value, text = pcall(act, state)
  local count = refused(kind)
  collectgarbage()
  if ok and value then
    verify(state, true)
    return nil
  end
  local problem = text
  if not ok then problem = value end
  if count == 0 then return "it fails by itself: " .. tostring(problem) end
  if not tells_of_memory(kind, problem) then return "it ended with: " .. tostring(problem) end
  verify(state, false)
  forget_failed_modules()
  value, text = again(state)
  if not value then return "it does not go on: " .. tostring(text) end
  verify(state, true)
  return nil
end

---@param scenarios table<string, function|table>
---@param memory { refuse: function, refused: function } of spec/alloc/run.c
---@return string? problem nil: it is as it should be
return function(scenarios, memory, name, kind, after, in_a_row)
  local scenario = in_full(scenarios[name])
  local _, problem = xpcall(
    function() return attempt(scenario, memory, kind, after, in_a_row) end,
    debug.traceback
  )
  return problem
end
