#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vtd without a wire: configuration, sockets, rights, holds, kill -9 and restart. What needs lines is
# in tests/boards.
# shellcheck disable=SC2317 # checks are called by name

set -u

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/tap.bash
. tests/tap.bash
own_machine "$0" "$@"
own_vtctl
command -v vtd >/dev/null || skip_all "vtd is not built"
run=$(mktemp -d)
chmod 755 "$run"
export VT_RUN=$run
trap 'stop_vtd; remove_groups board kept late rt; rm -rf "$run"' EXIT

start_vtd() {
	vtd --config "$run/vt.conf" --run "$run" >>"$run/log" 2>&1 </dev/null &
	echo $! >"$run/pid"
	disown
	eventually vtctl boards -j && return
	cat "$run/log"
	return 1
}

# stop_vtd [SIGNAL]
stop_vtd() {
	local pid
	[[ -s $run/pid ]] || return 0
	pid=$(<"$run/pid")
	rm "$run/pid"
	kill "-${1:-TERM}" "$pid" 2>/dev/null
	eventually has_gone "$pid"
}

has_gone() {
	! kill -0 "$1"
}

# say SOCKET REQUEST, as user USER if that is set
say() {
	python3 - "$run/$1" "$2" "${user:-0}" <<-'END'
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(10)
		if sys.argv[3] != "0":
		    os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
		try:
		    s.connect(sys.argv[1])
		except PermissionError:
		    print("cannot connect"); sys.exit()
		s.sendall((sys.argv[2] + "\n").encode("utf-8", "surrogateescape"))
		print(s.makefile().readline(), end="")
	END
}

says() {
	prints "$3" say "$1" "$2"
}

state() {
	field state "$1"
}

holds() {
	vtctl show "$1" | sed -n 's/^holds *//p'
}

# mistake TEXT LINE…: the configuration of these lines is refused, with this text.
mistake() {
	printf '%s\n' "${@:2}" >"$run/bad.conf"
	exits 1 vtctl config check "$run/bad.conf" && prints_error "$1" vtctl config check "$run/bad.conf"
}

prints_error() {
	local out
	out=$("${@:2}" 2>&1)
	[[ $out == *"$1"* ]] && return
	echo "no '$1' in: $out"
	return 1
}

test_config() {
	check "a bad latch is told with file, line and range" \
		mistake "bad.conf:2: bad latch '2s': out of range; legal: 0us to 100ms" 'group a {' 'latch = 2s' '}'
	check "an unknown key is told" mistake "bad.conf:2: no such option 'lutch'" 'group a {' 'lutch = 2us' '}'
	check "an input without an output is told" mistake "has an input without an output" \
		'group a { input = { c, "1" } }'
	check "the same line twice is told" mistake "is used twice" 'group a { output = { c, "1" } }' \
		'group b { output = { c, "1" } }'
	check "a line that is output and input is told" mistake "is used twice" \
		'group a { output = { c, "1" } input = { c, "1" } }'
	check "a group twice is told" mistake "duplicate" 'group a { }' 'group a { }'
	check "a bad priority is told" mistake "legal: 1 to 98" 'priority = 99'
	check "a bad line is told" mistake "legal: { CHIP, LINE }" 'group a { output = { c } }'
	check "all mistakes are told in one go" mistake "bad.conf:3" 'group a {' 'latch = 2s' 'check = 1ms' '}'
	check "a file that is not there is told" exits 1 vtctl config check "$run/none.conf"
	check "vtd does not start with mistakes" exits 1 vtd --config "$run/bad.conf" --run "$run/bad"
	mkdir "$run/vt.conf.d"
	printf '%s\n' 'group board { hold-limit = 200ms }' >"$run/vt.conf"
	printf '%s\n' 'group kept { on-stop = keep }' 'group late { }' 'group rt { }' >"$run/vt.conf.d/more.conf"
	echo 'no = configuration' >"$run/vt.conf.d/ignored"
	check "drop-ins are read, other files are not" prints "boards  4" vtctl config check "$run/vt.conf"
	printf '%s\n' 'group a { output = { nochip, "1" } }' >"$run/chip.conf"
	check "a chip that is not there is told" prints_error "no such chip" \
		vtd --config "$run/chip.conf" --run "$run/chip"
	check "unknown options of vtd are refused" exits 2 vtd --fast
}

# A user's, a step's, and that both have gone
tells_holds() {
	[[ $(grep -o '"event":"hold-[a-z]*"' "$1" | tr '\n' ' ') == \
		'"event":"hold-on" "event":"hold-on" "event":"hold-off" "event":"hold-off" ' ]] && return
	cat "$1"
	return 1
}

