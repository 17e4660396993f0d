# SPDX-License-Identifier: MIT
"""
The judge's side: programs that are asked for their clocks, and the arithmetic that says what they
may have read.

Nothing here believes vt. The driver stamps the host's CLOCK_MONOTONIC before and after whatever it
does: a question to a program (asked, told) and a change of a group's speed (the change took place
somewhere between the two stamps). Within a window the speed is only known to lie between the old
and the new one; so what may have passed is an interval, as wide as the machine was slow and no
wider. A reading is wrong if it lies outside. There are no tolerances in seconds anywhere.
"""
import dataclasses
import json
import math
import os
import re
import select
import subprocess
import time
from fractions import Fraction

PATIENCE_S = 120  # for answers of a slow machine; never part of a verdict
ROUNDING_NS = 2  # of the host's clocks against each other and of floor()


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def coarse_now():
    return time.clock_gettime_ns(6)  # CLOCK_MONOTONIC_COARSE


# ---- how fast a group's time may have passed ---------------------------------------------------


class Speeds:
    """Intervals of speed over host time, from the windows in which it was changed."""

    def __init__(self):
        self.pieces = [(-math.inf, 1, 1)]  # from, least, most
        self.speed = 1

    def change(self, window, speed):
        least, most = sorted((self.speed, speed))
        self.pieces += [(window[0], least, most), (window[1], speed, speed)]
        self.speed = speed

    def advance(self, start, end):
        """Least and most virtual ns between two host instants."""
        if end < start:
            least, most = self.advance(end, start)
            return -most, -least
        least = most = 0
        ends = [p[0] for p in self.pieces[1:]] + [math.inf]
        for (begin, low, high), stop in zip(self.pieces, ends):
            span = min(end, stop) - max(start, begin)
            if span > 0:
                least += span * low
                most += span * high
        return least, most


# ---- programs ----------------------------------------------------------------------------------

UNITS = {"ns": 1, "us": 1000, "ms": 1000000, "cs": 10000000, "s": 1000000000}
KEY = re.compile(r"(?:sys_|clock_)?([a-z_]+?)(?:_before|_after)?_(ns|us|ms|cs|s)$")
COARSE = {"time", "now", "real_coarse", "mono_coarse", "times"}  # as of the last tick
UPTIMES = {"uptime", "sysinfo", "times"}
ROUNDED_UP = {"sysinfo"}  # else cut
HOST = {
    "real": time.CLOCK_REALTIME, "gtod": time.CLOCK_REALTIME, "time": time.CLOCK_REALTIME,
    "now": time.CLOCK_REALTIME, "real_coarse": time.CLOCK_REALTIME,
    "real_alarm": time.CLOCK_REALTIME, "tai": getattr(time, "CLOCK_TAI", 11),
    "mono": time.CLOCK_MONOTONIC, "mono_coarse": time.CLOCK_MONOTONIC,
    "boot": time.CLOCK_BOOTTIME, "boot_alarm": time.CLOCK_BOOTTIME,
    "uptime": time.CLOCK_BOOTTIME, "sysinfo": time.CLOCK_BOOTTIME,
}


@dataclasses.dataclass
class Reading:
    """What one line says of one clock: its value lay in [low, high], in ns."""

    clock: str
    low: int
    high: int

    @property
    def is_coarse(self):
        return self.clock in COARSE


@dataclasses.dataclass
class Report:
    program: str
    asked: int  # host stamps around the answer
    told: int
    asked_coarse: int  # the tick that a coarse clock may still show
    values: dict
    readings: dict

    def since(self, reading):
        return self.asked_coarse if reading.is_coarse else self.asked


def parse(line):
    values = dict(pair.split("=", 1) for pair in line.split())
    readings = {}
    if "day_hms" in values:
        h, m, s = values["day_hms"].split(":")
        values["day_s"] = str((int(h) * 60 + int(m)) * 60 + int(s))
    for key, text in values.items():
        match = KEY.match(key)
        if not match:
            continue
        clock, unit = match.group(1), UNITS[match.group(2)]
        value = int(text) * unit
        if clock in ROUNDED_UP:
            readings[key] = Reading(clock, value - unit, value)
        else:
            readings[key] = Reading(clock, value, value + unit - 1)
    return values, readings


