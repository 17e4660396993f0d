#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
usage: sleeps.py [--list] [CASE...]

Judges nanosleep and clock_nanosleep in groups: real programs and clocks/sleeper.c sleep in every
way there is while their group is frozen, slowed, sped up, joined and left. Prints TAP, and at the
end the table of how late each sleep was, in virtual ms. SLEEPS_SET_CLOCK=1 allows to set the
host's clock (it is put back); JUDGE_SEED repeats the random freezes of an earlier run.

Not here, because they wait for a futex or with epoll: Go's time.Sleep, node's setTimeout.

A sleep is judged by instants of the host's CLOCK_MONOTONIC. The judge stamps when it asked and when
it was told; sleeper.c reads the CPU's cycle counter next to the sleep, which the judge converts by
marks that it takes outside all groups, and which must lie between its stamps. Virtual time between
two instants follows from the windows in which the judge changed the group's speed (judge.Speeds).
Within such a window vt's own word for the instant is taken: a_ns, c_ns, and the crossing of the
clock's lines before and after a change of rate; outside of it that word is a failure.

Early is a sleep that took less virtual time than asked for by more than EARLY_NS: the rounding of
two conversions and a timer's. What it read itself on its own clocks before and after must not be
less than asked for at all. Late is one that was still asleep SLACK_NS, and twice as long as the
latest outside any group, after its virtual time was over. Outside are the same sleeps, which end at
about the same time, and threads that sleep for 5 ms again and again all the time.
"""
import collections
import os
import pathlib
import random
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time
import traceback
from fractions import Fraction

sys.dont_write_bytecode = True  # nothing but build/ is written to

from driver import Tap
from group import BUILT, VTCTL, Group, vtctl, write
from judge import Program, Speeds, now

EARLY_NS = 1000
SLACK_NS = 50_000_000
MIDDLE_NS = 10_000_000  # for half of all sleeps of a column, against half of those outside
ATTEMPTS = 4
PATIENCE_S = 30  # for one that should have ended: then it is lost
ROOT = pathlib.Path("/sys/fs/cgroup")
S, MS = 10**9, 10**6
HOUR = 3600 * S
SEED = int(os.environ.get("JUDGE_SEED", time.time_ns() % 10**9))
dice = random.Random(SEED)
REAL, MONO, BOOT, REAL_ALARM, BOOT_ALARM, TAI = 0, 1, 7, 8, 9, 11
CLOCKS = {MONO: "MONOTONIC", REAL: "REALTIME", BOOT: "BOOTTIME", TAI: "TAI",
          REAL_ALARM: "REALTIME_ALARM", BOOT_ALARM: "BOOTTIME_ALARM"}
UNTOUCHED = -S - 1  # the remaining time before the call
UNSUPPORTED = "38", "95"  # no 32-bit times; alarm clocks without a clock that wakes the machine

# ---- rows: ways to sleep -----------------------------------------------------------------------

PYTHON = """
import os, sys, time
print("0 asleep pid=%d" % os.getpid(), flush=True)
for line in sys.stdin:
    words = line.split()
    print(words[0], "asleep pid=%d" % os.getpid(), flush=True)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    time.sleep(int(words[5]) + int(words[6]) / 1e9)
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    print(words[0], "done rc=0 errno=0 mono_before=%d mono_after=%d" % (before, after), flush=True)
"""
PERL = """
$| = 1;
print "0 asleep pid=$$\n";
while (<STDIN>) {
    my @words = split;
    print "$words[0] asleep pid=$$\n";
    sleep $words[5];
    print "$words[0] done rc=0 errno=0\n";
}
"""
PROGRAMS = {
    "sleeper": [str(BUILT / "sleeper")],
    "static": [str(BUILT / "sleeper-static")],
    "python3": [sys.executable, "-c", PYTHON],
    "perl": ["perl", "-e", PERL],
}
COMMANDS = {
    "sleep": lambda seconds: ["sleep", seconds],
    "busybox": lambda seconds: ["busybox", "sleep", seconds],
    "bash": lambda seconds: ["bash", "-c", "sleep${IFS}%s;:" % seconds],  # no blanks in a request
}


class Row(collections.namedtuple("Row", "name program how clock mode")):
    @property
    def is_exact(self):
        """Asleep and awake again in no time, as far as anybody can tell."""
        return self.program in ("sleeper", "static") and self.how != "run"

    @property
    def is_whole(self):
        return self.how in ("sleep", "perl")

    @property
    def tells_rest(self):
        return self.is_exact and self.how not in ("sleep", "usleep")

    @property
    def is_one_process(self):
        return not (self.how == "run" and self.clock == "bash")

    def command(self, seconds):
        return COMMANDS[self.clock](seconds) if self.how == "run" else []


def make_rows():
    yield Row("sleep", "sleeper", "sleep", MONO, "rel")
    yield Row("usleep", "sleeper", "usleep", MONO, "rel")
    yield Row("thrd_sleep", "sleeper", "thrd_sleep", MONO, "rel")
    yield Row("nanosleep, libc", "sleeper", "nanosleep", MONO, "rel")
    yield Row("nanosleep, static, plain call", "static", "sys_nanosleep", MONO, "rel")
    yield Row("nanosleep, 32-bit call", "static", "i386_nanosleep", MONO, "rel")
    for clock, name in CLOCKS.items():
        for mode, text in ("rel", "relative"), ("abs", "absolute"):
            how, program = (("clock_nanosleep", "sleeper") if mode == "rel" else
                            ("sys_clock_nanosleep", "static"))
            yield Row("clock_nanosleep %s %s" % (name, text), program, how, clock, mode)
    yield Row("clock_nanosleep 32-bit call, REALTIME relative", "static", "i386_clock_nanosleep",
              REAL, "rel")
    yield Row("clock_nanosleep 32-bit call, MONOTONIC absolute", "static",
              "i386_clock_nanosleep64", MONO, "abs")
    yield Row("python3 time.sleep", "python3", "python3", None, "rel")
    yield Row("perl sleep", "perl", "perl", None, "rel")
    yield Row("coreutils sleep", "sleeper", "run", "sleep", "rel")
    yield Row("busybox sleep", "sleeper", "run", "busybox", "rel")
    yield Row("bash: sleep", "sleeper", "run", "bash", "rel")


ALL = list(make_rows())
missing = []  # rows that this kernel does not know, in groups or not


def rows(wanted=lambda row: True):
    """Those that can run here."""
    return [r for r in ALL if wanted(r) and r not in missing and shutil.which(PROGRAMS[r.program][0]) and
            (r.how != "run" or shutil.which(r.clock))]


def is_typical(row):
    """One of each path through the kernel, and some real programs."""
    return row.how.startswith(("sys_", "i386_clock_nanosleep64", "clock_")) or row.clock == "sleep" \
        or row.program == "python3"


# ---- who sleeps, and the way of its clock --------------------------------------------------------


class Path:
    """The speed of one process's time: in this group, then in that one, …"""

    def __init__(self, speeds):
        self.legs = [(-float("inf"), float("inf"), [speeds])]

    def moved(self, window, speeds):
        begin, _, last = self.legs.pop()
        self.legs += [(begin, window[0], last), (*window, last + [speeds]),
                      (window[1], float("inf"), [speeds])]

    def speed(self):
        return self.legs[-1][2][-1].speed

    def advance(self, start, end):
        """Least and most virtual ns between two host instants."""
        least = most = 0
        for begin, until, speeds in self.legs:
            if max(start, begin) < min(end, until):
                spans = [s.advance(max(start, begin), min(end, until)) for s in speeds]
                least += min(s[0] for s in spans)
                most += max(s[1] for s in spans)
        return least, most


