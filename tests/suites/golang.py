# SPDX-License-Identifier: MIT
"""Go's own tests of package time and of the timeouts of package net, as static programs."""
import os
import re

from suite import FAIL, OK, SKIP, Judge, Missing, Results, cached, package_version, run_quietly

SOURCE = "/usr/share/go-1.19/src"
LINE = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+)", re.MULTILINE)
RUNNING = re.compile(r"^=== RUN\s+(\S+)", re.MULTILINE)
VERDICT = {"PASS": OK, "FAIL": FAIL, "SKIP": SKIP}
PACKAGES = "time", "net", "context"


def build(directory):
    environment = {**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(directory / "gocache"),
                   "GOFLAGS": "", "GO111MODULE": "auto"}
    for name in PACKAGES:
        # The distribution's Go has no zone data of its own, and its test insists on that
        run_quietly(["go", "test", "-c", "-tags", "timetzdata,netgo", "-o",
                     str(directory / (name + ".test")), name], env=environment,
                    cwd=os.path.join(SOURCE, name))
    run_quietly(["rm", "-rf", str(directory / "gocache")])


def read_go(text, status):
    """A test that began and did not say how it ended, failed."""
    results = Results()
    for verdict, name in LINE.findall(text):
        results[name] = VERDICT[verdict]
    for name in RUNNING.findall(text):
        results.setdefault(name, FAIL)
    return results.add_status(status)


def judges():
    if not os.path.isdir(SOURCE):
        raise Missing("no '%s': scripts/setup suites" % SOURCE)
    root = cached("go-%s" % package_version("golang-1.19-src"), build)

    def test(name, *options):
        # Its own time limit is in the time that it is to judge
        return str(root / (name + ".test")), "-test.v", "-test.timeout", "0", "-test.short", *options

    def judge(name, waits, works, *options, **more):
        return Judge("go/" + name, test(name, *options), read_go, waits, works,
                     cwd=os.path.join(SOURCE, name), **more)

    return [
        judge("time", 4, 6, at_least=1, bad="host", is_quick=True),
        judge("net", 3, 4, "-test.run", "Deadline|Timeout", at_least=0.9, bad="host", is_quick=True),
        judge("context", 1, 1, bad=""),
    ]
