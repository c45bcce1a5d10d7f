---@meta claude
--- What users of lua-claude call, for editors and checkers that read LuaLS annotations.
--- Nothing runs from here; each implementation file says more about its own part.
-- luacheck: ignore 211 212 241

-- The module -------------------------------------------------------------------------

---@class claude
---@field _VERSION string
---@field null any what stands for JSON's null where null has a meaning
---@field Error claude.ErrorModule
local claude = {}

--- Makes a client; credentials and base URL come from the environment unless given.
---@param options? claude.ClientOptions
---@return claude.Client
function claude.new(options) end

--- Runs a function as a task, and everything spawned, until all have ended.
---@param fn? fun(...: any): any
---@param ... any
---@return any ...
function claude.loop(fn, ...) end

--- Starts a task: a function in a coroutine of its own that may wait.
---@param fn fun(...: any): any
---@param ... any
---@return claude.Task
function claude.spawn(fn, ...) end

--- Calls a function for every element, many at once: `for item, result in claude.map(…)`.
---@param list any[]
---@param fn fun(item: any, index: integer): any
---@param options? { limit: integer?, timeout: number? } timeout: seconds for one element
---@return claude.Map
function claude.map(list, fn, options) end

--- Does what can be done now, for at most so many milliseconds; never waits.
---@param milliseconds? number
---@return integer tasks that have not ended
function claude.step(milliseconds) end

--- Lets so many seconds pass; other tasks run meanwhile.
---@param seconds number
---@return true?
---@return string? text
---@return claude.Error? err
function claude.sleep(seconds) end

--- Where a conversation is written down as it goes.
---@class claude.journal
claude.journal = {}

--- Bytes in a row: what a journal needs. Each method but `close` returns nil and a text when it
--- failed; one that raises has failed, too; `sync` alone may wait.
---@class claude.JournalStorage
---@field read fun(self: table): string?, string? all bytes that are there
---@field append fun(self: table, bytes: string): true?, string? puts them behind the others
---@field truncate fun(self: table, size: integer): true?, string? keeps the first
---@field sync fun(self: table): true?, string? returns once all survives a crash of the machine
---@field present? fun(self: table): true?, string? whether what is kept can still be found
---@field rewrite? fun(self: table, offset: integer, bytes: string): true?, string?
---@field syncs? boolean
---@field close fun(self: table) another may open it

--- A file, for one conversation at a time. `sync = false`: what was written survives the
--- program, not the machine; true without a word, but for nginx.
---@param path string
---@param options? { sync: boolean? }
---@return claude.JournalStorage? storage
---@return string? text
---@return claude.Error? err
function claude.journal.file(path, options) end

--- A string, which `storage:read()` gives.
---@param bytes? string what another `read` gave
---@return claude.JournalStorage
function claude.journal.memory(bytes) end

--- Makes a tool: what the model may call, and the function that answers.
---@param fields claude.ToolFields
---@return claude.Tool
function claude.tool(fields) end

---@class claude.MemoryOptions
---@field directory string where the files are; made when it is not there
---@field max_file_bytes? integer a larger file is neither read nor written (16 MiB)

--- A directory that the model keeps notes in: the memory tool's six commands.
---@param options claude.MemoryOptions
---@return claude.Tool
function claude.memory_tool(options) end

--- Makes content of texts and blocks, for tools that return more than one text.
--- `nil, text, err` where a call among them failed.
---@param items string|table
---@return claude.Content?
---@return string? text
---@return claude.Error? err
function claude.content(items) end

--- An image block of a path, of the bytes of an image, of `{ url = … }`, or of what
--- client.files returns. A file that is no image that the API takes is `nil, text, err`.
---@param given string|claude.MediaOptions|claude.File
---@return claude.Content.Block? block
---@return string? text
---@return claude.Error? err
function claude.image(given) end

--- A document block of a PDF or of UTF-8 text: as claude.image.
---@param given string|claude.MediaOptions|claude.File
---@return claude.Content.Block? block
---@return string? text
---@return claude.Error? err
function claude.document(given) end

--- Marks a table as a JSON array, also when it is empty.
---@param list? table
---@return table
function claude.array(list) end

--- Marks a table as a JSON object; with a list of `{ key, value }` pairs, in that order.
---@param pairs? table
---@return table
function claude.object(pairs) end

--- JSON text that goes out as it is; raises when it is not JSON.
---@param text string
---@return any
function claude.json(text) end

--- An MCP server, started with the first call that needs it. Raises when an option is wrong.
---@param options claude.mcp.Options
---@return claude.mcp.Server
function claude.mcp(options) end

--- The schema as output_config.format and strict tools take it: objects closed, and what the
--- grammar does not know told in descriptions. Raises where it is no such schema.
---@param schema any table, claude.object or claude.json
---@return table
function claude.transform_schema(schema) end

--- Whether everything is there that requests need, and what to do about what is not.
--- Sends nothing unless `reach` asks for it. No finding holds a secret or a part of one.
---@param options? claude.DoctorOptions
---@return claude.Report
function claude.doctor(options) end

--- The answer that a value came with: a message, a stream, a model, a page, an error and so on;
--- nil for what came with none.
---@param value any
---@return claude.Response?
function claude.response(value) end

---@class claude.DoctorOptions
---@field reach? boolean also ask the API, once: GET /v1/models, which costs nothing
---@field client? claude.ClientOptions look at what claude.new with these would use

---@class claude.Finding
---@field name string what was looked at, such as "libcurl"
---@field ok? boolean true: as it should be; false: requests will fail; nil: good to know
---@field text string what was found
---@field hint? string what to do about it

--- A list of findings; tostring makes lines of it.
---@class claude.Report
---@field ok boolean whether nothing was found that requests would fail of
---@field [integer] claude.Finding
local Report = {}

--- The first finding of that name.
---@param name string
---@return claude.Finding?
function Report:find(name) end

---@class claude.ErrorModule
local ErrorModule = {}

--- Makes a claude.Error.
---@param fields table
---@return claude.Error
function ErrorModule.new(fields) end

--- The three values of a failed call.
---@param err claude.Error
---@return nil
---@return string text
---@return claude.Error err
function ErrorModule.fail(err) end

--- Whether a value is a claude.Error.
---@param value any
---@return boolean
function ErrorModule.is(value) end

---@alias claude.ErrorKind
---| "api"        # the API answered with an error, by status or inside a stream
---| "network"    # no answer, or the connection broke before one
---| "timeout"    # one of the limits on waiting was reached
---| "protocol"   # an answer that is not what the API's format allows
---| "incomplete" # a stream that ended before its message was whole
---| "cancelled"  # the caller cancelled or closed it
---| "storage"    # a journal could not be opened, read, written or synced
---| "invalid"    # refused before sending: the API would have answered with 400

---@class claude.Error
---@field kind claude.ErrorKind
---@field message string what went wrong
---@field type? string the API's name for it, such as "overloaded_error"; "binding_error" and
--- "signature_error" for thinking blocks that it refuses (it calls both invalid_request_error)
---@field status? integer HTTP status; nil for an error event inside a stream, whose status was 200
---@field hint? string what to do about it
---@field path? string the parameter it is about, such as "messages[2].content[1]"
---@field rule? string name of the rule that was broken, where one is known
---@field request_id? string
---@field retryable boolean whether the same request may succeed a little later
---@field retry_after? number seconds that the API asked to wait
---@field details? table the API's details, decoded
---@field error_code? string the API's code inside details
---@field partial? claude.Message what had arrived before the failure
---@field headers? table<string, string> response headers by lowercase name, without secrets
---@field rate_limit? claude.RateLimits what the headers tell of limits
---@field body? string the response body as it came, at most its first 64 KiB

---@class claude.RateLimit
---@field limit? integer how much is allowed
---@field remaining? integer how much is left
---@field reset? number seconds from this answer until it is whole again

--- By what is limited; priority_input_tokens and others where the account has such tiers.
---@class claude.RateLimits
---@field requests? claude.RateLimit
---@field tokens? claude.RateLimit
---@field input_tokens? claude.RateLimit
---@field output_tokens? claude.RateLimit
---@field [string] claude.RateLimit

-- Client -----------------------------------------------------------------------------

--- Called before the wait for another attempt: the error, which attempt it ended (from 1)
--- and the seconds to wait. Returns false to return the error instead.
---@alias claude.OnRetry fun(err: claude.Error, attempt: integer, delay: number): boolean?

