#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
usage: driver.py [--list] [CASE...]

Freezes, slows and speeds up real programs through vtctl (VTCTL, default build/vtctl) and judges
the clocks that they read: see README.md and judge.py here. Prints TAP. JUDGE_SEED makes the random
freezes those of an earlier run.
"""
import contextlib
import functools
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True  # nothing but build/ is written to

from group import BUILT, VTCTL, Family, Group, error_of, is_alive, runs, vtctl, write
from judge import (ROUNDING_NS, UPTIMES, Offsets, Program, Report, Speeds, judge_advance,
                   judge_agreement, judge_backs, judge_place, now, parse)

CLOCKS = pathlib.Path(__file__).resolve().parent / "clocks"
SEED = int(os.environ.get("JUDGE_SEED", time.time_ns() % 10**9))
HOST_LINE = {"real_ns": 0, "virtual_ns": 0, "rate": 1}
dice = random.Random(SEED)


class Tap:
    count = failed = 0

    @classmethod
    def say(cls, good, name, remark=""):
        cls.count += 1
        cls.failed += not good
        print("%sok %d - %s%s" % ("" if good else "not ", cls.count, name, remark), flush=True)

    @classmethod
    def check(cls, name, found):
        """Passed if nothing was found wrong."""
        cls.say(not found, name)
        for line in list(found)[:8]:
            print("# " + str(line).replace("\n", "\n# "))
        if len(found) > 8:
            print("# ... and %d more" % (len(found) - 8), flush=True)

    @classmethod
    def skip(cls, name, reason):
        cls.say(True, name, " # SKIP " + reason)


# ---- programs ----------------------------------------------------------------------------------


@functools.cache
def starts(path):
    """Not every kernel has every ABI."""
    try:
        return subprocess.run([str(path)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
    except OSError:
        return False


def commands(fifo=()):
    """Name and command of every program there is; None for those that are missing."""
    def tool(name, *rest):
        return [shutil.which(name), *rest] if shutil.which(name) else None

    def built(name, *rest):
        return [str(BUILT / name), *rest] if (BUILT / name).exists() else None

    def of_abi(name, *rest):
        return built(name, *rest) if starts(BUILT / name) else None

    return {
        "python3": tool("python3", str(CLOCKS / "clocks.py")),
        "node": tool("node", str(CLOCKS / "clocks.js")),
        "static Go": built("clocks-go"),
        "busybox": tool("busybox", "sh", str(CLOCKS / "clocks.busybox")),
        "perl": tool("perl", str(CLOCKS / "clocks.pl")),
        "bash": tool("bash", str(CLOCKS / "clocks.bash")),
        "C in threads": built("spin", "-t", "2"),
        "static C in threads": built("spin-static", "-t", "1"),
        "32-bit C": of_abi("spin-32", "-t", "1"),
        "32-bit C with 64-bit times": of_abi("spin-32-time64", "-t", "1"),
        "x32 C": of_abi("spin-x32", "-t", "1"),
    }


def command(name):
    return commands()[name]


def present(names):
    return [name for name in names if command(name)]


def start(names, starter=Program):
    return [starter(name, command(name)) for name in names]


def there(name_format):
    """Names of the programs that can run; the others are reported as skipped."""
    for name, cmd in commands().items():
        if cmd is None:
            Tap.skip(name_format % name, "not installed, not built or not for this kernel")
    return [name for name, cmd in commands().items() if cmd]


@contextlib.contextmanager
def stopping(programs):
    try:
        yield programs
    finally:
        for p in programs:
            p.stop()


class Trial:
    """Programs through freezes: who read what, and what was wrong with it."""

    def __init__(self, programs, group):
        self.programs, self.group = programs, group
        self.offsets = Offsets()
        self.reports = {p.name: [] for p in programs}
        self.found = {p.name: [] for p in programs}
        self.uptimes, self.books = [], []

    def judge(self, report, line):
        found, earlier = self.found[report.program], self.reports[report.program]
        if earlier:
            found += judge_advance(earlier[-1], report, self.group.speeds)
            self.uptimes += judge_advance(earlier[-1], report, self.group.speeds, UPTIMES)
        if line:
            found += judge_place(report, line, self.offsets)
        found += judge_backs(report)
        earlier.append(report)

    def ask(self, line=None):
        """More than once: on a busy machine most answers are slow, and slow answers prove less."""
        for p in self.programs * 3:
            self.judge(p.ask(), line)

    def freeze(self, seconds, by_hand=False, ask_inside=False):
        before = self.group.show()
        self.group.freeze(by_hand)
        end = time.monotonic() + seconds
        if ask_inside:
            for p in self.programs:
                p.send()
            time.sleep(min(0.2, seconds))
            for p in self.programs:
                if p.answers(0):
                    self.found[p.name].append("%s answers while it is frozen" % p.name)
        time.sleep(max(0, end - time.monotonic()))
        self.group.thaw(by_hand)
        line = self.group.show()
        if ask_inside:
            for p in self.programs:
                self.judge(p.receive(), None)
        self.books += self.group.judge_books(before, line)
        self.ask(line)

    def three_freezes(self):
        self.ask(self.group.show())
        for round_ in range(3):
            self.freeze(dice.uniform(0.5, 3), by_hand=round_ == 1, ask_inside=round_ == 2)
        for p in self.programs:
            self.found[p.name] += judge_agreement(self.reports[p.name])

    def unseen(self, name):
        """Clocks of a program that nothing was found wrong with."""
        last = self.reports[name][-1]
        return [key for key, r in last.readings.items() if r.clock not in UPTIMES and not any(
            " %s is off" % key in line for line in self.found[name])]

    def verdicts(self, name_format):
        widths = sorted(r.told - r.asked for rs in self.reports.values() for r in rs)
        print("# %d answers, within %.3f ms at best, %.3f ms in the middle, %.3f ms at worst" % (
            len(widths), *(widths[i] / 1e6 for i in (0, len(widths) // 2, -1))))
        for p in self.programs:
            Tap.check(name_format % p.name, self.found[p.name])


def outsiders():
    return start(present(("python3", "static C in threads")))


def judge_outsiders(programs, first, offsets):
    """The host's clocks, exactly, for those that are in no group."""
    found = []
    for p, old in zip(programs, first):
        new = p.ask()
        found += judge_advance(old, new, Speeds()) + judge_place(new, HOST_LINE, offsets)
        found += judge_backs(new)
    return found


