# SPDX-License-Identifier: MIT
"""What a judge is: a command that others wrote, and how to read what it says of each of its subtests."""
import os
import pathlib
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

OK, FAIL, SKIP = "ok", "fail", "skip"
STATUS = "exit status"  # the subtest that every judge has
TIME = "takes its time"  # one that the runner adds: many suites look only for waits that are too long
SKIP_STATUS = 4  # of kernel selftests
CACHE = pathlib.Path(os.environ.get("SUITES_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vt/suites"))


@dataclass(frozen=True)
class Judge:
    name: str                # SUITE/NAME
    argv: tuple
    read: Callable           # (text, exit status or None) -> {subtest: OK, FAIL or SKIP}
    waits: float = 1         # s of its own time that it takes if the processor is for free
    works: float = 5         # s of processor time in an emulated machine
    at_least: float = 0      # s of its own time that it cannot be shorter than
    cwd: str = ""
    slow: tuple = ()         # argv for slow clocks and storms, if the whole would take too long there
    is_exact: bool = False   # judges lateness: wants the machine for itself where time is not slow
    is_alone: bool = False   # two at once disturb each other
    is_cut: bool = False     # too long for slow clocks: what it has said when its time is up, counts
    bad: str = "plain"       # the known-bad control that turns it red (see columns), "" if none does
    control: tuple = ()      # argv for it, if a part is enough
    is_quick: bool = False   # part of the quick selection

    @property
    def suite(self):
        return self.name.split("/")[0]


class Missing(Exception):
    """What the suite needs is not installed."""


# ---- reading ---------------------------------------------------------------------------------------


class Results(dict):
    """Subtests in order. One that is named twice becomes two; of a file that is read twice, too."""

    def add(self, name, result):
        name = " ".join(name.split()) or "?"
        unique, i = name, 1
        while unique in self:
            i += 1
            unique = "%s #%d" % (name, i)
        self[unique] = result

    def add_status(self, status, skip=(SKIP_STATUS,)):
        self[STATUS] = OK if status == 0 else SKIP if status in skip else FAIL
        return self


# Some print something else first and end no line
TAP = re.compile(r"(?:^\s*|[.:])(not )?ok\b *\d*(?: *[-:]\s)?(.*)$")


def read_tap_line(line, results):
    found = TAP.search(line)
    if not found:
        return False
    name, _, directive = found[2].partition("#")
    is_skip = directive.strip().upper().startswith("SKIP")
    name = name if name.strip() else directive.strip().removeprefix("SKIP")
    results.add(name, SKIP if is_skip else FAIL if found[1] else OK)
    return True


BRACKETS = {"[OK]": OK, "[PASS]": OK, "[FAIL]": FAIL, "[FAILED]": FAIL, "[UNSUPPORTED]": SKIP,
            "[SKIP]": SKIP}
BRACKET = re.compile(r"\[(?:OK|PASS|FAIL|FAILED|UNSUPPORTED|SKIP)\]")
MEASURED = re.compile(r":\s*-?\d+.*")


def read_bracket_line(line, results, running):
    """'what: measured : [OK]' has its name before the verdict, '[OK] Test Passed.' in the [RUN] above."""
    found = BRACKET.search(line)
    if found:
        before = MEASURED.sub("", line[:found.start()]).strip(" \t:")
        results.add(before or running or line[found.end():], BRACKETS[found[0]])


def read_selftest(text, status):
    """Kernel selftests: TAP, or the brackets of those that are older than that."""
    results, running = Results(), ""
    for line in text.splitlines():
        if line.startswith("[RUN]"):
            running = line[len("[RUN]"):]
        elif not read_tap_line(line, results):
            read_bracket_line(line, results, running)
    return results.add_status(status)


MARK = "@@suites@@"


def several(commands):
    """One argv for several commands, read by read_several: {name: argv}."""
    script = ["fails=0"]
    for name, argv in commands.items():
        script.append("echo; echo %s begin %s; %s; s=$?; [ $s = 0 ] || fails=1; echo; echo %s end $s" % (
            MARK, shlex.quote(name), shlex.join(argv), MARK))
    return "sh", "-c", "\n".join(script + ["exit $fails"])


def read_several(read=read_selftest, skip=(SKIP_STATUS,)):
    """Of each command what `read` finds, as 'name: subtest'."""
    def read_all(text, status):
        results = Results()
        for part in text.split(MARK + " begin ")[1:]:
            name, _, rest = part.partition("\n")
            body, _, end = rest.partition(MARK + " end ")
            one = int(end.split()[0]) if end.split() else None
            for subtest, result in read(body, one).items():
                if subtest == STATUS and one in skip:
                    result = SKIP
                results.add("%s: %s" % (name, subtest), result)
        return results.add_status(0 if status in (0, 1) else status)
    return read_all


# ---- building ----------------------------------------------------------------------------------------


def package_version(*names):
    """Version of the first that is installed."""
    for name in names:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name],
                              capture_output=True, text=True, check=False)
        if done.stdout.startswith("installed "):
            return done.stdout.split()[1]
    raise Missing("%s is not installed: scripts/setup suites" % " or ".join(names))


def cached(name, build):
    """The directory of what build(directory) makes once. It takes its place only when it is whole."""
    path = CACHE / name
    if path.is_dir():
        return path
    if os.environ.get("SUITES_NO_BUILD"):  # a guest could not keep it
        raise Missing("'%s' is not built: tests/suites/run --build" % name)
    new = CACHE / (".new-" + name)
    subprocess.run(["rm", "-rf", str(new)], check=True)
    new.mkdir(parents=True)
    print("# building %s" % name, flush=True)
    build(new)
    new.rename(path)
    return path


def run_quietly(argv, **options):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode:
        raise Missing("'%s' failed: %s" % (shlex.join(argv)[:100], done.stdout[-2000:]))