class Sleeper(Program):
    """A program that sleeps on request."""

    alive = []

    def __init__(self, program, group=None, prefix=()):
        enter = [VTCTL, "run", group.name, "--"] if group else []
        super().__init__(program, PROGRAMS[program], [*enter, *prefix])
        Sleeper.alive.append(self)

    def read(self):
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            Sleeper.alive.remove(self)
            raise AssertionError("%s has ended: %s" % (self.name, self.process.wait()))
        told = now()
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            words = line.decode().split()
            values = dict(w.split("=") for w in words[2:])
            Request.all[int(words[0])].hear(words[1], values, told)

    def write(self, *words):
        os.write(self.process.stdin.fileno(), (" ".join(map(str, words)) + "\n").encode())

    def stop(self):
        if self in Sleeper.alive:
            Sleeper.alive.remove(self)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        super().stop()


def pump(seconds, done=lambda: False):
    """Listen for so long, or until it is done."""
    end = time.monotonic() + seconds
    while not done():
        left = end - time.monotonic()
        ready = select.select([s.process.stdout for s in Sleeper.alive], [], [], max(0, left))[0]
        for sleeper in [s for s in Sleeper.alive if s.process.stdout in ready]:
            sleeper.read()
        if not ready and left <= 0:
            return False
    return True


class TooSlow(Exception):
    """The machine was too busy for the case to mean anything: once more, with longer sleeps."""

    factor = 1


class Request:
    all = {0: None}

    def __init__(self, sleeper, *words):
        self.number = len(Request.all)
        Request.all[self.number] = self
        self.pid = self.result = None
        self.sent = now()
        sleeper.write(self.number, *words)

    def hear(self, what, values, told):
        if what == "asleep":
            self.pid = int(values["pid"])
            self.by = int(values.get("by", self.pid))
        else:
            self.result, self.told = values, told


def sleeps(pid):
    """It, or all of its children, in a function of the kernel with a name like that."""
    process = pathlib.Path("/proc/%d" % pid)
    try:
        if "sleep" in process.joinpath("wchan").read_text(encoding="ascii"):
            return True
        text = process.joinpath("task/%d/children" % pid).read_text(encoding="ascii")
        return bool(text) and all(sleeps(int(child)) for child in text.split())
    except OSError:
        return False


class Ready(Request):
    """What programs say when they begin."""

    heard = 0

    def __init__(self):
        pass

    def hear(self, what, values, told):
        Ready.heard += 1


Request.all[0] = Ready()


class Counter:
    """The cycle counter against the host's CLOCK_MONOTONIC."""

    def __init__(self, sleeper):
        self.sleeper, self.marks = sleeper, []

    def mark(self):
        request = Request(self.sleeper, "counter")
        if not pump(PATIENCE_S, lambda: request.result):
            raise AssertionError("no reading of the cycle counter")
        self.marks.append([int(request.result[k]) for k in ("cycles", "before", "after")])

    def at(self, cycles):
        """The instant lies between these two."""
        first, last = self.marks[0], self.marks[-1]
        return tuple(first[i] + (int(cycles) - first[0]) * (last[i] - first[i]) //
                     (last[0] - first[0]) for i in (1, 2))