def case_inside(_directory):
    """programs started in a group, three freezes"""
    name = "%s, started inside: every clock stands over three freezes"
    with stopping(outsiders()) as out:
        first, group = [p.ask() for p in out], Group("judge-inside")
        trial = Trial(start(there(name), group.run), group)
        with stopping(trial.programs):
            trial.three_freezes()
            trial.verdicts(name)
        Tap.check("/proc/uptime, sysinfo and times stand over three freezes", trial.uptimes)
        Tap.check("vtctl show tells the frozen time and the lag as measured", trial.books)
        Tap.check("programs outside see nothing of three freezes",
                  judge_outsiders(out, first, trial.offsets))


def case_moved(_directory):
    """programs moved in by PID while they run, three freezes"""
    name = "%s, moved in while running: every clock stands over three freezes"
    programs = start(there(name))
    with stopping(programs):
        group = Group("judge-moved")
        trial = Trial(programs, group)
        trial.ask(HOST_LINE)
        vtctl("attach", group.name, *(str(p.pid) for p in programs))
        trial.three_freezes()
        trial.verdicts(name)


def case_control(_directory):
    """known-bad control: a group whose clocks are not virtual"""
    group = Group("judge-control", "--freeze-only")
    trial = Trial(start(present(("python3", "C in threads")), group.run), group)
    with stopping(trial.programs):
        trial.ask()
        for _ in range(5):  # slow answers prove less
            trial.freeze(2.5)  # so that whole seconds tell it, too
            unseen = {p.name: trial.unseen(p.name) for p in trial.programs}
            if not any(unseen.values()):
                break
    for name, keys in unseen.items():
        Tap.check("control: %s in a freeze-only group fails, clock by clock" % name,
                  ["%s passed although it ran on" % key for key in keys])
    Tap.check("control: a freeze-only group tells that its lag is 0",
              ["lag is %d" % group.show()["lag_ns"]] * (group.show()["lag_ns"] != 0))


