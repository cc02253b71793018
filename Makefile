# Camp: how everything is built, tested and shown. `make help` lists the targets.
#
# The idea: sources are found by wildcard, so a new .c, .camp, .sql or test needs no line here; everything
# that is written lies under $(BUILD); each mode and compiler has objects of its own.
#
#   MODE=release|debug|asan|tsan    CC=gcc|clang    BUILD=build    V=1
#   ROOMS="vm/base …" builds a part of the house

SHELL   := /bin/sh
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC      := gcc
endif
MODE    ?= release
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=

ifeq ($(filter $(MODE),release debug asan tsan fuzz),)
$(error MODE=$(MODE) is not one of release, debug, asan, tsan)
endif

# A variant is a mode with a compiler. The plain one puts its programs at $(BUILD)/camp and $(BUILD)/campd.
VARIANT := $(MODE)$(if $(findstring clang,$(CC)),-clang)
O       := $(BUILD)/$(VARIANT)/obj
BIN     := $(if $(filter release,$(VARIANT)),$(BUILD),$(BUILD)/$(VARIANT))
TEST    := $(BUILD)/$(VARIANT)/test
GEN     := $(BUILD)/gen

# One short line a file; V=1 shows the commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

# ---- flags -----------------------------------------------------------------------------------------

WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wvla -Wformat=2 -Werror=format-security -Wswitch-enum -Werror
# flex and bison write code that our warnings would refuse.
WARN_GEN := -Wall -Wno-sign-compare -Wno-unused-function -Wno-unused-but-set-variable -Wno-unknown-warning-option

PKGS      := sqlite3 libcurl libsodium inih zlib
PKGS_TEST := cmocka jansson
# -isystem keeps our warnings away from headers of others. One missing package empties the whole answer of
# pkg-config, so each is asked for by itself.
ask        = $(foreach p,$(2),$(shell pkg-config $(1) $(p) 2>/dev/null))
PKG_CFLAGS := $(patsubst -I%,-isystem%,$(sort $(call ask,--cflags,$(PKGS) $(PKGS_TEST))))
LIBS       := $(call ask,--libs,$(PKGS)) -lm -lpthread
LIBS_TEST  := $(call ask,--libs,$(PKGS_TEST))

X86       := $(filter x86_64 i686,$(shell uname -m))
HARDEN    := -fstack-protector-strong -fstack-clash-protection $(if $(X86),-fcf-protection=full) -fPIE
CPPFLAGS  += -D_GNU_SOURCE -I. -I$(GEN)
LDFLAGS   += -pie -Wl,-z,relro,-z,now,-z,noexecstack

ifeq ($(MODE),release)
CFLAGS_MODE := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
else ifeq ($(MODE),debug)
CFLAGS_MODE := -O0 -g3 -DCAMP_DEBUG
else ifeq ($(MODE),asan)
CFLAGS_MODE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DCAMP_DEBUG
LDFLAGS     += -fsanitize=address,undefined
else ifeq ($(MODE),fuzz)
# Only for `make fuzz`, only with clang: coverage feedback in all objects, libFuzzer's main in each target.
CFLAGS_MODE := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=all -DCAMP_DEBUG
LDFLAGS     += -fsanitize=address,undefined
else
CFLAGS_MODE := -O1 -g -fno-omit-frame-pointer -fsanitize=thread -DCAMP_DEBUG
LDFLAGS     += -fsanitize=thread
endif
CFLAGS_ALL = -std=c11 $(CFLAGS_MODE) $(HARDEN) $(CFLAGS)

# ---- sources ---------------------------------------------------------------------------------------

