# SPDX-License-Identifier: MIT
"""cyclictest: it measures, and gives no verdict: late by more than kernel selftests allow is red."""
import re
import shutil

from suite import FAIL, OK, Judge, Missing, Results, read_several, several

LOOPS, LATE_US = 150, 40000
THREAD = re.compile(r"^T: *(\d+) .* C: *(\d+) Min: *(-?\d+) Act: *-?\d+ Avg: *(-?\d+) Max: *(-?\d+)",
                    re.MULTILINE)
WAYS = {"absolute": [], "relative": ["-r"], "realtime": ["-c", "1"], "nanosleep": ["-s", "-r"],
        "posix timers": ["-x"]}


def read_threads(text, status):
    results = Results()
    for thread, _, least, average, _ in THREAD.findall(text):
        results.add("thread %s is never early" % thread, OK if int(least) >= 0 else FAIL)
        results.add("thread %s is late by %d ms or less" % (thread, LATE_US / 1000),
                    OK if int(average) <= LATE_US else FAIL)
    # Whoever has had all his cycles ends all threads
    is_whole = any(int(cycles) >= LOOPS for _, cycles, *_ in THREAD.findall(text))
    results.add("all cycles are there", OK if is_whole else FAIL)
    return results.add_status(status)


def judges():
    if not shutil.which("cyclictest"):
        raise Missing("no cyclictest: scripts/setup suites")
    commands = {name: ["cyclictest", "-q", "-t", "2", "-i", "10000", "-l", str(LOOPS), *options]
                for name, options in WAYS.items()}
    return [Judge("cyclictest/cyclictest", several(commands), read_several(read_threads), 12, 4,
                  at_least=5, is_exact=True, is_quick=True)]
