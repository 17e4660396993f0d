#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What shows groups as they go: events, its traces, late and watch.
# shellcheck disable=SC2317 # checks are called by name

set -u -o pipefail

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/tap.bash
. tests/tap.bash
own_machine "$0" "$@"
own_vtctl

g=vt-watching-$$
work=$(mktemp -d) || exit 1
trap 'remove_groups "$g/late" $g-other $g $g-many-{0..5}; rm -rf "$work"' EXIT

# listen FILE OPTION…: vtctl events in the background, as `listener`; when it has begun.
listen() {
	local before
	before=$(listeners)
	vtctl events "${@:2}" >"$1" 2>"$1.err" &
	listener=$!
	pids+=("$listener")
	eventually more_listeners "$before"
}

listeners() {
	vtctl stats -j | grep -c '"pid":'
}

more_listeners() {
	(($(listeners) > $1))
}

# stop_listener SIGNAL: its exit status
stop_listener() {
	kill "-$1" "$listener"
	wait "$listener"
}

freeze_and_thaw() {
	vtctl freeze "$1" && sleep 0.2 && vtctl thaw "$1" && becomes running "$1"
}

# json FILE EXPRESSION: of `rows`, the values of its lines; fails if it is false.
json() {
	python3 - "$@" <<-'END'
		import json, sys
		rows = [json.loads(line) for line in open(sys.argv[1])]
		result = eval(f"({sys.argv[2]})")
		print(result, *rows, sep="\n")
		sys.exit(not result)
	END
}

test_events() {
	vtctl create "$g" "${clockless[@]}"
	start_sleeper
	vtctl attach "$g" "$sleeper" --allow-step
	vtctl create $g-other "${clockless[@]}"
	listen "$work/json" -j "$g"
	listen "$work/lines" --follow
	same "two can listen" 2 "$(listeners)"
	freeze_and_thaw "$g"
	vtctl create "$g/late" "${clockless[@]}"
	eventually grep -q "create  *$g/late" "$work/lines" # or it goes before its name is known
	vtctl delete "$g/late"
	check "events prints a line for each event" eventually grep -q "delete  *$g/late" "$work/lines"
	stop_listener TERM
	same "SIGTERM ends it as asked" 0 $?
	eventually grep -q '"running"' "$work/json"
	kill "${pids[-2]}"
	wait "${pids[-2]}"
	check "events -j prints objects, of the groups that are named" json "$work/json" \
		'[r["event"] for r in rows] == ["freeze", "frozen", "thaw", "running"]'
	check "with the instants that the books have" json "$work/json" \
		"[r['real_ns'] for r in rows] == [$(field a_ns "$g"), $(field b_ns "$g"), $(field c_ns "$g"), $(instant d_ns "$g")]"
	check "with numbers, causes and the group" json "$work/json" \
		"all(r['group'] == '$g' and r['pid'] > 1 and r['seq'] for r in rows)"
	same "the plain lines tell the same" "freeze frozen thaw running create delete" \
		"$(awk 'NR > 1 { printf sep $3; sep = " " }' "$work/lines")"
}

# instant KEY GROUP: from `vtctl late -j`.
instant() {
	vtctl late "$2" -j | sed -n "s/^ *\"$1\": \([0-9]*\),\{0,1\}\$/\1/p"
}

test_ends() {
	listen "$work/count" --count 2
	freeze_and_thaw "$g"
	wait "$listener"
	same "--count ends it" "0 3" "$? $(wc -l <"$work/count")"
	check "--for ends it" prints REAL timeout 20 vtctl events --for 100ms
	check "--for ends it with nothing heard, as JSON" is_quiet timeout 20 vtctl events -j --for 10ms
	listen "$work/int" --follow
	stop_listener INT
	same "SIGINT ends it as asked" 0 $?
	listen "$work/hup" --follow
	stop_listener HUP
	same "SIGHUP ends it as asked" 0 $?
	listen "$work/killed" --follow
	{ stop_listener KILL; } 2>/dev/null
	check "a listener that was killed is taken away by the next" is_quiet \
		timeout 20 vtctl events -j --for 10ms
	same "and nobody is left" 0 "$(listeners)"
}

# ---- traces ---------------------------------------------------------------------------------------

# trace FILE EXPRESSION: of `events`, and slices(process, name) of the group.
trace() {
	python3 - "$g" "$@" <<-'END'
		import json, sys
		group = sys.argv[1]
		events = json.load(open(sys.argv[2]))
		threads = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
		def slices(process, name):
		    return [e for e in events if e["ph"] == "X" and e["pid"] == process
		            and threads[e["tid"]] == group and e["name"] == name]
		def contiguous(process):
		    mine = [e for e in events if e["ph"] == "X" and e["pid"] == process
		            and threads[e["tid"]] == group]
		    return all(abs(x["ts"] + x["dur"] - y["ts"]) < 0.01 for x, y in zip(mine, mine[1:]))
		result = eval(f"({sys.argv[3]})")
		print(result, *events, sep="\n")
		sys.exit(not result)
	END
}