---@class claude.ClientOptions
---@field api_key? string|false else ANTHROPIC_API_KEY; sent as x-api-key. false: none is needed
---@field auth_token? string else ANTHROPIC_AUTH_TOKEN; sent as a bearer
---@field base_url? string else ANTHROPIC_BASE_URL, else https://api.anthropic.com
---@field version? string API version, "2026-10-21" when not given
---@field betas? string[] beta names sent with every request
---@field headers? table<string, string|false> headers sent with every request
---@field max_concurrency? integer requests under way at once; more wait in line
---@field max_retries? integer how often a failed attempt is followed by another: 2
---@field max_retry_wait? number seconds; a longer retry-after is returned, not waited for: 120
---@field time_budget? number seconds for all attempts and waits together, until an answer begins
---@field on_retry? claude.OnRetry
---@field limits? claude.Limits
---@field on_binding_error? "error"|"repair" what conversations do when thinking is refused
---@field on_warning? fun(text: string, code: string) else warnings go to stderr, once each
---@field middleware? claude.Middleware[] around each attempt; the first is the outermost
---@field sign? fun(request: claude.Request): any, any last before it goes out; no key is needed
---@field log_level? claude.LogLevel else ANTHROPIC_LOG, else "off" ("info" with a logger)
---@field logger? claude.Logger else lines go where the host keeps its log; must not wait
---@field allow_http? boolean http to other machines than this one
---@field interleaved_thinking? boolean false: no beta header for manual thinking between tools
---@field http_version? "1.1"|"2"
---@field prices? table<string, claude.Price> by model, in US dollars; see doc/caching.md
---@field proxy? string
---@field no_proxy? string hosts that are asked directly
---@field ca_file? string
---@field ca_path? string
---@field max_event_bytes? integer one event of a stream; a larger one is an error (64 MiB)
---@field max_body_bytes? integer a whole answer; a larger one is an error (512 MiB)
---@field max_line_bytes? integer one result of a batch; a larger one is an error (64 MiB)

--- What one call may have different from its client.
---@class claude.FallbackState
---@field model? string which of fallback_models took over

---@class claude.CallOptions
---@field betas? string[]
---@field fallback_state? claude.FallbackState remembers which of fallback_models took over
---@field headers? table<string, string|false>
---@field version? string
---@field limits? claude.Limits
---@field max_retries? integer how often a failed attempt is followed by another: 2
---@field max_retry_wait? number seconds; a longer retry-after is returned, not waited for: 120
---@field time_budget? number seconds for all attempts and waits together, until an answer begins
---@field on_retry? claude.OnRetry
---@field pings? boolean streams and runs hand out pings, too: signs of life in silent thinking

--- Goes around each attempt of a request: changes it, sends it on (or not), returns the answer.
--- `nil, text` or `nil, text, err` fails, and so does raising; a claude.Error stays what it is.
--- An answer of its own is a table with status, headers and body.
---@alias claude.Middleware fun(request: claude.Request, send: claude.Send): any, any, any

--- Sends the request on, to the next middleware and at last to the server; returns when the
--- head of the answer is there.
---@alias claude.Send fun(request?: claude.Request): claude.Answer?, string?, claude.Error?

--- What goes out. url, headers and body may be changed; the rest is for reading.
---@class claude.Request
---@field method string
---@field url string
---@field path string below the base URL, such as "/v1/messages"
---@field headers table<string, string> by lowercase name; nil takes one away
---@field body? claude.core.Body|string `#body`, `body:read(offset, max)`, `body:sha256()`
---@field attempt integer 1 for the first
---@field stream boolean whether the answer was asked for as a stream

--- What a server answered, as far as middleware is told.
---@class claude.Answer
---@field status integer
---@field headers table<string, string> by lowercase name
---@field request_id? string
local Answer = {}

--- The whole body, once it is there; `nil, text, err` of a stream, which its reader reads.
---@return string? body
---@return string? text
---@return claude.Error? err
function Answer:body() end

---@alias claude.LogLevel "off"|"error"|"warn"|"info"|"debug"
---@alias claude.Logger fun(level: claude.LogLevel, text: string, fields: claude.LogFields)

--- What a line of the log is about, already redacted.
---@class claude.LogFields
---@field id? integer number of the exchange in this process
---@field method? string
---@field url? string
---@field attempt? integer 1 for the first
---@field status? integer
---@field seconds? number
---@field request_id? string
---@field headers? table<string, string>
---@field body? string its beginning
---@field bytes? integer length of the whole body
---@field code? string of a warning
---@field err? claude.Error

--- Limits on waiting, in seconds; false: none. A request as a whole has no limit.
---@class claude.Limits
---@field connect? number|false 10
---@field first_byte? number|false 600
---@field headers? number|false from the sent request to the end of the headers, first_byte + 60
---@field idle? number|false without any byte, 120
---@field stalled? number|false with nothing but pings, 600; in thinking more, by max_tokens

---@class claude.Client
---@field messages claude.Messages
---@field models claude.Models
---@field files claude.Files
---@field base_url string
---@field version string
local Client = {}

--- A conversation: append-only, exact, savable. With `journal`, a path or a storage, it is
--- written down as it goes, and goes on from there if something is there already.
---@param params claude.ConversationParams
---@return claude.Conversation? chat nil only where there is a journal that does not open
---@return string? text
---@return claude.Error? err
function Client:conversation(params) end

--- Loads a conversation that `chat:save` wrote, or what `chat:dump` returned.
---@param path string path or dump
---@param params? table what a file cannot hold, such as tools
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
function Client:load(path, params) end

--- What all replies of this client used so far, and what they cost.
---@return claude.Usage
function Client:usage() end

--- What one message cost, in US dollars; nil and the reason where a price is not known.
---@param message claude.Message or any table with its model and usage
---@return number? dollars
---@return string? why
function Client:cost(message) end

--- Tells the user about something that works, but not as it seems.
---@param code string
---@param text string
---@param about? string with it, once for each thing it is about
function Client:warn(code, text, about) end

--- Asks any endpoint, for what this library has no function of its own for.
---@param method "GET"|"POST"|"PUT"|"PATCH"|"DELETE"
---@param path string below the base URL, such as "/v1/skills"
---@param options? claude.RequestOptions
---@return claude.Response|claude.Download|nil answer a status from 300 on is a failure
---@return string? text
---@return claude.Error? err
function Client:request(method, path, options) end

--- Closes the client: new requests are refused.
function Client:close() end

--- Prices of one model, in US dollars per million tokens.
---@class claude.Price
---@field input? number
---@field output? number
---@field cache_read? number 0.1 times input; on Fable and Mythos from 5.1 it has to be given
---@field cache_write_5m? number 1.25 times input
---@field cache_write_1h? number 2 times input
---@field web_search? number per 1,000 searches
---@field batch? claude.Price for the service tier of that name; so are priority, fast, us, …

---@class claude.Counts
---@field requests integer
---@field incomplete integer of these, replies that broke off: what they had told is counted
---@field input_tokens integer neither read from the cache nor written to it
---@field output_tokens integer thinking included
---@field thinking_tokens integer
---@field cache_read_input_tokens integer
---@field cache_creation_input_tokens integer
---@field cache_creation { ephemeral_5m_input_tokens: integer, ephemeral_1h_input_tokens: integer }
---@field server_tool_use table<string, integer> web_search_requests, web_fetch_requests, …
---@field cost? number US dollars; nil when one of the prices is not known
---@field no_cost? string why there is no cost

---@class claude.Usage: claude.Counts
---@field models table<string, claude.Counts> the same by model
---@field turns? claude.TurnUsage[] of a conversation, in this process

---@class claude.TurnUsage: claude.Counts
---@field id? string of the message
---@field model? string
---@field cache? claude.CacheReport with the parameter `cache`

--- What the cache did for one turn of a conversation, and what was to be expected.
---@class claude.CacheReport
---@field identical? boolean whether the bytes of tools, system and messages that the request
--- before had sent were sent again; nil: there was none before
---@field changed? string[] what was not, or a parameter that the cache depends on: "messages",
--- "model", "thinking", "effort", "format", "tool_choice", "speed", "images", or what the API
--- did: "compaction", "context_management", "input_transformations"
---@field path? string the first message that differs, such as "messages[3]"
---@field hashes? { tools: string, system: string, messages: string } of the bytes that were sent
---@field expected integer tokens that should have been read
---@field read integer tokens that were
---@field written integer
---@field miss? "changed"|"expired"|"short"|"unexplained" why less was read, or nothing written
---@field text? string the same in words
---@field diagnosis? string what the API found changed, such as "tools_changed"
---@class claude.RequestOptions: claude.CallOptions
---@field body? any a value to be written as JSON, or a string that goes out as it is
---@field query? table<string, string|number|boolean>
---@field stream? boolean hands the body out as it comes: a claude.Download is returned

--- Parameters as the Messages API has them, and `betas`. What is not listed passes through.
---@class claude.Params
---@field model string
---@field max_tokens integer
---@field messages? table[]
---@field system? string|table[]
---@field tools? table[]
---@field tool_choice? table
---@field thinking? { type: string, budget_tokens: integer?, display: string? }
---@field output_config? { effort: string?, format: table? }
---@field cache_control? { type: "ephemeral", ttl: "5m"|"1h"|nil }
---@field cache? "auto"|claude.CacheOptions|false plans cache breakpoints; see doc/caching.md
---@field stop_sequences? string[]
---@field metadata? table
---@field betas? string[]
---@field [string] any

--- Which parts of the prompt get a cache breakpoint: all when not given. A ttl that is not
--- given is the shortest that the order of breakpoints allows.
---@class claude.CacheOptions
---@field ttl? "5m"|"1h" for all parts
---@field tools? boolean|"5m"|"1h"
---@field system? boolean|"5m"|"1h"
---@field messages? boolean|"5m"|"1h" the growing tail
---@field diagnostics? boolean asks the API what it found changed (conversations only)

---@class claude.Messages
---@field batches claude.Batches
local Messages = {}

--- Asks, and returns the whole answer.
---@param params claude.Params
---@param options? claude.CallOptions
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Messages:create(params, options) end

--- Asks for JSON by output_config.format: the value is in message.parsed.
---@param params claude.Params
---@param options? claude.CallOptions
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Messages:parse(params, options) end