ROOMS      ?= vm/base vm/code vm/core vm/store vm/run vm/http stdlib grammar compiler
LIB_SRC    := $(foreach room,$(ROOMS),$(sort $(wildcard $(room)/*.c)))
CAMP_SRC   := $(sort $(wildcard compiler/tool/*.c compiler/tool/lsp/*.c))
CAMPD_SRC  := $(wildcard vm/campd.c)
UNIT_SRC   := $(sort $(wildcard tests/unit/test_*.c))
UNIT_HELP  := $(sort $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c)))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))
TOOL_SRC   := $(sort $(wildcard tests/tools/*.c))
PARSER_SRC  := $(filter $(ROOMS:%=%/%),$(wildcard grammar/*.y grammar/*.l))

# X.y -> gen/…/X.tab.{c,h}    X.l -> gen/…/X.lex.{c,h}
GEN_C      := $(patsubst %.y,$(GEN)/%.tab.c,$(filter %.y,$(PARSER_SRC))) \
              $(patsubst %.l,$(GEN)/%.lex.c,$(filter %.l,$(PARSER_SRC)))
# Files that are embedded as byte arrays: X -> gen/X.h holds `static const char NAME[]`, the file's name with
# every sign that C does not allow as `_` (schema.sql -> schema_sql), ended by a NUL; its length is sizeof - 1.
EMBED_SRC  := $(sort $(wildcard vm/store/*.sql vm/http/*.json stdlib/*.camp vm/http/console/*.html vm/http/console/*.css \
              vm/http/console/*.js vm/http/console/*.svg compiler/tool/embed/*))
EMBED_H    := $(EMBED_SRC:%=$(GEN)/%.h)
# gen/stdlib/modules.h includes all stdlib/*.camp and lists them in one table.
MODULES_H  := $(GEN)/stdlib/modules.h
# gen/grammar/diagnostics.h holds the pages of the diagnostics, one after the other.
PAGES_SRC  := $(sort $(wildcard grammar/diagnostics/C*.md))
PAGES_H    := $(GEN)/grammar/diagnostics.h
GEN_H      := $(GEN_C:.c=.h) $(EMBED_H) $(MODULES_H) $(PAGES_H)

LIB        := $(O)/libcamp.a
LIB_OBJ    := $(LIB_SRC:%.c=$(O)/%.o) $(GEN_C:$(GEN)/%.c=$(O)/gen/%.o)
CAMP_OBJ   := $(CAMP_SRC:%.c=$(O)/%.o)
CAMPD_OBJ  := $(CAMPD_SRC:%.c=$(O)/%.o)
UNIT_BIN   := $(UNIT_SRC:tests/%.c=$(TEST)/%)
FUZZ_BIN   := $(FUZZ_SRC:tests/%.c=$(TEST)/%)
BENCH_BIN  := $(BENCH_SRC:tests/%.c=$(TEST)/%)
TOOL_BIN   := $(TOOL_SRC:tests/tools/%.c=$(BIN)/%)
PROGRAMS   := $(if $(CAMP_SRC),$(BIN)/camp) $(if $(CAMPD_SRC),$(BIN)/campd)

.PHONY: proofs all lib programs tests demo test soak unit bench fuzz fuzz-all torture tidy deps install clean help FORCE
.SECONDARY:

all: programs ## the programs: build/camp and build/campd

programs: $(PROGRAMS) $(TOOL_BIN)
lib: $(LIB)

# ---- rules -----------------------------------------------------------------------------------------

$(O)/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) $(WARN) $(CPPFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/gen/%.o: $(GEN)/%.c | $(GEN_H)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) $(WARN_GEN) $(CPPFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(GEN)/%.tab.c $(GEN)/%.tab.h: %.y
	@mkdir -p $(GEN)/$(*D)
	$(call say,BISON,$<)
	$(Q)bison -Wall -Werror --header=$(GEN)/$*.tab.h -o $(GEN)/$*.tab.c $<

$(GEN)/%.lex.c $(GEN)/%.lex.h: %.l
	@mkdir -p $(GEN)/$(*D)
	$(call say,FLEX,$<)
	$(Q)flex --header-file=$(GEN)/$*.lex.h -o $(GEN)/$*.lex.c $<

# $(call embed,NAME,FILES): the bytes of files as `static const char` array of that name.
embed = { printf '/* Generated from %s. */\nstatic const char %s[] = {\n' '$(@:$(GEN)/%.h=%)' "$(1)"; \
	  cat $(2) | od -An -v -td1 | sed 's/-\{0,1\}[0-9][0-9]*/&,/g'; printf '0};\n'; } >$@.new && mv $@.new $@

$(EMBED_H): $(GEN)/%.h: %
	@mkdir -p $(@D)
	@$(call embed,$$(printf '%s' '$(<F)' | tr -c 'A-Za-z0-9' '_'),'$<')

# All pages of diagnostics as one text; the folder stands for pages that come and go.
$(PAGES_H): grammar/diagnostics $(PAGES_SRC) Makefile
	@mkdir -p $(@D)
	@$(call embed,diagnostics_md,$(PAGES_SRC))

$(MODULES_H): $(filter $(GEN)/stdlib/%,$(EMBED_H)) Makefile
	@mkdir -p $(@D)
	@{ printf '/* Generated: the modules of the standard library, by name. */\n#include <stddef.h>\n'; \
	   for f in $(notdir $(filter stdlib/%.camp,$(EMBED_SRC))); do printf '#include "stdlib/%s.h"\n' $$f; done; \
	   printf 'static const struct { const char *name; const char *text; size_t length; } stdlib_modules[] = {\n'; \
	   for f in $(basename $(notdir $(filter stdlib/%.camp,$(EMBED_SRC)))); do \
	     printf '    {"%s", %s_camp, sizeof %s_camp - 1},\n' $$f $$f $$f; done; \
	   printf '    {NULL, NULL, 0}};\n'; } >$@.new
	@mv $@.new $@

# The list of members is a file, so that a source that comes or goes remakes the library.
$(O)/members: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(LIB_OBJ) >$@.new; cmp -s $@.new $@ || cp $@.new $@; rm -f $@.new

$(LIB): $(LIB_OBJ) $(O)/members
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcsD $@ $(LIB_OBJ)

$(BIN)/camp: $(CAMP_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(CAMP_OBJ) $(LIB) $(LIBS)

$(BIN)/campd: $(CAMPD_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(CAMPD_OBJ) $(LIB) $(LIBS)

$(TOOL_BIN): $(BIN)/%: $(O)/tests/tools/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $< $(LIB) $(LIBS)

UNIT_HELP_OBJ := $(UNIT_HELP:%.c=$(O)/%.o)
$(UNIT_BIN): $(TEST)/%: $(O)/tests/%.o $(UNIT_HELP_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $< $(UNIT_HELP_OBJ) $(LIB) $(LIBS_TEST) $(LIBS)

$(BENCH_BIN): $(TEST)/%: $(O)/tests/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $< $(LIB) $(LIBS_TEST) $(LIBS)

# The daemon with a fault planted, which the crash loop must catch.
$(TEST)/crash/engine.c: vm/run/engine.c tests/crash/planted.sed
	@mkdir -p $(@D)
	@sed -f tests/crash/planted.sed $< >$@ && ! cmp -s $< $@ || { rm -f $@; echo "planted.sed changes nothing"; exit 1; }

$(TEST)/crash/campd: $(TEST)/crash/engine.c $(CAMPD_OBJ) $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(CPPFLAGS) $(PKG_CFLAGS) $(LDFLAGS) -o $@ $< $(CAMPD_OBJ) $(LIB) $(LIBS)

# In `make test` a fuzz target replays its corpus; MODE=fuzz links it with libFuzzer instead.
REPLAY := $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer,$(O)/tests/fuzz/replay.o)
$(FUZZ_BIN): $(TEST)/%: $(O)/tests/%.o $(filter %.o,$(REPLAY)) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $< $(REPLAY) $(LIB) $(LIBS)

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# ---- what one does with it -------------------------------------------------------------------------
# deps may install pkg-config and the libraries, hence a second make that reads their flags.

AGAIN = +@$(MAKE) --no-print-directory MODE=$(MODE) CC=$(CC) BUILD=$(BUILD)

demo: deps ## checks, tests, simulates and runs the examples; then a year of a clinic through campd
	$(AGAIN) programs
	@BIN=$(BIN) BUILD=$(BUILD) CLINIC='$(CLINIC)' examples/demo.sh

test: deps ## every test, as CI runs them
	$(AGAIN) -j2 -k programs tests
	@MODE=$(MODE) CC=$(CC) BIN=$(BIN) BUILD=$(BUILD) TEST=$(TEST) OBJ=$(O) tests/run-all $(SUITES)

tests: $(UNIT_BIN) $(FUZZ_BIN) $(BENCH_BIN) $(TEST)/crash/campd

unit: $(UNIT_BIN) ## the unit tests alone
	@MODE=$(MODE) BIN=$(BIN) BUILD=$(BUILD) TEST=$(TEST) tests/run-all unit

test-%: $(TEST)/unit/test_% ## one unit test: make test-json runs tests/unit/test_json.c
	$(TEST)/unit/test_$*

bench-%: $(TEST)/bench/% ## one measuring program: make bench-NAME runs tests/bench/NAME.c
	$(TEST)/bench/$*

bench: deps ## measures, and prints the goals beside their limits
	$(AGAIN) programs tests
	@BIN=$(BIN) BUILD=$(BUILD) TEST=$(TEST) tests/bench/run

fuzz: ## searches with every fuzz target for FUZZ_SECONDS (default 60) each; needs clang
	+@$(MAKE) --no-print-directory MODE=fuzz CC=clang BUILD=$(BUILD) fuzz-all

fuzz-all: $(FUZZ_BIN)
	@for t in $(FUZZ_BIN); do n=$${t##*/fuzz_}; new=$(BUILD)/fuzz/$$n; mkdir -p $$new; echo "fuzz $$n"; \
	    c=tests/fuzz/corpus/$$n; [ -d $$c ] || c=; $$t -max_total_time=$(or $(FUZZ_SECONDS),60) \
	    -max_len=65536 -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$$new/ -verbosity=0 \
	    -print_final_stats=1 $$new $$c || exit 1; done

fuzz-%: $(TEST)/fuzz/fuzz_%
	$(TEST)/fuzz/fuzz_$* $(wildcard tests/fuzz/corpus/$*)

soak: deps ## an hour of mixed traffic, providers that fail, kills: SOAK_SECONDS=3600 SOAK_KILLS=10 SOAK_RATE=1000 SOAK_CLOCK=60
	$(AGAIN) programs
	@MODE=$(MODE) BIN=$(BIN) BUILD=$(BUILD) SOAK_SECONDS=$(or $(SOAK_SECONDS),3600) SOAK_KILLS=$(or $(SOAK_KILLS),10) \
	    SOAK_RATE=$(or $(SOAK_RATE),1000) SOAK_CLOCK=$(or $(SOAK_CLOCK),60) tests/soak/run

torture: ## long runs: sanitizers, crash loop with more kills
	$(AGAIN) MODE=asan test
	$(AGAIN) MODE=tsan test

proofs: programs ## the compiler's proofs beside a checker that walks every way: PROOFS (default 100000) campaigns
	@BIN=$(abspath $(BIN)) PROOFS=$(or $(PROOFS),100000) tests/proofs/run

tidy: ## floors, headers, numbers, names; long files and functions as warnings
	@BUILD=$(BUILD) CC='$(CC)' CPPFLAGS='$(CPPFLAGS) $(PKG_CFLAGS)' tests/tidy/run --warn

deps: ## installs the Debian packages that are missing (as root or by sudo)
	@tests/tools/deps

install: all ## puts camp, campd, the manual and completions under $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BIN)/camp $(BIN)/campd $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(BIN)/camp completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/camp
	$(BIN)/camp completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_camp
	$(BIN)/camp completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/camp.fish
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	if command -v scdoc >/dev/null; then $(BIN)/camp help --man | scdoc >$(DESTDIR)$(PREFIX)/share/man/man1/camp.1; \
	else echo "install: without scdoc (Debian) there is no camp.1"; fi
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@BINDIR@|$(PREFIX)/bin|' vm/packaging/campd.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/campd.service

clean: ## removes what was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z%-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-10s %s\n", $$1, $$2 }'
	@echo '  MODE=release|debug|asan|tsan  CC=gcc|clang  BUILD=build  ROOMS="vm/base grammar"'