test_trace() {
	local frozen_ns signal
	for signal in INT TERM; do
		rm -f "$work/trace"
		listen "$work/out" --trace "$work/trace"
		eventually grep -q "rate $g-other" "$work/trace"
		freeze_and_thaw "$g"
		frozen_ns=$(($(field c_ns "$g") - $(field b_ns "$g")))
		vtctl create "$g/late" "${clockless[@]}"
		eventually grep -q "$g/late" "$work/trace"
		vtctl delete "$g/late"
		sleep 0.2
		stop_listener $signal
		same "a trace is ended by SIG$signal as asked" 0 $?
		check "it is JSON and has both time axes" trace "$work/trace" \
			'[e["args"]["name"] for e in events if e["name"] == "process_name"] == ["groups in real time", "groups in their own time"]'
	done
	same "a trace prints nothing else" "" "$(cat "$work/out" "$work/out.err")"
	check "the frozen slice is the one freeze, from b to c" trace "$work/trace" \
		"len(slices(1, 'frozen')) == 1 and abs(slices(1, 'frozen')[0]['dur'] * 1000 - $frozen_ns) < 2 and
		 slices(1, 'frozen')[0]['args']['real_ns'] == $(field b_ns "$g")"
	check "the group runs before and after it" trace "$work/trace" "len(slices(1, 'running')) == 2"
	check "no time is between slices" trace "$work/trace" "contiguous(1) and contiguous(2)"
	check "groups that come and go have tracks" trace "$work/trace" "'$g/late' in threads.values()"
	check "counters tell lag and rate" trace "$work/trace" \
		"{'lag $g', 'rate $g'} <= {e['name'] for e in events if e['ph'] == 'C'}"
	check "the rate is 0 while it is frozen" trace "$work/trace" \
		"[e['args']['rate'] > 0 for e in events if e['name'] == 'rate $g'] == [True, False, False, True, True, True]"
	virtual_trace
}

virtual_trace() {
	if is_patched; then
		check "a freeze takes none of the group's own time" trace "$work/trace" \
			"len(slices(2, 'frozen')) == 1 and slices(2, 'frozen')[0]['dur'] == 0"
		trace_steps
	else
		skip "a freeze takes none of the group's own time" "the kernel has no virtual clocks"
	fi
}

# has_frozen TIMES: by the trace, which is no JSON before its end
has_frozen() {
	(($(grep -c '"name":"freezing","pid":1' "$work/trace") == $1))
}

trace_steps() {
	vtctl freeze "$g"
	rm -f "$work/trace"
	listen "$work/out" --trace "$work/trace"
	eventually grep -q "rate $g-other" "$work/trace"
	vtctl step "$g" 20ms && vtctl step "$g" 20ms && vtctl step "$g" 20ms
	eventually has_frozen 3
	stop_listener TERM
	vtctl thaw "$g"
	check "between steps a group is frozen, for none of its own time" trace "$work/trace" \
		"len(slices(1, 'frozen')) == len(slices(2, 'frozen')) == 4 and
		 all(e['dur'] == 0 for e in slices(2, 'frozen')) and contiguous(1) and contiguous(2)"
	check "in steps it runs, for 60 ms of it" trace "$work/trace" \
		"abs(sum(e['dur'] for name in ('thawing', 'running') for e in slices(2, name)) - 60000) < 0.01"
}

# ---- late -----------------------------------------------------------------------------------------

test_late() {
	freeze_and_thaw "$g" # in a step the order is another
	check "late tells of a group" prints 'worst b - a' vtctl late "$g"
	check "late -j is JSON" is_json vtctl late "$g" -j
	check "late tells of all groups" prints $g-other vtctl late
	check "the instants of the last freeze are in order" bash -c "(($(instant a_ns "$g") < $(instant b_ns "$g") &&
		$(instant b_ns "$g") < $(instant c_ns "$g") && $(instant c_ns "$g") <= $(instant d_ns "$g")))"
	check "no freeze was worse than the worst" bash -c "(($(instant worst_stop_ns "$g") >= $(instant b_ns "$g") - $(instant a_ns "$g") &&
		$(instant worst_start_ns "$g") >= $(instant d_ns "$g") - $(instant c_ns "$g")))"
	same "a group that was never frozen has no instants" "0 0 0 0 0 0" \
		"$(for key in a b c d worst_stop worst_start; do instant ${key}_ns $g-other; done | xargs)"
}

# ---- watch ----------------------------------------------------------------------------------------

# screen LINES COLUMNS ACTION: watch on a terminal of that size until ACTION ends it; prints what the
# screen shows at last, then the exit status and whether the terminal is as it was.
screen() {
	python3 tests/system/screen.py "$@"
}

