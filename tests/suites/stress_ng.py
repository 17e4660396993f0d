# SPDX-License-Identifier: MIT
"""
stress-ng --verify, one stressor at a time. It looks for wrong results and calls that fail, not at times:
no known-bad clock turns it red.
"""
import shutil

from suite import Judge, Missing, Results, read_several, several

# How many operations take an emulated processor about a second.
OPERATIONS = {"clock": 2000, "timer": 8000, "timerfd": 20000, "itimer": 250, "hrtimers": 10000,
              "nanosleep": 2000, "alarm": 5000, "sleep": 2000000, "futex": 30000, "mq": 100000,
              "sem": 20000, "epoll": 8000, "poll": 10000}
NOT_HERE = 3, 4  # its exit statuses for 'no resources' and 'not implemented'


def read_status(_, status):
    return Results().add_status(status, NOT_HERE)


def judges():
    if not shutil.which("stress-ng"):
        raise Missing("no stress-ng: scripts/setup suites")

    def stress(names):
        return several({name: ["stress-ng", "--" + name, "1", "--%s-ops" % name, str(OPERATIONS[name]),
                               "--verify", "--timeout", "20"] for name in names})

    return [Judge("stress-ng/" + part, stress(names), read_several(read_status, NOT_HERE), 12, 12,
                  bad="", is_quick=part == "timers")
            for part, names in (("timers", list(OPERATIONS)[:6]), ("waits", list(OPERATIONS)[6:]))]
