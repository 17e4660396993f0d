# SPDX-License-Identifier: MIT
"""
A column of the matrix: all waits at the same time, each in a group and, as its twin, outside; what
happens to them meanwhile; the verdicts.

Late is what was still waiting 1 ms of virtual time (at high rates: 100 us of real time) after its
time was over, and twice as long as its twin or the slowest of some threads outside that sleep for
5 ms again and again all the time; in any case what waited for another quarter of its time (half of
it, where programs have to start first). Who is late for a passing reason is on time when asked
again, so what is late by less than it was to wait, and nothing worse, is measured up to ATTEMPTS
times.
"""
import os
import statistics
import subprocess
import time
from fractions import Fraction

from driver import Tap
from group import Group
from judge import now
from waits_requests import (OUTSIDE, PATIENCE_S, Counter, Path, Ready, Request, TooSlow, Wait,
                            Waiter, pump, where)
from waits_rows import ALL, COARSE, MONO, MS, S, can_start, is_chosen, missing, rows

ATTEMPTS = 4
STAGGER_NS = 12 * MS  # real: an emulated machine needs so long to end one and its twin
START_NS = 6 * S  # more for programs, which may take seconds to start there
MIDDLE_NS = 5 * MS  # for half of all waits of a column, against half of those outside
UNSUPPORTED = 1, 22, 38, 95  # EPERM, EINVAL, ENOSYS, EOPNOTSUPP


class Crew:
    """One of each program that the rows need, in one place; all are up when it is there."""

    all = []

    def __init__(self, wanted, group=None, prefix=()):
        self.group, self.prefix, self.programs = group, prefix, {}
        Crew.all.append(self)
        self.add(wanted)

    def add(self, wanted):
        heard, names = Ready.heard, {r.program for r in wanted} - set(self.programs)
        for name in names:
            self.programs[name] = Waiter(name, self.group, self.prefix)
        if not pump(PATIENCE_S, lambda: Ready.heard == heard + len(names)):
            raise AssertionError("not all programs have started: %s" % {
                name: where(self.programs[name].pid) for name in names})

    def wait(self, row, asked_ns, **options):
        return Wait(row, self.programs[row.program], asked_ns, self.speeds(), **options)

    def speeds(self):
        return self.group.speeds if self.group else OUTSIDE

    def go(self):
        for name in {"waiter", "static"} & set(self.programs):
            Request(self.programs[name], "go")

    def stop(self):
        for waiter in self.programs.values():
            waiter.stop()
        self.programs = {}

    @classmethod
    def stop_all(cls):
        while cls.all:
            cls.all.pop().stop()


def prepare(waits):
    if not pump(4 * PATIENCE_S, lambda: all(w.pid or w.needs for w in waits)):
        raise AssertionError("never prepared: %s" % [w.row.name for w in waits if not w.pid])


def go(crews, waits):
    for w in waits:
        if w.row.is_exact:
            w.sent = now()
    for crew in crews:
        crew.go()


class Loops:
    """Threads that sleep for the same time again and again, until they are stopped."""

    @staticmethod
    def row(how, mode="rel"):
        return next(r for r in ALL if (r.how, r.clock, r.mode) == (how, MONO, mode))

    def __init__(self, crew, counter, each_ns, loops, program="waiter"):
        self.waiter, self.counter, self.each = crew.programs[program], counter, each_ns
        self.waits = [crew.wait(row._replace(program=program), each_ns, who="thread",
                                times=10**9) for row in loops]

    def stop(self):
        """In the end the watchdog has found them all."""
        Request(self.waiter, "stop")
        return pump(PATIENCE_S, lambda: all(w.result for w in self.waits))

    def results(self):
        return [w.result for w in self.waits if w.result]

    def late(self):
        longest = max([int(r["longest"]) for r in self.results()], default=0)
        return max(0, self.counter.span(longest) - self.each)

    def rounds(self):
        return sum(int(r["rounds"]) for r in self.results())