test_watch() {
	local i
	check "watch prints plain lines where there is no terminal" prints "$g" vtctl watch --count 1
	same "without a single escape" 0 "$(vtctl watch --count 2 --interval 50ms | grep -c $'\033')"
	check "watch -j is JSON" is_json vtctl watch --count 1 -j
	check "an event is a reason to look" watch_sees_freeze
	if is_patched; then
		check "the end of a step is no freeze by a user" watch_sees_step
	else
		skip "the end of a step is no freeze by a user" "the kernel has no virtual clocks"
	fi
	screen 24 80 q >"$work/screen"
	check "on a terminal it has all groups" prints "${g: -5}-other running" cat "$work/screen"
	check "q ends it, and the terminal is as before" prints 'status 0 restored' cat "$work/screen"
	same "nothing is wider than 80 columns" 0 "$(grep -c '.\{81\}' "$work/screen")"
	check "so does SIGINT" prints 'status 0 restored' screen 24 80 INT
	check "so does SIGTERM" prints 'status 0 restored' screen 24 80 TERM
	check "^C is SIGINT" prints 'status 0 restored' screen 24 80 ^C
	for ((i = 0; i < 6; i++)); do vtctl create "$g-many-$i" "${clockless[@]}"; done
	check "more groups than lines are counted" prints 'and 6 more' screen 5 80 q
	check "a smaller terminal is filled anew" prints 'and 6 more' screen 24 80 resize
	check "a terminal of one line does no harm" prints 'status 0 restored' screen 1 10 q
	for ((i = 0; i < 6; i++)); do vtctl delete "$g-many-$i"; done
	watch_unloaded
}

watch_sees_freeze() {
	vtctl watch --interval 1h --count 2 >"$work/watched" &
	pids+=($!)
	eventually grep -q "$g" "$work/watched" || return
	vtctl freeze "$g"
	eventually grep -q "^$g *fr.*user" "$work/watched"
	vtctl thaw "$g"
	grep -q "^$g *fr.*user" "$work/watched"
}

watch_sees_step() {
	vtctl run "$g-stepped" --create sleep 1000 &
	pids+=($!)
	eventually vtctl freeze "$g-stepped" || return
	vtctl step "$g-stepped" 10ms && vtctl watch --count 1 >"$work/stepped"
	vtctl delete "$g-stepped" --kill
	grep -e "${g: -5}-stepped *fr.*step" "$work/stepped"
}

# start_watch FILE INTERVAL: as `watcher`. What an earlier one has written must not pass for what it says.
start_watch() {
	rm -f "$1"
	timeout 60 vtctl watch --interval "$2" >"$1" 2>"$1.err" &
	watcher=$!
	pids+=("$watcher")
	eventually grep -q "$g" "$1"
}

watch_unloaded() {
	local first
	while (($(listeners) < 7)); do listen "$work/out" || break; done
	start_watch "$work/watched" 1h
	first=$watcher
	start_watch "$work/deaf" 100ms
	vtctl unload --force
	wait "$first"
	same "watch ends when the programs are unloaded, and says so" "1 1" \
		"$? $(grep -c 'have been unloaded' "$work/watched.err")"
	wait "$listener"
	same "events ends with that, too" 1 $?
	wait "$watcher"
	same "and a watch that found no place to listen" "1 1 1" \
		"$? $(grep -c 'too many listen' <(head -1 "$work/deaf")) $(grep -c 'have been unloaded' "$work/deaf.err")"
}

test_refusals() {
	check "--interval has a least value" exits 2 vtctl watch --interval 1ms
	check "--interval wants a unit" exits 2 vtctl watch --interval 1
	check "watch takes no names" exits 2 vtctl watch "$g"
	check "late of no group fails" exits 1 vtctl late "$g/nobody"
	check "events of no group fails" exits 1 vtctl events "$g/nobody" --for 1s
	check "--count wants a number" exits 2 vtctl events --count many
	check "--count wants one or more" exits 2 vtctl events --count 0
	check "--count has a limit" exits 2 vtctl events --count 99999999999999999999
	check "--for wants a duration with a unit" exits 2 vtctl events --for 10
	check "--for wants time to pass" exits 2 vtctl events --for 0s
	check "--follow goes without --count" exits 2 vtctl events --follow --count 1
	check "--trace wants a file" exits 2 vtctl events --trace ''
	check "a trace that cannot be written fails" exits 1 vtctl events --trace "$work/no/trace" --for 1s
	check "a full disk fails" exits 1 bash -c 'vtctl events --for 10ms >/dev/full'
	check "so does one under a trace" exits 1 vtctl events --trace /dev/full --for 10ms
}

test_events
test_ends
test_trace
test_late
test_refusals
test_watch
done_testing
