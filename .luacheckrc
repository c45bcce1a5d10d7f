std = "min"
max_line_length = 100
exclude_files = { "build", "node_modules", "lua_modules" }
files["spec"] = { std = "+busted" }
-- Adapters of hosts are the only files that know the hosts' globals.
files["lua/claude/loop"] = { read_globals = { "vim", "ngx" } }
-- What runs inside a host may use its globals; LÖVE's callbacks are fields of its own.
local love, mpv = { globals = { "love" } }, { read_globals = { "mp" } }
files["spec/hosts/love"] = love
files["spec/games/love"] = love
files["examples/love"] = love
files["spec/hosts/mpv"] = mpv
files["spec/games/mpv.lua"] = mpv
files["spec/games/unlucky.lua"] = mpv
files["examples/mpv"] = mpv
files["examples/nginx"] = { read_globals = { "ngx" }, globals = { "ngx.header", "ngx.status", "ngx.ctx" } }
-- The Neovim plugin, and what specs run inside Neovim.
local neovim = { globals = { "vim" } }
files["plugin"] = neovim
files["lua/claude/health.lua"] = neovim
files["lua/claude/nvim"] = neovim
files["spec/hosts/nvim"] = neovim
files["spec/secrets/nvim.lua"] = neovim
files["spec/bench/nvim"] = { globals = { "vim" }, read_globals = { "FOLDER" } }
