#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every verb of vtctl, as a user sees it. Wrong input is in refusals.sh.
# shellcheck disable=SC2317 # checks are called by name

set -u -o pipefail

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/tap.bash
. tests/tap.bash
own_machine "$0" "$@"
own_vtctl

g=vt-cli-$$
odd=$'\xff-\xc3\xa4-\xe2\x82-\xed\xa0\x80-\xf0\x9f\x98\x80' # the second and the last are characters
trap 'remove_groups "$g/$odd" $g/child $g/second $g/made $g /$g/inside' EXIT

test_help() {
	check "help lists the commands" prints '  freeze ' vtctl help
	check "help of a command shows its usage" prints 'usage: vtctl freeze' vtctl help freeze
	check "--help behind a command is the same" \
		prints "$(vtctl help freeze)" vtctl freeze --help
	check "--version has a version" prints 'vtctl 0.' vtctl --version
	check "help -j is JSON" is_json vtctl help -j
}

test_load() {
	check "load does nothing when it is done" is_quiet vtctl load
	check "load -j is JSON" is_json vtctl load -j
	check "doctor says what there is" prints "$(uname -r)" vtctl doctor
	check "doctor -j is JSON" is_json vtctl doctor -j
	check "stats shows counters" prints 'records lost' vtctl stats
	check "stats -j is JSON" is_json vtctl stats -j
	check "list is empty at first" is_quiet bash -c '! vtctl list | sed 1d | grep .'
}

test_create() {
	check "create makes a group" is_quiet vtctl create "$g" "${clockless[@]}"
	check "its directory is below the vt root" test -d "$cg/vt/$g"
	check "list has it" prints "$g " vtctl list
	same "show knows its name" "$g" "$(field name "$g")"
	same "show knows its path" "$cg/vt/$g" "$(field path "$g")"
	same "it is running" running "$(field state "$g")"
	same "it has no tasks" 0 "$(field tasks "$g")"
	same "its rate is 1" 1 "$(field rate "$g")"
	check "show -j is JSON" is_json vtctl show "$g" -j
	check "list -j is JSON" is_json vtctl list -j
	check "create -j is JSON" is_json vtctl create "$g/second" "${clockless[@]}" -j
	check "groups below groups have names with a slash" prints "$g/second " vtctl list
	check "delete -j is JSON" is_json vtctl delete "$g/second" -j
	check "delete removes the directory" test ! -e "$cg/vt/$g/second"
}

# Names are bytes, JSON is UTF-8.
# shellcheck disable=SC2016 # for the inner shell
test_odd_names() {
	local r=$'\xef\xbf\xbd' # U+FFFD
	check "a name that is no UTF-8 does for a group" vtctl create "$g/$odd" "${clockless[@]}"
	check "show -j of it is JSON" is_json vtctl show "$g/$odd" -j
	check "list -j is JSON" is_json vtctl list -j
	same "each byte that is no character is replaced" \
		"$g/$r-"$'\xc3\xa4'"-$r$r-$r$r$r-"$'\xf0\x9f\x98\x80' "$(field name "$g/$odd")"
	check "an error about it is JSON" is_json bash -c '! vtctl thaw "$1" -j 2>&1' sh "$g/$odd"
	check "delete -j of it is JSON" is_json vtctl delete "$g/$odd" -j
}

# shellcheck disable=SC2016 # for the inner shell
test_run() {
	same "run becomes the command: it is in the group" "/vt/$g" \
		"$(vtctl run "$g" bash -c 'sed -n s/^0:://p /proc/$$/cgroup')"
	check "run gives the command's exit status" exits 3 vtctl run "$g" sh -c 'exit 3'
	check "run leaves the command's options alone" prints '-j --create' vtctl run "$g" echo -j --create
	check "run takes -- in front of the command" prints 'x' vtctl run "$g" -- echo x
	check "run of what is not there exits 127" exits 127 vtctl run "$g" no-such-command
	check "run of what is no program exits 126" exits 126 vtctl run "$g" /etc/passwd
	same "run leaves no file open" "$(sh -c 'echo $(ls /proc/self/fd)')" \
		"$(vtctl run "$g" sh -c 'echo $(ls /proc/self/fd)')"
	run_with_create
}

# Without clocks there is nothing it could make; refusals.sh has that.
run_with_create() {
	is_patched || return
	check "run --create makes a group" vtctl run "$g/made" --create true
	vtctl delete "$g/made"
	vtctl run "$g/made" --create no-such-command 2>/dev/null
	check "run --create of what is not there leaves no group" test ! -e "$cg/vt/$g/made"
}

