# SPDX-License-Identifier: MIT
#
# make           build/vtctl, build/vtd, build/libvt.a, build/libvt.so and the BPF object inside them
# make demo      watch real programs being frozen, slowed and sped up (as root)
# make shell     a prompt in a virtual machine with a patched kernel and vtctl ready
# make check     all tests of up to an hour; TIERS="lint pure" for some of them
# make check-all      these, and those of many hours: the series, the debug kernel, waits, suites
# make check-waits    every way to wait, at length; measures the README's matrix
# make check-boards   10,000 cycles, 1,000 kills and a bad wire, among four boards
# make judge     suites of others in groups, long; ARGS=--quick for some of them
# make bench     all benchmarks
# make install   DESTDIR=, prefix=/usr/local; make uninstall takes it away again
# make clean
#
# V=1 shows the commands. CC=clang, SANITIZE=address,undefined, B=build/elsewhere for variants.
# STATIC=no links vtctl with shared libraries only, as a distribution wants it.

VERSION := 0.1.0
SOVERSION := 0

B := build
CC := gcc
CLANG := clang
BPFTOOL := $(firstword $(wildcard $(addsuffix /bpftool,$(subst :, ,$(PATH)) /usr/sbin /usr/local/sbin)) bpftool)
PKG_CONFIG := pkg-config
AR := ar

prefix := /usr/local
bindir := $(prefix)/sbin
libdir := $(prefix)/lib
includedir := $(prefix)/include
mandir := $(prefix)/share/man
completiondir := $(prefix)/share/bash-completion/completions
unitdir := $(prefix)/lib/systemd/system
examplesdir := $(prefix)/share/doc/vt/examples
units := vt-load.service vtd.service vtd.socket

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n'
endif

# ---- flags ------------------------------------------------------------------------------------

CFLAGS := -O2 -g
WARNINGS := -Wall -Wextra -Werror
LIBRARIES := libbpf libcgroup json-c libconfuse libgpiod
missing_libraries := $(strip $(foreach name,$(LIBRARIES), \
	$(shell $(PKG_CONFIG) --exists $(name) 2>/dev/null || echo $(name))))
libvt_libs := $(shell $(PKG_CONFIG) --libs libbpf libcgroup 2>/dev/null)
vtctl_libs := $(shell $(PKG_CONFIG) --libs json-c libconfuse 2>/dev/null)
vtd_libs := $(shell $(PKG_CONFIG) --libs json-c libconfuse libgpiod 2>/dev/null)
gpiod := $(firstword $(subst ., ,$(shell $(PKG_CONFIG) --modversion libgpiod 2>/dev/null)))
library_cflags := $(shell $(PKG_CONFIG) --cflags-only-I $(LIBRARIES) 2>/dev/null)

# To find and to bind shared libraries takes vtctl longer than freezing a group does. So it gets the
# archives of all of them but the C library, or of all but libcgroup too (some build that with a part
# of systemd, which has no archive), or of none: the first that links. pkg-config fails, and its choice
# is passed over, where something is missing that an archive needs.
archives = $(shell $(PKG_CONFIG) --static --libs $(1) 2>/dev/null)
ifneq ($(STATIC),no)
archives_of_all := $(call archives,libbpf libcgroup json-c libconfuse libgpiod)
archives_of_most := $(call archives,libbpf json-c libconfuse libgpiod)
endif

ifneq ($(SANITIZE),)
sanitize := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

includes := -Iinclude $(addprefix -Icontroller/,core config line vtctl)
all_cflags = -std=gnu11 $(WARNINGS) -fPIC $(includes) -I$B/bpf $(library_cflags) \
	-DVT_VERSION='"$(VERSION)"' $(sanitize) $(CFLAGS)
all_ldflags = $(sanitize) $(LDFLAGS)
bpf_arch := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
bpf_cflags = -target bpf -mcpu=v3 -std=gnu11 $(WARNINGS) -O2 -g -D__TARGET_ARCH_$(bpf_arch) -DVT_BPF_SIDE \
	-Iinclude -Ibpf -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null) \
	$(library_cflags)

# ---- what there is ----------------------------------------------------------------------------

