# SPDX-License-Identifier: MIT
"""What is judged besides the matrix: the judge itself, odd arguments, crowds, the wall clock."""
import os
import signal
import time
from fractions import Fraction

from driver import Tap
from group import Group, Rate, write
from judge import Speeds, now
from waits_columns import Crew, Loops, Trial, freeze, go, group_at, prepare, turn
from waits_matrix import dice
from waits_requests import (EARLY_NS, PATIENCE_S, UNTOUCHED, Counter, Path, Request, TooSlow, Wait,
                            blocks, pump, where)
from waits_rows import (ALL, BOOT, BOOT_ALARM, COARSE, LONE, MONO, MS, REAL, REAL_ALARM, S, TAI,
                        TIMESPEC, rows)

HOUR = 3600 * S


def named(name):
    return next(r for r in ALL if r.name == name)


# ---- known-bad controls -------------------------------------------------------------------------


def simulate(took_ns, own_ns, row="sys_nanosleep", error=0, ticks="", bound=10 * MS):
    """The verdict on a wait for 1 s at rate 0.5 that took so long."""
    speeds, counter = Speeds(), Counter(None)
    speeds.change((0, 0), Fraction(1, 2))
    counter.marks = [[0, 0, 0], [10 * S, 10 * S, 10 * S]]
    fake = object.__new__(Wait)
    fake.row, fake.path, fake.asked, fake.due = named(row), Path(speeds), S, S
    fake.stepped, fake.held, fake.twin, fake.released, fake.needs = False, None, None, None, None
    fake.sent, fake.told = S - 1000, S + took_ns + 1000
    fake.result = {"error": str(error), "begin": S, "end": S + took_ns, "mono_before": 0,
                   "mono_after": own_ns, "ticks": ticks}
    return fake.judge(counter, bound)


def ticks_at(*instants):
    return ",".join("%d@%d" % (i, S + ns) for i, ns in enumerate(instants, 1))