class Simulated:
    """
    A clock, right but for one fault, on a simulated host whose time passes only by what is done
    here: so no tick of a slow machine hides the fault.
    """
    READ_NS, TICK_NS, FREEZE_NS = 10**4, 4 * 10**6, 49 * 10**6

    def __init__(self, fault):
        self.name = self.fault = fault
        self.host = self.lag = self.jump = self.thawed = 0

    def now(self):
        self.host += self.READ_NS
        return self.host

    def coarse_now(self):
        return self.now() // self.TICK_NS * self.TICK_NS

    def ask(self):
        coarse, asked, moment = self.coarse_now(), self.now(), self.now()
        mono = moment - self.lag
        values = {"mono_before": mono, "mono": mono, "boot": mono + 5 * 10**9, "raw": mono - 10**9,
                  "mono_coarse": max(coarse, self.thawed) - self.lag, "mono_after": mono}
        if self.fault == "one clock runs on":
            values["boot"] += self.lag
        if self.fault == "a coarse clock shows a tick from before the thaw":
            values["mono_coarse"] = coarse - self.lag
        if self.fault == "RAW drifts by 5 us":
            values["raw"] += self.jump
            self.jump += 5000
        line = " ".join("%s_ns=%d" % pair for pair in values.items())
        return Report(self.name, asked, self.now(), coarse, *parse(line))

    def freeze(self, speeds):
        begin = self.now()
        speeds.change((begin, self.now()), 0)
        self.host += self.FREEZE_NS
        end = self.now()
        speeds.change((end, self.now()), 1)
        self.thawed = end
        self.lag += end - begin
        if self.fault == "a freeze leaks 1 ms":
            self.lag -= 10**6
        if self.fault == "a thaw loses 1 ms":
            self.lag += 10**6


def simulate(fault):
    """As a Trial does it, five freezes."""
    program, speeds, found, reports = Simulated(fault), Speeds(), [], []
    for _ in range(6):
        reports.append(program.ask())
        if len(reports) > 1:
            found += judge_advance(*reports[-2:], speeds)
        program.freeze(speeds)
    return found + judge_agreement(reports)


def case_simulation(_directory):
    """known-bad control: simulated clocks, one right and the others a little wrong"""
    Tap.check("control: a right clock passes", simulate("none"))
    for fault in ("a freeze leaks 1 ms", "a thaw loses 1 ms", "one clock runs on",
                  "a coarse clock shows a tick from before the thaw", "RAW drifts by 5 us"):
        Tap.check("control: %s, and is caught" % fault,
                  [] if simulate(fault) else ["the judge did not see it"])


def case_epoch(_directory):
    """a group with an epoch of its own"""
    epoch, offsets, before = 1893456000 * 10**9, Offsets(), now()
    group = Group("judge-epoch", "--epoch", "2030-01-01T00:00:00Z")
    window = before, now()
    with stopping([group.run("python3", command("python3"))]) as programs:
        programs[0].ask()
        group.freeze()
        time.sleep(0.5)
        group.thaw()
        line, report = group.show(), programs[0].ask()
        found = judge_place(report, line, offsets, line["epoch_ns"])
        least, _ = group.speeds.advance(window[1], report.asked)
        _, most = group.speeds.advance(window[0], report.told)
        if not least - ROUNDING_NS <= report.readings["real_ns"].low - epoch <= most + ROUNDING_NS:
            found.append("REALTIME is %s" % report.values["real_ns"])
        Tap.check("an epoch moves REALTIME and TAI and nothing else", found)


