--- Shuts a connection of nginx's down under whoever reads it: the read then ends at once. The
--- Lua module itself refuses to close what is being read. It gives a socket's descriptor in
--- one place only, a function that its own tests are written with, which puts another in its
--- place: that is taken back at once. False where there is no such function, and in the module
--- for streams of TCP.
local has_ffi, ffi = pcall(require, "ffi")
if not has_ffi then return false end

-- Declares the type; for HTTP only: for streams of TCP there is another module, and it raises.
if not pcall(require, "resty.core.socket") then return false end
local base = require("resty.core.base")

local SHUT_RDWR = 2
local SOCKET_CTX_INDEX = 1 -- in the table that a socket is
local TEXT_SIZE = 256

local declared = pcall(
  ffi.cdef,
  [[
    int ngx_http_lua_ffi_socket_tcp_hack_fd(ngx_http_lua_socket_tcp_upstream_t *u, int fd,
      unsigned char *err, size_t *errlen);
    int shutdown(int fd, int how);
  ]]
)
local found, exchange_descriptor = pcall(
  function() return ffi.C.ngx_http_lua_ffi_socket_tcp_hack_fd end
)
if not (declared and found) then return false end

local function descriptor_after(socket, put)
  local length = base.get_size_ptr()
  length[0] = TEXT_SIZE
  return exchange_descriptor(socket, put, base.get_string_buf(TEXT_SIZE), length)
end

---@param tcp table a socket of ngx.socket.tcp
return function(tcp)
  local socket = tcp[SOCKET_CTX_INDEX]
  local fd = socket and descriptor_after(socket, -1) or -1
  if fd < 0 then return end
  descriptor_after(socket, fd)
  ffi.C.shutdown(fd, SHUT_RDWR)
end
