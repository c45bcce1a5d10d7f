--- Bars and lines as SVG, in plain shapes and with the reader's own font.
local M = {}

local Picture = {}
Picture.__index = Picture

local PANEL, LABEL, BAR, GAP = 420, 160, 22, 10 -- sizes in pixels
local GRAPH_LEFT, GRAPH_TOP, GRAPH_WIDTH, GRAPH_HEIGHT = 50, 30, 340, 240

---@param width integer
---@param height integer
function M.new(width, height)
  local head = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
    .. 'viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">'
  local picture = setmetatable({ shapes = {} }, Picture)
  picture:add(head, width, height, width, height)
  picture:add('<rect width="%d" height="%d" fill="#ffffff"/>', width, height)
  return picture
end

---@param form string
function Picture:add(form, ...) self.shapes[#self.shapes + 1] = form:format(...) end

local function escaped(text) return (text:gsub("&", "&amp;"):gsub("<", "&lt;")) end

function Picture:write(x, y, text, anchor)
  local form = '<text x="%.1f" y="%.1f" text-anchor="%s" fill="#111827">%s</text>'
  self:add(form, x, y, anchor or "start", escaped(text))
end

function Picture:title(x, y, text)
  self:add('<text x="%d" y="%d" font-weight="bold" fill="#111827">%s</text>', x, y, escaped(text))
end

local function log10(value) return math.log(value) / math.log(10) end

-- How long each bar is, as a part of the longest: the scale begins at a half of the least value
-- where it is logarithmic, and at nothing else.
local function lengths(bars, linear)
  local least, most = math.huge, 0
  for _, bar in ipairs(bars) do
    least, most = math.min(least, bar.value), math.max(most, bar.value)
  end
  local list, from = {}, log10(least / 2)
  for i, bar in ipairs(bars) do
    local part = (log10(bar.value) - from) / (log10(most) - from)
    list[i] = linear and bar.value / most or part
  end
  return list
end

--- Bars, one below the other, with what they are before and how much behind them.
---@param panel { x: integer, y: integer, title: string, bars: bench.Bar[], linear: boolean? }
function Picture:bars(panel)
  if #panel.bars == 0 then return end
  local parts = lengths(panel.bars, panel.linear)
  local room = PANEL - LABEL - 70
  self:title(panel.x, panel.y + 12, panel.title)
  for i, bar in ipairs(panel.bars) do
    local y = panel.y + 26 + (i - 1) * (BAR + GAP)
    local length = math.max(1, parts[i] * room)
    self:write(panel.x + LABEL - 6, y + BAR * 0.7, bar.label, "end")
    local form = '<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>'
    self:add(form, panel.x + LABEL, y, length, BAR, bar.color)
    self:write(panel.x + LABEL + length + 6, y + BAR * 0.7, bar.text)
  end
end

local function bounds(lines)
  local x, y = { math.huge, 0 }, { math.huge, 0 }
  for _, line in ipairs(lines) do
    for _, point in ipairs(line.points) do
      x = { math.min(x[1], point.x), math.max(x[2], point.x) }
      y = { math.min(y[1], point.y), math.max(y[2], point.y) }
    end
  end
  -- Whole powers of ten, so that every mark of the axis is one.
  return x, { 10 ^ math.floor(log10(y[1])), 10 ^ math.ceil(log10(y[2])) }
end

local function placed(panel, x, y)
  local function part(value, range)
    return (log10(value) - log10(range[1])) / (log10(range[2]) - log10(range[1]))
  end
  return function(point)
    local left = panel.x + GRAPH_LEFT + part(point.x, x) * GRAPH_WIDTH
    return left, panel.y + GRAPH_TOP + (1 - part(point.y, y)) * GRAPH_HEIGHT
  end
end

function Picture:axes(panel, x, y, place)
  local form = '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#d1d5db"/>'
  local mark = y[1]
  while mark <= y[2] * 1.001 do
    local left, top = place({ x = x[1], y = mark })
    self:add(form, left, top, left + GRAPH_WIDTH, top)
    self:write(left - 6, top + 4, ("%g"):format(mark), "end")
    mark = mark * 10
  end
  for _, turns in ipairs(panel.marks) do
    local left, top = place({ x = turns, y = y[1] })
    self:add(form, left, top, left, top - GRAPH_HEIGHT)
    self:write(left, top + 16, ("%d"):format(turns), "middle")
  end
end

--- Lines over two logarithmic axes, with a legend.
---@param panel { x: integer, y: integer, title: string, lines: table[] }
function Picture:lines(panel)
  self:title(panel.x, panel.y + 12, panel.title)
  if #panel.lines == 0 then return end
  panel.marks = {}
  for i, point in ipairs(panel.lines[1].points) do
    panel.marks[i] = point.x
  end
  local x, y = bounds(panel.lines)
  local place = placed(panel, x, y)
  self:axes(panel, x, y, place)
  for i, line in ipairs(panel.lines) do
    local points = {}
    for j, point in ipairs(line.points) do
      points[j] = ("%.1f,%.1f"):format(place(point))
    end
    local form = '<polyline points="%s" fill="none" stroke="%s" stroke-width="2.5"/>'
    self:add(form, table.concat(points, " "), line.color)
    local top = panel.y + GRAPH_TOP + GRAPH_HEIGHT + 22 + i * 18
    self:add('<rect x="%d" y="%d" width="20" height="4" fill="%s"/>', panel.x + 50, top, line.color)
    self:write(panel.x + 78, top + 6, line.label)
  end
end

---@return string
function Picture:text() return table.concat(self.shapes, "\n") .. "\n</svg>\n" end

return M
