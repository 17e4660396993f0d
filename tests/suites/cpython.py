# SPDX-License-Identifier: MIT
"""Python's own tests of time and waits, as the distribution packages them."""
import glob
import os
import re

from suite import FAIL, OK, SKIP, Judge, Missing, Results

BEGIN = re.compile(r"^(?P<bad>(?:ERROR|FAIL|UNEXPECTED SUCCESS): )?(?P<test>\w+) \((?P<where>test[\w.]+)\)",
                   re.MULTILINE)
END = re.compile(r"(?:\.\.\. |^)(ok|FAIL|ERROR|skipped|expected failure)\b", re.MULTILINE)
VERDICT = {"ok": OK, "expected failure": OK, "skipped": SKIP}

# Its cancellation of threads and children needs no clock: what waits, or is woken by a signal.
SUBPROCESS = "*timeout*", "*wait*", "*communicate*", "*terminate*", "*kill*", "*signal*", "*poll*"
ASYNCIO = "test_timeouts", "test_waitfor", "test_queues", "test_locks", "test_taskgroups", \
    "test_runners", "test_sock_lowlevel"
ASYNCIO_EVENTS = "*call_later*", "*run_until*", "*signal*", "*EPoll*timeout*", "*run_in_executor*"


def read_verbose(text, status):
    """
    The lines of unittest -v. Other output may stand between a test's name and its result; a test that
    has none was under way when all ended. The list of failures at the end names subtests' parents.
    """
    results, starts = Results(), list(BEGIN.finditer(text))
    for this, following in zip(starts, starts[1:] + [None]):
        name = this["where"].removeprefix("test.").removesuffix("." + this["test"]) + "." + this["test"]
        if this["bad"]:
            results[name] = FAIL
        elif name not in results:
            end = END.search(text, this.end(), following.start() if following else len(text))
            results[name] = VERDICT.get(end[1], FAIL) if end else FAIL
    return results.add_status(status)


def find_python():
    for path in sorted(glob.glob("/usr/lib/python3.*/test/test_time.py")):
        python = "/usr/bin/" + path.split("/")[3]
        if os.access(python, os.X_OK):
            return python
    raise Missing("Python's tests are not installed: scripts/setup suites")


def judges():
    python = find_python()

    def test(modules, *options):
        return python, "-B", "-m", "test", "-v", *options, *modules

    def matching(*patterns):
        return [word for p in patterns for word in ("-m", p)]

    def judge(name, modules, waits, works, *options, control=(), **more):
        return Judge("python/" + name, test(modules, *options), read_verbose, waits, works,
                     control=test(modules, *matching(*control)) if control else (), **more)

    def one(name, waits, works, *options, **more):
        return judge(name, [name], waits, works, *options, **more)

    return [
        one("test_time", 2.5, 2.5, at_least=1.7, bad="host", is_quick=True),
        one("test_select", 2, 2, at_least=1, bad="host", is_quick=True),
        one("test_selectors", 15, 4, at_least=10, bad="jumps", control=["*test_timeout"]),
        one("test_epoll", 1, 2, bad=""),
        one("test_poll", 12, 2, at_least=10, bad="host", is_quick=True),
        one("test_signal", 47, 9, at_least=30, bad="host"),
        one("test_threading", 11, 14, at_least=5, bad="jumps", control=["*timeout*"]),
        one("test_queue", 8, 10, at_least=3, bad="host"),
        # What of it does not end outside either on machines with half a vsock
        one("test_socket", 27, 15, "-i", "*VSOCK*", at_least=10, bad="host"),
        one("test_subprocess", 16, 20, *matching(*SUBPROCESS), "-i", "*NoPoll*", at_least=5, bad="host"),
        judge("test_asyncio", ["test_asyncio." + m for m in ASYNCIO], 12, 14, at_least=5, bad="host"),
        judge("test_asyncio-events", ["test_asyncio.test_events"], 4, 8, *matching(*ASYNCIO_EVENTS),
              at_least=0.6, bad="host"),
    ]