class Sleep(Request):
    def __init__(self, row, sleeper, asked_ns, speeds, who="child", times=1):
        self.row, self.path = row, Path(speeds)
        self.interrupted = False  # by a signal
        self.stepped = False  # the host's clock was set meanwhile
        self.held = None  # the window in which it came to an end that was long due
        self.asked = -(-asked_ns // S) * S if row.is_whole else asked_ns
        self.due = self.asked  # what it takes if nobody sets the host's clock
        seconds, rest = divmod(self.asked, S)
        clock = row.clock if isinstance(row.clock, int) else MONO
        super().__init__(sleeper, who, row.how, clock, row.mode, seconds, rest, times,
                         *row.command("%d.%09d" % (seconds, rest)))

    def is_asleep(self):
        if self.result:
            raise TooSlow("%s is over already" % self.row.name)
        return bool(self.pid) and sleeps(self.pid)

    def move(self, directory, speeds):
        if self.result:
            return
        try:
            self.path.moved(write("%s/cgroup.procs" % directory, str(self.pid)), speeds)
            if self.by != self.pid:
                write("%s/cgroup.procs" % directory, str(self.by))
        except ProcessLookupError:
            raise TooSlow("%s is over already" % self.row.name) from None

    def instants(self, counter):
        """Begin and end, each as the least and the most that it can be."""
        if "begin" not in self.result:
            return (self.sent, self.sent), (self.told, self.told)
        begin, end = (counter.at(self.result[k]) for k in ("begin", "end"))
        if begin[1] < self.sent or end[0] > self.told or end[0] < begin[0]:
            raise AssertionError("the cycle counter is no clock here: %s %s outside [%d, %d]" % (
                begin, end, self.sent, self.told))
        return begin, end

    def rest(self):
        rest = int(self.result.get("rem", UNTOUCHED))
        return 0 if rest == UNTOUCHED or not self.interrupted else rest

    def slept(self, counter):
        """Least and most."""
        begin, end = self.instants(counter)
        least, _ = self.path.advance(begin[1], end[0])
        _, most = self.path.advance(begin[0], end[1])
        return least + self.rest(), most + self.rest()

    def late(self, counter):
        """In virtual ns; what is not known for sure is halved."""
        if self.held:
            return self.instants(counter)[1][0] - self.held[1]
        return int(sum(self.slept(counter)) / 2 - self.due)

    def late_real(self, counter):
        end = self.instants(counter)[1][0]
        return int(self.late(counter) * MS / (self.path.advance(end - MS, end)[1] or MS))

    def is_right(self):
        """It ended in the right way."""
        expected = ("-1", "4") if self.interrupted else ("0", "0")
        return self.result and (self.result["rc"], self.result["errno"]) == expected

    def is_timed(self):
        """How late it was can be told."""
        return self.is_right() and not (self.interrupted and self.row.mode == "abs")

    def judge(self, counter, bound):
        if not self.result:
            return ["never ended"]
        if not self.is_right():
            return ["rc %(rc)s, errno %(errno)s" % self.result]
        return (self.judge_own() + self.judge_early(counter) + self.judge_late(counter, bound) +
                self.judge_rest())

    def judge_early(self, counter):
        if not self.is_timed():
            return []
        if self.held:
            early = self.held[0] - self.instants(counter)[1][1]
            return ["ended %.6f s before the host's clock was set" % (early / S)] * (early > 0)
        early = self.due - self.slept(counter)[1]
        return ["early by %.6f s of virtual time" % (early / S)] * (early > EARLY_NS)

    def allowed(self, counter, bound):
        """The bound in virtual time. It may have been frozen meanwhile."""
        begin, end = self.instants(counter)
        allowed = max(self.path.advance(end[0] - bound, end[1])[1], bound * self.path.speed())
        if not self.row.is_exact:  # late in falling asleep, too
            allowed += self.path.advance(begin[0], begin[1] + bound)[1]
        return allowed

    def is_late(self, counter, bound):
        if self.held:
            return self.late(counter) > bound
        return self.is_timed() and (
            self.slept(counter)[0] - self.due > self.allowed(counter, bound))

    def judge_late(self, counter, bound):
        if not self.is_late(counter, bound):
            return []
        return ["late by %.6f s of virtual time, more than %.3f s of real time" % (
            self.late(counter) / S, bound / S)]

    def judge_own(self):
        """What it has read itself, unless its clocks were changed under it."""
        found = []
        if len(self.path.legs) > 1 or self.interrupted:
            return found
        _, most = self.path.advance(self.sent, self.told)
        for key in "mono", "clock":
            if self.result.get(key + "_before", "0") == "0" or (key == "clock" and self.stepped):
                continue
            own = int(self.result[key + "_after"]) - int(self.result[key + "_before"])
            if own < self.due:
                found.append("its own %s clock says early by %d ns" % (key, self.due - own))
            if own > most + EARLY_NS:
                found.append("its own %s clock ran %d ns too far" % (key, own - most))
        return found

    def judge_rest(self):
        if self.interrupted and self.row.mode == "abs" and int(self.result["rem"]) != UNTOUCHED:
            return ["an absolute sleep wrote a remaining time, %s" % self.result["rem"]]
        return []


class Crew:
    """One of each program that the rows need, in one place; all are up when it is there."""

    all = []

    def __init__(self, wanted, group=None, prefix=()):
        heard = Ready.heard
        self.group, self.programs = group, {}
        Crew.all.append(self)
        for name in {r.program for r in wanted}:
            self.programs[name] = Sleeper(name, group, prefix)
        if not pump(PATIENCE_S, lambda: Ready.heard == heard + len(self.programs)):
            raise AssertionError("not all programs have started: %s" % list(self.programs))

    def sleep(self, row, asked_ns, more_ns=0, **options):
        return Sleep(row, self.programs[row.program], asked_ns * TooSlow.factor + more_ns,
                     self.group.speeds if self.group else Speeds(), **options)

    def stop(self):
        for sleeper in self.programs.values():
            sleeper.stop()

    @classmethod
    def stop_all(cls):
        while cls.all:
            cls.all.pop().stop()


# ---- columns: what happens meanwhile -------------------------------------------------------------


class Column:
    """Sleeps of members and, at the same time, of others outside."""

    table = collections.defaultdict(dict)
    titles = []

    def __init__(self, title, slack=SLACK_NS):
        self.title, self.slack, self.members, self.controls = title, slack, [], []
        Column.titles.append(title)

    def start(self, crew, outside, wanted, asked_ns, real_ns):
        """real_ns: how long it will take, so that the others end at the same time."""
        busy = {c.row.program for column in Columns.open for c in column.controls}
        for i, row in enumerate(wanted):
            stagger = i * 7 * MS
            self.members.append(crew.sleep(row, asked_ns + stagger))
            if outside and (row.is_exact or row.program == "sleeper" or row.program not in busy):
                self.controls.append(outside.sleep(row, real_ns + stagger))

    def bound(self, columns, row):
        lates = [c.late(columns.counter) for c in self.controls if c.is_timed() and
                 (c.row.is_exact or c.row == row)]
        return self.slack * (1 if row.is_exact else 4) + 2 * max(lates + [columns.meter.late()])

    def cell(self, counter, member, found):
        if not member.is_timed():
            return "%s" % (found or ["right"])[0]
        return "%.1f%s" % (member.late(counter) / MS, "!" if found else "")

    def verdicts(self, columns):
        """What was found wrong with each."""
        found, counter = {}, columns.counter
        for m in self.members:
            found[m] = m.judge(counter, self.bound(columns, m.row))
            Column.table[m.row.name][self.title] = self.cell(counter, m, found[m])
        return found

    def judge_middle(self, columns):
        """Members against others, which a lonely outlier does not change."""
        middle, counter = [], columns.counter
        for sleeps in self.members, self.controls:
            known = [s.late_real(counter) for s in sleeps if s.row.is_exact and s.is_timed()]
            middle.append(statistics.median(known) if known else 0)
        inside, outside = middle
        return ["by %.3f ms, others by %.3f ms" % (inside / MS, outside / MS)] * (
            inside > outside + MIDDLE_NS + columns.meter.late())

    def judge(self, columns):
        found = self.verdicts(columns)
        for m, lines in found.items():
            Tap.check("%s: %s" % (self.title, m.row.name), lines)
        if self.controls:
            Tap.check("%s: half of all are no later than half of those outside" % self.title,
                      self.judge_middle(columns))

    def judge_crowd(self, columns):
        """One verdict for many."""
        found, counter = self.verdicts(columns), columns.counter
        Tap.check("%s: of %d sleeps none is lost, early or late" % (self.title, len(found)), [
            "%s: %s" % (m.row.name, line) for m, lines in found.items() for line in lines])
        Tap.check("%s: half of all are no later than half of those outside" % self.title,
                  self.judge_middle(columns))
        late = [max((s.late_real(counter) for s in sleeps if s.is_timed()), default=0) / MS
                for sleeps in (self.members, self.controls)]
        print("# at worst late by %.3f ms, outside by %.3f and %.3f ms" % (
            *late, columns.meter.late() / MS))


class Loops:
    """Threads that sleep for the same time again and again, until they are stopped."""

    ROWS = {"rel": Row("loop", "sleeper", "sys_nanosleep", MONO, "rel"),
            "abs": Row("loop", "sleeper", "sys_clock_nanosleep", MONO, "abs")}

    def __init__(self, crew, counter, each_ns, count, modes=("rel", "abs")):
        self.sleeper, self.counter = crew.programs["sleeper"], counter
        self.sleeps = [crew.sleep(self.ROWS[modes[i % len(modes)]], each_ns, who="thread",
                                  times=10**9) for i in range(count)]
        self.each = self.sleeps[0].asked

    def stop(self):
        """In the end the watchdog has found them all."""
        Request(self.sleeper, "stop")
        return pump(PATIENCE_S, lambda: all(s.result for s in self.sleeps))

    def results(self):
        return [s.result for s in self.sleeps if s.result]

    def early_on_own_clock(self):
        return max(self.each - int(r["own_shortest"]) for r in self.results())

    def extremes(self):
        """Shortest and longest in ns."""
        (c0, b0, _), (c1, b1, _) = self.counter.marks[0], self.counter.marks[-1]
        return [best([int(r[key]) for r in self.results()], default=0) * (b1 - b0) // (c1 - c0)
                for key, best in (("shortest", min), ("longest", max))]

    def late(self):
        return max(0, self.extremes()[1] - self.each)

    def rounds(self):
        return sum(int(r["rounds"]) for r in self.results())


class Columns:
    """Columns that are made at the same time, from the first request to the verdict."""

    open = []

    def __init__(self, *titles, **options):
        self.list = [Column(t, **options) for t in titles]
        Columns.open = self.list
        crew = Crew([ALL[0]])
        self.counter = Counter(crew.programs["sleeper"])
        self.counter.mark()
        self.meter = Loops(crew, self.counter, 5 * MS, 4)

    def sleeps(self):
        return [s for c in self.list for s in c.members + c.controls]

    def wait_asleep(self):
        end, awake = time.monotonic() + PATIENCE_S, self.sleeps()
        while awake:
            pump(0.02)
            awake = [s for s in awake if not s.is_asleep()]
            if time.monotonic() > end:
                raise TooSlow("not all sleep")
        for s in self.sleeps():
            s.is_asleep()

    def wait_done(self, seconds):
        """The watchdog. seconds: how long it should take."""
        pump(seconds * TooSlow.factor + PATIENCE_S, lambda: all(s.result for s in self.sleeps()))
        self.meter.stop()
        self.counter.mark()
        if self.meter.late() > S:
            print("# the machine stood for %.3f s" % (self.meter.late() / S))

    def judge(self, seconds):
        self.wait_done(seconds)
        for column in self.list:
            column.judge(self)


def pin(group, key):
    """Take vt's word for the instant of the last stop or start, if it is within the window."""
    window, instant = group.frozen_windows[-1], group.show()[key]
    set_instant(group, window, instant)


def set_instant(group, window, instant):
    if not window[0] <= instant <= window[1]:
        raise AssertionError("vt says %d, which is not within [%d, %d]" % (instant, *window))
    for i in -2, -1:
        group.speeds.pieces[i] = (instant, *group.speeds.pieces[i][1:])


def freeze(group, seconds, meanwhile=lambda: None):
    group.freeze(by_hand=True)
    pin(group, "a_ns")
    pump(seconds)
    meanwhile()
    group.thaw(by_hand=True)
    pin(group, "c_ns")


def turn(group, rate):
    """Change the rate. The clock's line before and its line after cross at the instant."""
    before, begin = group.show(), now()
    group.set_rate(rate)
    window, after = (begin, now()), group.show()
    k1, k2 = Fraction(before["rate"]), Fraction(after["rate"])
    if k1 != k2:
        set_instant(group, window, (after["virtual_ns"] - before["virtual_ns"] +
                                    k1 * before["real_ns"] - k2 * after["real_ns"]) / (k1 - k2))


def group_at(name, rate="1", *options):
    group = Group("sleeps-" + name, *options)
    if rate != "1":
        turn(group, rate)
    return group


# ---- cases ---------------------------------------------------------------------------------------


def simulate(took_ns, own_ns, bound=SLACK_NS):
    """The verdict on a sleep of 1 s at rate 0.5 that took so long."""
    speeds, counter = Speeds(), Counter(None)
    speeds.change((0, 0), Fraction(1, 2))
    counter.marks = [[0, 0, 0], [10 * S, 10 * S, 10 * S]]
    fake = object.__new__(Sleep)
    fake.row, fake.path, fake.asked, fake.due = ALL[4], Path(speeds), S, S
    fake.interrupted, fake.stepped, fake.held = False, False, None
    fake.sent, fake.told = S - 1000, S + took_ns + 1000
    fake.result = {"rc": "0", "errno": "0", "begin": S, "end": S + took_ns, "mono_before": 0,
                   "mono_after": own_ns}
    return fake.judge(counter, bound)


def case_simulation():
    """known-bad control: simulated sleeps, one right and the others a little wrong"""
    Tap.check("control: a right sleep passes", simulate(2 * S + 100, S))
    for fault, took, own in (("early by 5 us", 2 * S - 10_000, S),
                             ("late by 60 ms", 2 * S + 120 * MS, S + 60 * MS),
                             ("early by 1 ns on its own clock", 2 * S + 100, S - 1),
                             ("on time while its own clock is 10 ms ahead", 2 * S, S + 10 * MS)):
        Tap.check("control: a sleep %s is caught" % fault,
                  [] if simulate(took, own) else ["the judge did not see it"])


def case_control():
    """known-bad control: a freeze of a group whose clocks are not virtual"""
    group, wanted = Group("sleeps-control", "--freeze-only"), rows()
    columns, crew = Columns("freeze, not virtual"), Crew(wanted, group)
    columns.list[0].start(crew, None, wanted, int(1.2 * S), 0)
    columns.wait_asleep()
    freeze(group, 2.5)
    columns.wait_done(3)
    for m, found in columns.list[0].verdicts(columns).items():
        Tap.check("control: %s over a freeze of a freeze-only group fails" % m.row.name,
                  [] if any("early" in f for f in found) else ["it passed: %s" % found])


RATES = (("0.1", 0.6), ("0.5", 1), ("1", 1), ("2", 2), ("10", 5))
OFFSETS = ["unshare", "-T", "--monotonic", "100000", "--boottime", "200000"]


def case_rates():
    """rates 0.1 to 10, another epoch, and a time namespace"""
    wanted, exact = rows(), rows(lambda r: r.is_exact)
    plan = [("rate " + r, Crew(wanted, group_at("rate%d" % i, r)), wanted, seconds, float(r))
            for i, (r, seconds) in enumerate(RATES)]
    epoch = group_at("epoch", "2", "--epoch", "2030-01-01T00:00:00Z")
    plan.append(("rate 2, epoch 2030", Crew(exact, epoch), exact, 2, 2))
    if shutil.which("unshare"):
        plan.append(("rate 2, time namespace", Crew(exact, group_at("timens", "2"), OFFSETS), exact, 2, 2))
    columns, outside = Columns(*(p[0] for p in plan)), Crew(wanted)
    for column, (_, crew, some, seconds, rate) in zip(columns.list, plan):
        column.start(crew, outside, some, int(seconds * S), int(seconds * S / rate))
    columns.judge(11)


def case_freeze():
    """one freeze, of sleeps begun inside and of sleeps moved in"""
    group, wanted, single = group_at("freeze"), rows(), rows(lambda r: r.is_one_process)
    columns = Columns("freeze", "moved in, freeze")
    inside, outside, movers = Crew(wanted, group), Crew(wanted), Crew(single)
    columns.list[0].start(inside, outside, wanted, 2 * S, int(4.5 * S))
    columns.list[1].start(movers, None, single, 2 * S, 0)
    columns.list[1].controls = columns.list[0].controls
    columns.wait_asleep()
    for sleep in columns.list[1].members:
        sleep.move(group.path, group.speeds)
    pump(0.2)
    freeze(group, dice.uniform(2, 3))
    columns.judge(3)


def case_turns():
    """a change of the rate, of sleeps begun inside and of sleeps moved in"""
    wanted, single = rows(is_typical), rows(lambda r: is_typical(r) and r.is_one_process)
    columns = Columns("rate 0.5 to 4", "moved in, 0.5 to 4", "rate 10 to 0.2")
    up, down = group_at("up", "0.5"), group_at("down", "10")
    inside, movers, fast, outside = Crew(wanted, up), Crew(single), Crew(wanted, down), Crew(wanted)
    columns.list[0].start(inside, outside, wanted, 4 * S, 3 * S)
    columns.list[1].start(movers, outside, single, 4 * S, 3 * S)
    columns.wait_asleep()
    for sleep in columns.list[1].members:
        sleep.move(up.path, up.speeds)
    columns.list[2].start(fast, outside, wanted, 12 * S, 8 * S)
    pump(0.9 * TooSlow.factor)
    turn(down, "0.2")
    turn(up, "4")
    columns.judge(15)


def case_row_of_freezes():
    """several freezes in a row"""
    group, wanted = group_at("row"), rows()
    columns, crew, outside = Columns("8 freezes"), Crew(wanted, group), Crew(wanted)
    columns.list[0].start(crew, outside, wanted, 3 * S, int(5.5 * S))
    columns.wait_asleep()
    for _ in range(8):
        freeze(group, dice.uniform(0.05, 0.5))
        pump(dice.uniform(0, 0.1))
    columns.judge(4)


def case_signal():
    """a signal with a handler: EINTR, and the remaining virtual time"""
    group, wanted = group_at("signal", "0.5"), rows(lambda r: r.tells_rest)
    columns = Columns("signal in a freeze", "signal after a freeze", "signal at rate 0.5")
    crew, outside = Crew(wanted, group), Crew(wanted)
    for column in columns.list:
        column.start(crew, outside, wanted, 4 * S, 9 * S)

    def interrupt(sleeps):
        for s in sleeps:
            s.interrupted = True
            if not s.result:
                os.kill(s.pid, signal.SIGUSR1)

    columns.wait_asleep()
    pump(0.2)
    interrupt(columns.list[2].members)
    freeze(group, 2, lambda: interrupt(columns.list[0].members))
    pump(0.3)
    interrupt(columns.list[1].members)
    interrupt(s for c in columns.list for s in c.controls)
    columns.judge(1)


def case_stop():
    """SIGSTOP and SIGCONT around, into and out of a freeze"""
    group, wanted = group_at("stop"), rows(lambda r: is_typical(r) and r.is_one_process)
    columns = Columns("stopped around a freeze", "stopped in a freeze", "continued in a freeze")
    crews, outside = [Crew(wanted, group) for _ in columns.list], Crew(wanted)
    for column, crew in zip(columns.list, crews):
        column.start(crew, outside, wanted, 3 * S, 5 * S)

    def kill(number, *indices):
        for s in (s for i in indices for s in columns.list[i].members if not s.result):
            os.kill(s.pid, number)

    columns.wait_asleep()
    kill(signal.SIGSTOP, 0, 2)
    pump(0.2)

    def meanwhile():
        kill(signal.SIGSTOP, 1)
        kill(signal.SIGCONT, 2)
        pump(0.3)

    freeze(group, 1.7, meanwhile)
    pump(0.3)
    kill(signal.SIGCONT, 0, 1)
    columns.judge(4)


def case_leave():
    """moved out of a frozen group, and into slow and fast ones"""
    wanted, host = rows(lambda r: is_typical(r) and r.is_one_process), Speeds()
    columns = Columns("moved out of a frozen group", "moved out of a slow group",
                      "moved into a slow group", "moved into a fast group")
    frozen, slow, fast = group_at("frozen"), group_at("slow", "0.2"), group_at("fast", "5")
    crews = Crew(wanted, frozen), Crew(wanted, slow), Crew(wanted), Crew(wanted)
    outside = Crew(wanted)
    for column, crew, asked, real in zip(columns.list, crews, (2, 2, 2, 9), (3, 3, 5, 3)):
        column.start(crew, outside, wanted, asked * S, real * S)
    columns.wait_asleep()
    frozen.freeze(by_hand=True)
    pin(frozen, "a_ns")
    for sleeps, directory, speeds in ((columns.list[2].members, slow.path, slow.speeds),
                                      (columns.list[3].members, fast.path, fast.speeds),
                                      (columns.list[1].members, ROOT, host)):
        for s in sleeps:
            s.move(directory, speeds)
    pump(0.3)
    for s in columns.list[0].members:
        s.move(ROOT, host)
    columns.judge(10)


def case_between():
    """moved between two groups with different lags, at rate 1"""
    wanted = rows(lambda r: is_typical(r) and r.is_one_process)
    columns = Columns("moved to a later time", "moved to an earlier time", "moved in, and on")
    late, ahead = group_at("late", "0.5"), group_at("ahead", "8")
    crews = Crew(wanted, late), Crew(wanted, ahead), Crew(wanted)
    outside = Crew(wanted)
    turn(ahead, "1")
    turn(late, "1")
    for column, crew in zip(columns.list, crews):
        column.start(crew, outside, wanted, 3 * S, 3 * S)
    columns.wait_asleep()
    for members, first, second in ((columns.list[0].members, ahead, None),
                                   (columns.list[1].members, late, None),
                                   (columns.list[2].members, ahead, late)):
        for s in members:
            for group in filter(None, (first, second)):
                s.move(group.path, group.speeds)
    print("# lags %.3f and %.3f s" % (late.show()["lag_ns"] / S, ahead.show()["lag_ns"] / S))
    columns.judge(4)


def case_in_place():
    """a cgroup is given a clock while its processes sleep, and it is taken away again"""
    wanted = rows(lambda r: is_typical(r) and r.is_one_process)
    columns, crew, outside = Columns("given a clock, taken away"), Crew(wanted), Crew(wanted)
    directory, column = ROOT / "sleeps-in-place", columns.list[0]
    directory.mkdir()
    for sleeper in crew.programs.values():
        write(directory / "cgroup.procs", str(sleeper.pid))
    column.start(crew, outside, wanted, 2 * S, int(3.6 * S))
    columns.wait_asleep()
    group = Group("/sleeps-in-place")  # at the rate of the host: the instant does not matter
    for s in column.members:
        s.path.moved((now(), now()), group.speeds)
    turn(group, "0.2")
    pump(1.5)
    turn(group, "1")
    vtctl("delete", group.name)
    Group.all.remove(group)
    columns.judge(4)
    crew.stop()
    pump(0.2)
    directory.rmdir()


# ---- the host's wall clock -----------------------------------------------------------------------


class Wall:
    """Sets the host's clock, and puts it back."""

    def __init__(self):
        tries = []
        for _ in range(100):
            before, real, after = now(), time.time_ns(), now()
            tries.append((after - before, real - before))
        self.offset = min(tries)[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.step(0)

    def step(self, by_ns):
        before = now()
        time.clock_settime_ns(time.CLOCK_REALTIME, now() + self.offset + by_ns)
        return before, now()


def may_set_clock(name):
    if os.environ.get("SLEEPS_SET_CLOCK") == "1":
        return True
    Tap.skip(name, "SLEEPS_SET_CLOCK=1 would allow to set the host's clock")
    return False


def follows_wall(row):
    return row.mode == "abs" and row.clock in (REAL, REAL_ALARM, TAI)


def wall_rows():
    return rows(lambda r: r.how in ("sys_clock_nanosleep", "clock_nanosleep"))


def case_wall_forward():
    """the host's clock is set forward by an hour"""
    if not may_set_clock("sleeps while the host's clock is set forward"):
        return
    columns = Columns("clock set forward", "forward in a freeze")
    wanted, groups = wall_rows(), [group_at("forward", "2"), group_at("forward-frozen")]
    crews, outside = [Crew(wanted, g) for g in groups], Crew(wanted)
    with Wall() as wall:
        for column, crew, seconds in zip(columns.list, crews, (6, 3)):
            for row in wanted:
                hour = HOUR * follows_wall(row)
                column.members.append(crew.sleep(row, seconds * S, hour))
                column.controls.append(outside.sleep(row, 3 * S, hour))
        columns.wait_asleep()
        for s in columns.sleeps():
            s.stepped, s.due = True, s.asked - HOUR * follows_wall(s.row)
        freeze(groups[1], 1.5, lambda: wall.step(HOUR))
        columns.judge(4)


def case_wall_back():
    """the host's clock is set back by an hour, and later forward again"""
    if not may_set_clock("sleeps while the host's clock is set back"):
        return
    columns = Columns("clock set back", "back in a freeze")
    wanted, groups = wall_rows(), [group_at("back", "2"), group_at("back-frozen")]
    crews, outside = [Crew(wanted, g) for g in groups], Crew(wanted)
    with Wall() as wall:
        for column, crew, seconds in zip(columns.list, crews, (6, 3)):
            column.start(crew, outside, wanted, seconds * S, 3 * S)
        columns.wait_asleep()
        freeze(groups[1], 1, lambda: wall.step(-HOUR))
        pump(4 * TooSlow.factor)
        window = wall.step(0)
        for s in columns.sleeps():
            s.stepped, s.held = True, window if follows_wall(s.row) else None
        columns.judge(1)


def case_wall_storm():
    """the host's clock is set back and forward without pause"""
    if not may_set_clock("sleeps while the host's clock is set without pause"):
        return
    columns, group = Columns("clock set to and fro"), group_at("wall-storm", "2")
    wanted = [r for r in wall_rows() if follows_wall(r)]
    crew, outside, column = Crew(wanted, group), Crew(wanted), columns.list[0]
    with Wall() as wall:
        for i in range(40):
            for row in wanted:
                column.members.append(crew.sleep(row, 10 * S + i * MS))
                column.controls.append(outside.sleep(row, 5 * S + i * MS))
        columns.wait_asleep()
        for s in columns.sleeps():
            s.stepped = True
        end, steps = time.monotonic() + 3, 0
        while time.monotonic() < end:
            wall.step(-HOUR)
            wall.step(0)
            steps += 2
            pump(0.005)
        print("# set %d times" % steps)
        columns.wait_done(3)
        column.judge_crowd(columns)


# ---- odd arguments -------------------------------------------------------------------------------

ODD_TIMES = ((0, 0), (0, 1), (1, 0), (-1, 0), (-2**63, 0), (0, -1), (0, S), (0, 2**31), (2**31, 0),
             (2**62, 0), (2**62, S), (9223372036, 854775807), (9223372036, 854775808),
             (2**63 - 1, S - 1))
CPU_CLOCKS = 2, 3, -6
ODD_CLOCKS = (MONO, REAL, BOOT, TAI, BOOT_ALARM, REAL_ALARM, *CPU_CLOCKS, 4, 5, 6, 10, 12, 99, -1)


class Odd(Request):
    """A call as it stands: what comes of it?"""

    def __init__(self, crew, how, clock, mode, seconds, rest):
        self.name = "%s clock %d %s %d %d" % (how, clock, mode, seconds, rest)
        self.endless = False
        super().__init__(crew.programs["static"], "child", how, clock, mode, seconds, rest, 1)

    def outcome(self):
        if not self.result:
            return "never ended"
        rest = int(self.result["rem"])
        kind = "untouched" if rest == UNTOUCHED else "some" if rest < 10**18 else "many years"
        if self.result["rc"] == "0":
            kind = "no matter"  # whoever was frozen was told
        return "%s, rc %s, errno %s, remaining %s" % (
            "until the signal" if self.endless else "ends", self.result["rc"],
            self.result["errno"], kind)


def odd_calls(crew):
    for how in "sys_nanosleep", "i386_nanosleep":
        for seconds, rest in ODD_TIMES:
            yield Odd(crew, how, MONO, "rel", seconds, rest)
    for clock in ODD_CLOCKS:
        for mode in "rel", "at", "bad":
            for seconds, rest in ODD_TIMES[:1] if mode == "bad" else ODD_TIMES:
                if clock not in CPU_CLOCKS or (seconds, rest) != (0, 1):  # by chance
                    yield Odd(crew, "sys_clock_nanosleep", clock, mode, seconds, rest)


def case_odd():
    """zero, negative, huge and malformed times, and clocks that are none"""
    wanted = rows(lambda r: r.program == "static")
    groups = [group_at("odd%d" % i, rate) for i, rate in enumerate(("10", "0.5", "1"))]
    control, *calls = [list(odd_calls(Crew(wanted, g))) for g in (None, *groups)]
    everybody = control + sum(calls, [])
    pump(PATIENCE_S, lambda: all(c.result or c.pid and sleeps(c.pid) for c in everybody))
    freeze(groups[2], 0.5)
    pump(1.5)
    ends = [a for group in calls for a, b in zip(group, control) if b.result]
    pump(PATIENCE_S, lambda: all(a.result for a in ends))
    for call in everybody:
        call.endless = not call.result
        if call.endless and call.pid:
            os.kill(call.pid, signal.SIGUSR1)
    pump(PATIENCE_S, lambda: all(c.result for c in everybody))
    print("# %d calls of which %d would not end" % (len(control), sum(c.endless for c in control)))
    for group, title in zip(calls, ("rate 10", "rate 0.5", "rate 1 and a freeze")):
        Tap.check("odd arguments have the same outcome at %s as outside" % title, [
            "%s: %s instead of %s" % (a.name, a.outcome(), b.outcome())
            for a, b in zip(group, control) if a.outcome() != b.outcome()])


# ---- many ----------------------------------------------------------------------------------------

CROWD = 1000


def case_crowd():
    """a thousand sleepers in a storm of freezes"""
    wanted = rows(lambda r: r.is_exact and not r.is_whole and r.clock < REAL_ALARM and
                  r.how != "usleep")
    columns, group = Columns("crowd", slack=10 * SLACK_NS), group_at("crowd")
    crew, outside, column = Crew(wanted, group), Crew(wanted), columns.list[0]
    for i in range(CROWD):
        row, asked = dice.choice(wanted), dice.randrange(int(0.5 * S), 3 * S)
        column.members.append(crew.sleep(row, asked, who="thread" if i % 5 == 0 else "child"))
        if i % 10 == 0:
            column.controls.append(outside.sleep(row, asked))
            pump(0)
    freezes, end = 0, time.monotonic() + 8 * PATIENCE_S
    while not all(m.result for m in column.members) and time.monotonic() < end:
        freeze(group, dice.uniform(0, 0.1))
        pump(dice.uniform(0, 0.2))
        freezes += 1
    columns.wait_done(1)
    print("# %d freezes" % freezes)
    column.judge_crowd(columns)


def case_loops():
    """sleeps without pause while the rate changes and freezes come and go"""
    columns, group = Columns(), group_at("loops")
    loops = Loops(Crew([ALL[0]], group), columns.counter, MS, 8)
    for _ in range(60):
        group.freeze(by_hand=True)
        pump(dice.uniform(0, 0.02))
        group.thaw(by_hand=True)
        if dice.random() < 0.5:
            group.set_rate(dice.choice(["0.1", "0.5", "1", "2", "10"]))
        pump(dice.uniform(0, 0.05))
    found = [] if loops.stop() else ["lost"]
    columns.wait_done(0)
    print("# %d sleeps" % loops.rounds())
    early = loops.early_on_own_clock()
    Tap.check("no sleep is early or lost while the rate changes and freezes come and go",
              found + ["early by %d ns on its own clock" % early] * (early > 0))


def case_moves():
    """sleeps without pause while their process is moved between groups"""
    here, ahead = group_at("here"), group_at("ahead", "100")
    columns, crew = Columns(), Crew([ALL[0]])
    turn(ahead, "1")
    # Relative: an absolute time is one of the clock that is there when the call begins
    loops = Loops(crew, columns.counter, MS, 8, modes=["rel"])
    end, moves, pid = time.monotonic() + 8, 0, str(crew.programs["sleeper"].pid)
    while time.monotonic() < end:
        for directory in here.path, ahead.path:
            write("%s/cgroup.procs" % directory, pid)
            moves += 1
    found = [] if loops.stop() else ["lost"]
    columns.wait_done(0)
    shortest, longest = loops.extremes()
    bound = 10 * SLACK_NS + 2 * columns.meter.late()
    print("# %d sleeps, %d moves between lags of %.3f and %.3f s, longest %.3f ms" % (
        loops.rounds(), moves, here.show()["lag_ns"] / S, ahead.show()["lag_ns"] / S, longest / MS))
    Tap.check("relative sleeps keep what is left while their process is moved", found +
              ["the shortest took %d ns" % shortest] * (shortest < MS - EARLY_NS) +
              ["the longest took %.3f ms" % (longest / MS)] * (longest > bound))


# ---- all -----------------------------------------------------------------------------------------

CASES = [case_simulation, case_control, case_rates, case_freeze, case_turns, case_row_of_freezes,
         case_signal, case_stop, case_leave, case_between, case_in_place, case_wall_forward,
         case_wall_back, case_wall_storm, case_odd, case_crowd, case_loops, case_moves]


def name_of(case):
    return case.__name__[len("case_"):].replace("_", "-")


def attempt(case, number):
    TooSlow.factor = 2**number
    try:
        case()
    except Exception as error:  # a case that breaks is a failed test, not the end of all
        if isinstance(error, TooSlow) and number < ATTEMPTS - 1:
            print("# %s, once more: %s" % (name_of(case), error), flush=True)
            return False
        Tap.check("%s runs to its end" % case.__doc__, traceback.format_exc().splitlines()[-8:])
    finally:
        Group.delete_all()
        Crew.stop_all()
    return True


def run(case):
    began = time.monotonic()
    for i in range(ATTEMPTS):
        if attempt(case, i):
            break
    print("# %s took %.1f s" % (name_of(case), time.monotonic() - began), flush=True)


def find_missing():
    wanted = rows(lambda r: r.is_exact)
    crew = Crew(wanted)
    tries = [crew.sleep(row, 0) for row in wanted]
    if not pump(PATIENCE_S, lambda: all(t.result for t in tries)):
        raise AssertionError("a sleep of no time never ends")
    missing.extend(t.row for t in tries if t.result["errno"] in UNSUPPORTED)
    crew.stop_all()
    for row in missing:
        Tap.skip(row.name, "not supported by this kernel")
    for row in rows(lambda r: r.how == "run"):  # so that they start as fast as later on
        subprocess.run(row.command("0"), check=True)


def print_table():
    """Rows and columns as they came."""
    for title in dict.fromkeys(Column.titles):
        cells = [(name, by[title]) for name, by in Column.table.items() if title in by]
        if cells:
            print("# %s, late by virtual ms (programs with their start): %s" % (title, "; ".join("%s %s" % c for c in cells)))


def main(arguments):
    if arguments == ["--list"]:
        for case in CASES:
            print("%-14s %s" % (name_of(case), case.__doc__))
        return 0
    wanted = [c for c in CASES if not arguments or name_of(c) in arguments]
    if len(wanted) < len(arguments) or any(a.startswith("-") for a in arguments):
        print(__doc__.strip().splitlines()[0], file=sys.stderr)
        return 2
    timers = pathlib.Path("/proc/timer_list").read_text(encoding="ascii")
    print("# JUDGE_SEED=%d, high-resolution timers %s" % (
        SEED, "on" if "hres_active    : 1" in timers else "off"), flush=True)
    vtctl("load")
    find_missing()
    for case in wanted:
        run(case)
    print_table()
    print("1..%d" % Tap.count)
    return 1 if Tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
