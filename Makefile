# gatewire. `make help` lists what can be asked for.
#
# Everything is built under build/<variant>/: release (the default), asan,
# tsan, fuzz. Sources are found by folder: a new file needs no line here.

VERSION := 0.1.0
VARIANT ?= release
OUT     := build/$(VARIANT)
CC      := gcc
PREFIX  ?= /usr/local

CPPFLAGS += -I. -D_GNU_SOURCE -DGW_VERSION='"$(VERSION)"' -MMD -MP
CFLAGS   += -std=c11 -g -Wall -Wextra -Wshadow -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla -Wformat=2 -Wno-unused-parameter \
            -Werror -fno-omit-frame-pointer $(CFLAGS_$(VARIANT))
LDFLAGS  += $(LDFLAGS_$(VARIANT))

HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection \
          -fcf-protection
CFLAGS_release  := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $(HARDEN)
LDFLAGS_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack
CFLAGS_asan     := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS_asan    := -fsanitize=address,undefined
CFLAGS_tsan     := -O1 -fsanitize=thread
LDFLAGS_tsan    := -fsanitize=thread
CFLAGS_fuzz     := -O1 -fsanitize=fuzzer-no-link,address,undefined \
                   -fno-sanitize-recover=all
LDFLAGS_fuzz    := -fsanitize=address,undefined

# What each layer may be linked with. protocol/ has no sockets, no clock, no
# files: a stray one is a link error in test-protocol.
PROTOCOL_LIBS := -lcrypto -lmsgpackc -lm
STORE_LIBS    := -lhiredis -luv
SERVER_LIBS   := -lwebsockets -lyaml -lssl -lpthread
CHECK_LIBS     = $(shell pkg-config --libs check)

obj = $(patsubst %.c,$(OUT)/%.o,$(shell find $(1) -name '*.c' 2>/dev/null))

