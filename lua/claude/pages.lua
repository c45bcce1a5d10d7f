--- Lists that the API gives page by page, fetched as they are read.
---
---     for model in client.models:list() do … end
---     local first = client.models:list({ limit = 5 }):next_page()
---
--- Both ways in which the API names what comes next are followed: `last_id` → `after_id` (or
--- `first_id` → `before_id`) while `has_more` says so, and `next_page` → `page`. A page that
--- says there is more, and not where, is an error: no list ends before its end.

local check_receiver = require("claude.receiver").check
local endpoint = require("claude.endpoint")
local errors = require("claude.errors")
local reading = require("claude.reading")
local tables = require("claude.tables")

---@class claude.Pages
---@field private client claude.Client
---@field private spec claude.PagesSpec
---@field private query? table<string, string|number|boolean> of the next page; nil: no more
---@field private items any[] of the page that is being read
---@field private read integer how many of them were handed out
---@field private step fun(): any raises failures
local Pages = {}
Pages.__index = Pages
Pages.__name = "claude.Pages"

---@class claude.PagesSpec
---@field path string
---@field query? table<string, string|number|boolean>
---@field options claude.CallOptions
---@field on_page? fun(page: table) called with each page as it comes

---@param text string
---@return claude.Error
local function broken(text)
  return errors.new({ kind = "protocol", message = text, retryable = false })
end

-- The cursor's name and value; nil when this page is the last.
---@param page table
---@param query table
---@return string? name
---@return string? value
---@return claude.Error? err
local function cursor_of(page, query)
  if type(page.next_page) == "string" and page.next_page ~= "" then
    return "page", page.next_page
  end
  local data = page.data
  if page.has_more == false or #data == 0 and not page.has_more then return nil end
  local backward = query.before_id ~= nil
  local value = backward and page.first_id or not backward and page.last_id
  if type(value) == "string" and value ~= "" then
    return backward and "before_id" or "after_id", value
  end
  if not page.has_more then return nil end
  return nil, nil, broken("the page says that there are more, and not from where")
end

-- What to ask for next.
---@param self claude.Pages
---@param page table
---@return claude.Error?
local function advance(self, page)
  local query = self.query
  local name, value, err = cursor_of(page, query)
  if err then return err end
  if name and query[name] == value then
    return broken(("the page after %s %s begins there again"):format(name, value))
  end
  self.query = name and tables.merged(query, { [name] = value }) or nil
  return nil
end

--- The next page as the API gives it; nil after the last, `nil, text, err` on failure, after
--- which the same page is asked for again.
---@return table? page
---@return string? text
---@return claude.Error? err
function Pages:next_page()
  check_receiver(self, Pages, "list:next_page()")
  if not self.query then return nil end
  local page, text, err = endpoint.call(self.client, {
    method = "GET",
    path = self.spec.path .. endpoint.query(self.query),
    options = self.spec.options,
  })
  if not page then return nil, text, err end
  if type(page.data) ~= "table" then
    return errors.fail(broken("the answer is no page: it has no list named data"))
  end
  local problem = advance(self, page)
  if problem then return errors.fail(problem) end
  if self.spec.on_page then self.spec.on_page(page) end
  return page
end

--- The next element, of whichever page; nil after the last, `nil, text, err` on failure.
---@return any item
---@return string? text
---@return claude.Error? err
function Pages:next()
  check_receiver(self, Pages, "list:next()")
  while self.read >= #self.items do
    local page, text, err = self:next_page()
    if not page then return nil, text, err end
    self.items, self.read = page.data, 0
  end
  self.read = self.read + 1
  return self.items[self.read]
end

--- `for page in list:pages()`: whole pages, as the API gives them.
---@return fun(): table?
function Pages:pages()
  check_receiver(self, Pages, "list:pages()")
  return reading.loop(self, "next_page", "list:next_page()")
end

function Pages:__call() return self.step() end

function Pages:__tostring() return ("claude.Pages (%s)"):format(self.spec.path) end

local M = {}

---@param client claude.Client
---@param spec claude.PagesSpec
---@return claude.Pages
function M.new(client, spec)
  local self = setmetatable({
    client = client,
    spec = spec,
    query = spec.query or {},
    items = {},
    read = 0,
  }, Pages)
  self.step = reading.loop(self, "next", "list:next()")
  return self
end

return M