libvt_sources := $(wildcard controller/core/*.c controller/lib/*.c)
vtctl_sources := $(wildcard controller/vtctl/*.c controller/config/*.c)
vtd_sources := $(wildcard controller/daemon/*.c controller/config/*.c) controller/vtctl/json.c \
	$(addprefix controller/line/,message.c $(if $(filter 1,$(gpiod)),gpiod1.c uapi.c,gpiod2.c))
bpf_sources := $(wildcard bpf/*.bpf.c)
unit_sources := $(wildcard tests/unit/*.c)
system_sources := $(wildcard tests/system/*.c)
board_sources := $(wildcard tests/boards/*.c)
bench_sources := $(wildcard tests/bench/*.c)
example_sources := $(wildcard tests/examples/*.c)

objects = $(patsubst %.c,$B/obj/%.o,$(1))
libvt_objects := $(call objects,$(libvt_sources))
vtctl_objects := $(call objects,$(vtctl_sources))
vtd_objects := $(call objects,$(vtd_sources))
unit_tests := $(patsubst %.c,$B/%,$(unit_sources))
system_tests := $(patsubst %.c,$B/%,$(system_sources))
board_tests := $(patsubst %.c,$B/%,$(board_sources))
benchmarks := $(patsubst %.c,$B/%,$(bench_sources))
examples := $(patsubst %.c,$B/%,$(example_sources))
skeleton := $B/bpf/vt.skel.h

.PHONY: all tests judges check check-all check-waits check-boards judge bench demo shell docs asan install \
	uninstall clean FORCE
.DELETE_ON_ERROR:
.SECONDARY: $(call objects,$(unit_sources) $(system_sources) $(board_sources) $(bench_sources) \
	$(example_sources))

all: $B/vtctl $B/vtd $B/libvt.so $B/docs-agree

# ---- is everything there that is needed? ---------------------------------------------------------

# scripts/demo and scripts/shell install what is missing by themselves.
ifneq ($(or $(filter-out demo shell clean uninstall,$(MAKECMDGOALS)),$(if $(MAKECMDGOALS),,all)),)
ifneq ($(missing_libraries),)
$(error missing: $(missing_libraries); run scripts/setup)
endif
ifeq ($(shell command -v $(CLANG) 2>/dev/null),)
$(error no compiler for BPF programs: '$(CLANG)'; run scripts/setup)
endif
ifeq ($(wildcard $(BPFTOOL)),)
$(error no bpftool; run scripts/setup)
endif
endif

# ---- rules --------------------------------------------------------------------------------------

# Other flags are another build: everything depends on this file, which changes when they do.
flags = $(CC) $(all_cflags) $(all_ldflags) $(bpf_cflags) $(archives_of_all) $(archives_of_most)
$B/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(flags))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(flags))' > $@

$B/obj/%.o: %.c $B/flags
	$(say) CC $<
	@mkdir -p $(@D)
	$Q$(CC) $(all_cflags) -MMD -MP -c -o $@ $<

# The libraries' objects may include the skeleton; the dependency files know which do.
$(call objects,$(wildcard controller/lib/*.c)): | $(skeleton)

$B/bpf/%.bpf.o: bpf/%.bpf.c $B/flags
	$(say) BPF $<
	@mkdir -p $(@D)
	$Q$(CLANG) $(bpf_cflags) -MMD -MP -c -o $@ $<

# The static linker takes one object, too; it drops what only a compiler needs to know.
$B/bpf/vt.o: $(patsubst bpf/%.c,$B/bpf/%.o,$(bpf_sources))
	$(say) BPFLINK $@
	$Q$(BPFTOOL) gen object $@ $^

$(skeleton): $B/bpf/vt.o
	$(say) SKEL $@
	$Q{ echo '/* NOLINTBEGIN: generated */' && $(BPFTOOL) gen skeleton $< name vt_bpf && \
		echo '/* NOLINTEND */'; } > $@

$B/libvt.a: $(libvt_objects)
	$(say) AR $@
	$Qrm -f $@
	$Q$(AR) rcs $@ $^

# The public header is the list of what the shared library exports.
$B/libvt.map: include/vt.h
	@mkdir -p $(@D)
	@{ echo 'VT_$(SOVERSION) {'; echo 'global:'; grep -oE '\bvt_[a-z_]+\(' $< | tr '(' ';' | sort -u; \
		echo 'local: *;'; echo '};'; } > $@

$B/libvt.so.$(VERSION): $(libvt_objects) $B/libvt.map
	$(say) LD $@
	$Q$(CC) -shared -Wl,-soname,libvt.so.$(SOVERSION) -Wl,--version-script=$B/libvt.map \
		$(all_ldflags) -o $@ $(libvt_objects) $(libvt_libs)

$B/libvt.so: $B/libvt.so.$(VERSION)
	$Qln -sf $(<F) $B/libvt.so.$(SOVERSION)
	$Qln -sf $(<F) $@

# Why not with archives is in vtctl.log, vtd.log.
of_libc := -lc -lm -lpthread -ldl -lrt
archived := -Wl,-Bstatic
shared := -Wl,-Bdynamic
link_objects = $(CC) $(all_ldflags) -o $@ $(filter %.o %.a,$^)
link_with = $(if $(1),$(link_objects) $(archived) $(filter-out $(of_libc),$(1)) \
	$(shared) $(filter $(of_libc),$(1)) $(2),false)
link_program = { $(call link_with,$(archives_of_all)) || $(call link_with,$(archives_of_most),-lcgroup); } \
	2>$@.log || $(link_objects) $(libvt_libs) $(1)
$B/vtctl: $(vtctl_objects) $B/libvt.a
	$(say) LD $@
	$Q$(call link_program,$(vtctl_libs))

$B/vtd: $(vtd_objects) $B/libvt.a
	$(say) LD $@
	$Q$(call link_program,$(vtd_libs))

# Command table, man page and completion agree, or the build fails.
$B/docs-agree: $B/vtctl $B/vtd scripts/check-docs $(wildcard controller/man/*) controller/completion/vtctl
	$(say) DOCS controller/man
	$Qscripts/check-docs $B/vtctl $B/vtd
	@touch $@

# ---- tests --------------------------------------------------------------------------------------

$B/tests/unit/%: $B/obj/tests/unit/%.o $B/libvt.a
	$(say) LD $@
	@mkdir -p $(@D)
	$Q$(CC) $(all_ldflags) -o $@ $^ $(libvt_libs) -lcmocka

$B/tests/system/%: $B/obj/tests/system/%.o $B/libvt.a
	$(say) LD $@
	@mkdir -p $(@D)
	$Q$(CC) $(all_ldflags) -o $@ $^ $(libvt_libs) -Wl,--as-needed -lcmocka -lpthread

$B/tests/boards/%: $B/obj/tests/boards/%.o $B/libvt.a
	$(say) LD $@
	@mkdir -p $(@D)
	$Q$(CC) $(all_ldflags) -o $@ $^ $(libvt_libs) -Wl,--as-needed -lcmocka -lpthread

$B/tests/bench/%: $B/obj/tests/bench/%.o $B/libvt.a
	$(say) LD $@
	@mkdir -p $(@D)
	$Q$(CC) $(all_ldflags) -o $@ $^ $(libvt_libs) -lm -Wl,--as-needed -lcmocka

$B/tests/examples/%: $B/obj/tests/examples/%.o $B/libvt.a
	$(say) LD $@
	@mkdir -p $(@D)
	$Q$(CC) $(all_ldflags) -o $@ $^ $(libvt_libs)

tests: all $(unit_tests) $(system_tests) $(benchmarks) $(examples) $(board_tests)

# The programs whose clocks are judged; unmodified, so with none of the flags above.
judges:
	$(say) JUDGES $B/judge
	$QB=$B tests/judge/build

check: tests judges
	$QB=$B tests/run $(TIERS)

# Each part, whatever became of those before it.
check-all: tests judges
	$Qstatus=0; export B=$B; \
	tests/run || status=1; \
	scripts/check-patches || status=1; \
	tests/run vm-long || status=1; \
	$(MAKE) check-waits || status=1; \
	$(MAKE) judge || status=1; \
	exit $$status

# Measures every wait in a virtual machine; scripts/matrix makes the README's table of it. By a clock
# that counts instructions, so that lateness is the kernel's own, whatever else this machine does.
waits_programs := busybox cat dirname env grep perl python3 rm sleep timeout unshare
check-waits: tests judges
	$Qscripts/build-kernel
	@mkdir -p $B/waits
	$Qtests/vm/in-memory --pack $B/waits/root.tar $B/judge $B/vtctl $B/libvt.so tests \
		$(waits_programs)
	$Qtests/vm/run --kernel "$$(scripts/build-kernel --path)" --instructions --timeout 7200 \
		--out $B/waits -- tests/vm/in-memory $B/waits/root.tar -- env B=$B tests/vm/sets/waits

# 10,000 cycles, 1,000 kills and as many steps on four boards, and 250 rounds of each kind on a bad wire, in
# a virtual machine that passes over time in which nothing happens.
check-boards: tests
	$Qscripts/build-kernel
	$Qtests/vm/run --kernel "$$(scripts/build-kernel --path)" --instructions --smp 1 --timeout 14400 -- \
		env B=$B LATCH=3000 LOOK=1000 CYCLES=10000 KILLS=1000 STEPS=1000 TROUBLES=250 CMOCKA_MESSAGE_OUTPUT=TAP \
		sh -c 'cat $B/vtd $B/tests/boards/* >/dev/null; $B/tests/boards/boards; status=$$?; $B/tests/boards/trouble && exit $$status'

judge:
	$QB=$B tests/suites/judge $(ARGS)

bench: tests
	$QB=$B tests/bench/run

demo:
	$Qscripts/demo

shell:
	$Qscripts/shell

asan:
	$Q$(MAKE) B=$B/asan SANITIZE=address,undefined CFLAGS='-O1 -g' tests

# ---- installation -------------------------------------------------------------------------------

install: all
	install -d $(addprefix $(DESTDIR),$(bindir) $(libdir) $(includedir) \
		$(mandir)/man5 $(mandir)/man7 $(mandir)/man8 $(completiondir) $(unitdir) $(examplesdir))
	install -m 755 $B/vtctl $B/vtd $(DESTDIR)$(bindir)/
	install -m 644 $B/libvt.a $(DESTDIR)$(libdir)/libvt.a
	install -m 755 $B/libvt.so.$(VERSION) $(DESTDIR)$(libdir)/
	ln -sf libvt.so.$(VERSION) $(DESTDIR)$(libdir)/libvt.so.$(SOVERSION)
	ln -sf libvt.so.$(VERSION) $(DESTDIR)$(libdir)/libvt.so
	install -m 644 include/vt.h include/vt_layout.h $(DESTDIR)$(includedir)/
	install -m 644 controller/man/vtctl.8 controller/man/vtd.8 $(DESTDIR)$(mandir)/man8/
	install -m 644 controller/man/vt.conf.5 $(DESTDIR)$(mandir)/man5/
	install -m 644 controller/man/vt.7 $(DESTDIR)$(mandir)/man7/
	install -m 644 controller/completion/vtctl $(DESTDIR)$(completiondir)/vtctl
	for unit in $(units); do sed 's|@bindir@|$(bindir)|' controller/systemd/$$unit \
		> $(DESTDIR)$(unitdir)/$$unit || exit; done
	sed 's|@bindir@|$(bindir)|' controller/sysv/vtd > $(DESTDIR)$(examplesdir)/vtd.init

uninstall:
	rm -f $(addprefix $(DESTDIR),$(bindir)/vtctl $(bindir)/vtd $(libdir)/libvt.a $(libdir)/libvt.so \
		$(libdir)/libvt.so.$(SOVERSION) $(libdir)/libvt.so.$(VERSION) \
		$(includedir)/vt.h $(includedir)/vt_layout.h $(mandir)/man8/vtctl.8 \
		$(mandir)/man8/vtd.8 $(mandir)/man5/vt.conf.5 $(mandir)/man7/vt.7 $(completiondir)/vtctl \
		$(addprefix $(unitdir)/,$(units)) $(examplesdir)/vtd.init)

clean:
	rm -rf $B

-include $(patsubst %.o,%.d,$(libvt_objects) $(vtctl_objects) $(vtd_objects) \
	$(call objects,$(unit_sources) $(system_sources) $(board_sources) $(bench_sources) $(example_sources)))
-include $(patsubst bpf/%.c,$B/bpf/%.d,$(bpf_sources))