PROTOCOL := $(call obj,protocol)
STORE    := $(call obj,store)
SERVER   := $(filter-out $(OUT)/server/main.o,$(call obj,server))
SUPPORT  := $(OUT)/tests/support/suite.o
FAKES    := $(filter-out $(SUPPORT),$(call obj,tests/support))
REAL     := $(filter $(OUT)/tests/support/redis_%,$(FAKES))
FUZZERS  := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/replay.c,\
            $(wildcard tests/fuzz/*.c)))

.DELETE_ON_ERROR:
.SECONDARY: # objects of fuzz targets are kept, too
.PHONY: all run test unit system fuzz-replay asan tsan lint format fuzz bench \
        bench-programs chaos model install deps deps-build deps-test \
        deps-bench deps-run deps-lint deps-docker deps-compose deps-model \
        deps-ric test-docker image clean help

all: deps-build ; @$(MAKE) --no-print-directory build/gatewire

build/gatewire: $(OUT)/gatewire
	@mkdir -p build && ln -sf $(VARIANT)/gatewire $@

$(OUT)/gatewire: $(OUT)/server/main.o $(SERVER) $(OUT)/libstore.a \
                 $(OUT)/libprotocol.a
	@echo "  link  $@"
	@$(CC) $(LDFLAGS) $^ $(SERVER_LIBS) $(STORE_LIBS) $(PROTOCOL_LIBS) -o $@

$(OUT)/libprotocol.a: $(PROTOCOL)
$(OUT)/libstore.a: $(STORE)
$(OUT)/lib%.a:
	@mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

$(OUT)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  cc    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# The functions' runtimes are part of the program.
$(OUT)/server/function/folder.o: clients/functions/node/bootstrap.mjs \
                                 clients/functions/python/bootstrap.py

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

# --- tests -------------------------------------------------------------------

$(OUT)/test-protocol: $(call obj,tests/unit/protocol) $(SUPPORT) \
                      $(OUT)/libprotocol.a
	@$(CC) $(LDFLAGS) $^ $(CHECK_LIBS) $(PROTOCOL_LIBS) -o $@

$(OUT)/test-store: $(call obj,tests/unit/store) $(SUPPORT) $(REAL) \
                   $(OUT)/libstore.a $(OUT)/libprotocol.a
	@$(CC) $(LDFLAGS) $^ $(CHECK_LIBS) $(STORE_LIBS) $(PROTOCOL_LIBS) -o $@

$(OUT)/test-server: $(call obj,tests/unit/server) $(SUPPORT) $(FAKES) \
                    $(SERVER) $(OUT)/libstore.a $(OUT)/libprotocol.a
	@$(CC) $(LDFLAGS) $^ $(CHECK_LIBS) $(SERVER_LIBS) $(STORE_LIBS) \
	    $(PROTOCOL_LIBS) -o $@

UNITS := $(foreach layer,protocol store server,\
         $(if $(wildcard tests/unit/$(layer)),$(OUT)/test-$(layer)))

# A process for each test, so that one crash does not hide the others; but
# sanitizers take a tenth of a second for each, and say enough by themselves.
CK_FORK_release := yes
unit: $(UNITS)
	@for t in $(UNITS); do CK_FORK=$(or $(CK_FORK_$(VARIANT)),no) $$t || exit 1; done

# Each fuzz target also replays its corpus as an ordinary test.
$(OUT)/replay-%: $(OUT)/tests/fuzz/%.o $(OUT)/tests/fuzz/replay.o $(SERVER) \
                 $(OUT)/libstore.a $(OUT)/libprotocol.a
	@$(CC) $(LDFLAGS) $^ $(SERVER_LIBS) $(STORE_LIBS) $(PROTOCOL_LIBS) -o $@

fuzz-replay: $(FUZZERS:%=$(OUT)/replay-%)
	@for f in $(FUZZERS); do \
	    $(OUT)/replay-$$f tests/fuzz/corpus/$$f || exit 1; done

test: deps-build deps-test
	@$(MAKE) --no-print-directory build/gatewire unit fuzz-replay system

system: $(OUT)/gatewire
	@GATEWIRE=$(OUT)/gatewire /usr/bin/python3 -m pytest -q -p no:cacheprovider \
	    tests/system $(PYTEST_FLAGS)

# An engine is only installed where none answers.
test-docker: deps-run
	@tests/deps test-docker python3 python3-websockets
	@tests/docker/run

tsan: export TSAN_OPTIONS = suppressions=$(CURDIR)/tests/tsan.supp
asan tsan: deps-build deps-test
	@$(MAKE) --no-print-directory VARIANT=$@ unit fuzz-replay system

FUZZ_DIR := build/fuzz
$(FUZZ_DIR)/fuzz-%: tests/fuzz/%.c $(SERVER) $(OUT)/libstore.a $(OUT)/libprotocol.a
	@$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) \
	    $(filter %.c %.o %.a,$^) $(SERVER_LIBS) $(STORE_LIBS) \
	    $(PROTOCOL_LIBS) -o $@

SECONDS ?= 60
fuzz: deps-build deps-lint
	@test -n "$(F)" || { echo "make fuzz F=<target> [SECONDS=60]; targets:" \
	    $(FUZZERS); exit 2; }
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang $(FUZZ_DIR)/fuzz-$(F)
	@mkdir -p $(FUZZ_DIR)/found/$(F)
	$(FUZZ_DIR)/fuzz-$(F) -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 \
	    -print_final_stats=1 -artifact_prefix=$(FUZZ_DIR)/found/$(F)- \
	    $(FUZZ_DIR)/found/$(F) tests/fuzz/corpus/$(F)

# The load generator and the bare servers that gatewire is measured beside.
BENCH_PEERS := $(addprefix build/bench/,echo_epoll backend_epoll runtime)
BENCH_LINK   = @mkdir -p $(@D) && $(CC) $(LDFLAGS) $^ -lcrypto -o $@
build/bench/load: $(call obj,tests/bench/load) $(call obj,tests/bench/shared)
	$(BENCH_LINK)
$(BENCH_PEERS): build/bench/%: $(OUT)/tests/bench/peers/%.o \
                $(call obj,tests/bench/shared)
	$(BENCH_LINK)

bench-programs: build/bench/load $(BENCH_PEERS)
fuzz-targets:
	@echo $(FUZZERS)

bench: deps-build deps-bench build/gatewire bench-programs
	@tests/bench/run $(BENCH_FLAGS)

# Faults at the cluster: Redis, nodes and backend are harmed, and what was
# promised is checked. RUNS=2 is the short form, of minutes.
RUNS ?= 20
chaos: deps-build deps-test build/gatewire
	@tests/system/faults/chaos --runs $(RUNS) $(CHAOS_FLAGS)

# Lease, inheritance and goodbye, in every order (takes minutes).
model: deps-model
	@tests/model/run

# --- the house ---------------------------------------------------------------

C_FILES = $(shell git ls-files -co --exclude-standard '*.c' '*.h')

lint: deps-build deps-lint build/gatewire
	@clang-format --dry-run -Werror $(C_FILES)
	@tests/lint/layers
	@tests/lint/readme build/gatewire
settings-table: build/gatewire
	@tests/lint/readme build/gatewire --write
format:
	@clang-format -i $(C_FILES)

run: deps-build deps-run build/gatewire
	@clients/examples/chat/run build/gatewire

IMAGE ?= gatewire
BASE  ?= debian:bookworm-slim
image:
	docker build -f docker/Dockerfile -t $(IMAGE) --build-arg BASE=$(BASE) \
	    --build-arg VERSION=$(VERSION) \
	    --build-arg REVISION=$(shell git rev-parse HEAD 2>/dev/null) .

install: build/gatewire
	install -D -m 755 build/gatewire $(DESTDIR)$(PREFIX)/bin/gatewire

# Packages by what needs them. Nothing happens when all are there.
PACKAGES_build := gcc make pkg-config \
    libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libyaml-dev libssl-dev \
    libhiredis-dev libmsgpack-dev
PACKAGES_lint  := clang clang-format libclang-rt-14-dev
PACKAGES_test  := check python3 python3-pytest python3-websockets \
    python3-boto3 python3-yaml awscli chromium openssl \
    redis-server
PACKAGES_bench := nginx-light libnginx-mod-nchan
PACKAGES_model := gcc spin python3
PACKAGES_ric   := autoconf automake libtool cmake g++ make python3
PACKAGES_docker := docker.io iptables iproute2 debootstrap
NPM_test := tests/system/clients clients/examples/chat-sam
NPM_bench := tests/bench
NPM_run  := clients/examples/chat
NPM_ric  := tests/system/ric

deps-build: ; @tests/deps build $(PACKAGES_build)
deps-lint:  ; @tests/deps lint $(PACKAGES_lint)
deps-test:  deps-run ; @tests/deps test $(PACKAGES_test) -- $(NPM_test)
deps-bench: deps-test ; @tests/deps bench $(PACKAGES_bench) -- $(NPM_bench)
deps-run:   ; @tests/deps run -- $(NPM_run)
deps-model: ; @tests/deps model $(PACKAGES_model)
# AWS's own Node runtime, of which much is built (takes minutes); the system
# tests attach it where it is.
deps-ric: ; @tests/deps test-ric $(PACKAGES_ric) -- $(NPM_ric)
deps-docker: ; @tests/deps test-docker $(PACKAGES_docker)
deps-compose: ; @tests/deps test-docker docker-compose
deps: deps-build deps-lint deps-test deps-bench

clean:
	rm -rf build

help:
	@echo "make            build build/gatewire"
	@echo "make run        build, start the chat example, print its address"
	@echo "make test       unit, corpus and system tests"
	@echo "make asan tsan  the same tests under the sanitizers"
	@echo "make lint       formatting, layers, the README's table of settings"
	@echo "make format     fixes the first;  make settings-table  the last"
	@echo "make fuzz F=http SECONDS=60   targets: $(FUZZERS)"
	@echo "make test-docker  the image and docker/compose.yaml, with an engine"
	@echo "make image      build the image gatewire"
	@echo "make model      check the cluster's rules in every order (minutes)"
	@echo "make bench      measure beside other servers (takes minutes)"
	@echo "make chaos RUNS=20   faults at a cluster of three (RUNS=2: minutes)"
	@echo "make install DESTDIR= PREFIX=/usr/local"
	@echo "make deps       install what all of this needs (build test bench)"
	@echo "make deps-ric   and AWS's own Node runtime, to attach it (minutes)"
