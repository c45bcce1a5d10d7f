--- The rows of `make bench`, in their order.
return {
  "deltas-64k",
  "deltas-event",
  "events",
  "short-64k",
  "short-event",
  "core",
  "turns",
  "sending",
  "bodies",
  "start",
  "memory",
  "nginx",
  "streams-100",
  "streams-500",
  "streams-2000",
}
