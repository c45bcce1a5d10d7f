# lua-claude. `make help` lists the targets.

LUA ?= lua5.4
BUILD ?= build
OUT := $(BUILD)/$(LUA)
CC ?= cc

pkg_of = $(if $(filter luajit%,$(1)),luajit,$(1))
LUA_CFLAGS := $(shell pkg-config --cflags $(call pkg_of,$(LUA)) 2>/dev/null)
CURL_LIBS := $(shell pkg-config --libs libcurl 2>/dev/null || echo -lcurl)

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes \
        -Wmissing-prototypes -Wcast-qual -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c99 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(WARN) -Icsrc $(LUA_CFLAGS) $(CFLAGS)

CORE := $(wildcard csrc/core/*.c)
CORE_SO := $(CORE) $(wildcard csrc/bind/core/*.c)
NET_SO := $(CORE) $(wildcard csrc/net/*.c csrc/os/*.c csrc/bind/net/*.c)
objects = $(patsubst %.c,$(OUT)/%.o,$(1))

## build: compile claude/core.so and claude/net.so for $(LUA)
build: $(OUT)/claude/core.so $(if $(wildcard csrc/bind/net/*.c),$(OUT)/claude/net.so)

$(OUT)/claude/core.so: $(call objects,$(CORE_SO))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared $(LDFLAGS) -o $@ $^

$(OUT)/claude/net.so: $(call objects,$(NET_SO))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared $(LDFLAGS) -o $@ $^ $(CURL_LIBS)

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(OUT)/csrc/*/*.d $(OUT)/csrc/*/*/*.d)

## env: print the exports with which $(LUA) finds the tree's modules
env:
	@echo "export LUA_PATH='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;'"
	@echo "export LUA_CPATH='$(abspath $(OUT))/?.so;;'"

SPECS ?= spec
## test-lua: run the busted specs
test-lua: build
	LUA_PATH='$(CURDIR)/?.lua;$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;' \
	LUA_CPATH='$(abspath $(OUT))/?.so;;' $(LUA) /usr/bin/busted $(SPECS)

C_TESTS := $(wildcard spec/c/*.c)
## test-c: build and run the C unit tests (no Lua, no libcurl)
test-c: $(OUT)/spec/c/run
	$<

$(OUT)/spec/c/run: $(call objects,$(CORE) $(C_TESTS))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

## clean: remove everything built
clean:
	rm -rf $(BUILD)

.PHONY: build env test-lua test-c clean
.DEFAULT_GOAL := build