--- Asks, and returns the answer as it comes; failures come with the first step.
---@param params claude.Params
---@param options? claude.CallOptions
---@return claude.Stream
function Messages:stream(params, options) end

--- Counts the tokens that a request's input has.
---@param params claude.Params
---@param options? claude.CallOptions
---@return { input_tokens: integer }? count
---@return string? text
---@return claude.Error? err
function Messages:count_tokens(params, options) end

--- What the API knows of a file.
---@class claude.File
---@field id string
---@field type "file"
---@field filename string
---@field mime_type string
---@field size_bytes integer
---@field created_at string RFC 3339
---@field downloadable boolean
---@field expires_at? string RFC 3339

--- What is uploaded: a path or bytes.
---@class claude.UploadOptions
---@field path? string
---@field bytes? string then `filename` is needed
---@field filename? string the path's last part when not given
---@field mime_type? string found in the file's beginning and its name when not given
---@field expires_in_seconds? integer from 3600 to 7776000; without it the file stays
---@field on_progress? fun(sent: integer, total: integer) bytes of the file; may wait

---@class claude.DownloadOptions: claude.CallOptions
---@field on_progress? fun(received: integer, total?: integer) bytes of the file; may wait

---@class claude.Files
local Files = {}

--- Uploads a file, read from disk while it is sent.
---@param given string|claude.UploadOptions a path, or more
---@param options? claude.CallOptions
---@return claude.File? file
---@return string? text
---@return claude.Error? err
function Files:upload(given, options) end

--- The files, newest first, fetched page by page as they are read.
---@param query? { limit: integer?, page: string?, ids: string[]? }
---@param options? claude.CallOptions
---@return claude.Pages
function Files:list(query, options) end

--- What the API knows of a file.
---@param file string|claude.File id, or what the API said of it before
---@param options? claude.CallOptions
---@return claude.File? file
---@return string? text
---@return claude.Error? err
function Files:retrieve_metadata(file, options) end

--- Downloads a file: it appears at the path once all of it is there.
---@param file string|claude.File
---@param path string
---@param options? claude.DownloadOptions
---@return integer? bytes
---@return string? text
---@return claude.Error? err
function Files:download(file, path, options) end

--- The bytes of a file, handed out as they come.
---@param file string|claude.File
---@param options? claude.CallOptions
---@return claude.Download? download
---@return string? text
---@return claude.Error? err
function Files:open(file, options) end

---@param file string|claude.File
--- Message Batches: many requests at once, answered within a day.
---@class claude.Batches
local Batches = {}

---@class claude.BatchParams
---@field requests claude.BatchRequest[]|fun(): claude.BatchRequest? a list, or an iterator
---@field betas? string[] for the whole batch, such as "output-300k-2026-03-24"
---@field on_batch? fun(batch: table) called with each batch as soon as it was created

---@class claude.BatchRequest
---@field custom_id string 1 to 64 letters, digits, _ and -; once in all requests
---@field params claude.Params|claude.Conversation

--- Creates a batch, or several where one cannot hold the requests: one return value each.
--- What fails after some were created has them in `err.batches`, and in `err.taken` how many
--- requests they hold.
---@param params claude.BatchParams
---@param options? claude.CallOptions
---@return table? batch and further ones
---@return string|table|nil text
---@return claude.Error|table|nil err
function Batches:create(params, options) end

--- How a batch stands: processing_status, request_counts and so on.
---@param id string
---@param options? claude.CallOptions
---@return table? batch
---@return string? text
---@return claude.Error? err
function Batches:retrieve(id, options) end

--- The batches, newest first, page by page as they are read.
---@param query? { limit: integer?, after_id: string?, before_id: string? }
---@param options? claude.CallOptions
---@return claude.Pages
function Batches:list(query, options) end

--- Cancels a batch: what has not begun is not done.
---@param id string
---@param options? claude.CallOptions
---@return table? batch
---@return string? text
---@return claude.Error? err
function Batches:cancel(id, options) end

--- Deletes a batch that has ended, with its results.
---@param id string
---@param options? claude.CallOptions
---@return { id: string, type: string }? deleted
---@return string? text
---@return claude.Error? err
function Files:delete(file, options) end
function Batches:delete(id, options) end

---@class claude.BatchWait
---@field interval? number seconds between two looks; without it from 1 to 60, growing
---@field timeout? number seconds to wait at most; without it as long as it takes
---@field on_poll? fun(batch: table?, err: claude.Error?) called after each look

--- Waits until a batch has ended, in this process or in another that created it.
---@param id string
---@param wait? claude.BatchWait
---@param options? claude.CallOptions
---@return table? batch
---@return string? text
---@return claude.Error? err
function Batches:wait(id, wait, options) end

--- The results of a batch that has ended, as they arrive and in no order:
--- `for entry in client.messages.batches:results(id) do`.
---@param id string
---@param options? claude.CallOptions
---@return claude.BatchResults
function Batches:results(id, options) end

---@class claude.BatchEntry
---@field custom_id string
---@field result claude.BatchResult
---@field err? claude.Error of a request that ended in an error

---@class claude.BatchResult
---@field type "succeeded"|"errored"|"canceled"|"expired"
---@field message? claude.Message with its exact bytes
---@field error? table the API's error object as it came

--- Called as a function, as a `for` loop does, it gives the next result and raises failures.
---@class claude.BatchResults
---@field count integer results that were read
---@operator call: claude.BatchEntry?
local BatchResults = {}

--- The next result; nil after the last.
---@return claude.BatchEntry? entry
---@return string? text
---@return claude.Error? err
function BatchResults:next() end

--- Ends it wherever it is.
function BatchResults:close() end

---@class claude.Models
local Models = {}

--- What the API says of one model.
---@param id string id or alias
---@param options? claude.CallOptions
---@return table? model
---@return string? text
---@return claude.Error? err
function Models:retrieve(id, options) end

--- The models, fetched page by page as they are read: `for model in client.models:list() do`.
--- From then on checks go by what the API said of them.
---@param query? { limit: integer?, after_id: string?, before_id: string?, lifecycle: string? }
---@param options? claude.CallOptions
---@return claude.Pages
function Models:list(query, options) end

--- A list that the API gives page by page. Called as a function, as a `for` loop does, it gives
--- the next element and raises failures.
---@class claude.Pages
---@operator call: any
local Pages = {}

--- The next element; nil after the last.
---@return any item
---@return string? text
---@return claude.Error? err
function Pages:next() end

--- The next page as the API gives it; nil after the last.
---@return table? page
---@return string? text
---@return claude.Error? err
function Pages:next_page() end

--- `for page in list:pages()`.
---@return fun(): table?
function Pages:pages() end

--- What an answer was, besides what it said.
---@class claude.Response
---@field status integer
---@field headers table<string, string> by lower-case name, secrets redacted
---@field request_id? string
---@field rate_limit? claude.RateLimits what the headers tell of limits
---@field body? string of an answer to client:request
local HttpResponse = {}

--- The body read as JSON. Null members are absent.
---@return any? value
---@return string? text
---@return claude.Error? err
function HttpResponse:json() end

--- A body that is read while it comes.
---@class claude.Download
---@field status integer
---@field headers table<string, string> by lower-case name, secrets redacted
---@field request_id? string
---@field rate_limit? claude.RateLimits what the headers tell of limits
---@field length? integer of the body in bytes, where the server tells it
---@field bytes integer how many have been handed out, line ends not counted
---@field lines integer how many lines have been handed out
local Download = {}

--- The next bytes; nil at the end.
---@param most? integer 64 KiB when not given
---@return string? bytes
---@return string? text
---@return claude.Error? err
function Download:read(most) end

--- The next line without its end; nil at the end.
---@return string? line
---@return string? text
---@return claude.Error? err
function Download:read_line() end

--- Ends it wherever it is.
function Download:close() end

-- Replies ----------------------------------------------------------------------------

--- A thinking block of the request that the API left out, or let pass all the same.
---@class claude.InputTransformation
---@field type "thinking_dropped"|"thinking_mismatch_allowed"
---@field path string as the API counts, such as "messages.3.content.0"
---@field reason string such as "prefix_binding_mismatch" or "model_binding_mismatch"

---@class claude.Message
---@field id string
---@field model string
---@field role "assistant"
---@field content table[] blocks, each with a type
---@field stop_reason? string
---@field stop_sequence? string
---@field usage table
---@field request_id? string
---@field rate_limit? claude.RateLimits what the answer's headers tell of limits
---@field input_transformations? claude.InputTransformation[] thinking that the API did not take
---@field timings? claude.Timings
---@field parsed? any the answer's value, if the request had output_config.format
local Message = {}

--- The answer: all text blocks together.
---@return string
function Message:text() end

--- What the model thought, as far as it is shown.
---@return string
function Message:thinking() end

--- The tool calls in order.
---@return table[]
function Message:tool_uses() end

--- The value of an answer that is JSON; says why when there is none.
---@return any value
---@return string? text
---@return claude.Error? err
function Message:parse() end

--- Seconds since the request was started.
---@class claude.Timings
---@field first_byte? number
---@field first_token? number
---@field total? number

---@alias claude.Kind
---| "message_start"
---| "block_start"
---| "text"
---| "thinking"
---| "signature"
---| "input_json"
---| "citation"
---| "compaction"
---| "block_stop"
---| "message_delta"
---| "message_stop"
---| "unknown"
---| "ping" # only with the call option pings

