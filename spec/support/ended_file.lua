--- Lets go of what a spec file holds once it has run: busted itself keeps every test, with all
--- that its functions can reach, to the end of the run. Each full collection, and many specs
--- need one, would have to look at all of it.
local busted = require("busted")

-- The order in which busted runs siblings is that of this list, so it is emptied in place.
local function forget_within(element)
  local children = busted.children(element)
  for i = #children, 1, -1 do
    local child = children[i]
    forget_within(child)
    element[child.descriptor] = nil
    for field in pairs(child) do
      child[field] = nil
    end
    children[i] = nil
  end
end

return { forget = forget_within }
