# SPDX-License-Identifier: MIT
"""The columns of the matrix. The first sentence of each is its title."""
import os
import pathlib
import random
import signal
import time

from group import Group, vtctl, write
from judge import now
from waits_columns import Crew, column, freeze, group_at, pin, turn
from waits_requests import OUTSIDE, TooSlow, pump
from waits_rows import S

ROOT = pathlib.Path("/sys/fs/cgroup")
SEED = int(os.environ.get("JUDGE_SEED", time.time_ns() % 10**9))
dice = random.Random(SEED)


def is_exact(row):
    """Waits in the kernel only, and has handlers for the judge's signals."""
    return row.is_exact


def is_one_call(row):
    """Not a series of them: whether a signal meets one or comes between two is chance."""
    return row.is_exact and not row.is_periodic and "recvmmsg" not in row.how


def can_be_stopped(row):
    """
    It does not make a helper late that sleeps one time after another, nor end one call of several,
    of which it is chance what has come by then.
    """
    return (row.is_one_process and "recvmmsg" not in row.how and
            not (row.is_periodic and row.family == "io_uring"))


@column("outside", "outside")
def outside(trial, wanted):
    """in no group"""
    trial.begin(wanted, None, S)
    trial.finish(3)


# ---- rates --------------------------------------------------------------------------------------


def at_rate(rate, seconds):
    def run(trial, wanted):
        group = group_at("rate", rate)
        trial.begin(wanted, group, int(seconds * S), float(rate))
        trial.finish(seconds / float(rate) + 5)
    run.__doc__ = "at rate %s" % rate
    column("rate-" + rate, "rates")(run)


for rate_, seconds_ in (("0.1", 0.6), ("0.5", 1.5), ("1", 2), ("2", 4), ("10", 20)):
    at_rate(rate_, seconds_)


@column("epoch", "rates", is_exact)
def epoch(trial, wanted):
    """at rate 2, with another epoch"""
    trial.begin(wanted, group_at("epoch", "2", "--epoch", "2030-01-01T00:00:00Z"), 3 * S, 2)
    trial.finish(3)


@column("time-namespace", "rates", is_exact)
def time_namespace(trial, wanted):
    """at rate 2, in a time namespace"""
    offsets = ["unshare", "-T", "--monotonic", "100000", "--boottime", "200000"]
    trial.begin(wanted, group_at("timens", "2"), 3 * S, 2, prefix=offsets)
    trial.finish(3)


# ---- freezes ------------------------------------------------------------------------------------


@column("freeze", "freezes")
def one_freeze(trial, wanted):
    """frozen for 4 s"""
    group = group_at("freeze")
    trial.begin(wanted, group, int(2.5 * S), extra_ns=4 * S)
    trial.settle()
    freeze(group, 4, trial.must_wait)
    trial.finish(4)


@column("freezes", "freezes")
def row_of_freezes(trial, wanted):
    """frozen 8 times, for 50 to 500 ms"""
    group = group_at("freezes")
    trial.begin(wanted, group, 3 * S, extra_ns=3 * S)
    trial.settle()
    for _ in range(8):
        freeze(group, dice.uniform(0.05, 0.5))
        pump(dice.uniform(0, 0.1))
    trial.must_wait()
    trial.finish(4)


# ---- changes of the rate ------------------------------------------------------------------------


@column("faster", "rate changes")
def faster(trial, wanted):
    """from rate 0.5 to 4"""
    group = group_at("faster", "0.5")
    trial.begin(wanted, group, 4 * S, extra_ns=-S)
    trial.settle()
    pump(0.3 * TooSlow.factor)
    turn(group, "4")
    trial.must_wait()
    trial.finish(6)


@column("slower", "rate changes")
def slower(trial, wanted):
    """from rate 10 to 0.5"""
    group = group_at("slower", "10")
    trial.begin(wanted, group, 24 * S, rate=5)
    trial.settle()
    turn(group, "0.5")
    trial.must_wait()
    turn(group, "2")
    trial.finish(20)


@column("turned-frozen", "rate changes")
def turned_frozen(trial, wanted):
    """from rate 2 to 0.5 and back to 4 while frozen"""
    group = group_at("turned", "2")
    trial.begin(wanted, group, 6 * S, rate=2, extra_ns=2 * S)
    trial.settle()
    freeze(group, 1, lambda: group.set_rate("0.5"))
    pump(0.2)
    freeze(group, 1, lambda: group.set_rate("4"))
    trial.must_wait()
    trial.finish(6)


# ---- moves: of waits that are the kernel's alone, as other clocks may tell programs other times --


@column("moved-in", "moves", is_exact)
def moved_in(trial, wanted):
    """moved into a slow group, which is then frozen"""
    group = group_at("in", "0.5")
    trial.begin(wanted, None, 3 * S, extra_ns=4 * S)
    trial.settle()
    trial.move(group.path, group.speeds)
    freeze(group, 1.5)
    trial.must_wait()
    trial.finish(6)


