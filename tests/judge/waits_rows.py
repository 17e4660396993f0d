# SPDX-License-Identifier: MIT
"""Rows of the matrix: ways to wait, of waits/*.c (which list themselves) and of real programs."""
import collections
import fnmatch
import shutil
import subprocess
import sys

from group import BUILT, ROOT

S, MS = 10**9, 10**6
REAL, MONO, BOOT, REAL_ALARM, BOOT_ALARM, TAI = 0, 1, 7, 8, 9, 11
CLOCKS = {MONO: "MONOTONIC", REAL: "REALTIME", BOOT: "BOOTTIME", TAI: "TAI",
          REAL_ALARM: "REALTIME_ALARM", BOOT_ALARM: "BOOTTIME_ALARM"}
STATIC, REST, COARSE, TIMESPEC, LONE = 1, 2, 4, 8, 16  # enum trait of waits/waiter.h
KILLED = 256  # by this signal, as waits/waiter.c tells a command's end
SIGALRM = 14

WAITS = ROOT / "tests/judge/waits"
PROGRAMS = {
    "waiter": [str(BUILT / "waiter")],
    "static": [str(BUILT / "waiter-static")],
    "python3": [sys.executable, str(WAITS / "program.py")],
    "perl": ["perl", str(WAITS / "program.pl")],
    "go": [str(BUILT / "waits-go")],
}
# What waits/waiter.c starts, with the seconds for %s; no blanks in a request. How it ends.
COMMANDS = {
    "coreutils.sleep": (["sleep", "%s"], 0),
    "coreutils.timeout": (["timeout", "%s", "sleep", "1000"], 124),
    "busybox.sleep": (["busybox", "sleep", "%s"], 0),
    "bash.read": (["bash", "-c", "read${IFS}-t${IFS}%s"], 142),
    "perl.alarm-exec": (["perl", "-e", "alarm(shift);exec('sleep','1000')", "%s"],
                        KILLED + SIGALRM),
}


class Row(collections.namedtuple("Row", "name family program how clock mode grain ends traits")):
    @property
    def is_exact(self):
        """Asleep and awake again in no time, as far as anybody can tell."""
        return self.program in ("waiter", "static") and self.how != "run"

    @property
    def is_periodic(self):
        return self.mode.endswith("per")

    @property
    def is_absolute(self):
        return self.mode.startswith("abs")

    @property
    def is_one_process(self):
        return self.name != "coreutils.timeout"

    @property
    def follows_wall(self):
        """A time of the wall clock, which may be set. Of relative ones the kernel leaves only those of
        CLOCK_TAI on that clock."""
        return self.clock == TAI or self.is_absolute and self.clock in (REAL, REAL_ALARM)

    def has(self, trait):
        return bool(self.traits & trait)

    def asked(self, ns):
        """As much as it can be asked for, at least so much if that is possible."""
        most = 255 * self.grain if self.family == "tty" else ns + self.grain
        return min(-(-ns // self.grain) * self.grain, most)

    def command(self, ns):
        if self.how != "run":
            return []
        seconds = "%d" % (ns // S) if self.grain == S else "%d.%09d" % divmod(ns, S)
        return [word % seconds if "%s" in word else word for word in COMMANDS[self.name][0]]


def listed_rows():
    """The name says no more than what tells a row from others with the same `how`."""
    text = subprocess.run([*PROGRAMS["waiter"], "--list"], capture_output=True, text=True,
                          check=True).stdout
    lines = [line.split() for line in text.splitlines()]
    clocks, modes = collections.defaultdict(set), collections.defaultdict(set)
    for _, how, clock, mode, *_ in lines:
        clocks[how].add(clock)
        modes[how].add(mode)
    for family, how, clock, mode, grain, ends, traits, periods in lines:
        assert periods == "8"
        name = "/".join([how] + [CLOCKS[int(clock)]] * (len(clocks[how]) > 1) +
                        [mode] * (len(modes[how]) > 1))
        program = "static" if int(traits) & STATIC else "waiter"
        yield Row(name, family, program, how, int(clock), mode, int(grain), int(ends), int(traits))


def program_row(how, grain=1):
    return Row(how, "programs", how.split(".")[0], how, MONO, "rel", grain, 0, 0)


def make_rows():
    yield from listed_rows()
    for name in "sleep", "select", "event", "queue", "socket", "asyncio", "sigtimedwait":
        yield program_row("python3." + name)
    for name, grain in ("sleep", S), ("select", 1), ("alarm", S):
        yield program_row("perl." + name, grain)
    for name in "Sleep", "After", "Ticker", "WithTimeout", "SetDeadline":
        yield program_row("go." + name, 8)
    for name, (_, ends) in COMMANDS.items():
        grain = S if name == "perl.alarm-exec" else 1
        yield Row(name, "programs", "waiter", "run", MONO, "rel", grain, ends, 0)


ALL = list(make_rows())
chosen = []  # names, what is before a name's first slash, families, or patterns; none: all
missing = {}  # rows that this kernel does not know, in groups or not, and why


def can_start(row):
    needed = COMMANDS[row.name][0][0] if row.how == "run" else PROGRAMS[row.program][0]
    return bool(shutil.which(needed))


def is_chosen(row):
    return not chosen or any(
        fnmatch.fnmatchcase(row.name, p) or p in (row.how, row.family) for p in chosen)


def rows(wanted=lambda row: True):
    """Those that can run here and should."""
    return [r for r in ALL if wanted(r) and is_chosen(r) and r.name not in missing and
            can_start(r)]