def case_by_hand(_directory):
    """cgroup.freeze written by hand, with no vt process alive"""
    group = Group("judge-hand")
    trial = Trial(start(present(("python3", "C in threads")), group.run), group)
    with stopping(trial.programs):
        trial.ask()
        alive = [c for c in ("vtctl", "vtd") if runs(c)]
        for _ in range(20):
            group.freeze(by_hand=True)
            time.sleep(dice.uniform(0.01, 0.2))
            group.thaw(by_hand=True)
            trial.ask()
        trial.ask(group.show())
        Tap.check("no vt process is alive", ["%s is" % c for c in alive])
        trial.verdicts("%s: 20 freezes by echo 1 > cgroup.freeze stop every clock")


# ---- families ----------------------------------------------------------------------------------


def judge_family(family, speeds, line, offsets, earlier):
    """Every member, born before or since, is on the line; those known before advanced rightly."""
    found, reports = family.judge_backs(), family.ask()
    for tid, report in reports.items():
        found += judge_place(report, line, offsets)
        if tid in earlier:
            found += judge_advance(earlier[tid], report, speeds)
    earlier.update(reports)
    return found


def case_family(directory):
    """threads, children, daemons, exec, and clones that race the freeze"""
    group, offsets, earlier = Group("judge-family"), Offsets(), {}
    family = Family(directory, "family", [VTCTL, "run", group.name, "--"])
    members = set(family.kinds())
    stopped, clocks = [], judge_family(family, group.speeds, group.show(), offsets, earlier)
    for i in range(6):
        group.freeze(by_hand=i % 2 == 0)
        stopped += family.judge_stopped(dice.uniform(0.1, 0.6))
        group.thaw(by_hand=i % 2 == 0)
        family.spawn(2)
        clocks += judge_family(family, group.speeds, group.show(), offsets, earlier)
    for _ in range(100):  # clones in all phases of short freezes
        group.freeze(by_hand=True)
        stopped += family.judge_stopped(0.002)
        group.thaw(by_hand=True)
        time.sleep(dice.uniform(0, 0.02))
    clocks += judge_family(family, group.speeds, group.show(), offsets, earlier)
    print("# %d members (%s), %d clones in the storms" % (
        len(family.members()), ", ".join(sorted(members)), family.head()[4]))
    Tap.check("threads, children, session leaders, daemons, exec and storms all stop", stopped)
    Tap.check("threads and children, those born between two freezes and setsid ones too, are on "
              "one clock (ancestors: threads and children not corrected, a child born between two "
              "freezes, a child that calls setsid escaping)", clocks)
    group.delete()
    Tap.check("nobody escapes delete --kill", [
        "PID %d" % m[0] for m in family.members() if is_alive(m[0])])


