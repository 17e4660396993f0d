# SPDX-License-Identifier: MIT
"""
Where judges run: outside, in groups at some rate, in groups that are frozen and thawed at random, and
where they must fail (the known-bad controls):

  plain   in a storm of freezes, without a clock that would hide them
  jumps   moved to and fro between two clocks
  host    in the host's time, taken for a group at a rate of 0.01

Each run has a cgroup of its own, so that all that it started ends with it.
"""
import json
import os
import pathlib
import random
import subprocess
import threading
import time
from dataclasses import dataclass
from fractions import Fraction

ROOT = pathlib.Path(__file__).resolve().parents[2]
VTCTL = os.environ.get("VTCTL", str(ROOT / "build/vtctl"))
PATIENCE_S = 60
RUN_S, FROZEN_S = (0.005, 0.050), (0.001, 0.300)  # of a storm
STORM_SLOWS = 1 + sum(FROZEN_S) / sum(RUN_S)
JUMP_S = 1.5
CONTROLS = "plain", "jumps", "host"
HOST_SPEED = 0.01


@dataclass(frozen=True)
class Column:
    title: str
    kind: str            # outside, group or one of CONTROLS
    rate: str = "1"
    is_storm: bool = False

    @property
    def is_control(self):
        return self.kind in CONTROLS

    @property
    def speed(self):
        return float(Fraction(self.rate))

    @property
    def claimed_speed(self):
        return HOST_SPEED if self.kind == "host" else self.speed

    @property
    def slows(self):
        """How many times as long waits take in real time, and how many times as long computing."""
        storm = STORM_SLOWS if self.is_storm else 1
        return storm / self.speed, storm

    @property
    def is_slow(self):
        return self.is_storm or Fraction(self.rate) <= Fraction("0.2")

    @property
    def is_calm(self):
        """Lateness is judged here on a machine that does nothing else."""
        return not self.is_storm and Fraction(self.rate) >= 1


def is_rate(text):
    try:
        return Fraction("0.001") <= Fraction(text) <= 1000
    except (ValueError, ZeroDivisionError):
        return False


def parse_column(title):
    """outside, RATE, storm, storm@RATE or one of CONTROLS."""
    if title in ("outside", *CONTROLS):
        return Column(title, title, is_storm=title == "plain")
    word, _, rate = title.rpartition("@")
    if title == "storm":
        word, rate = "storm", "1"
    if word not in ("", "storm") or not is_rate(rate):
        raise ValueError("bad column '%s', legal are outside, RATE, storm, storm@RATE, bad, %s; "
                         "rates are from 0.001 to 1000" % (title, ", ".join(CONTROLS)))
    return Column(title, "group", rate, word == "storm")


# ---- cgroups -----------------------------------------------------------------------------------------


def vtctl(*args):
    done = subprocess.run([VTCTL, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise OSError("vtctl %s: %s" % (" ".join(args), done.stderr.strip()))
    return done.stdout


def cgroup2():
    for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        if line.split()[2] == "cgroup2":
            return pathlib.Path(line.split()[1])
    raise OSError("no cgroup2 is mounted")


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


class Plain:
    """A cgroup without a clock."""

    def __init__(self, name):
        self.path = cgroup2() / "suites" / name
        self.path.mkdir(parents=True, exist_ok=True)
        self.prefix = ["sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', str(self.path)]

    def freeze(self, on):
        write(self.path / "cgroup.freeze", str(int(on)))

    def pids(self):
        return (self.path / "cgroup.procs").read_text(encoding="ascii").split()

    def is_empty(self):
        return "populated 0" in (self.path / "cgroup.events").read_text(encoding="ascii")

    def kill(self):
        """All that is in it and below it."""
        write(self.path / "cgroup.kill", "1")
        end = time.monotonic() + PATIENCE_S
        while not self.is_empty():
            if time.monotonic() > end:
                raise OSError("'%s' cannot be killed: %s" % (self.path, self.pids()))
            time.sleep(0.02)

    def remove(self):
        self.kill()
        for path, _, _ in os.walk(self.path, topdown=False):
            os.rmdir(path)


class Group(Plain):
    """A cgroup with a clock."""

    def __init__(self, name, rate="1"):
        self.name = "suites-" + name
        vtctl("create", self.name, "--rate", rate)
        self.path = pathlib.Path(json.loads(vtctl("show", self.name, "-j"))["path"])
        self.prefix = [VTCTL, "run", self.name, "--"]

    def remove(self):
        self.kill()
        for path, _, _ in os.walk(self.path, topdown=False):
            if path != str(self.path):
                os.rmdir(path)
        vtctl("delete", self.name, "--kill")


# ---- weather -----------------------------------------------------------------------------------------


class Weather(threading.Thread):
    """Does something to a place, at random, until it is told to stop."""

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.dice, self.done, self.count, self.error = random.Random(seed), threading.Event(), 0, ""
        self.frozen_s = 0

    def run(self):
        try:
            while not self.done.is_set():
                self.blow()
                self.count += 1
        except OSError as error:
            self.error = str(error)

    def pause(self, span):
        self.done.wait(self.dice.uniform(*span))

    def blow(self):
        raise NotImplementedError

    def stop(self):
        self.done.set()
        self.join()


class Storm(Weather):
    def __init__(self, place, seed):
        super().__init__(seed)
        self.place = place

    def blow(self):
        self.pause(RUN_S)
        self.place.freeze(True)
        frozen = time.monotonic()
        self.pause(FROZEN_S)
        self.place.freeze(False)
        self.frozen_s += time.monotonic() - frozen


class Jumps(Weather):
    """Moves all from one cgroup to the other, where it is earlier, and back."""

    def __init__(self, places, seed):
        super().__init__(seed)
        self.places = places

    def blow(self):
        self.pause((0.05, 0.25))
        here, there = self.places[self.count % 2], self.places[1 - self.count % 2]
        for pid in here.pids():
            try:
                write(there.path / "cgroup.procs", pid)
            except ProcessLookupError:
                pass


class Site:
    """A column in being: places, and the weather there."""

    def __init__(self, column, name, seed):
        self.places, self.weather = [], None
        if column.kind == "group":
            self.places.append(Group(name, column.rate))
        else:
            self.places.append(Plain(name))
        if column.kind == "jumps":
            self.places.append(self.late_group(name))
            self.weather = Jumps(self.places, seed)
        elif column.is_storm:
            self.weather = Storm(self.places[0], seed)

    @staticmethod
    def late_group(name):
        group = Group(name)
        group.freeze(True)
        time.sleep(JUMP_S)
        group.freeze(False)
        return group

    @property
    def prefix(self):
        return self.places[0].prefix

    def start(self):
        if self.weather:
            self.weather.start()

    def frozen_s(self):
        return self.weather.frozen_s if self.weather else 0

    def stop(self):
        """Returns how often the weather blew, and what went wrong with it."""
        if self.weather and self.weather.is_alive():
            self.weather.stop()
        for place in self.places:
            place.remove()
        return (self.weather.count, self.weather.error) if self.weather else (0, "")
