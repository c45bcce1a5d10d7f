--- The shapes of citations in text blocks that go back to the API.
local shape = require("claude.simulator.validate.shape")

local string, integer = shape.string(), shape.integer()
local index = shape.integer({ min = 0 })
local title = shape.string({ min = 1, max = 255 })

--- A citation of this type with these fields besides the cited text.
local function citation(fields)
  fields["type!"] = string
  fields["cited_text!"] = string
  return shape.object(fields)
end

--- A citation that points into a document of the request. Replies say which file it
--- was, and go back as they came.
local function of_document(fields)
  fields["file_id?"] = string
  fields["document_index!"] = index
  fields["document_title!?"] = title
  return citation(fields)
end

return shape.tagged({
  char_location = of_document({ ["start_char_index!"] = index, ["end_char_index!"] = integer }),
  page_location = of_document({
    ["start_page_number!"] = shape.integer({ min = 1 }),
    ["end_page_number!"] = integer,
  }),
  content_block_location = of_document({
    ["start_block_index!"] = index,
    ["end_block_index!"] = integer,
  }),
  web_search_result_location = citation({
    ["encrypted_index!"] = string,
    ["title!?"] = shape.string({ min = 1, max = 512 }),
    ["url!"] = shape.string({ min = 1, max = 2048 }),
  }),
  search_result_location = citation({
    ["search_result_index!"] = index,
    ["start_block_index!"] = index,
    ["end_block_index!"] = integer,
    ["source!"] = string,
    ["title!?"] = string,
  }),
})