def case_nested(directory):
    """groups below groups, with and without a clock of their own"""
    outer = Group("judge-nest")
    own = Group("judge-nest/own", parent=outer)
    inner = outer.path + "/inner"
    os.mkdir(inner)
    offsets, run = Offsets(), [VTCTL, "run"]
    enter = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', inner]
    families = [(Family(directory, "outer", run + [outer.name, "--"]), outer, {}),
                (Family(directory, "inner", run + [outer.name, "--"] + enter), outer, {}),
                (Family(directory, "own", run + [own.name, "--"]), own, {})]

    def judge_all():
        found = []
        for family, group, earlier in families:
            found += judge_family(family, group.speeds, group.show(), offsets, earlier)
        return found

    clocks, stopped = judge_all(), []
    for by_hand in False, True, False:
        outer.freeze(by_hand)
        for family, _, _ in families:
            stopped += family.judge_stopped()
        outer.thaw(by_hand)
        clocks += judge_all()
    Tap.check("freezing a group stops all groups below it", stopped)
    lags = [g.show()["lag_ns"] for g in (outer, own)]
    Tap.check("a clock below a frozen group stops and starts at the same instants",
              ["lags are %d and %d" % tuple(lags)] * (lags[0] != lags[1]))

    own.freeze()
    found = families[2][0].judge_stopped()
    found += ["%s stands, too" % f.name for f, _, _ in families[:2] if not f.judge_stopped()]
    own.thaw()
    Tap.check("freezing a group with a clock of its own stops that group alone", found)
    clocks += judge_all()

    write(inner + "/cgroup.freeze", "1")
    time.sleep(0.3)
    found = families[1][0].judge_stopped()
    write(inner + "/cgroup.freeze", "0")
    Tap.check("a plain child cgroup can be frozen alone; the clock that it shares goes on",
              found + judge_all())
    Tap.check("nested groups are on their clocks all the time", clocks)
    for family, _, _ in families:
        family.stop()
    write(inner + "/cgroup.kill", "1")
    while "populated 0" not in pathlib.Path(inner, "cgroup.events").read_text(encoding="ascii"):
        time.sleep(0.02)
    os.rmdir(inner)


# ---- rates -------------------------------------------------------------------------------------


def case_rates(_directory):
    """rates and changes between them under spinning readers"""
    group = Group("judge-rates")
    names = "C in threads", "static C in threads", "python3", "static Go"
    trial = Trial(start(present(names), group.run), group)
    with stopping(trial.programs):
        trial.ask(group.show())
        for rate in "0.1", "10", "0.5", "2", "0.001", "1000", "1/3", "1":
            group.set_rate(rate)
            trial.ask(group.show())
            time.sleep(dice.uniform(0.2, 0.6))
            trial.ask(group.show())
            if rate in ("0.1", "2"):
                trial.freeze(dice.uniform(0.3, 1), by_hand=rate == "2")
        for _ in range(100):
            group.set_rate(dice.choice(["0.1", "0.5", "1", "2", "10"]))
        trial.ask(group.show())
        for p in trial.programs:
            trial.found[p.name] += judge_agreement(trial.reports[p.name])
        trial.verdicts("%s: rates 0.001 to 1000, freezes between them and 100 changes at once are "
                       "continuous and never go back (ancestors: a change of the TDF jumps)")
        last = trial.reports[trial.programs[0].name][-1]
        print("# %s readings by %s" % (last.values["reads"], trial.programs[0].name))
        group.freeze()
        group.set_rate("10")
        before, after = group.show(), group.show()
        found = ["virtual time passes while frozen"] * (
            before["virtual_ns"] != after["virtual_ns"])
        group.thaw()
        line = group.show()
        for p in trial.programs:
            found += judge_place(p.ask(), line, trial.offsets)
        Tap.check("a rate set while frozen holds from the thaw on",
                  found + ["rate is %s" % line["rate"]] * (line["rate"] != 10))


# ---- joining -----------------------------------------------------------------------------------


def case_moves(_directory):
    """moved in and out under spinning readers"""
    group = Group("judge-moves")
    root = pathlib.Path(group.path).parents[1]
    trial = Trial(start(present(("C in threads", "python3"))), group)
    with stopping(trial.programs):
        trial.ask(HOST_LINE)
        for _ in range(200):
            for place in group.path, root:
                for p in trial.programs:
                    write("%s/cgroup.procs" % place, str(p.pid))
        trial.ask(HOST_LINE)
        trial.verdicts("%s: 200 moves into a group without lag and out again are not noticed")


def toss(group, rates):
    """Freeze and thaw, perhaps before all have stopped; another rate, running or frozen."""
    rate = dice.choice(rates)
    if dice.random() < 0.5:
        group.set_rate(rate)
        rate = None
    group.freeze(by_hand=True, wait=dice.random() < 0.5)
    time.sleep(dice.uniform(0, 0.02))
    if rate:
        group.set_rate(rate)
    group.thaw(by_hand=True)


