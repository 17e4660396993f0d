#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Everything that vtctl refuses: one line that says what, the right exit status, and nothing is
# changed. "Nothing" is what snapshot() sees.
# shellcheck disable=SC2317 # checks are called by name

set -u -o pipefail

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/tap.bash
. tests/tap.bash
own_machine "$0" "$@"
own_vtctl

g=vt-refusals-$$
trap 'remove_groups $g/second $g/empty $g; rm -rf "$scratch"' EXIT
scratch=$(mktemp -d)

# Our cgroups and what is in them, the groups with their states and rates, the pins, the victim's
# cgroup. Not the books of joins and leaves: what was done and undone is in them twice. In bash
# alone, as far as it goes: it is done 500 times, and in emulated machines a fork takes its time.
snapshot() {
	local dir line
	for dir in "$cg/vt/$g"/**/ "$cg/$g"/**/; do
		echo "$dir $(<"$dir/cgroup.freeze") $(<"$dir/cgroup.procs")"
	done
	while IFS= read -r line; do
		[[ $line =~ \"(name|state|rate|freezes|epoch_ns)\" ]] && echo "$line"
	done < <(vtctl list -j 2>/dev/null)
	echo /sys/fs/bpf/**
	[[ ! -e /proc/$victim/cgroup ]] || where "$victim"
}
shopt -s globstar nullglob

# one_line FILE PATTERN
one_line() {
	local text=''
	IFS= read -r -d '' text <"$1"
	[[ $text == *$'\n' && ${text%$'\n'} != *$'\n'* ]] || { echo "not one line: '$text'"; return 1; }
	[[ ${text%$'\n'} =~ $2 ]] || { echo "no '$2' in: $text"; return 1; }
}

# is_refused STATUS PATTERN COMMAND…
is_refused() {
	local expected=$1 pattern=$2 before after status=0
	shift 2
	before=$(snapshot)
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	after=$(snapshot)
	((status == expected)) || { echo "exit status $status, not $expected"; cat "$scratch/err"; return 1; }
	[[ ! -s $scratch/out ]] || { echo "prints on stdout:"; cat "$scratch/out"; return 1; }
	one_line "$scratch/err" "$pattern" || return 1
	[[ $before == "$after" ]] || { diff <(echo "$before") <(echo "$after"); return 1; }
}

# refuse STATUS PATTERN vtctl ARGUMENT…: named after the command.
refuse() {
	local name
	printf -v name '%q ' "${@:3}"
	check "refused: ${name:0:70}" is_refused "$@"
}

accepts() {
	! is_refused "$@" >/dev/null
}

# ---- would is_refused() notice? -----------------------------------------------------------------

test_controls() {
	check "control: a success is no refusal" accepts 1 . true
	check "control: silence is no refusal" accepts 1 . false
	check "control: two lines are no refusal" accepts 1 . sh -c 'echo a >&2; echo b >&2; exit 1'
	check "control: another status is no refusal" accepts 1 . sh -c 'echo a >&2; exit 2'
	check "control: other words are no refusal" accepts 1 b sh -c 'echo a >&2; exit 1'
	check "control: output is no refusal" accepts 1 a sh -c 'echo a >&2; echo a; exit 1'
	check "control: a new directory is noticed" accepts 1 a \
		sh -c "mkdir $cg/vt/$g/x; echo a >&2; exit 1"
	rmdir "$cg/vt/$g/x"
	check "control: a moved process is noticed" accepts 1 a \
		sh -c "echo $victim >$cg/vt/$g/cgroup.procs; echo a >&2; exit 1"
	vtctl detach "$victim"
	check "control: what is none of these is a refusal" is_refused 1 a sh -c 'echo a >&2; exit 1'
}

# ---- words --------------------------------------------------------------------------------------

test_words() {
	local word
	refuse 2 'no command' vtctl
	for word in f fr freez unfreez THAW 'thaw ' ''; do
		refuse 2 'unknown command' vtctl "$word" "$g"
	done
	refuse 2 'unknown option' vtctl freeze --al
	refuse 2 'unknown option' vtctl freeze "$g" --time 1s
	refuse 2 'unknown option' vtctl freeze "$g" -vv
	refuse 2 'unknown option' vtctl list --kill
	refuse 2 'needs a value' vtctl freeze "$g" --timeout
	refuse 2 'takes no value' vtctl freeze --all=yes
	refuse 2 'too few' vtctl freeze
	refuse 2 'too few' vtctl attach "$g"
	refuse 2 'too few' vtctl run "$g"
	refuse 2 'too few' vtctl detach
	refuse 2 'too many' vtctl create "$g" x
	refuse 2 'too many' vtctl list x
	refuse 2 'without names' vtctl thaw --all "$g"
	refuse 2 'unknown command' vtctl help freez
	refuse 2 '^\{"error":".*","command":"freeze","status":2\}$' vtctl freeze --al -j
	refuse 1 '^\{"error":".*","command":"show","status":1\}$' vtctl -j show "$g/no"
	refuse 1 'cannot write' bash -c 'vtctl list >/dev/full'
}

test_names() {
	local name verb
	for name in '' / .. ../x "$g/.." "$g/../x" "$g//x" "$g/" $'a\nb' $'a\tb' $'\x7f' \
		"$(printf '%0256d' 0)"; do
		for verb in create show delete freeze; do
			refuse 2 'bad group name' vtctl $verb "$name"
		done
	done
	refuse 1 . vtctl create "$g/$(printf 'x/%.0s' {1..300})y" "${clockless[@]}"
}

test_unknown_and_existing() {
	local verb
	for verb in show freeze thaw delete; do
		refuse 1 "$g/no" vtctl $verb "$g/no"
	done
	refuse 1 "$g/no" vtctl rate "$g/no" 1
	refuse 1 "$g/no" vtctl attach "$g/no" "$victim"
	refuse 1 "$g/no" vtctl run "$g/no" true
	refuse 1 "'/no-such-cgroup'" vtctl show /no-such-cgroup
	refuse 1 'exists' vtctl create "$g" "${clockless[@]}"
	mkdir "$cg/vt/$g/by-hand"
	refuse 1 'exists' vtctl create "$g/by-hand" "${clockless[@]}"
	refuse 1 'by-hand' vtctl show "$g/by-hand"
	rmdir "$cg/vt/$g/by-hand"
}

# ---- numbers ------------------------------------------------------------------------------------

test_rates() {
	local rate
	for rate in 0 -1 -0.5 nan NaN inf 1e9 2x 0x2 '' ' 1' 1,5 1/0 0.0009 1001; do
		refuse 2 "bad rate '$rate'.*legal: 0.001 to 1000" vtctl rate "$g" "$rate"
		refuse 2 "bad rate '$rate'" vtctl create "$g/new" --rate "$rate"
		refuse 2 "bad time dilation factor '$rate'" vtctl create "$g/new" --tdf "$rate"
	done
	refuse 2 'exclude' vtctl create "$g/new" --rate 1 --tdf 1
	refuse 2 'one of' vtctl rate "$g"
	refuse 2 'one of' vtctl rate "$g" 1 --tdf 1
	refuse 2 'freeze-only' vtctl create "$g/new" --freeze-only --rate 2
	refuse 2 'bad time' vtctl create "$g/new" --epoch yesterday
	refuse 2 'bad time' vtctl create "$g/new" --epoch 2030-02-30T00:00:00Z
	refuse 2 'bad duration' vtctl freeze "$g" --timeout 10
	refuse 2 'bad duration' vtctl freeze "$g" --timeout -1s
	for word in 10 1x -1ms ''; do
		refuse 2 "bad duration '$word'" vtctl step "$g" "$word"
	done
	refuse 2 '1 ns or more' vtctl step "$g" 0s
	refuse 2 'for one group' vtctl step "$g" "$g" 1ms --idle-skip
	refuse 2 "bad instant 'tomorrow'.*legal: never, " vtctl run-until "$g" tomorrow
	refuse 2 "bad instant 'never'" vtctl freeze "$g" --at never
	refuse 2 "bad instant '10'" vtctl freeze "$g" --at 10
	refuse 2 "bad duration '10'" vtctl freeze "$g" --at +10
}

test_pids() {
	local pid dead
	for pid in 0 -1 -5 abc 1x '' 1.5 4294967296 4294967297 99999999999999999999; do
		refuse 2 "bad PID '$pid'.*legal: 1 to 4194304" vtctl attach "$g" "$pid"
		refuse 2 "bad PID '$pid'" vtctl detach "$pid"
	done
	sh -c : &
	dead=$!
	wait $dead
	refuse 1 "$dead" vtctl attach "$g" $dead
	refuse 1 "$dead" vtctl detach $dead
	refuse 1 "'1'" vtctl attach "$g" 1
	refuse 1 'kernel thread' vtctl attach "$g" 2
	# shellcheck disable=SC2016 # the PID that becomes vtctl's
	refuse 1 'itself' bash -c 'exec vtctl attach "$1" $$' bash "$g"
	refuse 1 'no group' vtctl detach "$victim"
	refuse 1 "$dead" vtctl attach "$g" "$victim" $dead
	vtctl attach "$g" "$victim"
	start_sleeper
	refuse 1 "$sleeper" vtctl detach "$victim" "$sleeper"
	vtctl detach "$victim"
}

test_step_back() {
	is_patched || return
	vtctl attach "$g" "$sleeper"
	vtctl freeze "$g"
	sleep 0.2
	vtctl thaw "$g"
	refuse 1 'step back by .*--allow-step' vtctl attach "$g" "$victim"
	check "--allow-step does it" is_quiet vtctl attach "$g" "$victim" --allow-step
	vtctl detach "$victim" "$sleeper"
}

# ---- states -------------------------------------------------------------------------------------

test_states() {
	refuse 1 'no tasks' vtctl freeze "$g"
	refuse 1 'not frozen' vtctl thaw "$g"
	vtctl attach "$g" "$victim" --allow-step
	refuse 1 'inside' vtctl delete "$g"
	vtctl freeze "$g"
	refuse 1 'frozen' vtctl freeze "$g"
	vtctl thaw "$g"
	refuse 1 'not frozen' vtctl thaw "$g"
	vtctl create "$g/empty" "${clockless[@]}"
	refuse 1 'inside' vtctl delete "$g"
	check "freeze of several: one fails, the other is thawed again" freezes_nothing
	vtctl freeze "$g"
	refuse 1 'not frozen' vtctl thaw "$g" "$g/empty"
	vtctl thaw "$g"
	refuse 1 'itself is inside' vtctl run "$g" vtctl freeze "$g"
	refuse 1 'itself is inside' vtctl run "$g" vtctl step "$g" 1ms --freeze-first
	refuse 1 'not frozen' vtctl step "$g" 1ms
	((${#clockless[@]})) || test_ends
	vtctl detach "$victim"
	if ((${#clockless[@]})); then
		refuse 1 'freeze-only' vtctl create "$g/new"
		refuse 1 'freeze-only' vtctl run "$g/new" --create true
		refuse 1 "$g" vtctl rate "$g" 2
	else
		refuse 1 'groups with clocks' vtctl unload
	fi
}

test_ends() {
	local stepper
	refuse 1 'passed' vtctl run-until "$g" 2001-01-01T00:00:00Z
	refuse 1 'passed' vtctl freeze "$g" --at 2001-01-01T00:00:00Z
	refuse 1 'none to come' vtctl run-until "$g" never
	vtctl freeze "$g"
	refuse 1 'none to come' vtctl run-until "$g" never
	vtctl step "$g" 1h &
	stepper=$!
	becomes running "$g" >/dev/null
	refuse 1 'another step' vtctl run-until "$g" +2h
	refuse 1 'not frozen' vtctl step "$g" 1ms
	refuse 1 'another step' vtctl step "$g" 1ms --freeze-first
	kill $stepper
	wait $stepper 2>/dev/null
}

# The books count a freeze that was undone; the rest is as it was.
freezes_nothing() {
	exits 1 vtctl freeze "$g" "$g/empty" || return
	[[ $(field state "$g") == running && $(cat "$cg/vt/$g/cgroup.freeze") == 0 ]] && return
	echo "it is $(field state "$g")"
	return 1
}

# A file system whose server never answers: who asks it for a file cannot be frozen.
mount_stuck() {
	modprobe -q fuse
	mkdir "$scratch/stuck"
	python3 -c '
import ctypes, os, sys, time
fd = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"stuck", sys.argv[1].encode(), b"fuse", 0, options):
    sys.exit(1)
open(sys.argv[1] + ".ready", "w")
time.sleep(10000)
' "$scratch/stuck" >/dev/null 2>&1 &
	server=$!
	disown
	pids+=("$server")
	for _ in {1..300}; do
		kill -0 "$server" 2>/dev/null || return 1
		[[ ! -e $scratch/stuck.ready ]] || return 0
		sleep 0.1
	done
	return 1
}

test_stuck_task() {
	local stuck
	if ! mount_stuck; then
		skip "freeze of a task that cannot stop" "no FUSE here"
		return
	fi
	stat "$scratch/stuck/file" >/dev/null 2>&1 &
	stuck=$!
	disown
	pids+=("$stuck")
	eventually grep -q fuse /proc/$stuck/wchan >/dev/null
	vtctl attach "$g" $stuck --allow-step
	check "freeze names who does not stop, and thaws" names_straggler $stuck
	check "freeze that is interrupted thaws again" thaws_when_interrupted
	kill -9 $stuck
	kill -9 "$server"
	umount -l "$scratch/stuck"
	eventually prints_only 0 field tasks "$g" >/dev/null
}

names_straggler() {
	local status=0
	vtctl freeze "$g" --timeout 300ms 2>"$scratch/err" || status=$?
	((status == 1)) || { echo "exit status $status"; return 1; }
	one_line "$scratch/err" "did not stop within 300.0 ms: PID $1 \(stat\): .*; thawed again" || return
	[[ $(cat "$cg/vt/$g/cgroup.freeze") == 0 ]] || { echo "it is still frozen"; return 1; }
}

thaws_when_interrupted() {
	local freezer status=0
	vtctl freeze "$g" 2>"$scratch/err" &
	freezer=$!
	eventually grep -q 1 "$cg/vt/$g/cgroup.freeze" || return
	kill -INT "$freezer"
	wait "$freezer" || status=$?
	((status == 1)) || { echo "exit status $status"; return 1; }
	one_line "$scratch/err" 'interrupted.*thawed again' || return
	[[ $(cat "$cg/vt/$g/cgroup.freeze") == 0 ]] || { echo "it is still frozen"; return 1; }
}

# ---- two at once --------------------------------------------------------------------------------

# at_once COMMAND…: eight times side by side; prints the exit statuses, sorted.
at_once() {
	local i
	for i in {1..8}; do
		{ "$@" >/dev/null 2>"$scratch/err.$i"; echo $?; } &
	done | sort | tr '\n' ' '
}

test_at_once() {
	same "of eight that create, one succeeds" "0 1 1 1 1 1 1 1 " \
		"$(at_once vtctl create "$g/second" "${clockless[@]}")"
	same "the others say so in one line each" 7 "$(cat "$scratch"/err.* | grep -c exists)"
	same "of eight that delete, one succeeds" "0 1 1 1 1 1 1 1 " "$(at_once vtctl delete "$g/second")"
	same "eight loads are one" "0 0 0 0 0 0 0 0 " "$(at_once vtctl load)"
	vtctl attach "$g" "$victim" --allow-step
	at_once vtctl freeze "$g" >/dev/null
	same "eight freezes are a freeze" frozen "$(field state "$g")"
	at_once vtctl thaw "$g" >/dev/null
	same "eight thaws are a thaw" running "$(field state "$g")"
	vtctl detach "$victim"
}

# ---- the machine --------------------------------------------------------------------------------

as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

without_bpf() {
	capsh --drop=cap_sys_admin,cap_bpf,cap_perfmon --shell=/bin/sh -- -c 'exec "$@"' sh "$@"
}

test_not_root() {
	chmod 755 "$scratch"
	cp "$(command -v vtctl)" "$scratch/vtctl"
	refuse 1 'root|permit' as_nobody "$scratch/vtctl" list
	refuse 1 'root|permit' as_nobody "$scratch/vtctl" create x --freeze-only
	check "doctor as nobody says what is missing" exits 1 as_nobody "$scratch/vtctl" doctor
}

# From here on the groups are gone.
test_not_loaded() {
	remove_groups "$g/second" "$g/empty" "$g"
	eventually test ! -e "/proc/$victim"
	refuse 1 'not loaded.*vtctl load' vtctl list
	refuse 1 'vtctl load' vtctl freeze "$g"
	refuse 1 'vtctl load' vtctl unload
	refuse 1 'root|permit' as_nobody "$scratch/vtctl" load
	refuse 1 'permit' without_bpf vtctl load
	check "doctor without BPF says so" bash -c '! "$@" | grep -q "^BPF *ok"' bash without_bpf vtctl doctor
}

test_old_pins() {
	if ! command -v bpftool >/dev/null; then
		skip "pins of another version" "no bpftool"
		return
	fi
	vtctl load
	# shellcheck disable=SC2046 # words
	bpftool map update pinned /sys/fs/bpf/vt/vt_meta key 0 0 0 0 value hex 63 $(printf '00 %.0s' {1..63})
	refuse 1 'layout 99.*vtctl unload' vtctl list
	refuse 1 'layout 99' vtctl load
	check "doctor names their layout" prints 'layout     missing  99' vtctl doctor
	check "unload --force removes them" vtctl unload --force
	check "and load works again" is_quiet vtctl load
	vtctl unload
}

test_missing_parts() {
	mkdir "$scratch/nothing"
	mount --bind "$scratch/nothing" /sys/kernel/btf
	refuse 1 'BTF' vtctl load
	check "doctor says that BTF is missing" prints 'BTF        missing' vtctl doctor
	umount /sys/kernel/btf
	umount -l /sys/fs/bpf
	while mountpoint -q /sys/fs/bpf; do umount -l /sys/fs/bpf; done
	refuse 1 'mount -t bpf' vtctl load
	refuse 1 'vtctl load' vtctl list
	check "doctor says that bpffs is missing" prints 'bpffs      missing' vtctl doctor
	mount -t bpf bpf /sys/fs/bpf
	umount -l "$cg"
	refuse 1 'cgroup' vtctl load
	check "doctor says that cgroup2 is missing" prints 'cgroup2    missing' vtctl doctor
}

vtctl create "$g" "${clockless[@]}"
start_sleeper
victim=$sleeper
start_sleeper
test_controls
test_words
test_names
test_unknown_and_existing
test_rates
test_pids
test_step_back
test_states
test_stuck_task
test_at_once
test_not_root
test_not_loaded
test_old_pins
test_missing_parts
done_testing