@column("moved-out", "moves", is_exact)
def moved_out(trial, wanted):
    """moved out of a slow group"""
    trial.begin(wanted, group_at("out", "0.2"), 2 * S, extra_ns=S)
    trial.settle()
    trial.move(ROOT, OUTSIDE)
    trial.finish(3)


@column("moved-out-frozen", "moves", is_exact)
def moved_out_frozen(trial, wanted):
    """moved out of a frozen group"""
    group = group_at("frozen")
    trial.begin(wanted, group, 2 * S, extra_ns=S)
    trial.settle()
    group.freeze(by_hand=True)
    pin(group, "a_ns")
    pump(0.5)
    trial.move(ROOT, OUTSIDE)
    trial.finish(3)


@column("moved-across", "moves", is_exact)
def moved_across(trial, wanted):
    """moved from one group to another, with other lags and rates, and on to a third"""
    late, ahead, slow = group_at("late", "0.5"), group_at("ahead", "8"), group_at("slow", "0.5")
    turn(ahead, "1")
    trial.begin(wanted, late, 3 * S, extra_ns=S)
    trial.settle()
    trial.move(ahead.path, ahead.speeds)
    pump(0.2)
    trial.move(slow.path, slow.speeds)
    trial.must_wait()
    trial.finish(6)


@column("in-place", "moves", is_exact)
def in_place(trial, wanted):
    """in a cgroup that is given a clock, which is taken away again"""
    directory = ROOT / "waits-in-place"
    directory.mkdir(exist_ok=True)
    crew = Crew(wanted)
    for waiter in crew.programs.values():
        write(directory / "cgroup.procs", str(waiter.pid))
    try:
        trial.begin(wanted, None, 2 * S, extra_ns=S, crew=crew)
        trial.settle()
        group = Group("/waits-in-place")  # at the rate of the host: the instant does not matter
        for w in trial.members:
            w.path.moved((now(), now()), group.speeds)
        turn(group, "0.2")
        pump(1)
        turn(group, "1")
        trial.must_wait()
        vtctl("delete", group.name)
        Group.all.remove(group)
        trial.finish(4)
    finally:
        crew.stop()
        remove(directory)


def remove(directory):
    for _ in range(100):
        try:
            directory.rmdir()
            return
        except OSError:
            pump(0.05)


# ---- signals: as it is with the twin, to which the same is done ----------------------------------


def release(trial, group):
    """What reached members while they were frozen is theirs from the thaw on."""
    thaw = group.speeds.pieces[-1][0]
    for w in trial.members:
        w.released = thaw, thaw


def interrupted(trial, wanted, number):
    group = group_at("signal")
    trial.begin(wanted, group, 3 * S, extra_ns=2 * S)
    trial.settle()

    freeze(group, 2, lambda: trial.kill(number))
    release(trial, group)
    trial.finish(5)


@column("signal", "signals", is_one_call)
def signal_frozen(trial, wanted):
    """a signal with a handler, while frozen"""
    interrupted(trial, wanted, signal.SIGUSR1)


@column("signal-restart", "signals", is_one_call)
def signal_restart(trial, wanted):
    """a signal with a handler that restarts, while frozen"""
    interrupted(trial, wanted, signal.SIGUSR2)


@column("signal-after", "signals", is_one_call)
def signal_after(trial, wanted):
    """a signal with a handler at rate 0.5, after a freeze"""
    group = group_at("signal", "0.5")
    trial.begin(wanted, group, 3 * S, 0.5, extra_ns=S)
    trial.settle()
    freeze(group, 0.5)
    trial.kill(signal.SIGUSR1)
    trial.finish(8)


def stopped(trial, wanted, stop_first, continue_frozen):
    group = group_at("stop")
    trial.begin(wanted, group, 3 * S, extra_ns=2 * S)
    trial.settle()
    if stop_first:
        trial.kill(signal.SIGSTOP)

    def meanwhile():
        if not stop_first:
            trial.kill(signal.SIGSTOP)
        if continue_frozen:
            pump(0.2)
            trial.kill(signal.SIGCONT)

    freeze(group, 1, meanwhile)
    pump(0.2)
    if continue_frozen:
        release(trial, group)
    else:
        trial.kill(signal.SIGCONT)
    trial.finish(6)


@column("stopped-over", "signals", can_be_stopped)
def stopped_over(trial, wanted):
    """SIGSTOP before a freeze, SIGCONT after it"""
    stopped(trial, wanted, True, False)


@column("stopped-in", "signals", can_be_stopped)
def stopped_in(trial, wanted):
    """SIGSTOP while frozen, SIGCONT after it"""
    stopped(trial, wanted, False, False)


@column("continued-in", "signals", can_be_stopped)
def continued_in(trial, wanted):
    """SIGSTOP before a freeze, SIGCONT while frozen"""
    stopped(trial, wanted, True, True)
