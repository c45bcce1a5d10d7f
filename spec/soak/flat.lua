--- Whether what a process holds has stopped growing, judged from samples on its way.
---
--- The least of the samples in the last third is compared with the least in the second third:
--- what the collector or the allocator happens to hold at one moment is in neither, what leaks
--- is in both. The first third is for warming up. A little is allowed, and a little for every
--- request, because memory comes in pages and allocators fragment.
local M = {}

---@class spec.Allowance
---@field once number
---@field each number for every request between the two thirds

M.ALLOWED = {
  rss = { once = 256 * 1024, each = 20 },
  heap = { once = 16 * 1024, each = 2 },
  descriptors = { once = 2, each = 0 },
}

local function least(samples, name, from, to)
  local found = math.huge
  for _, sample in ipairs(samples) do
    if sample.requests > from and sample.requests <= to then
      found = math.min(found, sample[name])
    end
  end
  assert(found < math.huge, "there are too few samples")
  return found
end

--- By how much the least of the last third is above the least of the second.
---@param samples table<string, number>[] with `requests`, in order
---@param name string of what is judged
---@return number growth
---@return number allowed
function M.growth(samples, name)
  local all = samples[#samples].requests
  local before = least(samples, name, all / 3, 2 * all / 3)
  local after = least(samples, name, 2 * all / 3, all)
  local allowed = M.ALLOWED[name]
  return after - before, allowed.once + allowed.each * all / 3
end

--- The sample that was taken when so much of all had been done.
---@param samples table<string, number>[]
---@param part number from 0 to 1
---@return table<string, number>
function M.at(samples, part)
  local all = samples[#samples].requests
  for _, sample in ipairs(samples) do
    if sample.requests >= part * all then return sample end
  end
  return samples[#samples]
end

return M