test_attach() {
	local joins leaves
	start_sleeper
	joins=$(field joins "$g")
	leaves=$(field leaves "$g")
	check "attach moves a running process" is_quiet vtctl attach "$g" "$sleeper"
	same "it is in the group" "/vt/$g" "$(where "$sleeper")"
	same "it is counted" 1 "$(field tasks "$g")"
	same "the books have it" $((joins + 1)) "$(field joins "$g")"
	check "attach -j is JSON" is_json vtctl attach "$g" "$sleeper" -j
	check "detach moves it out" is_quiet vtctl detach "$sleeper"
	same "it is in the root" / "$(where "$sleeper")"
	vtctl attach "$g" "$sleeper" --allow-step
	check "detach -j is JSON" is_json vtctl detach "$sleeper" -j
	vtctl attach "$g" "$sleeper" --allow-step
	same "the books have the leaves" $((leaves + 2)) "$(field leaves "$g")"
}

test_freeze() {
	check "freeze stops the group and is quiet" is_quiet vtctl freeze "$g"
	same "it is frozen for the kernel" 1 "$(sed -n 's/^frozen //p' "$cg/vt/$g/cgroup.events")"
	same "it is frozen for show" frozen "$(field state "$g")"
	check "show names the user's hold" prints '"kind": "user"' vtctl show "$g" -j
	check "thaw is quiet" is_quiet vtctl thaw "$g"
	same "it is running again" running "$(field state "$g")"
	same "show has no hold" none "$(vtctl show "$g" | awk '$1 == "holds" { print $2 }')"
	check "freeze -v says how long it took" prints 'STOPPED WITHIN' vtctl freeze "$g" -v
	check "unfreeze is thaw" is_quiet vtctl unfreeze "$g"
	check "freeze -j is JSON" is_json vtctl freeze "$g" -j
	check "thaw -j is JSON" is_json vtctl thaw "$g" -j
	same "three freezes are in the books" 3 "$(field freezes "$g")"
}

test_hand_freeze() {
	echo 1 >"$cg/vt/$g/cgroup.freeze"
	check "a freeze by hand is seen" becomes frozen "$g"
	same "and counted" 4 "$(field freezes "$g")"
	check "thaw undoes it" vtctl thaw "$g"
}

# Frozen by the cgroup above, which is no group.
test_ancestor() {
	mkdir "$cg/$g" "$cg/$g/inside"
	vtctl create "/$g/inside" "${clockless[@]}"
	vtctl attach "/$g/inside" "$sleeper" --allow-step
	echo 1 >"$cg/$g/cgroup.freeze"
	check "a group is frozen by the cgroup above" becomes frozen "/$g/inside"
	check "show names that hold" prints '"kind": "ancestor"' vtctl show "/$g/inside" -j
	check "and its owner" prints "\"owner\": \"/$g\"" vtctl show "/$g/inside" -j
	check "thaw does not claim what it cannot do" exits 1 vtctl thaw "/$g/inside"
	echo 0 >"$cg/$g/cgroup.freeze"
	check "it goes on when the cgroup above does" becomes running "/$g/inside"
	same "names with the mount point in front are the same group" "/$g/inside" \
		"$(field name "$cg/$g/inside")"
	vtctl attach "$g" "$sleeper" --allow-step
	check "delete of a group in place" is_quiet vtctl delete "/$g/inside"
	check "leaves its directory, which vt did not make" test -d "$cg/$g/inside"
	rmdir "$cg/$g/inside" "$cg/$g"
}

test_all() {
	local first=$sleeper
	vtctl create "$g/second" "${clockless[@]}"
	vtctl create "$g/child" "${clockless[@]}"
	start_sleeper
	vtctl attach "$g/child" "$sleeper" --allow-step
	vtctl freeze "$g/child"
	check "freeze --all passes over frozen and empty groups" is_quiet vtctl freeze --all
	same "the group is frozen" 1 "$(cat "$cg/vt/$g/cgroup.freeze")"
	same "the frozen one still is" 1 "$(cat "$cg/vt/$g/child/cgroup.freeze")"
	same "the empty one was left alone" 0 "$(cat "$cg/vt/$g/second/cgroup.freeze")"
	check "freeze --all of all frozen groups is fine" is_quiet vtctl freeze --all
	check "thaw --all thaws parents and children" is_quiet vtctl thaw --all
	same "the group is running" running "$(field state "$g")"
	same "the child is running" running "$(field state "$g/child")"
	check "thaw --all of running groups is fine" is_quiet vtctl thaw --all
	mkdir "$cg/vt/$g/plain"
	echo 1 >"$cg/vt/$g/plain/cgroup.freeze"
	check "thaw --all thaws what is no group, too" is_quiet vtctl thaw --all
	same "the plain cgroup is running" 0 "$(cat "$cg/vt/$g/plain/cgroup.freeze")"
	rmdir "$cg/vt/$g/plain"
	check "freeze takes several groups, children before parents" vtctl freeze "$g/child" "$g"
	check "thaw takes them, too" vtctl thaw "$g/child" "$g"
	same "the child is running" running "$(field state "$g/child")"
	vtctl delete "$g/child" --kill
	vtctl delete "$g/second"
	sleeper=$first
}