--- How a stream or a run is read: an option of `deltas`, `text_stream` and their steps.
---@class claude.ReadingOptions
---@field coalesce? boolean adjacent deltas of one block and kind that have arrived come as one
--- string, of 64 KiB or little more at most
---@field budget? number seconds that reading, and what is done with each piece, may take before
--- other tasks and the host have their turn; 0.004 without it

---@class claude.Stream
---@field timings claude.Timings
---@field rate_limit? claude.RateLimits what the answer's headers tell, once it has begun
local Stream = {}

--- The next piece: its kind, its text and its block's index (from 0).
---@param options? claude.ReadingOptions
---@return claude.Kind? kind
---@return string? text
---@return integer|claude.Error|nil index
function Stream:next(options) end

--- The next piece of text.
---@param options? claude.ReadingOptions
---@return string? text
---@return string? problem
---@return claude.Error? err
function Stream:next_text(options) end

--- The API's next event as a table.
---@return table? event
---@return string? text
---@return claude.Error? err
function Stream:next_event() end

--- `for kind, text, index in stream:deltas()`: everything that arrives, in order.
---@param options? claude.ReadingOptions
---@return fun(): claude.Kind?, string?, integer?
function Stream:deltas(options) end

--- `for text in stream:text_stream()`: the answer's text only.
---@param options? claude.ReadingOptions
---@return fun(): string?
function Stream:text_stream(options) end

--- `for event in stream:events()`: the API's own events as tables.
---@return fun(): table?
function Stream:events() end

--- One block as far as it has arrived, by the index that `deltas` gives.
---@param index integer from 0
---@return table?
function Stream:block(index) end

--- Reads to the end: the whole message.
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Stream:final_message() end

--- What has arrived so far, as a message.
---@return claude.Message?
function Stream:current_message() end

--- Whether it has ended, well or not.
---@return boolean
function Stream:is_done() end

--- Cancels the request at once, wherever it is.
function Stream:cancel() end

--- The same as cancel.
function Stream:close() end

-- Conversations and tools --------------------------------------------------------------

--- What a tool returns: a text, number, boolean, table (shown as JSON),
--- `claude.content { … }`, or nothing; `nil, err` or an error raised tells of a failure.
---@alias claude.ToolFunction fun(input: table, call: claude.ToolCall): any, any

---@class claude.ToolFields
---@field name? string
---@field description? string
---@field input_schema? any
---@field type? string absent for a tool of your own
---@field run? claude.ToolFunction absent: a person answers, see `chat:pending()`
---@field parse? fun(input: table, call: claude.ToolCall): any, any what `run` gets instead
---@field timeout? number seconds after which a call is answered as failed, and cancelled
---@field idempotent? boolean calls may run twice: again where a journal does not tell the end
---@field max_result_bytes? integer most bytes of text in a result; one that has more is answered
--- as failed. Without it the run's, which is 1 MiB if it has none either
---@field [string] any

---@class claude.Tool: claude.ToolFields

---@class claude.ToolCall
---@field id string
---@field name string
---@field input table the model's input, decoded
---@field index integer its block's index in the reply, from 0
---@field invalid? boolean the input was no JSON object: no tool runs on it
---@field is_error? boolean once it is answered by a run
---@field traceback? string of the error that its function raised
---@field cancelled? boolean nobody waits for its result any more
---@field uncertain? boolean its tool had begun when the program ended
---@field toolset_name? string

---@class claude.Content
---@field [integer] table a content block

--- What claude.image and claude.document take: one of path, bytes, url, file_id and text.
---@class claude.MediaOptions
---@field path? string
---@field bytes? string
---@field url? string
---@field file_id? string of an uploaded file
---@field text? string documents only
---@field title? string documents only
---@field context? string documents only: what the model should know about it
---@field citations? boolean|table documents only; true: { enabled = true }
---@field cache_control? table

--- A block made of a file; printed, it is short.
---@class claude.Content.Block
---@field type "image"|"document"
---@field source table
---@field title? string
---@field context? string
---@field citations? table
---@field cache_control? table
---@class claude.LostBlock
---@field path string such as "messages[2].content[1]"
---@field type? "thinking"|"redacted_thinking"
---@field reason? string why the API left it out

---@class claude.Repair
---@field recipe "drop_block"|"strip_thinking"
---@field error? claude.Error the refusal, where it was repaired by policy
---@field lost claude.LostBlock[] what the model does not see any more; with drop_block once
--- an answer has told

---@class claude.ConversationParams: claude.Params
---@field journal? string|claude.JournalStorage

---@class claude.Conversation
---@field params table what the next turns are sent with
---@field client claude.Client
---@field repairs claude.Repair[] what was done about refusals of its thinking, in this process
local Conversation = {}

--- Says something: a text, a block, or a list of texts and blocks.
---@param content string|table
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:user(content) end

--- Adds a system message at this place, for the models that take them.
---@param content string|table
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:system(content) end

--- Offers more tools from here on, by their definitions or by names of tools that the
--- conversation began with: `tools` stays as it is, a system message tells the model.
---@param list (claude.Tool|table|string)[]
---@return claude.Conversation? self
---@return string? text with a journal, where it cannot be written
---@return claude.Error? err
function Conversation:add_tools(list) end

--- Takes tools away from here on, in the same way.
---@param list (claude.Tool|table|string)[]
---@return claude.Conversation? self
---@return string? text with a journal, where it cannot be written
---@return claude.Error? err
function Conversation:remove_tools(list) end

--- Sends the conversation and waits for the whole reply.
---@param overrides? table params for this turn only
---@param options? claude.CallOptions
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Conversation:send(overrides, options) end

--- Sends the conversation, asking for JSON by output_config.format: the value is in
--- message.parsed.
---@param overrides? table params for this turn only
---@param options? claude.CallOptions
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Conversation:parse(overrides, options) end

--- Sends the conversation and streams the reply.
---@param overrides? table params for this turn only
---@param options? claude.CallOptions
---@return claude.Stream
function Conversation:stream(overrides, options) end

--- Sends the conversation, runs the tools the model calls, until the model is done.
---@param options? claude.RunOptions
---@param call_options? claude.CallOptions for every request of the run
---@return claude.Run
function Conversation:run(options, call_options) end

---@class claude.CompactOptions
---@field instructions? string what the summary should keep, in place of the API's own prompt
---@field max_tokens? integer for thinking and summary together; else the conversation's

--- Has the model sum up what was said, and puts the summary in its place.
---@param options? claude.CompactOptions
---@param call_options? claude.CallOptions
---@return claude.Message? message with the summary
---@return string? text
---@return claude.Error? err
function Conversation:compact(options, call_options) end

--- The calls of the last reply that nobody has answered.
---@return claude.ToolCall[]
function Conversation:pending() end

--- Answers a call in place of a tool, or says with nil and a reason why there is no answer.
---@param id string
---@param value any
---@param problem? any
---@return claude.Conversation? self
---@return string? text with a journal, where it cannot be written
---@return claude.Error? err
function Conversation:answer(id, value, problem) end

--- Removes the last turn: what the user said last, and everything after it.
---@return boolean? done
---@return string? text with a journal, where it cannot be written
---@return claude.Error? err
function Conversation:undo() end

--- A second conversation that goes its own way from here.
---@return claude.Conversation
function Conversation:fork() end

--- The conversation as tables that remember their bytes.
---@return { role: string, content: string|table[] }[]
function Conversation:messages() end

--- Keeps what arrived of an interrupted reply, or takes the reply that a batch brought.
---@param partial claude.Message `err.partial`, or `entry.result.message` of a batch
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:keep(partial) end

--- Applies a recipe to thinking that the API refuses (err.type "binding_error" or
--- "signature_error"); send() again then. `recipe` is "drop_block": the API leaves out what
--- does not fit, from now on, or "strip_thinking": every thinking block is taken out, once.
---@param options? { recipe: "drop_block"|"strip_thinking"|nil }
---@return claude.Repair? repair what was done, and what is lost
---@return string? text
---@return claude.Error? err
function Conversation:repair(options) end

--- SHA-256 over the exact bytes of tools, system and the first messages.
---@param count? integer
---@return string hex
function Conversation:prefix_hash(count) end

--- What the replies of this conversation used, turn by turn and together, and what they
--- cost. Turns that were undone count; a fork counts its own.
---@return claude.Usage
function Conversation:usage() end

--- The conversation as a text; `client:load` takes it back.
---@return string? dump
---@return string? text
---@return claude.Error? err
function Conversation:dump() end

--- Writes the conversation to a file, whole or not at all.
---@param path string
---@return true? ok
---@return string? text
---@return claude.Error? err
function Conversation:save(path) end

--- Returns once everything that the journal says is on the disk.
---@return true? ok
---@return string? text
---@return claude.Error? err
function Conversation:sync() end

--- Cancels what is under way and gives the journal free.
function Conversation:close() end

--- Stops whatever is under way: request, waiting, approval, tools.
function Conversation:cancel() end

--- Whether a reply is arriving or tools are running.
---@return boolean
function Conversation:is_busy() end

