# SPDX-License-Identifier: MIT
"""
One wait and the verdict on it. Real time is judged by the host's CLOCK_MONOTONIC, from outside:
the judge stamps when it asked and when it was told; waiter.c reads the CPU's cycle counter next to
the wait, which is converted by marks that are taken outside all groups, and which must lie between
the judge's stamps. Virtual time between two instants follows from the windows in which the judge
changed the group's speed (judge.Speeds). What the waiting program reads itself is one more check.
"""
import os
import pathlib
import select
import signal
import time

from group import VTCTL, write
from judge import Program, Speeds, now
from waits_rows import COARSE, MS, PROGRAMS, REST, S

EARLY_NS = 1000  # the rounding of two conversions and of a timer
LATE_NS = MS  # virtual
LATE_REAL_NS = 100_000
ROUGH_NS = 200_000_000  # real: programs and commands that have to start first
TICKS_NS = 20_000_000  # two of the kernel's longest
PATIENCE_S = 30  # for one that should have ended: then it is lost
PERIODS = 8
EINTR = 4
UNTOUCHED = -S - 1  # the remaining time before the call


class TooSlow(Exception):
    """The machine was too busy for the case to mean anything: once more, with longer waits."""

    factor = 1


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


# ---- programs that wait on request --------------------------------------------------------------


class Waiter(Program):
    alive = []

    def __init__(self, program, group=None, prefix=()):
        enter = [VTCTL, "run", group.name, "--"] if group else []
        super().__init__(program, PROGRAMS[program], [*enter, *prefix])
        Waiter.alive.append(self)

    def read(self):
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            Waiter.alive.remove(self)
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
        if self in Waiter.alive:
            Waiter.alive.remove(self)
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
        ready = select.select([w.process.stdout for w in Waiter.alive], [], [], max(0, left))[0]
        for waiter in [w for w in Waiter.alive if w.process.stdout in ready]:
            waiter.read()
        if not ready and left <= 0:
            return False
    return True


class Request:
    all = {0: None}

    def __init__(self, waiter, *words):
        self.number = len(Request.all)
        Request.all[self.number] = self
        self.pid = self.by = self.result = self.needs = None
        self.is_under_way = False
        self.sent = now()
        waiter.write(self.number, *words)

    def hear(self, what, values, told):
        if what == "ready":
            self.pid, self.by = int(values["pid"]), int(values["by"])
        elif what == "asleep":
            self.is_under_way = True
        elif what == "needs":
            self.needs = int(values["error"])
        else:
            self.result, self.told = values, told


class Ready(Request):
    """What programs say when they begin."""

    heard = 0

    def __init__(self):
        pass

    def hear(self, what, values, told):
        Ready.heard += 1


Request.all[0] = Ready()


def blocks(pid):
    """It, or all that it waits for, sleep in the kernel, and not to tell us something."""
    try:
        with open("/proc/%d/wchan" % pid, "rb", buffering=0) as f:
            where = f.read()
        if where != b"do_wait":
            return where != b"0" and b"pipe_write" not in where
        text = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text(encoding="ascii")
        return all(blocks(int(child)) for child in text.split())
    except OSError:
        return False


def where(pid):
    """Where its threads sleep in the kernel, innermost first."""
    found = []
    for stack in sorted(pathlib.Path("/proc/%d/task" % pid).glob("*/stack")):
        try:
            lines = stack.read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        found.append("%s: %s" % (stack.parent.name, " ".join(
            line.split()[-1].split("+")[0] for line in lines if line.split())))
    return found


class Counter:
    """The cycle counter against the host's CLOCK_MONOTONIC."""

    def __init__(self, waiter):
        self.waiter, self.marks = waiter, []

    def mark(self):
        request = Request(self.waiter, "counter")
        if not pump(PATIENCE_S, lambda: request.result):
            raise AssertionError("no reading of the cycle counter")
        self.marks.append([int(request.result[k]) for k in ("cycles", "before", "after")])

    def span(self, cycles):
        """In ns"""
        first, last = self.marks[0], self.marks[-1]
        return int(cycles) * (last[1] - first[1]) // (last[0] - first[0])

    def at(self, cycles):
        """The instant lies between these two."""
        first, last = self.marks[0], self.marks[-1]
        return tuple(first[i] + (int(cycles) - first[0]) * (last[i] - first[i]) //
                     (last[0] - first[0]) for i in (1, 2))


# ---- one wait ------------------------------------------------------------------------------------