test_rate() {
	is_patched || return
	check "rate sets the rate" is_quiet vtctl rate "$g" 0.5
	same "show has it" 0.5 "$(field rate "$g")"
	same "and its factor" 2 "$(field tdf "$g")"
	check "rate --tdf does, too" is_quiet vtctl rate "$g" --tdf 10
	same "show has it" 0.1 "$(field rate "$g")"
	check "rate -j is JSON" is_json vtctl rate "$g" 1 -j
}

# An end that `vtctl run-until` waits for is taken away: it fails, and the group is as it was.
takes_an_end_away() {
	local waiter status
	vtctl run-until "$g" +1h 2>/dev/null &
	waiter=$!
	eventually grep -q poll "/proc/$waiter/wchan" || return
	is_quiet vtctl run-until "$g" never || return
	wait "$waiter"
	status=$?
	[[ $status == 1 && $(field end_ns "$g") == 0 && $(field state "$g") == running ]] && return
	echo "it ended with $status, the group is $(field state "$g") and ends at $(field end_ns "$g")"
	return 1
}

test_step() {
	local before
	is_patched || return
	check "step --freeze-first freezes, and steps" is_quiet vtctl step "$g" 10ms --freeze-first
	same "the group is frozen then" frozen "$(field state "$g")"
	check "a step holds it" prints '"kind": "step"' vtctl show "$g" -j
	before=$(field virtual_ns "$g")
	check "step is quiet" is_quiet vtctl step "$g" 1234567ns
	same "and exact" $((before + 1234567)) "$(field virtual_ns "$g")"
	check "step -v says for how long tasks ran on" prints 'RAN ON FOR' vtctl step "$g" 1ms -v
	check "step -j is JSON" is_json vtctl step "$g" 1ms -j
	before=$(field virtual_ns "$g")
	check "run-until is quiet" is_quiet vtctl run-until "$g" +20ms
	same "and exact" $((before + 20000000)) "$(field virtual_ns "$g")"
	check "run-until never takes an end away" takes_an_end_away
	vtctl freeze "$g"
	before=$SECONDS
	check "step --idle-skip passes over minutes" is_quiet vtctl step "$g" 5m --idle-skip
	check "at once" test $((SECONDS - before)) -lt 60
	vtctl thaw "$g"
	check "freeze --at waits and freezes" eventually is_quiet vtctl freeze "$g" --at +200ms # it may be over by then
	same "the group is frozen then" frozen "$(field state "$g")"
	vtctl thaw "$g"
}

test_delete() {
	vtctl freeze "$g"
	check "delete --kill ends a frozen group" is_quiet vtctl delete "$g" --kill
	check "its tasks are gone" eventually bash -c "! kill -0 $sleeper"
	check "its directory is gone" test ! -e "$cg/vt/$g"
}

# Last: the programs go, plain cgroups stay.
test_unload() {
	start_sleeper
	vtctl create "$g" --freeze-only
	vtctl attach "$g" "$sleeper"
	vtctl freeze "$g"
	check "unload works while a group is frozen" is_quiet vtctl unload
	same "which stays frozen" 1 "$(sed -n 's/^frozen //p' "$cg/vt/$g/cgroup.events")"
	check "no pin is left" test ! -e /sys/fs/bpf/vt
	kill -9 "$sleeper"
	echo 0 >"$cg/vt/$g/cgroup.freeze"
	check "load works again" is_quiet vtctl load
}

test_help
test_load
test_create
test_odd_names
test_run
test_attach
test_freeze
test_hand_freeze
test_ancestor
test_all
test_rate
test_step
test_delete
test_unload
done_testing