---@class claude.RunOptions
---@field max_requests? integer how many requests the run may make
---@field max_pauses? integer how often in a row the server may pause its own tools, 10
---@field approve? fun(call: claude.ToolCall): (boolean|"defer")?, string? false or nil declines
---@field eager? boolean calls begin while their reply still arrives
---@field max_parallel? integer how many tools may run at once; without it, all
---@field max_depth? integer in how many tools, each in a run of the one before, it may stand, 8
---@field tool_timeout? number seconds, for tools that have no timeout of their own
---@field max_result_bytes? number|false most bytes of text in a tool's result, 1 MiB; one that
--- has more is answered as failed
---@field max_turn_bytes? number|false most bytes of all results of a turn together, images and
--- documents included, 24 MiB
---@field [string] any params for this run only

---@class claude.Run
---@field message? claude.Message the last reply
---@field messages claude.Message[] all replies so far
---@field requests integer how many were made
---@field reason? string why it ended: a stop_reason, "pending" or "max_requests"
local Run = {}

--- The next piece; for "tool_start" and "tool_end" the call comes with it.
---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
---@return claude.ToolCall? call
function Run:next(options) end

--- The next piece of text.
---@param options? claude.ReadingOptions
---@return string? text
---@return string? problem
---@return claude.Error? err
function Run:next_text(options) end

--- The next event as a table, tools in between.
---@return table? event
---@return string? text
---@return claude.Error? err
function Run:next_event() end

--- `for kind, text, index, call in run:deltas()`: everything that happens, in order.
---@param options? claude.ReadingOptions
---@return fun(): string?, string?, integer?, claude.ToolCall?
function Run:deltas(options) end

--- `for text in run:text_stream()`: the text of all replies.
---@param options? claude.ReadingOptions
---@return fun(): string?
function Run:text_stream(options) end

--- `for event in run:events()`: the API's events as tables, tools in between.
---@return fun(): table?
function Run:events() end

--- Runs to the end: the last reply.
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Run:final_message() end

--- Whether it has ended, well or not.
---@return boolean
function Run:is_done() end

--- One block of the reply that arrives, as far as it has.
---@param index integer from 0, as the API counts
---@return table?
function Run:block(index) end

--- Leaves a call to a person: its tool does not run, and the run ends behind this reply.
---@param call claude.ToolCall|table|string the call, its tool_use block, or its id
---@return boolean deferred false when its tool runs already, or has run
function Run:defer(call) end

--- Ends one call that runs or waits for its turn; the model is told the reason.
---@param call claude.ToolCall|table|string the call, its tool_use block, or its id
---@param reason? any
---@return boolean done false when it has ended, or is not known
function Run:cancel_call(call, reason) end

--- Says something that is sent with the next request, behind the results of tools.
---@param content string|table
---@return claude.Run? self
---@return string? text
---@return claude.Error? err
function Run:user(content) end

--- Adds a system message behind what is sent next, for the models that take them.
---@param content string|table
---@return claude.Run? self
---@return string? text
---@return claude.Error? err
function Run:system(content) end

--- Offers more tools from the next request on.
---@param list (claude.Tool|table|string)[]
---@return claude.Run self
function Run:add_tools(list) end

--- Takes tools away; calls that have not begun are refused at once.
---@param list (claude.Tool|table|string)[]
---@return claude.Run self
function Run:remove_tools(list) end

--- Has the model sum up what was said before its next turn, or behind its last.
---@param options? claude.CompactOptions
---@return claude.Run self
function Run:compact(options) end

--- Stops at once: request, waiting, approval and tools.
function Run:cancel() end

--- The same as cancel.
function Run:close() end

-- MCP servers -----------------------------------------------------------------------------

---@class claude.mcp.Options
---@field command string[] a program, by its name or path, and its arguments
---@field env? table<string, string|boolean> true: as it is here; false: not at all
---@field cwd? string folder it runs in, else this one
---@field prefix? string before the names of its tools, such as "files_"
---@field timeout? number seconds that one answer may take, 60
---@field start_timeout? number seconds until it is ready, 60
---@field stderr? "inherit"|fun(text: string) else its last words are kept for errors
---@field on_notification? fun(method: string, params: table) runs as a task

---@class claude.mcp.Result
---@field content claude.Content blocks for the model
---@field structured? any the value of structuredContent
---@field is_error boolean the tool says that it failed

---@class claude.mcp.Server
local Server = {}

--- Starts the server, which the first call would do as well; again, if it has ended.
---@return claude.mcp.Server? self
---@return string? text
---@return claude.Error? err
function Server:start() end

--- The server's tools as they are now, for `tools` of a request or conversation.
---@param names? string[] the server's own of those wanted; all without it
---@return claude.Tool[]? list
---@return string? text
---@return claude.Error? err
function Server:tools(names) end

--- Calls a tool by the server's own name for it.
---@param name string
---@param input? table
---@param seconds? number that the answer may take
---@return claude.mcp.Result? result
---@return string? text
---@return claude.Error? err
function Server:call(name, input, seconds) end

--- Any request of the protocol, such as `resources/list`: its result, decoded.
---@param method string
---@param params? table
---@param seconds? number that the answer may take
---@return table? result
---@return string? text
---@return claude.Error? err
function Server:request(method, params, seconds) end

--- A resource as content for the model.
---@param uri string
---@return claude.Content? content
---@return string? text
---@return claude.Error? err
function Server:resource(uri) end

--- A prompt as messages of a request or conversation.
---@param name string
---@param arguments? table<string, string>
---@return { role: string, content: table[] }[]? messages
---@return string? text
---@return claude.Error? err
function Server:prompt(name, arguments) end

--- What the server said of itself as it began.
---@return { info: table, capabilities: table, instructions: string? }? about
---@return string? text
---@return claude.Error? err
function Server:about() end

--- Ends the server; calls that wait fail. Waits until it has ended where that is possible.
function Server:close() end

-- Tasks and loops ----------------------------------------------------------------------

---@class claude.Task
local Task = {}

--- Waits until it has ended: its results, or `nil, text, raised`. With a number of seconds
--- no longer than that (kind "timeout"), and the task goes on.
---@param seconds? number
---@return any ...
function Task:wait(seconds) end

--- Cancels it and what it started unless it ends within so many seconds from now; what it
--- waits for then fails with kind "timeout".
---@param seconds number
---@return claude.Task self
function Task:set_timeout(seconds) end

--- How it ended; nil while it has not. Who looks is expected to deal with a failure.
---@return claude.Outcome?
function Task:result() end

--- Cancels it and what it started: the call in which it waits fails.
function Task:cancel() end

--- Whether it has ended.
---@return boolean
function Task:is_done() end

---@class claude.Map
---@operator call: any
local Map = {}

--- The next element whose function has finished, and what it returned.
---@return any item
---@return any ...
function Map:next() end

--- Cancels what runs and begins nothing more.
function Map:cancel() end

--- Selects how this library waits: `require("claude.loop").use("luv")`.
---@class claude.LoopModule
local loop = {}

--- Selects a driver by name ("blocking", "luv", "cqueues", "nvim") or an adapter of your own,
--- which lua/claude/loop/init.lua describes. Not inside tasks, nor while requests are in flight.
---@param adapter string|claude.LoopAdapter
function loop.use(adapter) end

--- `require "claude.loop.cqueues"`: cqueues as loop (doc/hosts.md).
---@class claude.CqueuesLoop
local cqueues_loop = {}

--- Lets tasks run in this controller from now on, and waiting calls outside of all
--- controllers step it.
---@param controller userdata from `cqueues.new()`
function cqueues_loop.attach(controller) end

--- For a host that lends its event loop.
---@class claude.LoopAdapter
---@field name? string
---@field new fun(ready: fun(fd: integer?, mask: integer?)): claude.Driver?, string?

---@class claude.Driver
---@field watch fun(fd: integer, mask: integer) 0 stop, 1 read, 2 write, 3 both
---@field timer fun(ms: integer) one call of ready() then; below 0: none
---@field run? fun(wait: boolean): boolean drives the host's loop; false: nothing is left
---@field slice? number seconds that tasks may have before the host's own events
---@field waiter? fun(): { wait: function, post: function }? in a coroutine of the host's
---@field sync? fun(fd: integer, done: fun(problem: string?)) by threads of the host
---@field close? fun()

--- What `require "claude.tasks"` has beside the functions of `claude`.
---@class claude.TasksModule
local tasks = {}

--- Runs tasks on the coroutines of a host that owns them; nil: on our own. Not while tasks
--- run. lua/claude/tasks/hosted.lua describes adapters.
---@param adapter string|claude.TaskHost|nil
function tasks.use(adapter) end

--- The protected call in which tasks may wait, on every Lua: `true, results…` or
--- `false, raised, text`.
---@param fn function
---@param ... any
---@return boolean
---@return any ...
function tasks.call(fn, ...) end

--- For a host that owns its coroutines.
---@class claude.TaskHost
---@field name? string
---@field now fun(): number seconds on a clock that only goes forward
---@field spawn fun(fn: fun(ending: boolean?)): any?, string?
---@field semaphore fun(): claude.Semaphore
---@field running fun(): any what stands for the coroutine that runs
---@field connect fun(options: table): table?, string?, string?, string?
---@field fork fun(fn: function, argument: any): any
---@field kill fun(handle: any)
---@field join? fun(handle: any)
---@field problem? fun(): string?, string?
---@field refuse? fun(options: table): string?, string?
---@field says_how_much? boolean

