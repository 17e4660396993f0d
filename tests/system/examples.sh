#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The programs in tests/examples do what they say.
# shellcheck disable=SC2317 # checks are called by name

set -u -o pipefail

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/tap.bash
. tests/tap.bash
own_machine "$0" "$@"
own_vtctl

g=vt-examples-$$
library=${B:-build}/libvt.so
work=$(mktemp -d) || exit 1
trap 'remove_groups $g; rm -rf "$work"' EXIT

# ---- clock_now.py ---------------------------------------------------------------------------------

read_clock() {
	tests/examples/clock_now.py "$g" "$1" "$library"
}

# How many different values of the group's clock n readings find.
values() {
	read_clock "$1" | awk '{ seen[$2]++ } END { print length(seen) }'
}

test_clock() {
	local before inside after
	before=$(field virtual_ns "$g")
	inside=$(read_clock 1 | awk '{ print $2 }')
	after=$(field virtual_ns "$g")
	check "Python reads the clock that vtctl shows" test "$before" -lt "$inside" -a "$inside" -lt "$after"
	same "it goes on" 3 "$(values 3)"
	if is_patched; then
		vtctl freeze "$g"
		same "and stands while the group is frozen" 1 "$(values 3)"
		vtctl thaw "$g"
	else
		skip "and stands while the group is frozen" "the kernel has no virtual clocks"
	fi
	check "a group that is not there is one line" exits 1 tests/examples/clock_now.py "$g/no" 1 "$library"
}

# ---- freeze_on_break.py ---------------------------------------------------------------------------

# The first stop is gdb's attaching, the second the breakpoint.
debug() {
	timeout 120 gdb -q -nx -batch -p "$1" -ex 'set debuginfod enabled off' -x tests/examples/freeze_on_break.py \
		-ex "vt-group $g" -ex "shell vtctl show $g -j >$work/attached" \
		-ex 'break clock_nanosleep' -ex continue -ex "shell vtctl show $g -j >$work/at-break" \
		-ex 'delete' -ex detach >"$work/gdb" 2>&1
}

state_in() {
	sed -n 's/.*"state": "\([a-z]*\)".*/\1/p' "$1"
}

test_gdb() {
	local before
	if ! command -v gdb >/dev/null; then
		skip "gdb freezes the group of what it stops" "gdb is not installed: scripts/setup test"
		return
	fi
	vtctl run "$g" python3 -c 'import time
while True: time.sleep(0.05)' &
	pids+=($!)
	eventually grep -q nanosleep /proc/$!/wchan >/dev/null
	before=$(field freezes "$g")
	debug $!
	same "gdb freezes the group of what it has attached to" frozen "$(state_in "$work/attached")"
	same "and when a breakpoint is hit" frozen "$(state_in "$work/at-break")"
	same "twice, and thaws it to go on" "2 $((before + 2))" \
		"$(grep -c "^freeze $g" "$work/gdb") $(field freezes "$g")"
	same "the group runs when gdb has gone" running "$(field state "$g")"
}

# ---- plant.c and controller.py ----------------------------------------------------------------------

# What the plant saw. A step may take 100 s before the controller is late: rates are for machines.
trajectory() { # FILE PLANT-OPTION…
	local out=$1 controller
	shift
	printf '\0\0\0\0\0\0\0\0not zero' >"$work/wires"
	vtctl create "$g/loop" --rate 0.001
	taskset -c 0 vtctl run "$g/loop" tests/examples/controller.py "$work/wires" &
	controller=$!
	while grep -q zero "$work/wires"; do sleep 0.1; done # it is not ready yet
	vtctl freeze "$g/loop"
	"${B:-build}/tests/examples/plant" "$g/loop" "$work/wires" 15 "$@" >"$out"
	kill -9 $controller
	wait $controller 2>/dev/null
	vtctl delete "$g/loop" --kill
}

# So that the controller gets a tenth of what it had, at best.
with_hogs() {
	local hogs=()
	while ((${#hogs[@]} < 9)); do
		taskset -c 0 sh -c 'while :; do :; done' &
		hogs+=($!)
	done
	"$@"
	kill "${hogs[@]}"
	wait "${hogs[@]}" 2>/dev/null
}

test_plant() {
	if ! is_patched; then
		skip "a closed loop" "the kernel has no virtual clocks"
		return
	fi
	trajectory "$work/idle"
	with_hogs trajectory "$work/slow"
	trajectory "$work/free" free
	same "a plant steps its controller" 15 "$(wc -l <"$work/idle")"
	check "which heats" test "$(tail -n 1 "$work/idle")" '>' 1
	check "a loop is the same on a machine ten times slower" cmp "$work/idle" "$work/slow"
	check "and another when nobody waits (control)" differ "$work/idle" "$work/free"
}

differ() {
	! cmp -s "$1" "$2"
}

# ---- link.py -----------------------------------------------------------------------------------------

end=vt-$$

# end_up NUMBER: a namespace, with the device that link.py has opened in it.
end_up() {
	ip -n "$end-$1" link set tun0 up && ip -n "$end-$1" address add "10.91.0.$1/24" dev tun0
}

# The round trips that ping tells, in full ms.
round_trips() {
	"$@" ip netns exec "$end-1" busybox ping -c 4 -W 10 10.91.0.2 | sed -n 's/.*time=\([0-9]*\)[. ].*/\1/p'
}

# freezing_link COMMAND…: with freezes all the while
freezing_link() {
	local command
	"$@" &
	command=$!
	while kill -0 "$command" 2>/dev/null; do
		sleep 1
		vtctl freeze "$g/link"
		sleep 0.3
		vtctl thaw "$g/link"
	done
	wait "$command"
}

# takes LOW HIGH COMMAND…: numbers in that range, and three at least: the first packet may find no address
# yet. A slow machine makes them larger: of five attempts one is within it; smaller ones are never right.
takes() {
	local attempt found
	for ((attempt = 0; attempt < 5; attempt++)); do
		found=$("${@:3}")
		awk -v low="$1" '$1 < low { exit 1 }' <<<"$found" || break
		awk -v high="$2" '$1 > high { exit 1 } END { exit NR < 3 }' <<<"$found" && return
	done
	echo "not three of $1 to $2: $found"
	return 1
}

start_link() {
	local waited
	vtctl run "$g/link" tests/examples/link.py 50 "$end-1" "$end-2" &
	pids+=($!)
	for ((waited = 0; waited < 300; waited++)); do
		end_up 1 2>/dev/null && end_up 2 2>/dev/null && break
		sleep 0.1
	done
}

test_link() {
	if ! is_patched; then
		skip "ping over a simulated link" "the kernel has no virtual clocks"
		return
	fi
	ip netns add "$end-1" && ip netns add "$end-2"
	vtctl create "$g/link" --rate 0.1
	start_link
	check "ping crosses a link of 50 ms in virtual time" takes 100 150 round_trips vtctl run "$g/link"
	check "whoever pings from outside waits ten times as long (control)" takes 1000 3000 round_trips
	check "freezes do not make it any longer" takes 100 150 freezing_link round_trips vtctl run "$g/link"
	vtctl delete "$g/link" --kill
	ip netns delete "$end-1"
	ip netns delete "$end-2"
}

vtctl create "$g" "${clockless[@]}"
start_sleeper
vtctl attach "$g" "$sleeper" --allow-step
test_clock
test_gdb
test_plant
test_link
done_testing
