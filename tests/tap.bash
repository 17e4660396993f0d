# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What tests in bash share: cases in TAP, and a machine of their own as far as mounts go, so that
# nothing they do to bpffs, cgroup2 or BTF is seen outside, and groups of others are not theirs.

cases=0
failures=0

# pass NAME, fail NAME [TEXT], skip NAME REASON
pass() {
	echo "ok $((++cases)) - $1"
}

fail() {
	echo "not ok $((++cases)) - $1"
	((++failures))
	[[ -z ${2-} ]] || printf '# %s\n' "${2//$'\n'/$'\n# '}"
}

skip() {
	echo "ok $((++cases)) - $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# check NAME COMMAND…: the command succeeds. What it prints is for failures.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then pass "$name"; else fail "$name" "$out"; fi
}

# same NAME EXPECTED FOUND
same() {
	if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "expected '$2', found '$3'"; fi
}

# ---- what a check may ask; each tells why not -----------------------------------------------------

# Its bytes count: read as text, those that are no UTF-8 would pass.
is_json() {
	"$@" | python3 -c 'import json, sys; json.loads(sys.stdin.buffer.read().decode())'
}

# prints TEXT COMMAND…
prints() {
	local out
	out=$("${@:2}")
	[[ $out == *"$1"* ]] && return
	echo "no '$1' in: $out"
	return 1
}

# prints_only TEXT COMMAND…
prints_only() {
	local out
	out=$("${@:2}")
	[[ $out == "$1" ]] && return
	echo "not '$1' but: $out"
	return 1
}

# eventually COMMAND…: at last it succeeds. Machines may be slow: only a failure takes the whole time.
eventually() {
	local out end=$((SECONDS + 60))
	until out=$("$@" 2>&1); do
		((SECONDS < end)) || { echo "not within a minute: $*: $out"; return 1; }
		sleep 0.1
	done
}

is_quiet() {
	local out status=0
	out=$("$@" 2>&1) || status=$?
	[[ $status == 0 && -z $out ]] && return
	echo "exit status $status: $out"
	return 1
}

# exits STATUS COMMAND…
exits() {
	local status=0
	"${@:2}" >/dev/null 2>&1 || status=$?
	((status == $1)) && return
	echo "exit status $status, not $1: ${*:2}"
	return 1
}

done_testing() {
	echo "1..$cases"
	((failures == 0)) || exit 1
	exit 0
}

# ---- the machine ------------------------------------------------------------------------------

# own_machine "$0" "$@": run again in a mount namespace with a bpffs of its own.
own_machine() {
	((EUID == 0)) || skip_all "not root"
	[[ -z ${VT_OWN_MACHINE-} ]] || return 0
	unshare -m --propagation private true 2>/dev/null || skip_all "no mount namespaces"
	VT_OWN_MACHINE=1 exec unshare -m --propagation private "$BASH" "$@"
}

find_cgroup2() {
	awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts
}

# Sets vtctl up, as `cg` the cgroup2 mount point, and `created` as what create needs here.
own_vtctl() {
	PATH=$(cd "${B:-build}" && pwd -P):$PATH
	command -v vtctl >/dev/null || skip_all "vtctl is not built"
	cg=$(find_cgroup2)
	[[ -n $cg ]] || skip_all "no cgroup2 mount"
	mount -t bpf bpf /sys/fs/bpf || skip_all "no bpffs"
	vtctl load || skip_all "vtctl load fails: $(vtctl load 2>&1)"
	# shellcheck disable=SC2034 # for the tests
	if is_patched; then clockless=(); else clockless=(--freeze-only); fi
}

is_patched() {
	vtctl doctor -j | grep -q '"level": "patched"'
}

# field KEY GROUP: from `vtctl show -j`.
field() {
	vtctl show "$2" -j | sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p"
}

# becomes STATE GROUP: at last
becomes() {
	eventually prints_only "$1" field state "$2"
}

# where PID: its cgroup
where() {
	local line
	while read -r line; do
		[[ $line != 0::* ]] || echo "${line#0::}"
	done <"/proc/$1/cgroup"
}

# Starts a process to do things to, as `sleeper`; all are killed at the end.
pids=()
start_sleeper() {
	sleep infinity >/dev/null 2>&1 &
	sleeper=$!
	pids+=("$sleeper")
	disown
}

# remove_groups GROUP…: whatever became of them, and all that the test loaded.
remove_groups() {
	local group
	((${#pids[@]} == 0)) || kill -9 "${pids[@]}" 2>/dev/null
	for group; do
		vtctl delete "$group" --kill
	done >/dev/null 2>&1
	vtctl unload --force 2>/dev/null
	for group; do
		find "$cg/vt/$group" "$cg/$group" -depth -type d -exec rmdir {} +
	done 2>/dev/null
	rmdir "$cg/vt" 2>/dev/null
}