---@class claude.Semaphore
---@field post fun(self: claude.Semaphore)
---@field wait fun(self: claude.Semaphore, seconds: number?): boolean

-- The simulator ------------------------------------------------------------------------

--- What `require "claude.simulator"` returns; its options stand at the top of
--- lua/claude/simulator/init.lua.
---@class claude.SimulatorModule
local simulator = {}

--- Starts a simulator in this process; waiting calls then run luv's loop.
---@param options? claude.simulator.Options
---@return claude.simulator.Simulator? sim with url, port, requests
---@return string? problem
function simulator.start(options) end

--- Serves until the process ends.
---@param options? claude.simulator.Options
---@param ready? fun(sim: claude.simulator.Simulator)
---@return nil
---@return string problem
function simulator.serve(options, ready) end

--- Runs a command against a simulator of its own.
---@param command string[]
---@param options? claude.simulator.Options
---@return integer? code the command's exit code
---@return string? problem
function simulator.run(command, options) end

---@class claude.simulator.Simulator
---@field url string
---@field port integer
---@field requests table[] what was asked, without credentials
local Simulator = {}

--- Lets so many seconds pass for the prompt cache and for files, at once.
---@param seconds number
function Simulator:advance(seconds) end
--- Adds a file to the account, as if it had been uploaded, or (`downloadable`) made by a tool.
---@param fields { filename: string, bytes: string, mime_type: string?, downloadable: boolean? }
---@return string id
function Simulator:add_file(fields) end

--- Ends every connection and frees the port.
function Simulator:close() end

-- Neovim -------------------------------------------------------------------------------

--- `require "claude.nvim"`: what :Claude and its companions do. See doc/lua-claude.txt.
---@class claude.NvimModule
local nvim = {}

--- Sets the options of the chats that begin from now on.
---@param options? claude.nvim.Options
function nvim.setup(options) end

--- Asks in the current chat or in a new one, and shows it.
---@param question string
---@param where? { new: boolean? }
---@return integer buffer
function nvim.ask(question, where) end

--- Shows the current chat, with a window to write the question in.
---@param where? { new: boolean? }
---@return integer buffer
function nvim.open(where) end

--- Stops the answer that is arriving in the current chat.
function nvim.stop() end

--- Sends the last question again, if it has no answer.
function nvim.retry() end

--- Continues a saved chat, the newest without a name.
---@param name? string
---@return integer? buffer
function nvim.resume(name) end

--- Names of the saved chats, newest first.
---@return string[]
function nvim.saved() end

--- Whether an answer is arriving or being written, in any chat.
---@return boolean
function nvim.is_busy() end

---@class claude.nvim.Options
---@field model? string
---@field max_tokens? integer
---@field thinking? table
---@field system? string
---@field params? table more parameters of a request, such as output_config
---@field tools? claude.Tool[]|boolean true: those of claude.nvim.tools; false: none
---@field approve? "ask"|"all"|fun(call: claude.ToolCall): boolean? which calls run; nil asks
---@field client? claude.ClientOptions
---@field open? string the command that makes a window
---@field folder? string where chats are saved
---@field keys? table<string, string|false> stop, reply, yes, no, always

-- The C modules: for hosts and adapters; programs use what stands above ----------------

--- `require "claude.core"`: bytes to events, values to bytes. Knows no network.
---@class claude.core
---@field version string
---@field file string where it was loaded from
---@field null userdata
---@field array_mt table metatable of empty arrays
---@field object_mt table metatable of empty objects
local core = {}

--- JSON of a value, or `nil`, what is wrong, and where.
---@param value any
---@param options? { request: boolean?, slot: string?, max_bytes: number?, around: string? }
--- request: empty tables by the API's slots; slot: the name of the value there; max_bytes: more is
--- a problem; around: the name of a member that is a list, at whose end the text is cut in two
---@return string? json
---@return string? problem or the text from that end on
---@return string? path
function core.encode(value, options) end

--- The value of JSON text, strictly.
---@param json string
---@param options? { nulls: boolean? } nulls: null members are `core.null` instead of absent
---@return any value
---@return string? problem
---@return integer? position
function core.decode(json, options) end

--- The same, with every object as core.object makes it of pairs: in the text's order.
---@param json string
---@return any value
---@return string? problem
---@return integer? position
function core.decode_ordered(json) end

--- One level of JSON text: the members of an object by name, or the elements of an array,
--- each as the JSON text it came in.
---@param json string
---@return table<string|integer, string>? parts
---@return string? problem
---@return integer? position
function core.split(json) end
--- What is complete of a JSON value that is still arriving.
---@param json string
---@return any value
---@return string? problem
---@return integer? position
function core.decode_partial(json) end

--- Marks a table as an array, also when it is empty.
---@param list? table
---@return table
function core.array(list) end

--- Marks a table as an object; with a list of `{ key, value }` pairs, in that order.
---@param pairs? table
---@return table
function core.object(pairs) end

--- JSON text, checked, that is written as it is.
---@param json string
---@return any raw
---@return string? problem
---@return integer? position
function core.raw(json) end

---@param value any
---@return boolean
function core.is_raw(value) end

--- Whether two values would be written as the same JSON. Tables with metatables never are:
--- nobody knows what they become.
---@param a any
---@param b any
---@return boolean
function core.same(a, b) end

---@param text string
---@return boolean
---@return integer? position of the first byte that is not UTF-8
function core.utf8_valid(text) end

--- Each invalid part becomes U+FFFD.
---@param text string
---@return string text
---@return integer count
function core.utf8_scrub(text) end

--- What headers tell of rate limits, and nil when none does.
---@param lines string as `response:header_lines()` gives them
---@param answered_at fun(date?: string): number seconds since 1970
---@return claude.RateLimits?
function core.rate_limits(lines, answered_at) end

--- Whether a message is a plain table with a text of the user's or the assistant's, with which
--- nothing is wrong.
---@param message any
---@return boolean
function core.is_text(message) end

--- Whether it is a plain list of such messages, and not empty.
---@param messages any
---@return boolean
function core.are_texts(messages) end

--- An answer's headers as a table; several of one name are joined by ", ".
---@param lines string as `response:header_lines()` gives them
---@return table<string, string> by lower-case name
function core.headers(lines) end

--- Seconds since 1970 of a date as RFC 3339 writes it; nil for what is none.
---@param text string
---@return number?
function core.rfc3339(text) end

---@param text string
---@param raw? boolean 32 bytes instead of 64 hex digits
---@return string
function core.sha256(text, raw) end

--- Base64 with padding (RFC 4648).
---@param bytes string
---@return string
function core.base64(bytes) end

--- Puts bytes in the place of a file, whole or not at all.
---@param path string
---@param bytes string
---@return true? ok
---@return string? text
function core.replace_file(path, bytes) end

--- All bytes of a regular file. What is none, such as a pipe, is not waited for.
---@param path string
---@return string? bytes
---@return string? text
function core.read_file(path) end

--- A regular file, to be a part of a body: read piece by piece as it is sent.
---@param path string
---@return claude.core.File? file
---@return string? text
function core.open_file(path) end

--- What is written comes into the file's place at `commit`, whole or not at all.
---@param path string
---@return claude.core.FileSink? sink
---@return string? text
function core.file_sink(path) end
--- Opens a directory; makes it, for its owner alone, when it is not there.
---@param path string
---@return claude.core.Tree? tree
---@return string? text
---@return string? code
function core.tree(path) end

---@param limits? table max_event_bytes, max_body_bytes, max_header_bytes, max_line_bytes, and
--- stream_body: read and read_line take the body of a success; keep_body: it is kept,
--- whatever its type
--- stream_body: read and read_line take the body of a success
---@param limits? table max_event_bytes, max_body_bytes, max_header_bytes; expects_message: what
--- the body begins with counts, not what the headers call it
---@return claude.core.Response
function core.response(limits) end

--- A `for` iterator that takes plain pieces from the response while its short cut is open, waits
--- for more with `exchange:wait(true)`, and else calls the step. Absent on Lua 5.1 and LuaJIT.
---@param step fun(): claude.Kind?, string?, integer?, claude.core.Response?, claude.Exchange?
---@return fun(): claude.Kind?, string?, integer?
function core.deltas(step) end

---@param max_event_bytes? integer
---@return claude.core.EventStream
function core.sse(max_event_bytes) end

--- A decoder that writes into a response to which nothing has been fed.
---@param response claude.core.Response
---@return claude.core.Http1
function core.http1(response) end

---@return claude.core.Transcript
function core.transcript() end

---@param text string
---@return claude.core.Segment
function core.segment(text) end

--- A regular file as a part of a body: read while the body is sent, however large it is.
---@param path string
---@return claude.core.File? file
---@return string? text
function core.open_file(path) end

--- A file that appears at the path when it is committed, and not before.
---@param path string
---@return claude.core.FileSink? sink
---@return string? text
function core.file_sink(path) end

--- The first line of a journal (csrc/core/journal.h).
---@param salt string 8 bytes
---@return string
function core.journal_first(salt) end

--- What stands before the payload of a record.
---@param salt string
---@param offset integer of the record in the file
---@param synced integer bytes of the file that are known to be on the disk
---@param kind integer
---@param payload string
---@param before integer what the head of the record before came with; 0: there is none
---@return string head
---@return integer before of the next record
function core.journal_head(salt, offset, synced, kind, payload, before) end

