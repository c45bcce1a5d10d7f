# lua-claude. `make help` lists the targets.

LUA ?= lua5.4
BUILD ?= build
OUT := $(BUILD)/$(LUA)
CC ?= cc
PREFIX ?= /usr/local
JOBS ?= 2
# The other versions that `make check` tests.
LUAS ?= lua5.1 lua5.2 lua5.3 luajit

# Asked for when needed, not when read: `make deps` may just have installed them.
LUA_CFLAGS = $(shell pkg-config --cflags $(LUA))
CURL_LIBS = $(shell pkg-config --libs libcurl)
LUA_VERSION = $(shell $(LUA) -e 'io.write((_VERSION:gsub("Lua ", "")))')

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes \
        -Wmissing-prototypes -Wcast-qual -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c99 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(WARN) -Icsrc $(LUA_CFLAGS) $(CFLAGS)
SHARED := $(if $(filter Darwin,$(shell uname)),-bundle -undefined dynamic_lookup,-shared)

CORE := $(wildcard csrc/core/*.c)
CORE_SO := $(CORE) $(addprefix csrc/os/,file.c file_source.c journal_file.c pin.c tree.c) $(wildcard csrc/bind/core/*.c)
NET_SO := $(CORE) $(wildcard csrc/net/*.c csrc/os/*.c csrc/bind/net/*.c)
C_TESTS := $(wildcard spec/c/*.c)
objects = $(patsubst %.c,$(OUT)/%.o,$(1))
MODULES := $(OUT)/claude/core.so $(if $(wildcard csrc/bind/net/*.c),$(OUT)/claude/net.so)

# A word for the shell, whatever is in it: folders may have any name.
quote = '$(subst ','\'',$(1))'
TREE_PATH = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(or $(LUA_PATH),;)
TREE_CPATH = $(CURDIR)/$(OUT)/?.so;$(or $(LUA_CPATH),;)
SPEC_ENV = LUA_PATH=$(call quote,$(CURDIR)/?.lua;$(TREE_PATH)) \
  LUA_CPATH=$(call quote,$(TREE_CPATH)) LUA='$(LUA)'
SPECS ?= spec
# Specs of hosts that bring a Lua of their own: one run is enough, whatever Lua drives it.
# Those of clients that are not ours say nothing of a Lua either.
HOST_SPECS = spec/nvim spec/nginx spec/games spec/clients
CALL_SPECS = $(wildcard spec/*_spec.lua)
PORTABLE_SPECS = $(filter-out $(addsuffix /%,$(HOST_SPECS)),$(shell find spec -name '*_spec.lua' | sort))
# Those of the build say nothing of how the modules behave, and build in the tree: one at a time.
BUILD_SPECS = $(patsubst %,spec/%_spec.lua,deps make rockspec suites)
# Nor do those of programs in C, and of what stands in files: they run with $(LUA) only.
TREE_SPECS = $(patsubst %,spec/%_spec.lua,types hosts_doc hosts/run net/memory net/secret_memory)
LIBRARY_SPECS = $(filter-out $(BUILD_SPECS) $(TREE_SPECS),$(PORTABLE_SPECS))
BUSTED = $(SPEC_ENV) $(LUA) spec/support/busted.lua
SUITES = .ci/suites
SUB = $(MAKE) --no-print-directory

.DEFAULT_GOAL := build

## help: list the targets
help:
	@sed -n 's/^## \([a-z-]*\): /  \1\t/p' Makefile | expand -t 22
	@echo 'Variables: LUA=lua5.1|lua5.2|lua5.3|lua5.4|luajit CC= CFLAGS= PREFIX= DESTDIR= SPECS= ARGS='

## deps: name what is missing for build and run, and install it
deps:
	@.ci/deps run $(LUA)

## build: compile the modules and build/lua-claude for $(LUA)
build: $(MODULES)
	@printf '%s\n' '#!/bin/sh' \
	  $(call quote,LUA_PATH=$(call quote,$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;)"$${LUA_PATH:-;}") \
	  $(call quote,LUA_CPATH=$(call quote,$(CURDIR)/$(OUT)/?.so;)"$${LUA_CPATH:-;}") \
	  'export LUA_PATH LUA_CPATH' \
	  $(call quote,exec $(LUA) $(call quote,$(CURDIR)/bin/lua-claude) "$$@") >$(BUILD)/lua-claude
	@chmod +x $(BUILD)/lua-claude

$(OUT)/claude/core.so: $(call objects,$(CORE_SO))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SHARED) $(LDFLAGS) -o $@ $^

$(OUT)/claude/net.so: $(call objects,$(NET_SO))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SHARED) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(OUT)/csrc/*/*.d $(OUT)/csrc/*/*/*.d $(OUT)/spec/*/*.d $(OUT)/spec/bench/clients/*.d)

# Neovim's Lua is LuaJIT or, seldom, PUC 5.1; as a rule either's headers will do.
NVIM_LUA ?= $(shell nvim --version 2>&1 | grep -q '^Lua 5.1' && first='lua5.1 lua-5.1 lua51'; \
  for lua in $$first luajit lua5.1 lua-5.1 lua51; do \
  pkg-config --exists $$lua && { echo $$lua; break; }; done)
NVIM_MODULES = lua/claude/core.so lua/claude/net.so
## nvim: compile the modules for Neovim, into lua/ where its runtimepath finds them
nvim:
	@[ -n '$(NVIM_LUA)' ] || { echo 'make nvim: no headers of LuaJIT or Lua 5.1 were found:' \
	  'install libluajit2-5.1-dev, libluajit-5.1-dev, or luajit-devel' >&2; exit 1; }
	@pkg-config --exists libcurl || { echo 'make nvim: no headers of libcurl were found:' \
	  'install libcurl4-openssl-dev, or libcurl-devel' >&2; exit 1; }
	@$(SUB) -j$(JOBS) LUA='$(NVIM_LUA)' WARN=-Wall modules
	@for name in core net; do \
	  cp $(BUILD)/$(NVIM_LUA)/claude/$$name.so lua/claude/$$name.so.new && \
	  mv -f lua/claude/$$name.so.new lua/claude/$$name.so || exit 1; done

## run: build, then let an agent with tools answer (ARGS='"your question"')
run: deps
	@$(SUB) -s -j$(JOBS) build
	@$(BUILD)/lua-claude demo $(ARGS)

## env: print the exports with which $(LUA) finds the tree's modules
env:
	@printf '%s\n' $(call quote,export LUA_PATH=$(call quote,$(TREE_PATH))) \
	  $(call quote,export LUA_CPATH=$(call quote,$(TREE_CPATH)))

## test: build and run all tests with one Lua
test:
	@.ci/deps test $(LUA)
	@$(SUB) -s -j$(JOBS) build
	@SUITE_LANES=$(TEST_LANES) $(SUITES) $(BUILD)/test.counts \
	  "$(LUA), calls" "$(SUB) -s test-lua SPECS='$(filter $(CALL_SPECS),$(LIBRARY_SPECS))'" \
	  "$(LUA), network" "$(SUB) -s test-lua SPECS='$(filter spec/net/%,$(LIBRARY_SPECS))'" \
	  "$(LUA), parts" "$(SUB) -s test-lua SPECS='$(filter-out $(CALL_SPECS) spec/net/%,$(LIBRARY_SPECS))'" \
	  "$(LUA), tree" "$(SUB) -s test-lua SPECS='$(BUILD_SPECS) $(TREE_SPECS)'" \
	  "C units" "$(SUB) -s test-c"

## check: the other Lua versions, sanitizers, valgrind, fuzzing, linters, layers
check:
	@.ci/deps check $(LUA) $(LUAS)
	@for lua in $(LUA) $(LUAS); do $(SUB) -s -j$(JOBS) LUA=$$lua modules || exit 1; done
	@$(SUB) -s nvim
	@SUITE_LANES=$(LANES) $(SUITES) $(BUILD)/check.counts \
	  "sanitizers" "$(SUB) -s sanitize" \
	  "hosts" "$(SUB) -s hosts" \
	  $(foreach lua,$(LUAS),"$(lua)" "$(SUB) -s LUA=$(lua) test-lua SPECS='$(LIBRARY_SPECS)'") \
	  "valgrind" "$(SUB) -s valgrind" \
	  "Neovim, nginx, games, clients" "$(SUB) -s test-lua SPECS='$(HOST_SPECS)'" \
	  "builds" "$(SUB) -s test-builds" \
	  "secrets" "$(SUB) -s QUICK=1 secrets" \
	  "poll(2)" "$(SUB) -s test-poll" \
	  "fuzzing" "QUICK=1 $(SUB) -s -j$(JOBS) fuzz" \
	  "benchmarks" "$(SUB) -s bench-quick" \
	  "faults" "$(SUB) -s QUICK=1 faults" \
	  "collector under stress" "$(SUB) -s QUICK=1 stress" \
	  "threads" "$(SUB) -s test-threads" \
	  "=lint" "$(SUB) -s lint" \
	  "clang" "$(SUB) -s CC=clang BUILD=$(BUILD)/clang test-c build" \
	  "kill" "$(SUB) -s QUICK=1 kill" \
	  "memory that fails" "$(SUB) -s -j$(JOBS) QUICK=1 alloc" \
	  "cuts" "QUICK=1 $(SUB) -s cuts" \
	  "=layers" "$(SUB) -s check-layers" \
	  "soak" "$(SUB) -s QUICK=1 soak" \
	  "instructions" "$(SUB) -s bench-instructions"

# The suites wait more than they work: so many at once, and the longest first, so that none is
# alone at the end.
LANES ?= 4
TEST_LANES ?= 3

## test-builds: what is installed for each of the other Lua versions
test-builds:
	@for lua in $(LUAS); do echo "With $$lua:"; \
	  $(SUB) -s LUA=$$lua test-lua SPECS='spec/make_spec.lua spec/rockspec_spec.lua' || exit 1; done

modules: $(MODULES)

## hosts: run one suite in every host that is installed (HOSTS="luv love")
hosts: $(MODULES)
	@$(SPEC_ENV) BUILD=$(call quote,$(BUILD)) MAKE='$(MAKE)' $(LUA) spec/hosts/run.lua $(HOSTS)

## secrets: search for the key wherever it must not be, in every way to run (QUICK=1: in fewer hosts)
secrets: build
	@$(SPEC_ENV) BUILD=$(call quote,$(BUILD)) MAKE='$(MAKE)' QUICK='$(QUICK)' $(LUA) spec/secrets/run.lua

## test-lua: run the busted specs (SPECS=spec/core)
test-lua: $(MODULES)
	$(BUSTED) $(SPECS)

CONVERSATIONS ?= 1000
TURNS ?= 3
PACE ?= 20
$(OUT)/bench/server: spec/bench/server.c
	@mkdir -p $(@D)
	$(CC) -std=c99 -D_GNU_SOURCE $(WARN) $(CFLAGS) -o $@ $<

## bench-conversations: what CONVERSATIONS=1000 of TURNS=3 cost in one thread, an event each PACE=20 ms
bench-conversations: $(MODULES) $(OUT)/bench/server
	@ulimit -n 4096 2>/dev/null; $(OUT)/bench/server $(PACE) | { read -r port pid; \
	  $(SPEC_ENV) $(LUA) spec/bench/conversations.lua http://127.0.0.1:$$port $(CONVERSATIONS) $(TURNS); \
	  status=$$?; kill -PIPE $$pid; exit $$status; }

# A folder of its own for each Lua: the core is measured as it was built for it.
BENCH_PROGRAMS = $(addprefix $(OUT)/bench/,launch stream_server bare bare_multi core decoded \
  decoded_multi serialise)
bench_objects = $(call objects,$(patsubst %,spec/bench/%.c,$(1)))
BENCH_CORE = $(call objects,$(CORE)) $(call bench_objects,clients/core_reader event_stream)
BENCH_MULTI = $(call bench_objects,$(addprefix clients/,epoll_multi request resident))
$(OUT)/bench/launch: $(call bench_objects,launch)
$(OUT)/bench/stream_server: $(call bench_objects,stream_server event_stream)
$(OUT)/bench/bare: $(call bench_objects,clients/bare clients/request)
$(OUT)/bench/bare_multi: $(call bench_objects,clients/bare_multi) $(BENCH_MULTI)
$(OUT)/bench/core: $(call bench_objects,clients/core) $(BENCH_CORE)
$(OUT)/bench/serialise: $(call bench_objects,clients/serialise) $(BENCH_CORE)
$(OUT)/bench/decoded: $(call bench_objects,clients/decoded clients/request) $(BENCH_CORE)
$(OUT)/bench/decoded_multi: $(call bench_objects,clients/decoded_multi) $(BENCH_CORE) $(BENCH_MULTI)
$(BENCH_PROGRAMS):
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)
bench-modules: $(OUT)/bench/floor.so
$(OUT)/bench/floor.so: $(call bench_objects,$(addprefix clients/,floor cut text_queue)) $(BENCH_MULTI)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SHARED) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)

.PHONY: bench bench-document bench-modules bench-quick
## bench: the library beside bare libcurl and its peers, with ratios and goals (ROWS="deltas-64k")
bench: $(MODULES) $(BENCH_PROGRAMS) bench-modules
	@! pkg-config --exists luajit || $(SUB) -s -j$(JOBS) LUA=luajit modules bench-modules
	@ulimit -n 8192 2>/dev/null; $(SPEC_ENV) PROGRAMS=$(OUT)/bench ROWS='$(ROWS)' $(LUA) spec/bench/run.lua $(ARGS)

# Written again by whoever changes doc/performance.json or what draws it: it is in the tree.
## bench-document: what make bench left, as tables and plot of doc/performance.md
bench-document: $(MODULES)
	@$(SPEC_ENV) $(LUA) spec/bench/document.lua $(or $(ARGS),$(BUILD)/bench/samples.json)

## bench-quick: whether every row of make bench runs and its totals are right
bench-quick:
	@$(SUB) -s QUICK=1 bench

SOAK_REQUESTS ?= $(if $(QUICK),3000,100000)
## soak: 100,000 requests of all kinds in a plain program, in tasks and in luv; nothing may grow
.PHONY: soak
soak: $(MODULES) $(OUT)/bench/server
	@$(SPEC_ENV) $(LUA) spec/soak/run.lua $(OUT)/bench/server $(SOAK_REQUESTS) $(if $(QUICK),tasks)

## test-c: build and run the C unit tests (no Lua, no libcurl)
test-c: $(OUT)/spec/c/run
	$<

$(OUT)/spec/c/run: $(call objects,$(CORE) $(C_TESTS))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

# The linker's --wrap lets the test refuse what our own objects ask of libc.
ALLOC_WRAP = $(addprefix -Wl$(COMMA)--wrap=,malloc calloc realloc free strdup realpath)
COMMA := ,
$(OUT)/spec/alloc/run: $(call objects,$(sort $(CORE_SO) $(NET_SO)) $(wildcard spec/alloc/*.c) spec/c/failing_alloc.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) $(ALLOC_WRAP) -Wl,-E -o $@ $^ $(shell pkg-config --libs $(LUA) libcurl) -ldl -lm

ALLOC_FILES = $(patsubst %,spec/alloc/%.lua,core net library journals)
ALLOC_MOST ?= $(if $(QUICK),8,0)
## alloc: every allocation of Lua, of the core and of libcurl refused in turn (ALLOC_MOST=150: so many)
.PHONY: alloc
alloc: $(OUT)/spec/alloc/run $(OUT)/bench/server $(OUT)/bench/stream_server
	@$(OUT)/bench/server 0 | { read -r port pid; export URL=http://127.0.0.1:$$port; \
	  $(OUT)/bench/stream_server | { read -r port pid; export PACED_URL=http://127.0.0.1:$$port; \
	    $(SPEC_ENV) $< $(ALLOC_MOST) $(ALLOC_FILES); status=$$?; kill -PIPE $$pid; exit $$status; }; \
	  status=$$?; kill -PIPE $$pid; exit $$status; }

$(OUT)/spec/kill/shim.so: spec/kill/shim.c
	@mkdir -p $(@D)
	$(CC) -std=c99 -D_GNU_SOURCE -fPIC -shared $(WARN) $(CFLAGS) -o $@ $< -ldl

.PHONY: kill
## kill: journals under crashes, kill -9, damage and full disks (QUICK=1: a sample; SEED=n: again)
kill: $(MODULES) $(OUT)/spec/kill/shim.so
	@$(SPEC_ENV) $(LUA) spec/kill/run.lua $(OUT)/spec/kill/shim.so

# luv itself writes "EBADF" where it watches a connection that is reset: only in this build.
## test-poll: run the specs of waiting over poll(2), for systems without epoll and kqueue
test-poll:
	@$(SUB) -s -j$(JOBS) BUILD=$(BUILD)/poll CFLAGS='$(CFLAGS) -DCM_POLLER_POLL' \
	  SPECS='spec/net/transport_spec.lua spec/net/faults_spec.lua spec/drivers_spec.lua' test-lua

STRESS_SPECS = spec/core spec/conversation spec/tool_loop $(patsubst %,spec/%_spec.lua,\
  batches conversation journal messages stream tool_loop)
## stress: run the specs while garbage is collected all the time (STRESS=generational: so)
stress: $(MODULES)
	$(BUSTED) --helper=spec/support/stress.lua $(if $(QUICK),$(STRESS_SPECS),$(SPECS))

## check-layers: prove that dependencies point down only
check-layers: $(OUT)/claude/core.so
	@CC='$(CC)' .ci/layers $(BUILD) $<

# The specs run in a Lua that knows nothing of sanitizers, hence the preload; what
# the interpreter itself leaks at its end is not ours to report.
SAN = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
SAN_BUILD = CC=gcc CFLAGS='$(SAN)' BUILD=$(BUILD)/asan
## sanitize: all tests with the modules under ASan and UBSan
sanitize:
	@$(SUB) -s -j$(JOBS) $(SAN_BUILD) build test-c
	@$(SUB) -s -j$(JOBS) $(SAN_BUILD) ASAN_OPTIONS=detect_leaks=0 QUICK=1 alloc
	@LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 $(SUB) -s $(SAN_BUILD) test-lua SPECS='$(LIBRARY_SPECS) spec/net/memory_spec.lua'

# The program under test is built by the spec; only what it loads is for ThreadSanitizer.
TSAN = -O1 -g -fsanitize=thread
## test-threads: Lua states in threads, with the modules under ThreadSanitizer
test-threads: $(MODULES)
	@$(SUB) -s -j$(JOBS) CC=gcc CFLAGS='$(TSAN)' BUILD=$(BUILD)/tsan modules
	@TSAN_OPTIONS=suppressions=$(call quote,$(CURDIR)/spec/support/tsan.supp) \
	  STATES_CFLAGS='$(TSAN)' STATES_MODULES=$(call quote,$(CURDIR)/$(BUILD)/tsan/$(LUA)) \
	  $(SUB) -s SPECS=spec/net/states_spec.lua test-lua

VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
  --errors-for-leak-kinds=definite --keep-debuginfo=yes
## valgrind: the C units and the specs of the core under valgrind
valgrind: $(MODULES) $(OUT)/spec/c/run
	@$(VALGRIND) $(OUT)/spec/c/run
	@$(SPEC_ENV) $(VALGRIND) $(LUA) spec/support/busted.lua spec/core

FUZZ_SECONDS ?= $(if $(QUICK),3,60)
FUZZERS := $(patsubst spec/fuzz/%_fuzz.c,$(BUILD)/fuzz/%,$(wildcard spec/fuzz/*_fuzz.c))
FUZZ_CC = clang -std=c99 -D_GNU_SOURCE -Icsrc $(WARN) -g -O1 -MMD -MP \
  -fsanitize=address,undefined -fno-sanitize-recover=all
## fuzz: replay each target's corpus, then run it for FUZZ_SECONDS, JOBS at once (QUICK=1: a few)
fuzz: $(FUZZERS)
	@JOBS=$(JOBS) .ci/fuzz $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZERS)

## fuzz-hour: the same for an hour, all targets side by side
fuzz-hour:
	@$(SUB) FUZZ_SECONDS=3600 JOBS=$(words $(FUZZERS)) fuzz

$(FUZZERS): $(BUILD)/fuzz/%: spec/fuzz/%_fuzz.c $(CORE:%.c=$(BUILD)/fuzz/%.o)
	$(FUZZ_CC) -fsanitize=fuzzer -o $@ $(filter %.c %.o,$^)

$(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer-no-link -c -o $@ $<

-include $(wildcard $(BUILD)/fuzz/*.d $(BUILD)/fuzz/csrc/core/*.d)

## cuts: a recorded reply cut after each byte and with each byte changed (QUICK=1: a sample)
cuts: $(MODULES)
	@$(SPEC_ENV) $(LUA) spec/cuts/run.lua $(ARGS)

# Without what is there for debuggers (-S): valgrind does not know all of clang's.
$(OUT)/bench/core_work: $(call objects,$(CORE) spec/bench/core_work.c)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-S -o $@ $^

.PHONY: bench-instructions
## bench-instructions: instructions of fixed inputs through the core, against those recorded (ARGS=record)
bench-instructions: $(OUT)/bench/core_work
	@$(LUA) spec/bench/instructions.lua $< $(ARGS)

## bench-files: what a file of 500 MB costs on its way up and down (ARGS="100 DIRECTORY": others)
bench-files: $(MODULES)
	@$(SPEC_ENV) $(LUA) spec/bench/files.lua $(ARGS)

## bench-nginx: 200 streams of a second in one nginx worker (ARGS="400 2": others)
bench-nginx: $(MODULES)
	@$(SPEC_ENV) $(LUA) spec/bench/nginx.lua $(ARGS)

## bench-nvim: how long a key takes in Neovim while answers arrive
bench-nvim: $(MODULES)
	@$(SPEC_ENV) $(LUA) spec/bench/nvim.lua

# Preloaded into the programs that are tried; only where there is the GNU C library.
$(OUT)/faults/shim.so: spec/faults/shim.c
	@mkdir -p $(@D)
	-$(CC) -std=c99 -O2 -fPIC -shared -Wall -Wextra -o $@ $< -ldl

## faults: meet every fault of doc/faults.md over every transport (QUICK=1, ONLY=chunk)
.PHONY: faults
faults: $(MODULES) $(OUT)/faults/shim.so
	@$(SPEC_ENV) BUILD=$(call quote,$(BUILD)) QUICK='$(QUICK)' ONLY='$(ONLY)' $(LUA) spec/faults/run.lua

LUA_SOURCES = lua plugin spec examples bin/lua-claude
## lint: luacheck, stylua, clang-format
lint:
	luacheck -q $(LUA_SOURCES)
	.ci/stylua --check $(LUA_SOURCES)
	clang-format --dry-run -Werror $(shell find csrc spec -name '*.[ch]')

## format: rewrite the sources as lint wants them
format:
	.ci/stylua $(LUA_SOURCES)
	clang-format -i $(shell find csrc spec -name '*.[ch]')

SHARE = $(PREFIX)/share/lua/$(LUA_VERSION)
LIB = $(PREFIX)/lib/lua/$(LUA_VERSION)
## install: install under PREFIX (and DESTDIR)
install: $(MODULES)
	@case $(call quote,$(PREFIX)) in /*) ;; *) echo 'PREFIX must be an absolute path' >&2; exit 1 ;; esac
	@cd lua && find . -type d | while read -r folder; do \
	  set -- "$$folder"/*.lua && [ -e "$$1" ] || continue; \
	  mkdir -p $(call quote,$(DESTDIR)$(SHARE)/)"$$folder" && \
	  install -m 644 "$$@" $(call quote,$(DESTDIR)$(SHARE)/)"$$folder" || exit 1; done
	@mkdir -p $(call quote,$(DESTDIR)$(LIB)/claude) $(call quote,$(DESTDIR)$(PREFIX)/bin)
	install -m 755 $(MODULES) $(call quote,$(DESTDIR)$(LIB)/claude)
	@{ echo '#!/usr/bin/env $(LUA)'; \
	   printf '%s\n' $(call quote,package.path = [[$(SHARE)/?.lua;$(SHARE)/?/init.lua;]] .. package.path) \
	     $(call quote,package.cpath = [[$(LIB)/?.so;]] .. package.cpath); \
	   sed 1d bin/lua-claude; } >$(call quote,$(DESTDIR)$(PREFIX)/bin/lua-claude)
	@chmod 755 $(call quote,$(DESTDIR)$(PREFIX)/bin/lua-claude)
	@SEARCHED=$(call quote,$(SHARE)/?/init.lua) \
	  $(LUA) -e 'os.exit(package.path:find(os.getenv "SEARCHED", 1, true) and 0 or 1)' || \
	  printf '%s\n' '$(LUA) does not look there by itself. It does after:' \
	    $(call quote,export LUA_PATH=$(call quote,$(SHARE)/?.lua;$(SHARE)/?/init.lua;$(or $(LUA_PATH),;))) \
	    $(call quote,export LUA_CPATH=$(call quote,$(LIB)/?.so;$(or $(LUA_CPATH),;)))

## rockspec: write the tree's files into the rockspec
rockspec:
	@mkdir -p rockspec
	$(LUA) spec/support/rockspec.lua --write

# LuaRocks builds outside $(BUILD): its modules are in claude/, its objects beside the sources.
## clean: remove everything built
clean:
	rm -rf $(BUILD) $(NVIM_MODULES) claude $(shell find csrc -name '*.o')

.PHONY: bench-conversations bench-files bench-nginx bench-nvim build check check-layers clean cuts deps env format fuzz \
  fuzz-hour help hosts install lint modules nvim rockspec run sanitize secrets stress test test-builds test-c \
  test-lua test-poll test-threads valgrind