class Trial:
    """Waits of members and of their twins outside, from the first request to the verdict."""

    bad = ()  # names of rows whose members are outside, too: for known-bad controls

    def __init__(self):
        self.crew = Crew([Loops.row("nanosleep")])
        self.counter = Counter(self.crew.programs["waiter"])
        self.counter.mark()
        self.meter = None
        self.members, self.twins = [], []

    def waits(self):
        return self.members + self.twins

    def begin(self, wanted, group, asked_ns, rate=1, extra_ns=0, prefix=(), crew=None):
        """
        Waits for so long and a little longer each; outside for asked_ns / rate + extra_ns, so that
        twins end at about the same time.
        """
        inside, outside = crew or Crew(wanted, group, prefix), Crew(wanted)
        plan = [(row, int(asked_ns * TooSlow.factor + (i * STAGGER_NS + START_NS *
                                                       (not row.is_exact)) * rate))
                for i, row in enumerate(wanted)]
        self.members = [self.start_member(inside, outside, *p) for p in plan]
        self.twins = [self.start(outside, row, int(asked / rate + extra_ns))
                      for row, asked in plan]
        for member, twin in zip(self.members, self.twins):
            member.twin = twin
        self.let_go(inside, outside)

    @classmethod
    def start_member(cls, inside, outside, row, asked_ns):
        wait = cls.start(outside if row.name in cls.bad else inside, row, asked_ns)
        wait.path = Path(inside.speeds())
        return wait

    @staticmethod
    def start(crew, row, asked_ns):
        pump(0)
        return crew.wait(row, asked_ns)

    def start_meter(self):
        """When all is prepared: how long that took does not matter."""
        loops = [Loops.row("sys_nanosleep"), Loops.row("sys_clock_nanosleep", "abs")] * 2
        self.meter = Loops(self.crew, self.counter, 5 * MS, loops)

    def let_go(self, *crews):
        """Those that wait to be told. Others have begun."""
        prepare(self.waits())
        self.start_meter()
        go(crews, self.waits())

    def settle(self):
        """All block, and have time left for what is to happen."""
        end, awake = time.monotonic() + PATIENCE_S, self.waits()
        while awake:
            pump(0.02)
            awake = [w for w in awake if not w.is_settled()]
            if time.monotonic() > end:
                raise TooSlow("not all wait: %s" % awake[0].row.name)
        self.must_wait()

    def must_wait(self):
        for w in self.members:
            w.must_wait()

    def kill(self, number):
        """Members and twins."""
        for w in self.waits():
            if not w.needs:
                w.kill(number)
                w.must_wait(w.released[1])

    def move(self, directory, speeds):
        """Members; those that share a process go together."""
        self.must_wait()
        windows = {}
        for w in self.members:
            if w.row.name not in self.bad and w.pid not in windows:
                windows[w.pid] = w.move(directory)
            w.path.moved(windows.get(w.pid) or (now(), now()), speeds)

    def finish(self, seconds):
        """The watchdog. seconds: how long it should take."""
        pump(seconds * TooSlow.factor + PATIENCE_S,
             lambda: all(w.result or w.needs for w in self.waits()))
        self.meter.stop()
        self.counter.mark()
        if self.meter.late() > S:
            print("# the machine stood for %.3f s" % (self.meter.late() / S))

    # ---- verdicts

    def bound(self, member):
        lates = [self.meter.late()]
        if member.twin and member.twin.result:
            lates.append(member.twin.late_real(self.counter))
        return 2 * max(lates)

    def verdict(self, member):
        return member.judge(self.counter, self.bound(member))

    def cell(self, member, found):
        cell = {"what": found[0][0] if found else "ok", "text": found[0][1] if found else ""}
        if cell["what"] == "late":
            cell["is_worth_another"] = (member.late(self.counter) < member.due or
                                        member.late_real(self.counter) <= self.bound(member))
        if member.result and member.is_right():
            cell["error_ms"] = round(member.late(self.counter) / MS, 3)
            cell["error_real_ms"] = round(member.late_real(self.counter) / MS, 3)
        if member.twin and member.twin.result and member.twin.is_right():
            cell["outside_ms"] = round(member.twin.late_real(self.counter) / MS, 3)
        return cell

    def cells(self):
        return {m.row.name: self.cell(m, self.verdict(m)) for m in self.members}

    def judge_middle(self):
        """Members that are right against their twins, which a lonely outlier does not change."""
        pairs = [(m, m.twin) for m in self.members
                 if m.row.is_exact and not m.row.has(COARSE) and not m.is_cut() and
                 m.twin.result and not self.verdict(m)]
        inside, outside = [statistics.median([w.late_real(self.counter) for w in waits])
                           for waits in zip(*pairs)] if pairs else (0, 0)
        return ["by %.3f ms, others by %.3f ms" % (inside / MS, outside / MS)] * (
            inside > outside + MIDDLE_NS + self.meter.late() // 2)


# ---- what is done to groups ---------------------------------------------------------------------


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
    group = Group("waits-" + name, *options)
    if rate != "1":
        turn(group, rate)
    return group


# ---- columns ------------------------------------------------------------------------------------


class Column:
    """A function that begins a trial, does something meanwhile, and finishes it."""

    all = []

    def __init__(self, name, kind, function, wanted):
        self.name, self.kind, self.function, self.wanted = name, kind, function, wanted
        self.title = function.__doc__.strip()
        self.cells, self.middle = {}, []
        Column.all.append(self)

    def measure(self, wanted, number):
        """One attempt: the cells, and what half of all say."""
        TooSlow.factor = 2**number
        trial = Trial()
        try:
            self.function(trial, wanted)
            return trial.cells(), trial.judge_middle()
        finally:
            Group.delete_all()
            Crew.stop_all()

    def run(self, wanted):
        """Programs that have to start first do it when nobody else is busy."""
        for is_exact in True, False:
            some = [r for r in wanted if self.wanted(r) and r.is_exact == is_exact]
            if some:
                self.run_some(some)

    def run_some(self, wanted):
        """Again with longer waits if it was too slow, and for what was late."""
        late, slow, middle = wanted, 0, []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                cells, middle = self.measure(late, slow)
            except TooSlow as error:
                print("# %s, once more: %s" % (self.name, error), flush=True)
                slow += 1
                if slow == ATTEMPTS:
                    raise
                continue
            self.keep(cells, attempt)
            late = [r for r in wanted if self.cells[r.name].pop("is_worth_another", False)]
            if not late and not middle:
                break
            late = late or wanted
        self.middle += middle

    def keep(self, cells, attempt):
        """What was worse than late stays so."""
        for name, cell in cells.items():
            if self.cells.get(name, {"what": "late"})["what"] in ("ok", "late"):
                self.cells[name] = dict(cell, attempts=attempt)

    def report(self):
        for name, cell in self.cells.items():
            Tap.check("%s: %s" % (self.name, name),
                      ["%s: %s" % (cell["what"], cell["text"])] * (cell["what"] != "ok"))
        if self.cells:
            Tap.check("%s: half of all are no later than half of those outside" % self.name,
                      self.middle)


def column(name, kind, wanted=lambda row: True):
    """Registers a function of (trial, rows)."""
    def register(function):
        Column(name, kind, function, wanted)
        return function
    return register


def find_missing():
    """Rows that this kernel does not know, outside too."""
    wanted = rows(lambda r: r.is_exact)
    crew = Crew(wanted)
    tries = [Trial.start(crew, row, MS) for row in wanted]
    prepare(tries)
    go([crew], tries)
    if not pump(PATIENCE_S, lambda: all(t.result or t.needs for t in tries)):
        raise AssertionError("short waits that never end: %s" % [
            t.row.name for t in tries if not t.result and not t.needs])
    for t in tries:
        error = t.needs or t.error()
        if error != t.row.ends and error in UNSUPPORTED:
            missing[t.row.name] = os.strerror(error)
    crew.stop_all()
    for row in rows(lambda r: r.how == "run"):  # so that they start as fast as later on
        subprocess.run(row.command(S), stdin=subprocess.DEVNULL, check=False)
    for name, reason in missing.items():
        Tap.skip(name, "not supported by this kernel: %s" % reason)
    for row in ALL:
        if is_chosen(row) and not can_start(row):
            Tap.skip(row.name, "not installed or not built")