test_holds() {
	check "vtd starts" start_vtd
	check "another one on the same directory does not" exits 1 vtd --config "$run/vt.conf" --run "$run"
	check "vtctl boards is JSON" is_json vtctl boards -j
	vtctl events -j --count 8 board >"$run/events" &
	until (($(vtctl stats -j | grep -o '"pid"' | wc -l) >= 2)); do sleep 0.05; done
	check "vtctl freeze freezes a board" vtctl freeze board
	check "show names the holder" prints "user vtctl[" holds board
	check "a step's hold comes beside it" says control 'hold step board' '"kind":"step"'
	check "vtctl thaw takes the user's away, and says who holds" prints_error "held by step" vtctl thaw board
	same "the group stays frozen" frozen "$(state board)"
	check "when the last hold goes it goes on" says control 'release step board' '"holds":[]'
	check "it runs" becomes running board
	wait $!
	check "listeners are told of holds" tells_holds "$run/events"
	echo 1 >"$cg/vt/board/cgroup.freeze"
	check "a plain freeze is a user's hold" eventually prints "user bash[" holds board
	check "a hold beyond the limit is named in the log" says_in_log "beyond the limit: user, by bash"
	echo 0 >"$cg/vt/board/cgroup.freeze"
	check "a plain thaw ends it" eventually prints_only none holds board
	check "freezing twice is refused" freeze_twice
	check "thawing what is not frozen is refused" exits 1 vtctl thaw board
}