class Program:
    """A program of clocks/, wherever it runs."""

    def __init__(self, name, command, prefix=()):
        self.name = name
        self.process = subprocess.Popen([*prefix, *command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0, start_new_session=True)
        self.pid = self.process.pid
        self.buffer = b""

    def send(self):
        self.coarse = coarse_now()
        self.asked = now()
        os.write(self.process.stdin.fileno(), b"\n")

    def answers(self, patience_s=PATIENCE_S):
        return bool(select.select([self.process.stdout], [], [], patience_s)[0])

    def receive(self):
        while b"\n" not in self.buffer:
            if not self.answers():
                raise AssertionError("%s gave no answer in %d s" % (self.name, PATIENCE_S))
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise AssertionError("%s has ended: %s" % (self.name, self.process.wait()))
            self.buffer += data
        told = now()
        line, self.buffer = self.buffer.split(b"\n", 1)
        values, readings = parse(line.decode())
        return Report(self.name, self.asked, told, self.coarse, values, readings)

    def ask(self):
        self.send()
        return self.receive()

    def stop(self):
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


# ---- verdicts: lists of what is wrong ----------------------------------------------------------


def wrong(report, key, reading, least, most):
    if reading.high >= least - ROUNDING_NS and reading.low <= most + ROUNDING_NS:
        return []
    off = reading.high - least if reading.high < least else reading.low - most
    return ["%s %s is off by %+.6f s (window %.6f s)" % (report.program, key, off / 1e9,
                                                       (most - least) / 1e9)]


def judge_advance(first, second, speeds, only=None):
    """Each clock advanced by what may have passed between the two readings."""
    found = []
    for key, new in second.readings.items():
        old = first.readings.get(key)
        if old is None or (only and new.clock not in only) or (not only and new.clock in UPTIMES):
            continue
        least, _ = speeds.advance(first.told, second.since(new))
        _, most = speeds.advance(first.since(old), second.told)
        if new.clock == "day":  # HH:MM:SS begins again at midnight
            turns = 86400 * 10**9 * (new.low < old.low)
            new = Reading(new.clock, new.low + turns, new.high + turns)
        delta = Reading(new.clock, new.low - old.high, new.high - old.low)
        found += wrong(second, key, delta, least, most)
    return found


class Offsets:
    """The host's clocks against its CLOCK_MONOTONIC, each as the tightest of many tries."""

    def __init__(self):
        self.known = {clock: self.measure(clock) for clock in set(HOST.values())}

    @staticmethod
    def measure(clock):
        least, most = -math.inf, math.inf
        for _ in range(100):
            before = now()
            value = time.clock_gettime_ns(clock)
            after = now()
            least, most = max(least, value - after), min(most, value - before)
        return least, most

    def of(self, clock):
        return self.known[HOST[clock]]


def judge_place(report, line, offsets, epoch_ns=0, only=None):
    """Each clock lies on the line {real_ns, virtual_ns, rate} within the program's answer."""
    found = []

    def at(instant):
        return line["virtual_ns"] + (instant - line["real_ns"]) * Fraction(line["rate"])

    for key, reading in report.readings.items():
        if reading.clock not in HOST or (only and reading.clock not in only) or (
                not only and reading.clock in UPTIMES):
            continue
        least, most = offsets.of(reading.clock)
        if HOST[reading.clock] in (time.CLOCK_REALTIME, HOST["tai"]):
            least, most = least + epoch_ns, most + epoch_ns
        found += wrong(report, key, reading, at(report.since(reading)) + least,
                       at(report.told) + most)
    return found


def judge_agreement(reports):
    """In one program all clocks stay at the same distance from its CLOCK_MONOTONIC."""
    bounds, found = {}, []
    for report in reports:
        bracket = [report.values.get("mono_%s_ns" % w) for w in ("before", "after")]
        if None in bracket:
            continue
        before, after = map(int, bracket)
        if after < before:
            found.append("%s mono went back within a line" % report.program)
        for key, r in report.readings.items():
            if r.is_coarse or r.clock in UPTIMES or r.clock == "day":
                continue
            least, most = bounds.get(key, (-math.inf, math.inf))
            bounds[key] = max(least, r.low - after), min(most, r.high - before)
    return found + ["%s drifts against mono by %.6f s" % (key, (least - most) / 1e9)
                    for key, (least, most) in bounds.items() if least > most + ROUNDING_NS]


def judge_backs(report):
    if report.values.get("backs", "0") != "0":
        return ["%s: %s steps back, first %s" % (report.program, report.values["backs"],
                                                  report.values["first"])]
    return []


def load_json(text):
    return json.loads(text, parse_float=Fraction)