def case_storm(_directory):
    """freezes, rates, joins and leaves at random under spinning readers (VT_STORMS of them)"""
    # All the time that there is, but not against the one who makes the storm
    spin = ["nice", "-n", "19", str(BUILT / "spin"), "-t"]
    behind, ahead = Group("judge-behind"), Group("judge-ahead")
    behind.set_rate("0.001")
    ahead.set_rate("1000")
    time.sleep(1)
    # From a clock that is behind to the host's and on to one that is ahead none goes back.
    path = [str(pathlib.Path(behind.path).parents[1]), ahead.path]
    threads = str(2 * (os.cpu_count() or 1))
    readers = [g.run("reader in " + g.name, spin + [threads]) for g in (behind, ahead)]
    movers, found = [], []
    with stopping(readers):
        for i in range(int(os.environ.get("VT_STORMS") or 20)):
            movers.append((behind.run("mover %d" % i, spin + ["1"]), iter(path)))
            found += judge_backs(movers[-1][0].ask())  # it has come in
            toss(behind, ("0.001", "0.1", "0.5", "1"))
            toss(ahead, ("0.5", "1", "2", "10", "1000"))
            for mover, places in movers[:]:
                place = next(places, None)
                if place:
                    write(place + "/cgroup.procs", str(mover.pid))
                    continue
                found += judge_backs(mover.ask())
                mover.stop()
                movers.remove((mover, places))
        reports = [r.ask() for r in readers]
        for report in reports:
            found += judge_backs(report)
        print("# %s readings in the groups" % " and ".join(r.values["reads"] for r in reports))
        Tap.check("no clock goes back through freezes, rates, leaves and joins at random", found)
        last = movers[-1][0]
        for place in path[1], path[0]:
            write(place + "/cgroup.procs", str(last.pid))
            report = last.ask()
        Tap.check("control: a move from ahead to the host is seen",
                  [] if judge_backs(report) else ["no step back was noticed"])
        for mover, _ in movers:
            mover.stop()


def case_joining(_directory):
    """joining a group that lags"""
    group, offsets = Group("judge-join"), Offsets()
    resident = group.run("resident", command("python3"))
    spin = Program("spin", command("C in threads"))
    with stopping([resident, spin]):
        resident.ask()
        group.freeze()
        time.sleep(0.7)
        group.thaw()
        first = spin.ask()
        done = vtctl("attach", group.name, str(spin.pid), status=1)
        found = judge_advance(first, spin.ask(), Speeds()) + judge_backs(spin.ask())
        found += ["the message does not say by how much: %s" % error_of(done)] * (
            "step back by" not in error_of(done))
        Tap.check("moving in is refused where time would step back, and nothing changes", found)

        vtctl("attach", group.name, str(spin.pid), "--allow-step")
        report = spin.ask()
        Tap.check("--allow-step puts all clocks onto the group's",
                  judge_place(report, group.show(), offsets))
        Tap.check("control: that step back is seen by the spinning threads",
                  [] if judge_backs(report) else ["no step back was noticed"])
        steps = group.show()["steps_back"]
        Tap.check("the step is counted", ["steps_back is %d" % steps] * (steps != 1))

        vtctl("detach", str(spin.pid))
        Tap.check("who is moved out reads the host's clocks again",
                  judge_place(spin.ask(), HOST_LINE, offsets))


# ---- the ancestors' defects --------------------------------------------------------------------


def unchanged(group, action):
    """What `action` did to a running group's clock: it should do nothing."""
    with stopping([group.run("witness", command("python3"))]) as programs:
        first, before = programs[0].ask(), group.show()
        found = action() or []
        after = group.show()
        found += ["state is %s" % after["state"]] * (after["state"] != "running")
        found += ["%s changed" % key for key in ("lag_ns", "frozen_ns", "freezes", "rate")
                  if before[key] != after[key]]
        return found + judge_advance(first, programs[0].ask(), group.speeds)


