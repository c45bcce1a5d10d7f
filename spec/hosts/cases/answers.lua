-- Answers and streams.
local ask = require("spec.hosts.ask")
local check = require("spec.hosts.check")
local texts = require("spec.hosts.texts")

local function collect(step)
  local parts = {}
  local text, _, err = step()
  while text do
    parts[#parts + 1] = text
    text, _, err = step()
  end
  check.equal(nil, err)
  return table.concat(parts), #parts
end

return function()
  return {
    {
      "one answer",
      function(env)
        local message =
          assert(ask.client(env).messages:create(ask.thoughtful("What is 127 * 389?")))
        check.contains("49403", message:text())
        check.equal("end_turn", message.stop_reason)
        assert(#message:thinking() > 0)
        assert(message.usage.output_tokens > 0)
      end,
    },
    {
      "one answer that is not streamed",
      function(env)
        local params = ask.params("What is 127 * 389?", { stream = false })
        check.contains("49403", assert(ask.client(env).messages:create(params)):text())
      end,
    },
    {
      "a stream's deltas are the text byte for byte, however the network cuts it",
      function(env)
        local stream = ask.client(env).messages:stream(ask.params("Recite"))
        local text, pieces = collect(function() return stream:next_text() end)
        check.equal(texts.RECITED, text)
        assert(pieces > 50, "it came in pieces")
        check.equal(texts.RECITED, assert(stream:final_message()):text())
        env.digest[#env.digest + 1] = text
      end,
    },
    {
      "a stream tells thinking, signature and text in order",
      function(env)
        local stream = ask.client(env).messages:stream(ask.thoughtful("What is 127 * 389?"))
        local kinds = {}
        local kind = stream:next()
        while kind do
          if kinds[#kinds] ~= kind then kinds[#kinds + 1] = kind end
          kind = stream:next()
        end
        check.list({
          "message_start",
          "block_start",
          "thinking",
          "signature",
          "block_stop",
          "block_start",
          "text",
          "block_stop",
          "message_delta",
          "message_stop",
        }, kinds)
      end,
    },
    {
      "events are the API's own, as tables",
      function(env)
        local stream = ask.faulty(env, "ok").messages:stream(ask.params("Hi"))
        local types, event = {}, stream:next_event()
        while event do
          types[#types + 1] = event.type
          event = stream:next_event()
        end
        check.equal("message_start", types[1])
        check.equal("message_stop", types[#types])
      end,
    },
    {
      "tokens are counted and models described",
      function(env)
        local client = ask.client(env)
        local question = { model = "claude-opus-4-8", messages = ask.params("Hi").messages }
        assert(assert(client.messages:count_tokens(question)).input_tokens > 0)
        check.equal("claude-opus-4-8", assert(client.models:retrieve("claude-opus-4-8")).id)
      end,
    },
    {
      "models are listed page by page",
      function(env)
        local list, count = ask.client(env).models:list({ limit = 5 }), 0
        local model = assert(list:next())
        while model do
          count = count + 1
          model = list:next()
        end
        check.equal(true, count > 10)
      end,
    },
    {
      "a batch is created, waited for, and its results are read as they come",
      function(env)
        local batches = ask.client(env).messages.batches
        local requests = {}
        for i = 1, 20 do
          requests[i] = { custom_id = "r" .. i, params = ask.params("Hi " .. i) }
        end
        local id = assert(batches:create({ requests = requests })).id
        check.equal("ended", assert(batches:wait(id, { interval = 0.05 })).processing_status)
        local results = batches:results(id)
        local entry = assert(results:next())
        while entry do
          check.equal("succeeded", entry.result.type)
          assert(entry.result.message:text())
          entry = results:next()
        end
        check.equal(20, results.count)
        check.equal("message_batch_deleted", assert(batches:delete(id)).type)
      end,
    },
    {
      "what the API refuses comes back as nil, a text and an error",
      function(env)
        local params = ask.params("Hi")
        params.model = "claude-none-1"
        local message, text, err = ask.client(env).messages:create(params)
        check.equal(nil, message)
        check.equal(tostring(err), text)
        check.equal("api", err.kind)
        check.equal(404, err.status)
        check.contains("req_", err.request_id)
      end,
    },
    {
      "a stream that is cancelled ends at once and keeps what arrived",
      function(env)
        local stream = ask.client(env).messages:stream(ask.params("Take your time"))
        local text
        repeat
          text = assert(stream:next_text())
        until text ~= ""
        stream:cancel()
        local kind, _, err = stream:next()
        check.equal(nil, kind)
        check.equal("cancelled", err.kind)
        check.contains("word001", err.partial:text())
      end,
    },
    {
      "a request that is refused for now is sent again",
      function(env)
        local client = ask.client(env, { max_retries = 2 })
        local question = ("Refuse me 2 times (%s create)"):format(env.host)
        check.equal("Here you are.", assert(client.messages:create(ask.params(question))):text())
        client = ask.client(env, { max_retries = 1 })
        question = ("Refuse me 2 times (%s stream)"):format(env.host)
        local _, _, err = client.messages:stream(ask.params(question)):final_message()
        check.equal(529, err.status)
        check.equal("overloaded_error", err.type)
      end,
    },
  }
end