--- The records of a journal up to the first that is not whole.
---@param bytes string
---@return { offset: integer, synced: integer, kind: integer, payload: string }[]? records
---@return { kept: integer, torn: boolean, mark: integer, salt: string? }|string info or what
--- is wrong
---@return integer? offset of what is wrong
function core.journal_read(bytes) end

--- The file of a journal, for one at a time.
---@param path string
---@return claude.core.JournalFile? file
---@return string? text
function core.journal_file(path) end

---@class claude.core.JournalFile
local JournalFile = {}

---@return string? bytes
---@return string? text
function JournalFile:read() end

---@param bytes string
---@return true?
---@return string? text
function JournalFile:append(bytes) end

--- Writes what is there already once more, in its place.
---@param offset integer
---@param bytes string
---@return true?
---@return string? problem
function JournalFile:rewrite(offset, bytes) end

---@param size integer
---@return true?
---@return string? text
function JournalFile:truncate(size) end

--- Blocks until the file is on the disk.
---@return true?
---@return string? text
function JournalFile:sync() end

---@return integer fd
---@return integer? folder if that is to be synced as well
function JournalFile:descriptors() end

--- Both were synced by other means.
function JournalFile:synced() end

function JournalFile:close() end

---@class claude.core.File
local SourceFile = {}

---@return integer bytes, when it was opened
function SourceFile:length() end

--- Closes the file at once, also for the bodies that hold it.
function SourceFile:close() end

---@class claude.core.FileSink
local FileSink = {}

---@param bytes string
---@return true?
---@return string? text
function FileSink:write(bytes) end

--- Puts the file in its place.
---@return true?
---@return string? text
function FileSink:commit() end

--- Removes what was written.
function FileSink:discard() end

---@param parts (string|claude.core.Segment|claude.core.Transcript|claude.core.File)[]
--- Marks are put into the messages of the transcript on the way: one for each at most, in
--- their order, numbered from 1.
---@param parts (string|claude.core.Segment|claude.core.Transcript)[]
---@param marks? { message: integer, block: integer, control: string }[] cache breakpoints
---@return claude.core.Body
function core.body(parts, marks) end

--- A cache breakpoint in one block of a list, or in a text, which becomes a block; every other
--- byte stays.
---@param json string
---@param block integer from 1
---@param control string JSON of the cache_control
---@return string? json
---@return string? problem
function core.mark(json, block, control) end

--- A file that is being sent. Bodies hold on to it.
---@class claude.core.File
local file = {}

--- Its length in bytes when it was opened.
---@return integer
function file:length() end

--- Closes it at once, also for the bodies that hold it; may be called again.
function file:close() end

--- A file that is being received, beside its place. Collected, it is discarded.
---@class claude.core.FileSink
local sink = {}

---@param bytes string
---@return true? ok
---@return string? text
function sink:write(bytes) end

--- Puts it in its place.
---@return true? ok
---@return string? text and nothing has changed
function sink:commit() end

--- Removes what was written.
function sink:discard() end

--- One HTTP response on its way in.
---@class claude.core.Response
local Response = {}

---@param line string
---@return true?
---@return string? problem
function Response:feed_header(line) end

---@param bytes string
---@return true?
---@return string? problem
function Response:feed(bytes) end

--- The body is over; with a text, that is how the connection failed.
---@param problem? string
function Response:finish(problem) end

--- The next frame; `nil, "more"`, `nil, "end"` or `nil, "error"` when there is none.
---@return claude.Kind? kind
---@return string? text
---@return integer? index of the block, from 0
function Response:next() end

--- The same, but adjacent deltas of one block and kind that have come are one.
---@return claude.Kind? kind
---@return string? text
---@return integer? index of the block, from 0
function Response:next_joined() end

--- The next frame if nobody but the reader looks at it; `nil, "more"` when all has been read;
--- `nil, "look"` after 63 of them, so that whoever reads lets others have their turn; nothing when
--- something else is next (a message that begins or ends, a ping, the end of thinking without
--- text), and while the short cut is closed.
---@return claude.Kind? kind
---@return string? text
---@return integer? index of the block, from 0
function Response:next_plain() end

--- A function for loops: the next frame where `next_plain` gives one; nil and "more" when all that
--- came has been read, and else nothing.
---@return fun(): claude.Kind?, string?, integer?
function Response:plain_reader() end

--- Reads past all that is there, for who wants the message only; stops before the end of a
--- thinking block that said nothing.
---@param to_first? boolean stops behind the first delta that says something, too
---@return boolean spoke there was such a delta
function Response:pass(to_first) end

--- Whether the block is there, and is thinking whose text is empty.
---@param index integer from 0
---@return boolean
function Response:block_is_silent(index) end

--- Whether `next_plain`, and loops of `core.deltas`, give anything.
---@param open boolean
function Response:open_short_cut(open) end

--- Of a body that is streamed (stream_body), the next bytes; `nil, "more"`, `nil, "end"` or
--- `nil, "error"` when there are none.
---@param most integer
---@return string? bytes
---@return string? why
function Response:read(most) end

--- The same, one line without its end.
---@return string? line
---@return string? why
function Response:read_line() end

--- JSON of the frame that next returned last.
---@return string?
function Response:event() end

---@return integer?
function Response:status() end

---@param name string
---@return string?
function Response:header(name) end

---@return table<string, string> by lower-case name
function Response:headers() end

--- The same as a text that costs little to keep: `core.headers` makes the table of it.
---@return string
function Response:header_lines() end

---@return boolean
function Response:is_event_stream() end

---@return boolean streamed whether read and read_line take the body
function Response:streams_body() end

--- The body that is no stream.
---@return string
function Response:body() end

---@return boolean
function Response:finished() end

--- Whether status and headers are all there: the body has begun, or there is none.
---@return boolean
function Response:begun() end

---@return integer bytes that next has not read
function Response:unread() end

--- What the limits on silence look at.
---@return integer count frames read that were more than pings, or KiB of what is no stream
---@return boolean busy a text or tool block is open
---@return boolean has_head status and headers have ended
function Response:progress() end

---@return table? failure kind, message, offset, type, request_id, status
function Response:failure() end

---@return boolean
function Response:complete() end

---@return string?
function Response:stop_reason() end

--- The exact bytes of the message so far.
---@return string?
function Response:message_json() end

--- The same without its blocks.
---@return string?
function Response:head_json() end

--- What `message_json` says, decoded, and the exact bytes of its blocks; nil when none began,
--- nil and a text when it is no JSON.
---@return table? message
---@return string[]|string|nil raws
function Response:message() end

--- What `head_json` says, decoded.
---@return table? head
---@return string? problem
function Response:head() end

--- The members of it that say what was used: id, model, usage and input_transformations.
---@return table? account
---@return string? problem
function Response:account() end

---@return integer
function Response:block_count() end

---@param i integer from 1
---@return table? block type, raw, index, stopped, flaw, input_raw
function Response:block(i) end

---@param i integer from 1
---@return string?
function Response:block_raw(i) end

---@param i integer from 1
---@return string?
function Response:tool_input_raw(i) end

--- The turn that this reply adds to a conversation, and what had to be changed. With a
--- transcript it is added to that, and what comes first is whether anything was.
---@param how? "whole"|"keep" keep: also of an interrupted reply
---@param transcript? claude.core.Transcript
---@return string|boolean|nil message
---@return { rule: string, text: string, index: integer? }[] changes
---@return boolean? has_unnamed_call with a transcript: whether a tool is called without an id
function Response:seal(how, transcript) end

--- Any event stream, decoded as WHATWG's format says.
---@class claude.core.EventStream
local EventStream = {}

--- Takes bytes; every event is read before more are fed.
---@param bytes string
---@return true
function EventStream:feed(bytes) end

---@return string? name nil: feed more
---@return string? data or what is wrong, for good
---@return integer? offset
function EventStream:next() end

--- Decodes the bytes of a connection, HTTP/1.1, into a response. For hosts with sockets of
--- their own; strict, see csrc/core/http1.h. Once it has failed, it says so for good.
---@class claude.core.Http1
local Http1 = {}

--- Takes what was received, however it is cut. The last byte of the message finishes the
--- response; bytes behind it are dropped.
---@param bytes string
---@return true?
---@return boolean|string done whether the message has come to its end; else the problem which the
--- response has been finished with
function Http1:feed(bytes) end

--- The connection has ended; with a text, that is how it failed. Only a message that is done,
--- or whose body ends with the connection, takes that well. Whether the API's reply is whole
--- is another question: the response answers it.
---@param problem? string
---@return true?
---@return string? problem which the response has been finished with
function Http1:finish(problem) end

---@return boolean done the message has come to its end: nothing more needs to be read
function Http1:done() end

---@return boolean keeps_alive the connection may serve another request
function Http1:keeps_alive() end

--- What to read next where a read must say how much: the rest of a line (with its CRLF, to be
--- put back where a read takes it off), or a number of bytes that are surely to come. A read
--- of a smaller number does as well. 0: nothing more.
---@return "line"|integer
function Http1:wants() end

--- Messages as exact bytes; forks share them.
---@class claude.core.Transcript
local Transcript = {}

---@param message string|string[] JSON, or its pieces
---@return true?
---@return string? problem
function Transcript:append(message) end