# Whoever is done with a step goes on with a thaw. The daemon hears of the end when others do.
test_steps() {
	((${#clockless[@]} == 0)) || { skip "a step's end is a step's hold" "no clocks"; return; }
	vtctl freeze board
	check "a board makes a step" vtctl step board 20ms
	check "a step's end is a step's hold, with its owner" eventually prints "step vtctl[" holds board
	check "it makes another" vtctl step board 20ms
	check "vtctl thaw ends that hold" vtctl thaw board
	same "then nobody holds" none "$(holds board)"
	check "the end of run-until is the same" eventually vtctl run-until board +50ms # it may be over by then
	check "and is told" eventually prints "step vtctl[" holds board
	vtctl thaw board
}

freeze_twice() {
	vtctl freeze board && exits 1 vtctl freeze board && vtctl thaw board
}

test_rights() {
	check "everybody may look" env_user 65534 says read 'show board' '"group":"board"'
	check "nobody may hold at the socket for reading" says read 'hold user board' 'not permitted'
	check "only root and group vt get to the other" env_user 65534 refused_control
	check "nonsense gets an error" says control 'frobnicate' 'bad request'
	check "partial words are nobody's" says control 'sho' 'bad request'
	check "names that are no UTF-8 are answered in JSON" is_json say control $'show \xff\xfe'
	check "a group that is no board is told" says control 'hold user other' 'has no board'
	check "garbage and long lines end in nothing worse" throw_garbage
	check "it still answers" says read 'show board' '"group":"board"'
}

env_user() {
	user=$1 "${@:2}"
}

refused_control() {
	local out
	chmod 666 "$run/control"
	out=$(say control 'hold user board')
	chmod 660 "$run/control"
	[[ $out == *'not permitted'* ]] && [[ $(say control show) == *'cannot connect'* ]] && return
	echo "$out"
	return 1
}

throw_garbage() {
	python3 - "$run/control" <<-'END'
		import os, random, socket, sys
		random.seed(1)
		for i in range(200):
		    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
		    try:
		        s.sendall(os.urandom(random.choice([1, 100, 5000, 100000])) + b"\n" * (i % 2))
		    except OSError:
		        pass
		    s.close()
	END
}

test_restart() {
	vtctl freeze board
	vtctl freeze kept
	check "kill -9" stop_vtd KILL
	same "a freeze in force stays" frozen "$(state board)"
	echo 1 >"$cg/vt/late/cgroup.freeze"
	check "another vtd starts" start_vtd
	same "nothing is thawed by accident" frozen "$(state board)"
	check "the hold is back with its owner" prints "user vtctl[" holds board
	check "a freeze meanwhile is a user's hold" prints "user cgroup.freeze" holds late
	check "thaw ends such a hold" vtctl thaw late
	check "vtd ends properly" stop_vtd TERM
	check "what it held is thawed" becomes running board
	same "unless it was told to keep it" frozen "$(state kept)"
	check "and starts once more" start_vtd
	check "the kept hold is back with its owner" prints "user vtctl[" holds kept
	check "vtctl thaw thaws it" vtctl thaw kept
	vtctl freeze board
	stop_vtd KILL
	check "without vtd vtctl thaws" vtctl thaw board
	start_vtd
	same "the next one holds nothing" none "$(holds board)"
}

test_groups() {
	vtctl delete late --kill
	check "a group that goes is no board" eventually says read 'show late' '"present":false'
	vtctl create late "${clockless[@]}"
	check "one that comes is" eventually says read 'show late' '"present":true'
}

# More records than vtd's ring buffer holds, and then that a group has gone and come.
test_losses() {
	local i
	kill -STOP "$(<"$run/pid")"
	for ((i = 0; i < 600; i++)); do
		echo 1 >"$cg/vt/board/cgroup.freeze"
		echo 0 >"$cg/vt/board/cgroup.freeze"
	done
	vtctl delete late --kill
	vtctl create late "${clockless[@]}"
	kill -CONT "$(<"$run/pid")"
	check "vtd tells when it has lost records" says_in_log "records were lost"
	check "a group that went and came meanwhile is a board" eventually says read 'show late' '"refused":null'
	check "which can be held" says control 'hold user late' '"kind":"user"'
	check "and released" says control 'release user late' '"holds":[]'
}

says_in_log() {
	eventually grep -q "$1" "$run/log" && return
	cat "$run/log"
	return 1
}

test_crowds() {
	check "as many readers as can be do not keep a controller out" holds_in_a_crowd
	check "vtd without descriptors is not busy" is_calm_without_descriptors
}

holds_in_a_crowd() {
	local status
	python3 -c '
import socket, sys, time
readers = [socket.socket(socket.AF_UNIX) for i in range(80)]
for reader in readers:
    reader.connect(sys.argv[1])
print("all", flush=True)
time.sleep(60)' "$run/read" >"$run/crowd" &
	pids+=($!)
	until [[ -s $run/crowd ]]; do sleep 0.05; done
	says control 'hold user board' '"kind":"user"'
	status=$?
	says control 'release user board' '"holds":[]' || status=1
	kill "${pids[-1]}"
	wait "${pids[-1]}" 2>/dev/null
	((status == 0))
}

# In hundredths of a second
cpu_time() {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

is_calm_without_descriptors() {
	local pid before used free=0
	pid=$(<"$run/pid")
	while [[ -e /proc/$pid/fd/$free ]]; do ((++free)); done
	prlimit --pid "$pid" --nofile="$free:"
	python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
time.sleep(60)' "$run/read" &
	pids+=($!)
	sleep 0.5
	before=$(cpu_time "$pid")
	sleep 1
	used=$(($(cpu_time "$pid") - before))
	kill "${pids[-1]}"
	wait "${pids[-1]}" 2>/dev/null
	prlimit --pid "$pid" --nofile=1024:
	((used < 20)) || { echo "it used $used hundredths of a second"; return 1; }
	says read show '"boards"'
}

test_members() {
	chrt -f 5 true 2>/dev/null || { skip "members of higher priority are refused" "no real-time priorities"; return; }
	cp "$(command -v sleep)" "$run/two"$'\n'lines
	chrt -f 95 "$run/two"$'\n'lines infinity >/dev/null 2>&1 &
	pids+=($!)
	disown
	eventually grep -q two "/proc/${pids[-1]}/comm"
	check "members of higher priority are refused" prints_error "priority 95, not below vtd's 90" \
		vtctl attach rt "${pids[-1]}"
	echo "${pids[-1]}" >"$cg/vt/rt/cgroup.procs"
	check "one that comes in by hand is complained of" says_in_log "priority 95, not below"
	check "in one line, whatever its name" grep -q "two?lines.* priority 95, not below" "$run/log"
}

# RSS in KiB, and context switches in two seconds with nothing to do, once what was before is done.
test_costs() {
	local rss switches
	rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$(<"$run/pid")/status")
	sleep 1
	eventually grep -q poll "/proc/$(<"$run/pid")/wchan"
	switches=$(switches_of)
	sleep 2
	switches=$(($(switches_of) - switches))
	echo "# $rss KiB resident, $switches switches in 2 s"
	if ((rss <= 5120)); then pass "it needs 5 MiB or less"; else fail "it needs 5 MiB or less" "$rss KiB"; fi
	same "it sleeps when nothing happens" 0 "$switches"
}

switches_of() {
	awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$(<"$run/pid")/status"
}

test_unload() {
	vtctl freeze board
	vtctl unload --force
	check "vtd ends when the programs are unloaded" eventually has_gone "$(<"$run/pid")"
	check "and says so" grep -q "programs were unloaded" "$run/log"
	same "what is frozen stays frozen" 1 "$(cat "$cg/vt/board/cgroup.freeze")"
	echo 0 >"$cg/vt/board/cgroup.freeze"
}

for group in board kept late rt; do
	vtctl create $group "${clockless[@]}" || skip_all "cannot create groups"
	start_sleeper
	vtctl attach $group "$sleeper"
done
test_config
test_holds
test_steps
test_rights
test_restart
test_groups
test_losses
test_crowds
test_members
test_costs
test_unload
done_testing