def refused(*args, status=1):
    done = vtctl(*args, status=None)
    found = [] if done.returncode == status else ["vtctl %s: exit status %d instead of %d" % (
        " ".join(args), done.returncode, status)]
    return found + ["no message of one line: %r" % done.stderr] * (done.stderr.count("\n") != 1)


def case_freeze_twice(_directory):
    """ancestors: thaw without freeze, double freeze, double thaw"""
    group = Group("judge-twice")
    Tap.check("ancestors: thaw without freeze is refused and changes nothing",
              unchanged(group, lambda: refused("thaw", group.name)))
    with stopping([group.run("witness", command("python3"))]) as programs:
        first, before = programs[0].ask(), group.show()
        group.freeze()
        found = refused("freeze", group.name)
        write(group.path + "/cgroup.freeze", "1")
        time.sleep(0.4)
        group.thaw()
        after = group.show()
        found += group.judge_books(before, after)
        Tap.check("ancestors: a double freeze is refused, counts once and ends with one thaw",
                  found + judge_advance(first, programs[0].ask(), group.speeds))
    Tap.check("ancestors: a double thaw is refused and changes nothing", unchanged(
        group, lambda: [write(group.path + "/cgroup.freeze", "0")] and refused("thaw", group.name)))


def take_pid(pid, patience_s=20):
    """A process outside that has this very PID, or None: PIDs are given out in turn."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            write("/proc/sys/kernel/ns_last_pid", str(pid - 1))
        except OSError:
            return None
        program = Program("reused", command("python3"))
        if program.pid == pid:
            return program
        program.stop()
    return None


def case_pid_reuse(_directory):
    """ancestors: removing a PID, and PID reuse"""
    group, offsets = Group("judge-pid"), Offsets()
    with stopping([group.run("resident", command("python3"))]) as resident:
        resident[0].ask()
        leaver = group.run("leaver", command("python3"))
        with stopping([leaver]):
            leaver.ask()
            group.freeze()
            time.sleep(0.5)
            group.thaw()
            before = group.show()
            vtctl("detach", str(leaver.pid))
            found = judge_place(leaver.ask(), HOST_LINE, offsets)
            found += judge_place(resident[0].ask(), before, offsets)
        Tap.check("ancestors: removing a PID gives it the host's clocks and leaves the others "
                  "alone", found)
        dead = leaver.pid
        Tap.check("ancestors: a dead PID is reported as a failure",
                  refused("attach", group.name, str(dead)) + refused("detach", str(dead)))
        member = group.run("member", command("python3"))
        member.ask()
        member.stop()
        name = "ancestors: a new process with a member's old PID is not a member"
        reused = take_pid(member.pid)
        if reused is None:
            Tap.skip(name, "the PID could not be had again")
            return
        with stopping([reused]):
            first = reused.ask()
            group.freeze()
            time.sleep(0.3)
            answered = reused.ask()
            group.thaw()
            Tap.check(name, judge_place(answered, HOST_LINE, offsets) +
                      judge_advance(first, answered, Speeds()))


def case_partial_words(_directory):
    """ancestors: partial words"""
    group = Group("judge-words")
    words = [("f", group.name), ("freez", group.name), ("freezee", group.name), ("t", group.name),
             ("FREEZE", group.name), ("freeze", "--al"), ("rate", group.name, "2x"),
             ("rate", group.name, ""), ("rate", group.name, "1e9"), ("rate", group.name, "0"),
             ("rate", group.name, "-1"), ("rate", group.name, "nan"),
             ("create", "judge-x", "--rat", "2"), ("attach", group.name, "1x"),
             ("attach", group.name, ""), ("freeze",), ("",)]
    Tap.check("ancestors: partial words and malformed numbers are refused and change nothing",
              unchanged(group, lambda: sum((refused(*w, status=2) for w in words), [])))


def case_unload(_directory):
    """ancestors: unloaded while frozen (last: takes vt's pins away)"""
    group = Group("judge-unload")
    program = group.run("witness", command("python3"))
    with stopping([program]):
        program.ask()
        group.freeze()
        if group.is_virtual:
            Tap.check("ancestors: unload while frozen is refused", refused("unload"))
        vtctl("unload", "--force")
        program.send()
        found = ["runs although frozen"] * program.answers(0.3)
        vtctl("thaw", "--all")
        found += ["does not come back"] * (not program.answers())
        vtctl("load")
        first, second = program.receive(), program.ask()
        found += judge_advance(first, second, Speeds())
        Tap.check("ancestors: tasks frozen while vt is unloaded can be thawed, and time goes on",
                  found)
    with contextlib.suppress(OSError):
        os.rmdir(group.path)


# ---- systemd -----------------------------------------------------------------------------------


def case_systemd(_directory):
    """systemctl freeze of a service that was given a clock in place"""
    name = "systemctl freeze of a service stops its clocks"
    if not os.path.isdir("/run/systemd/system"):
        Tap.skip(name, "systemd does not run here")
        return
    with tempfile.TemporaryDirectory() as directory:
        paths = [os.path.join(directory, n) for n in ("in", "out")]
        for p in paths:
            os.mkfifo(p)
        script = 'exec "$@" <"$0/in" >"$0/out"'
        unit = "vt-judge-%d.service" % os.getpid()
        subprocess.run(["systemd-run", "--quiet", "--unit", unit, "sh", "-c", script, directory,
                        *command("python3")], check=True)
        program = Program("service", ["sh", "-c", 'exec 3<&0; cat <&3 >"$0/in" & exec cat "$0/out"', directory])
        with stopping([program]):
            program.ask()
            path = subprocess.run(["systemctl", "show", "-P", "ControlGroup", unit], check=True,
                                  capture_output=True, text=True).stdout.strip()
            group = Group(path)
            trial = Trial([program], group)
            trial.ask(group.show())
            for verb, stop in ("freeze", True), ("thaw", False):
                before = now()
                subprocess.run(["systemctl", verb, unit], check=True)
                group.change((before, now()), group.name, stop)
                time.sleep(0.6 if stop else 0)
            trial.ask(group.show())
            Tap.check(name, trial.found[program.name])
        subprocess.run(["systemctl", "stop", unit], check=False)


# ---- all ---------------------------------------------------------------------------------------

CASES = [case_simulation, case_control, case_inside, case_moved, case_epoch, case_by_hand,
         case_family, case_nested, case_rates, case_moves, case_storm, case_joining, case_freeze_twice,
         case_pid_reuse, case_partial_words, case_systemd, case_unload]


def name_of(case):
    return case.__name__[len("case_"):].replace("_", "-")


def run(case):
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        try:
            os.chmod(directory, 0o755)
            case(directory)
        except Exception:  # a case that breaks is a failed test, not the end of all
            Tap.check("%s runs to its end" % case.__doc__, traceback.format_exc().splitlines()[-8:])
        finally:
            Group.delete_all()
    print("# %s took %.1f s" % (name_of(case), time.monotonic() - began), flush=True)


def main(arguments):
    if arguments == ["--list"]:
        for case in CASES:
            print("%-14s %s" % (name_of(case), case.__doc__))
        return 0
    wanted = [c for c in CASES if not arguments or name_of(c) in arguments]
    if len(wanted) < len(arguments) or any(a.startswith("-") for a in arguments):
        print(__doc__.strip().splitlines()[0], file=sys.stderr)
        return 2
    source = pathlib.Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    print("# JUDGE_SEED=%d, clock source %s (tsc and kvm-clock are read in the vDSO)" % (
        SEED, source.read_text(encoding="ascii").strip()), flush=True)
    vtctl("load")
    for case in wanted:
        run(case)
    print("1..%d" % Tap.count)
    return 1 if Tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