PERIODIC = "timerfd/MONOTONIC/per"
ON_TIME = [i * S // 4 + 100 for i in range(1, 9)]
FAULTS = (
    ("early by 5 us", {"took_ns": 2 * S - 10_000, "own_ns": S}),
    ("late by 15 ms", {"took_ns": 2 * S + 30 * MS, "own_ns": S + 15 * MS}),
    ("early by 1 ns on its own clock", {"took_ns": 2 * S + 100, "own_ns": S - 1}),
    ("on time while its own clock is 10 ms ahead", {"took_ns": 2 * S, "own_ns": S + 10 * MS}),
    ("ended by EINTR", {"took_ns": 2 * S + 100, "own_ns": S, "error": 4}),
    ("woken by nothing", {"took_ns": 2 * S + 100, "own_ns": S, "error": -1}),
    ("with a burst of expiries", {"took_ns": 2 * S + 100, "own_ns": S, "row": PERIODIC,
                                  "ticks": ticks_at(*ON_TIME[:4], *[S + 200 * MS] * 4)}),
)


def case_simulation():
    """known-bad control: simulated waits, some right and the others a little wrong"""
    Tap.check("control: a right wait passes", simulate(2 * S + 100, S))
    Tap.check("control: a right periodic wait passes",
              simulate(2 * S + 100, S, row=PERIODIC, ticks=ticks_at(*ON_TIME)))
    for fault, options in FAULTS:
        Tap.check("control: a wait %s is caught" % fault,
                  [] if simulate(**options) else ["the judge did not see it"])


def case_control():
    """known-bad control: a freeze of a group whose clocks are not virtual"""
    group = Group("waits-control", "--freeze-only")
    trial, wanted = Trial(), rows(lambda r: r.is_exact)
    trial.begin(wanted, group, int(1.5 * S), extra_ns=2 * S)
    trial.settle()
    freeze(group, 2.5 * TooSlow.factor)
    trial.finish(3)
    for m in trial.members:
        found = trial.verdict(m)
        Tap.check("control: %s over a freeze of a freeze-only group fails" % m.row.name,
                  [] if found and found[0][0] != "late" else ["it passed: %s" % found])


# ---- odd arguments ------------------------------------------------------------------------------

ODD_TIMES = ((0, 0), (0, 1), (1, 0), (-1, 0), (-2**63, 0), (0, -1), (0, S), (0, 2**31), (2**31, 0),
             (2**62, 0), (2**62, S), (9223372036, 854775807), (9223372036, 854775808),
             (2**63 - 1, S - 1))
CPU_CLOCKS = 2, 3, -6
ODD_CLOCKS = (MONO, REAL, BOOT, TAI, BOOT_ALARM, REAL_ALARM, *CPU_CLOCKS, 4, 5, 6, 10, 12, 99, -1)


class Odd(Request):
    """A call as it stands: what comes of it?"""

    def __init__(self, crew, row, clock, mode, seconds, rest):
        self.name = "%s clock %d %s %d %d" % (row.how, clock, mode, seconds, rest)
        self.is_endless = False
        super().__init__(crew.programs[row.program], "child", row.how, clock, mode, seconds, rest,
                         1)

    def is_settled(self):
        return bool(self.result or self.needs) or (self.is_under_way and blocks(self.pid))

    def outcome(self):
        if self.needs:
            return "refused with %d" % self.needs
        if not self.result:
            return "never ended"
        rest = int(self.result["rem"])
        kind = "untouched" if rest == UNTOUCHED else "some" if rest < 10**18 else "many years"
        if self.result["error"] == "0" or self.is_endless:
            kind = "no matter"  # whoever was frozen was told
        return "%s, error %s, remaining %s" % (
            "until the signal" if self.is_endless else "ends", self.result["error"], kind)


def odd_calls(crew, wanted):
    for row in wanted:
        for seconds, rest in ODD_TIMES:
            yield Odd(crew, row, row.clock, "at" if row.is_absolute else "rel", seconds, rest)
        if not row.how.startswith("i386"):
            yield Odd(crew, row, row.clock, "bad", 0, 0)


def odd_clocks(crew):
    row = named("sys_clock_nanosleep/MONOTONIC")
    for clock in ODD_CLOCKS:
        for mode in "rel", "at", "bad":
            for seconds, rest in ODD_TIMES[:1] if mode == "bad" else ODD_TIMES:
                if clock not in CPU_CLOCKS or (seconds, rest) != (0, 1):  # by chance
                    yield Odd(crew, row, clock, mode, seconds, rest)


def interrupt(call):
    try:
        os.kill(call.pid, signal.SIGUSR1)
    except ProcessLookupError:
        print("# %s: died without a word, outcome \"never ended\"" % call.name)


def judge_odd(make, wanted):
    groups = [group_at("odd%d" % i, rate) for i, rate in enumerate(("10", "0.5", "1"))]
    crews = [Crew(wanted, g) for g in (None, *groups)]
    control, *calls = [list(make(crew)) for crew in crews]
    everybody = control + sum(calls, [])
    pump(2 * PATIENCE_S, lambda: all(c.pid or c.needs for c in everybody))
    for crew in crews:
        crew.go()
    pump(PATIENCE_S, lambda: all(c.is_settled() for c in everybody))
    freeze(groups[2], 0.5)
    pump(1.5)
    ends = [a for group in calls for a, b in zip(group, control) if b.result or b.needs]
    pump(PATIENCE_S, lambda: all(a.result or a.needs for a in ends))
    for call in everybody:
        call.is_endless = not call.result and not call.needs
        if call.is_endless and call.pid:
            interrupt(call)
    pump(PATIENCE_S, lambda: all(c.result or c.needs for c in everybody))
    print("# %d calls of which %d would not end" % (
        len(control), sum(c.is_endless for c in control)))
    for group, title in zip(calls, ("rate 10", "rate 0.5", "rate 1 and a freeze")):
        yield title, ["%s: %s instead of %s" % (a.name, a.outcome(), b.outcome())
                      for a, b in zip(group, control) if a.outcome() != b.outcome()]


def case_odd():
    """zero, negative, huge and malformed times"""
    wanted = rows(lambda r: r.has(TIMESPEC) and not r.is_periodic and r.clock in (MONO, REAL))
    for title, found in judge_odd(lambda crew: odd_calls(crew, wanted), wanted):
        Tap.check("odd times have the same outcome at %s as outside" % title, found)


def case_odd_clocks():
    """clocks that are none"""
    wanted = rows(lambda r: r.name == "sys_clock_nanosleep/MONOTONIC")
    for title, found in judge_odd(odd_clocks, wanted):
        Tap.check("odd clocks have the same outcome at %s as outside" % title, found)


# ---- many ----------------------------------------------------------------------------------------

CROWD = 600


def judge_crowd(trial, members, title):
    """One verdict for many."""
    found = [(m, (what, text)) for m in members for what, text in trial.verdict(m)
             if what != "late" or m.late(trial.counter) > S]
    Tap.check("%s: of %d waits none is lost, early or late" % (title, len(members)),
              ["%s: %s" % (m.row.name, text) for m, (_, text) in found])


def case_crowd():
    """hundreds of waits in a storm of freezes"""
    wanted = rows(lambda r: r.is_exact and r.grain < S and not r.has(COARSE))
    group, trial = group_at("crowd"), Trial()
    inside = Crew(wanted, group)
    trial.members = [Trial.start(inside, dice.choice(wanted), dice.randrange(S, 3 * S))
                     for _ in range(CROWD)]
    trial.let_go(inside)
    freezes, end = 0, time.monotonic() + 8 * PATIENCE_S
    while not all(m.result for m in trial.members) and time.monotonic() < end:
        freeze(group, dice.uniform(0, 0.1))
        pump(dice.uniform(0, 0.2))
        freezes += 1
    trial.finish(1)
    print("# %d freezes" % freezes)
    judge_crowd(trial, trial.members, "crowd")


# Freezes, thaws and changes of rate
STORM = int(os.environ.get("WAITS_STORM", "150"))
STORM_LONG, STORM_TASKS = 1000, 64
STORM_GROUPS = int(os.environ.get("WAITS_GROUPS", "1"))  # that the tasks are spread over
STORM_WAIT = int(os.environ.get("WAITS_EACH", "20" if STORM <= STORM_LONG else "100")) * MS


def storm_rows():
    """All, but in a long storm: that is about operations that meet rather than about rows."""
    wanted = rows(lambda r: r.is_exact and r.grain < S // 10 and r.name != "alarm_pause")
    return wanted if STORM <= STORM_LONG else dice.sample(wanted, min(STORM_TASKS, len(wanted)))


def storm(groups, operations):
    """Some pauses; the longer the storm is, the shorter they are. Half of the thaws meet a freeze."""
    scale, rates = min(1, STORM_LONG / operations), [Rate(g) for g in groups]
    while operations > 0:
        group, rate = dice.choice(list(zip(groups, rates)))
        group.freeze(by_hand=True, wait=dice.random() < 0.5)
        pump(dice.uniform(0, 0.02) * scale)
        group.thaw(by_hand=True)
        operations -= 2
        if dice.random() < 0.5:
            rate.set(dice.choice(["0.1", "0.5", "1", "2", "10"]))
            operations -= 1
        pump(dice.uniform(0, 0.05) * scale)


def start_loops(wanted, group, each_ns):
    """Waits of that long, each again and again in a process of its own."""
    crew = Crew(wanted, group)
    loops = [crew.wait(row, each_ns, times=10**9) for row in wanted]
    prepare(loops)
    go([crew], loops)
    return crew, loops


def stop_loops(crew, loops):
    for program in {"waiter", "static"} & set(crew.programs):
        Request(crew.programs[program], "stop")
    pump(PATIENCE_S, lambda: all(w.result for w in loops))
    print("# %d waits" % sum(int(w.result["rounds"]) for w in loops if w.result))


def case_storm():
    """every wait again and again, for some ms each, while the rate changes and freezes come and go"""
    wanted, groups = storm_rows(), [group_at("storm%d" % i) for i in range(STORM_GROUPS)]
    started = [start_loops(wanted[i::STORM_GROUPS], g, STORM_WAIT) for i, g in enumerate(groups)]
    began = time.monotonic()
    storm(groups, STORM)
    print("# %d operations took %.1f s" % (STORM, time.monotonic() - began))
    for group, (crew, loops) in zip(groups, started):
        group.set_rate("1")
        stop_loops(crew, loops)
    for w in (w for _, loops in started for w in loops):
        Tap.check("storm: %s is never early, interrupted or lost" % w.row.name, judge_loop(w))


def judge_loop(wait):
    if not wait.result:
        return ["lost"] + where(wait.pid)
    early = wait.asked - int(wait.result["own_shortest"])
    return (["ended with %d" % wait.error()] * (wait.error() != wait.row.ends) +
            ["early by %d ns on its own clock" % early] * (early > 0))


REARMERS, REARM_S = 40, 20


def case_rearm():
    """timers that are started again by whom they woke, perhaps before their callback has returned"""
    wanted = [r for r in rows() if r.name.startswith("io_uring_TIMEOUT/") and r.mode == "per"]
    wanted = (wanted * REARMERS)[:REARMERS]
    crew, loops = start_loops(wanted, group_at("rearm", "0.5"), 10 * MS)
    pump(REARM_S)
    stop_loops(crew, loops)
    Tap.check("timers that are started again at once are never lost",
              [line for w in loops for line in judge_loop(w)])


def case_moves():
    """relative waits without pause while their process is moved between groups"""
    here, ahead = group_at("here"), group_at("ahead", "100")
    wanted = rows(lambda r: r.is_exact and r.mode == "rel" and r.grain <= MS and
                  not r.has(COARSE) and not r.has(LONE))
    turn(ahead, "1")
    trial, crew = Trial(), Crew(wanted)
    trial.start_meter()
    # As threads. An absolute time is one of the clock that is there when the call begins
    loops = {name: Loops(crew, trial.counter, 2 * MS, [r for r in wanted if r.program == name],
                         name) for name in crew.programs}
    end, moves = time.monotonic() + 8, 0
    while time.monotonic() < end:
        for directory in here.path, ahead.path:
            for program in crew.programs.values():
                write("%s/cgroup.procs" % directory, str(program.pid))
            moves += 1
            pump(0)
    found = []
    for name, loop in loops.items():
        found += ["lost"] * (not loop.stop())
    trial.finish(0)
    for loop in loops.values():
        found += judge_moved(loop, trial)
    print("# %d waits, %d moves between lags of %.3f and %.3f s" % (
        sum(loop.rounds() for loop in loops.values()), moves, here.show()["lag_ns"] / S,
        ahead.show()["lag_ns"] / S))
    Tap.check("relative waits keep what is left while their process is moved", found)


def judge_moved(loop, trial):
    found = []
    for w in loop.waits:
        if not w.result:
            continue
        if w.error() != w.row.ends:
            found.append("%s ended with %d" % (w.row.name, w.error()))
        shortest = trial.counter.span(w.result["shortest"])
        longest = trial.counter.span(w.result["longest"])
        if shortest < w.asked - EARLY_NS:
            found.append("%s: the shortest took %d ns" % (w.row.name, shortest))
        if longest > w.asked + S // 2 + 2 * trial.meter.late():
            found.append("%s: the longest took %.3f ms" % (w.row.name, longest / MS))
    return found


# ---- the host's wall clock ----------------------------------------------------------------------


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
    if os.environ.get("WAITS_SET_CLOCK") == "1":
        return True
    Tap.skip(name, "WAITS_SET_CLOCK=1 would allow to set the host's clock")
    return False


def wall_rows():
    return rows(lambda r: r.is_exact and not r.is_periodic and not r.how.startswith("i386") and
                (r.is_absolute or r.clock in (REAL, REAL_ALARM, TAI)))


def start_walled(trial, group, seconds, rate, hour):
    """hour: added to what follows the wall clock."""
    wanted = wall_rows()
    crews = Crew(wanted, group), Crew(wanted)
    for crew, asked in zip(crews, (seconds * rate * S, seconds * S)):
        waits = [Trial.start(crew, row, asked * TooSlow.factor + hour * row.follows_wall)
                 for row in wanted]
        (trial.twins if crew is crews[1] else trial.members).extend(waits)
    trial.let_go(*crews)
    trial.settle()
    for w in trial.waits():
        w.stepped, w.due = True, w.asked - hour * w.row.follows_wall
    for member, twin in zip(trial.members, trial.twins):
        member.twin = twin


def judge_walled(trial, title):
    for m in trial.members:
        Tap.check("%s: %s" % (title, m.row.name), [text for _, text in trial.verdict(m)])


def walled(title, rate, meanwhile, hour, freezes):
    """Nothing is done to the wall clock but in meanwhile(wall)."""
    if not may_set_clock("waits while the host's %s" % title):
        return
    trial, group = Trial(), group_at("wall", str(rate))
    with Wall() as wall:
        start_walled(trial, group, 4, rate, hour)
        if freezes:
            freeze(group, 1, lambda: meanwhile(trial, wall))
        else:
            meanwhile(trial, wall)
        trial.finish(3)
    judge_walled(trial, title)


def forward(_trial, wall):
    wall.step(HOUR)


def back_and_forward(trial, wall):
    wall.step(-HOUR)
    pump(5 * TooSlow.factor)
    window = wall.step(0)
    for w in trial.waits():
        w.held = window if w.row.follows_wall else None


def to_and_fro(_trial, wall):
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        wall.step(-HOUR)
        wall.step(0)
        pump(0.005)


def case_wall_forward():
    """the host's clock is set forward by an hour"""
    walled("clock is set forward", 2, forward, HOUR, False)


def case_wall_forward_frozen():
    """the host's clock is set forward by an hour, while frozen"""
    walled("clock is set forward in a freeze", 1, forward, HOUR, True)


def case_wall_back():
    """the host's clock is set back by an hour, and later forward again"""
    walled("clock is set back", 2, back_and_forward, 0, False)


def case_wall_storm():
    """the host's clock is set back and forward without pause"""
    walled("clock is set without pause", 2, to_and_fro, 0, False)


CASES = [case_simulation, case_control, case_odd, case_odd_clocks, case_crowd, case_storm,
         case_rearm, case_moves, case_wall_forward, case_wall_forward_frozen, case_wall_back,
         case_wall_storm]


def name_of(case):
    return case.__name__[len("case_"):].replace("_", "-")
