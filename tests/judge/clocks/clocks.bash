#!/bin/bash
# SPDX-License-Identifier: MIT
# For each line read, tell every clock that bash can read (protocol: tests/judge/README.md). There
# is no CLOCK_MONOTONIC in bash: gettimeofday is read before and after the others.

[[ $# -eq 0 ]] || exec <"$1"

LC_ALL=C
while read -r _; do
	before=$EPOCHREALTIME
	printf -v time '%(%s)T' -1
	now=$EPOCHSECONDS
	read -r uptime _ </proc/uptime
	gtod=$EPOCHREALTIME
	after=$EPOCHREALTIME
	echo "gtod_before_us=${before/./} time_s=$time now_s=$now uptime_cs=${uptime/./}" \
		"gtod_us=${gtod/./} gtod_after_us=${after/./}"
done