---@return integer
function Transcript:count() end

---@return integer length of all messages together
function Transcript:bytes() end

---@param i integer
---@return string
function Transcript:get(i) end

---@param i integer
---@return "user"|"assistant"|"system"
function Transcript:role(i) end

--- How often messages have left it: as long as this and the count stay what they are, so do
--- its messages.
---@return integer
function Transcript:removals() end

---@param role "user"|"assistant"|"system"
---@return integer? number of the first message of that role
function Transcript:first(role) end

--- The exact bytes of the content blocks of one message.
---@param i integer
---@return string[]?
function Transcript:blocks(i) end

--- A message decoded, with no more than the beginning of long texts, unless that is blank.
---@param i integer
---@return table
function Transcript:outline(i) end

---@param i integer
---@param bytes string
---@return boolean whether they are somewhere in the message
function Transcript:contains(i, bytes) end

--- How many blocks a message has; a text is one.
---@param i integer
---@param other claude.core.Transcript
---@return integer messages, from the first on, that are the same in both
function Transcript:shared(other) end

---@return integer
function Transcript:block_count(i) end

---@param n integer how many messages stay
function Transcript:truncate(n) end

---@return string? message the last, which leaves
function Transcript:pop() end

---@return claude.core.Transcript
function Transcript:fork() end

--- Shared bytes that never change.
---@class claude.core.Segment
local Segment = {}

---@return string
function Segment:tostring() end

---@return integer
function Segment:length() end

--- A request body: parts in order, not copied.
--- A directory whose files are reached by names below it, and nothing else: never through
--- a symbolic link. Paths are names separated by "/"; "" is the directory itself. What
--- fails returns nil, the system's text and "not_found", "exists", "link",
--- "not_directory", "is_directory", "too_large", "invalid" or "system".
---@class claude.core.Tree
local Tree = {}

---@param path string
---@return "file"|"directory"|"other"|nil kind
---@return integer|string size in bytes
---@return string? code
function Tree:look(path) end

---@param path string
---@return string[]? names unsorted
---@return string? text
---@return string? code
function Tree:list(path) end

---@param path string
---@param most integer bytes; a larger file is not read
---@return string? bytes
---@return string? text
---@return string? code
function Tree:read(path, most) end

--- A new file, and the directories above it.
---@param path string
---@param bytes string
---@return true? ok
---@return string? text
---@return string? code
function Tree:create(path, bytes) end

--- Takes a file's place, whole or not at all.
---@param path string
---@param bytes string
---@return true? ok
---@return string? text
---@return string? code
function Tree:replace(path, bytes) end

---@param from string
---@param to string
---@return true? ok
---@return string? text
---@return string? code
function Tree:rename(from, to) end

--- With everything in it.
---@param path string
---@return true? ok
---@return string? text
---@return string? code
function Tree:remove(path) end

---@class claude.core.Body
local Body = {}

---@return integer
function Body:length() end

---@return string
function Body:tostring() end

--- A piece of it, "" at the end: for sending it without a copy of the whole.
---@param offset integer bytes in front of the piece
---@param max? integer default 65536
---@return string
function Body:read(offset, max) end

---@param raw? boolean
---@return string
function Body:sha256(raw) end

--- `require "claude.net"`: libcurl; `claude.loop` drives it.
---@class claude.net
---@field version string
---@field file string where it was loaded from
local net = {}

---@return number seconds that only grow
function net.now() end

---@return string names and versions of what libcurl is made of
function net.library() end

--- What libcurl was built to do.
---@return claude.net.Features
function net.features() end

---@class claude.net.Features
---@field version string
---@field number integer 0x074400 is 7.68.0
---@field host string such as "x86_64-pc-linux-gnu"
---@field tls? string such as "OpenSSL/3.0.15"
---@field http2 boolean
---@field gzip boolean
---@field brotli boolean
---@field zstd boolean

--- The certificate authorities that libcurl trusts by itself, where it tells (from 7.84).
---@return string? file
---@return string? folder
function net.authorities() end

--- A new engine. It ends with its collection, and what is under way with it.
---@return claude.net.Engine?
---@return string? problem
function net.engine() end

---@return claude.net.Poller?
---@return string? problem
function net.poller() end

--- Transfers, and the connections that they share.
---@class claude.net.Engine
local Engine = {}

---@param request table
---@return integer? id
---@return string? problem
---@return "syntax"|"memory"|"transport"|nil kind
function Engine:start(request) end

---@param id integer
---@param text? string
function Engine:cancel(id, text) end

---@param id integer
function Engine:pause(id) end

---@param id integer
function Engine:resume(id) end

--- What there was has been read: goes on.
---@param id integer
---@return boolean changed a text or tool block has opened or closed meanwhile
function Engine:await(id) end

---@param id integer never paused again, however much is unread
function Engine:let_in(id) end

--- A reader waits for nothing but more of it: that is no news from now on, but the reader's turn.
--- Only where C can resume what waits in it.
---@param id integer
---@return integer? number of the reader, by which `give_turns` finds a ticket; nil: it has ended
function Engine:read_for(id) end

--- Resumes those who wait for more, until a time.
---@param readers table<integer, claude.Ticket>
---@param turn table<integer, any> 1: the ticket of the coroutine that runs; 2: false when it begins
---@param stop_at? number on the clock of `net.now`
---@return integer turns
---@return claude.Ticket? ticket, still turn[1], of a coroutine that did not wait for more again;
--- others may be left
---@return boolean? ok
---@return any ... what it yielded, returned or raised
function Engine:give_turns(readers, turn, stop_at) end

--- As `turn`, but where nothing else happens than that there is more for those who wait for it, it
--- gives turns and goes on waiting.
---@param readers table<integer, claude.Ticket>
---@param turn table<integer, any>
---@param seconds number that turns may take before it looks at descriptors again
---@param poller claude.net.Poller
---@param milliseconds integer
---@param goes_on fun(): boolean whether nothing needs to be done; asked after turns
---@return integer events
---@return integer others that are the poller's: `poller:event(1…others)`
---@return claude.Ticket? ticket as `give_turns` has it
---@return boolean? ok
---@return any ...
function Engine:read(readers, turn, seconds, poller, milliseconds, goes_on) end

--- What to say in a process that is a copy of the one that made it; nil in that one.
---@return string? text
function Engine:forked() end

---@param fd integer -1: the time is up
---@param mask? integer
function Engine:socket_action(fd, mask) end

---@param id integer
function Engine:read_now(id) end

--- The next change; whoever asks has applied the one before.
---@return integer? fd nil: there is no more
---@return integer mask; without a descriptor milliseconds, as `timeout` tells them
function Engine:change() end

--- Has a poller watch what is to be watched, all that has changed.
---@param poller claude.net.Poller
---@return integer? fd that it cannot watch; then it does not know of what has changed after that
---@return integer? mask
---@return boolean? no_memory
function Engine:tell(poller) end

--- Waits with a poller, no longer than `timeout` says, and acts on what is the engine's; the others
--- are poller:event(1…others).
---@param poller claude.net.Poller
---@param milliseconds integer -1 waits for ever
---@return integer events
---@return integer others
function Engine:turn(poller, milliseconds) end

---@return integer milliseconds, or -1
function Engine:timeout() end

--- What happened next, if anything did.
---@return integer? id
---@return any ...
function Engine:next() end

---@param id integer
function Engine:activity(id) end

---@return integer transfers
---@return integer descriptors
function Engine:counts() end

--- Starts a child process with pipes to it; no shell has a hand in it.
---@param options claude.net.ChildOptions
---@return claude.net.Child?
---@return string? problem
function net.spawn(options) end

---@class claude.net.ChildOptions
---@field arguments string[] the first is the program: a path, or a name to look for
---@field environment string[] NAME=value; its PATH says where a name is looked for
---@field directory? string where it runs
---@field keep_error? boolean its standard error is this process's

---@class claude.net.Child
local Child = {}

---@return integer? pid nil once it was reaped
function Child:pid() end

---@param channel "input"|"output"|"error"
---@return integer? fd nil when it is closed
function Child:descriptor(channel) end

---@param channel "output"|"error"
---@return string? bytes
---@return "more"|"end"|nil why not
function Child:read(channel) end

---@param bytes string
---@param from? integer the first of them to be written
---@return integer? count
---@return "more"|"end"|nil why not
function Child:write(bytes, from) end

--- Closes a channel, which nobody may be watching any more.
---@param channel "input"|"output"|"error"
function Child:close(channel) end

--- Sends a signal to it and to all of its process group.
---@param name "TERM"|"KILL"
function Child:signal(name) end

---@param reap? boolean give its number back to the system
---@return boolean ended
---@return integer? status of its exit
---@return integer? signal that ended it
function Child:has_ended(reap) end

--- What the blocking driver waits with.
---@class claude.net.Poller
local Poller = {}

---@param fd integer
---@param mask integer
---@return true?
---@return string? problem
function Poller:watch(fd, mask) end

--- Whether this process is a copy of the one that made it: what it watches is the parent's.
---@return boolean
function Poller:forked() end

---@param milliseconds integer -1 waits for ever
---@return integer events
function Poller:wait(milliseconds) end

---@param i integer from 1
---@return integer fd
---@return integer mask
function Poller:event(i) end

--- A descriptor that is readable when one of those watched is ready.
---@return integer
function Poller:descriptor() end
