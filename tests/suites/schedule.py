# SPDX-License-Identifier: MIT
"""
Runs judges in columns, as many at once as the machine takes without being slow: most only wait. Who
judges lateness has the machine for itself and his like, except where his clock is slow enough.
"""
import os
import select
import subprocess
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, field

from columns import Column, Site
from suite import FAIL, OK, SKIP, STATUS, TIME, Judge

HUGE = 32 << 20     # of output
STORM_LOAD = 0.06   # processors
CALM = 0.4          # part of the processors that may be busy while lateness is judged
ENDLESS = 0.3       # part of all the time that is left when those end that would take for ever
EARLY = 0.1         # who takes less than he must by this part was early; freezes are timed from here


@dataclass
class Cell:
    judge: Judge
    column: Column
    results: dict = field(default_factory=dict)
    status: int | None = None
    remark: str = ""          # how it ended, if not by itself
    is_cut: bool = False      # not all of it was to be run, or had to be
    seconds: float = 0
    gusts: int = 0
    log: str = ""

    @property
    def name(self):
        return "%s@%s" % (self.judge.name.replace("/", "_"), self.column.title)

    @property
    def is_exact(self):
        return self.judge.is_exact and self.column.is_calm

    @property
    def is_endless(self):
        return self.judge.is_cut and self.column.is_slow

    @property
    def expected_s(self):
        waiting, working = self.column.slows
        return self.part * (waiting * self.judge.waits + working * self.judge.works)

    @property
    def part(self):
        return 1 / 3 if self.argv is not self.judge.argv else 1

    @property
    def load(self):
        """Processors that it keeps busy, about."""
        busy = self.part * self.judge.works / max(self.expected_s, 0.1)
        return min(1, busy) + STORM_LOAD * self.column.is_storm

    @property
    def limit_s(self):
        return 60 + 4 * self.expected_s

    @property
    def argv(self):
        if self.column.is_control:
            return self.judge.control or self.judge.argv
        return self.judge.slow if self.judge.slow and self.column.is_slow else self.judge.argv


def has_ended(process, seconds):
    """As Popen.wait(), which looks 20 times a second."""
    fd = os.pidfd_open(process.pid)
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)


class Run:
    """One cell, run once."""

    def __init__(self, cell, number, deadline, seed, logs):
        self.cell, self.deadline = cell, deadline
        self.id, self.seed = "%d-%d" % (os.getpid(), number), seed
        self.log, self.took = logs / (cell.name + ".log"), None

    def __call__(self):
        cell, began = self.cell, time.monotonic()
        try:
            site = Site(cell.column, self.id, self.seed)
            try:
                status = self.run_in(site)
            finally:
                cell.gusts, error = site.stop()
            cell.remark = cell.remark or (error and "its storm broke off: " + error)
            self.read(status)
        except Exception:  # a cell that breaks is a failed cell, not the end of all
            cell.remark = traceback.format_exc().strip().splitlines()[-1]
            cell.results = {STATUS: FAIL}
        cell.seconds, cell.log = time.monotonic() - began, str(self.log)

    def run_in(self, site):
        with tempfile.TemporaryDirectory(prefix="suites-") as scratch, open(self.log, "wb") as log:
            began = time.monotonic()
            process = subprocess.Popen(
                [*site.prefix, *self.cell.argv], cwd=self.cell.judge.cwd or scratch,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "TMPDIR": scratch, "LC_ALL": "C.UTF-8"})
            site.start()
            try:
                status = self.wait(process)
                self.check_time(site, time.monotonic() - began, status)
                return status
            finally:
                for place in site.places:
                    place.kill()
                process.wait()

    def wait(self, process):
        """Its exit status; None if its time was up."""
        began = time.monotonic()
        end = min(began + self.cell.limit_s, self.deadline)
        while time.monotonic() < end:
            if has_ended(process, 0.5):
                return process.wait()
            if os.stat(self.log).st_size > HUGE:
                self.cell.remark = "too much output"
                return FAIL
        self.cell.remark = "no end after %d s" % (time.monotonic() - began)
        return None

    def check_time(self, site, real_s, status):
        """By the clock of who runs it, less the time frozen, at the rate of its own."""
        column, least = self.cell.column, self.cell.judge.at_least
        if least and status is not None and self.cell.argv is self.cell.judge.argv:
            took = (real_s - site.frozen_s() * (column.kind == "group")) * column.claimed_speed
            self.took = OK if took >= least * (1 - EARLY) else FAIL

    def read(self, status):
        cell = self.cell
        cell.status = status
        cell.results = cell.judge.read(self.log.read_text(encoding="utf-8", errors="replace"), status)
        if self.took:
            cell.results[TIME] = self.took
        cell.is_cut = cell.argv is not cell.judge.argv
        if status is None and cell.is_endless:
            cell.results[STATUS], cell.is_cut, cell.remark = SKIP, True, ""


class Scheduler:
    def __init__(self, cells, deadline, seed, logs, say, is_alone=False):
        self.waiting = sorted(cells, key=self.order)
        self.end_of_endless = deadline - ENDLESS * (deadline - time.monotonic())
        self.running, self.lost = {}, []
        self.deadline, self.seed, self.logs, self.say = deadline, seed, logs, say
        self.capacity = 0 if is_alone else os.cpu_count() or 1
        self.changed, self.number = threading.Condition(), 0

    @staticmethod
    def order(cell):
        """Those that want calm; those that take until the end; what all others are compared with."""
        return (not cell.is_exact, not cell.is_endless, cell.column.kind != "outside", -cell.expected_s)

    def fits(self, cell):
        running = [*self.running.values(), cell]
        if cell.judge.is_alone and any(c.judge is cell.judge for c in self.running.values()):
            return False
        part = CALM if any(c.is_exact for c in running) else 1
        return len(running) == 1 or sum(c.load for c in running) <= self.capacity * part

    def run(self):
        with self.changed:
            while self.waiting or self.running:
                if time.monotonic() > self.deadline:
                    self.lost, self.waiting = self.waiting, []
                for cell in [c for c in self.waiting if self.fits(c)]:
                    if self.fits(cell):
                        self.waiting.remove(cell)
                        self.start(cell)
                self.changed.wait(1)

    def start(self, cell):
        self.number += 1
        deadline = self.end_of_endless if cell.is_endless else self.deadline
        run = Run(cell, self.number, deadline, self.seed + self.number, self.logs)
        self.running[self.number] = cell
        threading.Thread(target=self.finish, args=(run, self.number), daemon=True).start()

    def finish(self, run, number):
        run()
        with self.changed:
            del self.running[number]
            self.say(run.cell)
            self.changed.notify()