class Wait(Request):
    def __init__(self, row, waiter, asked_ns, speeds, who="child", times=1):
        self.row, self.path = row, Path(speeds)
        self.twin = None  # the same wait outside, to which the same is done
        self.released = None  # the window of the last thing that could cut it short
        self.stepped = False  # the host's clock was set meanwhile
        self.held = None  # the window in which it came to an end that was long due
        self.asked = row.asked(asked_ns)
        self.due = self.asked  # what it takes if nobody sets the host's clock
        super().__init__(waiter, who, row.how, row.clock, row.mode, *divmod(self.asked, S), times,
                         *row.command(self.asked))

    # ---- what is done to it

    def is_settled(self):
        """It blocks. Whoever is over already is judged for that later."""
        return bool(self.result or self.needs) or (self.is_under_way and blocks(self.pid))

    def must_wait(self, at=None):
        """What is done to it, at that instant or now, should be done in the middle."""
        if not self.needs and self.path.advance(self.sent, at or now())[1] >= self.due:
            raise TooSlow("%s should be over already" % self.row.name)

    def move(self, directory):
        """The window in which it was moved, if it was."""
        window = now(), now()
        for pid in {self.pid, self.by} - {None}:
            try:
                window = write("%s/cgroup.procs" % directory, str(pid))
            except ProcessLookupError:
                pass
        return window

    def kill(self, number):
        before = now()
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass
        self.released = before, now()

    # ---- when it was

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
        return 0 if rest == UNTOUCHED or not (self.row.has(REST) and self.is_cut()) else rest

    def waited(self, counter):
        """Least and most."""
        begin, end = self.instants(counter)
        least, _ = self.path.advance(begin[1], end[0])
        _, most = self.path.advance(begin[0], end[1])
        return least + self.rest(), most + self.rest()

    def late(self, counter):
        """In virtual ns; what is not known for sure is halved."""
        if self.held or (self.is_cut() and not self.tells_rest()):
            return self.instants(counter)[1][0] - (self.held or self.released)[1]
        return int(sum(self.waited(counter)) / 2 - self.due)

    def late_real(self, counter):
        end = self.instants(counter)[1][0]
        return int(self.late(counter) * MS / (self.path.advance(end - MS, end)[1] or MS))

    # ---- whether it is right

    def error(self):
        return int(self.result["error"])

    def is_short(self):
        return self.path.advance(self.sent, self.told)[1] < self.due - EARLY_NS

    def is_cut(self):
        """A signal ended it, with or without saying so."""
        if not self.released or not self.result:
            return False
        as_twin = self.twin.is_cut() if self.twin else True
        return self.error() != self.row.ends or (as_twin and self.is_short())

    def tells_rest(self):
        return self.row.has(REST) and not self.row.is_absolute

    def is_right(self):
        if not self.result:
            return False
        if self.twin and self.twin.result:
            return self.error() == self.twin.error()
        return self.error() == self.row.ends

    def judge(self, counter, bound):
        """What is wrong: a word, and more words."""
        if self.needs:
            return [("unable", "cannot prepare: %s" % os.strerror(self.needs))]
        if not self.result:
            return [("lost", "never ended")]
        if not self.is_right():
            return [self.judge_end()]
        return (self.judge_early(counter) + self.judge_ticks(counter) + self.judge_own() +
                self.judge_rest() + self.judge_late(counter, bound))

    def judge_end(self):
        expected = self.twin.error() if self.twin and self.twin.result else self.row.ends
        text = "ended with %d (%s) instead of %d" % (self.error(), self.word(), expected)
        return self.word(), text

    def word(self):
        error = self.error()
        if error == EINTR:
            return "EINTR"
        return "spurious" if error <= 0 else "error %d" % error

    def judge_early(self, counter):
        if self.held or (self.is_cut() and not self.tells_rest()):
            early = (self.held or self.released)[0] - self.instants(counter)[1][1]
            return [("early", "ended %.6f s before it was let go" % (early / S))] * (early > 0)
        early = self.due - self.waited(counter)[1]
        return [("early", "early by %.6f s of virtual time" % (early / S))] * (early > EARLY_NS)

    def ticks(self):
        for tick in self.result.get("ticks", "").split(","):
            if tick:
                yield tuple(map(int, tick.split("@")))

    def judge_ticks(self, counter):
        """No expiry of a periodic timer before its time, be it alone or in a burst."""
        if not self.row.is_periodic or self.is_cut():
            return []
        begin, period = self.instants(counter)[0], self.asked // PERIODS
        for count, cycles in self.ticks():
            _, most = self.path.advance(begin[0], counter.at(cycles)[1])
            if most < count * period - EARLY_NS:
                return [("early", "expiry %d early by %.6f s of virtual time" % (
                    count, (count * period - most) / S))]
        return []

    def allowed(self, counter, bound):
        """The real bound in virtual time, in which it may have been frozen, and the criterion."""
        begin, end = self.instants(counter)
        least = max(LATE_NS, LATE_REAL_NS * self.path.speed()) + self.due // 1000
        if self.row.has(COARSE):
            least += self.due // 8 + TICKS_NS * max(1, self.path.speed())
        if not self.row.is_exact:
            bound += ROUGH_NS
        waking = max(self.path.advance(end[0] - bound, end[1])[1], bound * self.path.speed())
        falling = self.path.advance(begin[0], begin[1] + bound)[1]  # asleep, after the stamp
        most = max(waking, falling) if self.row.is_exact else waking + falling
        share = 4 if self.row.is_exact else 2  # or a wrong rate might pass
        return least + min(most, self.due // (share * TooSlow.factor))

    def is_late(self, counter, bound):
        if self.held or (self.is_cut() and not self.tells_rest()):
            return self.late(counter) > bound + LATE_NS
        return self.waited(counter)[0] - self.due > self.allowed(counter, bound)

    def judge_late(self, counter, bound):
        if not self.is_late(counter, bound):
            return []
        return [("late", "late by %.6f s of virtual time; others by %.3f s of real time" % (
            self.late(counter) / S, bound / S))]

    def judge_own(self):
        """What it has read itself, unless its clocks were changed under it."""
        found = []
        if len(self.path.legs) > 1 or self.released:
            return found
        _, most = self.path.advance(self.sent, self.told)
        for key in "mono", "clock":
            if self.result.get(key + "_before", "0") == "0" or (key == "clock" and self.stepped):
                continue
            own = int(self.result[key + "_after"]) - int(self.result[key + "_before"])
            if own < self.due:
                found.append(("early", "its own %s clock says early by %d ns" % (
                    key, self.due - own)))
            if own > most + EARLY_NS:
                found.append(("clock", "its own %s clock ran %d ns too far" % (key, own - most)))
        return found

    def judge_rest(self):
        if self.is_cut() and self.row.has(REST) and self.row.is_absolute and (
                int(self.result["rem"]) != UNTOUCHED):
            return [("rest", "an absolute wait wrote a remaining time, %s" % self.result["rem"])]
        return []


# Of the host's own speed
OUTSIDE = Speeds()
