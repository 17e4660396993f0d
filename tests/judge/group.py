# SPDX-License-Identifier: MIT
"""The driver's hands: vtctl, groups, and families of processes seen from outside."""
import ctypes
import json
import mmap
import os
import pathlib
import signal
import struct
import subprocess
import time
from fractions import Fraction

from judge import PATIENCE_S, Program, Report, Speeds, coarse_now, load_json, now, parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
VTCTL = os.environ.get("VTCTL", str(ROOT / "build/vtctl"))
# For a try-out on a kernel without virtual clocks: JUDGE_OPTIONS=--freeze-only. Verdicts about
# clocks must then fail.
OPTIONS = os.environ.get("JUDGE_OPTIONS", "").split()
BUILD = ROOT / os.environ.get("B", "build")
BUILT, LIBVT = BUILD / "judge", BUILD / "libvt.so"


def vtctl(*args, status=0):
    """Run it; an unexpected exit status is a failed test. None: any will do."""
    done = subprocess.run([VTCTL, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)
    if status is not None and done.returncode != status:
        raise AssertionError("vtctl %s: exit status %d instead of %d: %s" % (
            " ".join(args), done.returncode, status, done.stderr.strip()))
    return done


def write(path, text):
    """By hand, with host stamps around it."""
    fd = os.open(path, os.O_WRONLY)
    try:
        before = now()
        os.write(fd, text.encode())
        return before, now()
    finally:
        os.close(fd)


class Group:
    all = []

    def __init__(self, name, *options, parent=None):
        vtctl("create", name, *(options or OPTIONS))
        self.name, self.parent, self.rate = name, parent, 1
        self.speeds, self.frozen_windows, self.frozen = Speeds(), [], set()
        self.inner = []
        if parent:
            parent.inner.append(self)
        Group.all.append(self)
        status = self.show()
        self.path, self.is_virtual = status["path"], status["is_virtual"]

    def show(self):
        return load_json(vtctl("show", self.name, "-j").stdout)

    def run(self, name, command):
        return Program(name, command, prefix=[VTCTL, "run", self.name, "--"])

    def change(self, window, who, stop):
        """Book that `who` (this group or an ancestor) stops or starts it."""
        held = bool(self.frozen)
        (self.frozen.add if stop else self.frozen.discard)(who)
        if bool(self.frozen) != held:
            self.frozen_windows.append(window)
            self.speeds.change(window, 0 if self.frozen else self.rate)
        for group in self.inner:
            group.change(window, who, stop)

    def act(self, verb):
        before = now()
        vtctl(verb, self.name)
        return before, now()

    def freeze(self, by_hand=False, wait=True):
        window = write(self.path + "/cgroup.freeze", "1") if by_hand else self.act("freeze")
        self.change(window, self.name, True)
        if wait:
            self.wait_frozen(True)

    def thaw(self, by_hand=False):
        window = write(self.path + "/cgroup.freeze", "0") if by_hand else self.act("thaw")
        self.change(window, self.name, False)

    def wait_frozen(self, wanted):
        deadline = time.monotonic() + PATIENCE_S
        text = "frozen %d" % wanted
        while text not in pathlib.Path(self.path, "cgroup.events").read_text(encoding="ascii"):
            if time.monotonic() > deadline:
                raise AssertionError("%s: cgroup.events never says '%s'" % (self.name, text))
            time.sleep(0.01)

    def set_rate(self, rate):
        before = now()
        vtctl("rate", self.name, rate)
        window = before, now()
        self.rate = Fraction(rate)
        if not self.frozen:
            self.speeds.change(window, self.rate)

    def judge_books(self, older, newer):
        """vt's own statement of the time frozen, against the windows of a freeze and its thaw."""
        found = []
        stop, start = self.frozen_windows[-2:]
        frozen = newer["frozen_ns"] - older["frozen_ns"]
        if not start[0] - stop[1] <= frozen <= start[1] - stop[0]:
            found.append("frozen_ns grew by %d, outside [%d, %d]" % (
                frozen, start[0] - stop[1], start[1] - stop[0]))
        if newer["freezes"] != older["freezes"] + 1:
            found.append("freezes went from %d to %d" % (older["freezes"], newer["freezes"]))
        for s in older, newer:
            if s["lag_ns"] != s["real_ns"] - s["virtual_ns"]:
                found.append("lag_ns is not real_ns - virtual_ns")
        if self.rate == 1 and newer["lag_ns"] - older["lag_ns"] != frozen:
            found.append("lag grew by %d, frozen_ns by %d" % (newer["lag_ns"] - older["lag_ns"],
                                                              frozen))
        return found

    def delete(self):
        vtctl("delete", self.name, "--kill", status=None)
        Group.all.remove(self)

    @classmethod
    def delete_all(cls):
        for group in reversed(cls.all[:]):
            group.delete()


class Rate:
    """A group's, set through libvt: vtctl would have to start each time."""

    def __init__(self, group):
        self.vt, self.group, machine = ctypes.CDLL(str(LIBVT)), ctypes.c_void_p(), ctypes.c_void_p()
        self.vt.vt_message.restype = ctypes.c_char_p
        self.call("vt_open", ctypes.byref(machine))
        self.call("vt_group_open", machine, group.name.encode(), ctypes.byref(self.group))

    def call(self, name, *args):
        if getattr(self.vt, name)(*args) < 0:
            raise AssertionError("%s: %s" % (name, self.vt.vt_message().decode()))

    def set(self, text):
        rate = ctypes.c_uint64()
        self.call("vt_parse_rate", text.encode(), ctypes.byref(rate))
        self.call("vt_group_set_rate", self.group, rate)


class Family:
    """clocks/family.c, through its shared file."""

    HEAD, SLOT = struct.Struct("<IIIIQQ"), struct.Struct("<II16sQqqqQ")

    def __init__(self, directory, name, prefix, suffix=()):
        self.name = name
        path = pathlib.Path(directory, name)
        path.write_bytes(bytes(64 * 64))
        path.chmod(0o666)  # one member becomes nobody
        with open(path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 64 * 64)
        self.process = subprocess.Popen([*prefix, str(BUILT / "family"), str(path), *suffix],
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        self.wait_for(9 + (os.getuid() == 0))

    def head(self):
        return self.HEAD.unpack_from(self.memory, 0)

    def members(self):
        slots = [self.SLOT.unpack_from(self.memory, 64 * i) for i in range(1, 1 + self.head()[2])]
        return [s for s in slots if s[0]]

    def set_word(self, index, value):
        struct.pack_into("<I", self.memory, 4 * index, value)

    def wait_for(self, count):
        deadline = time.monotonic() + PATIENCE_S
        while len(self.members()) < count:
            if time.monotonic() > deadline:
                raise AssertionError("%s: %d members instead of %d: %s" % (
                    self.name, len(self.members()), count, self.kinds()))
            time.sleep(0.01)

    def kinds(self):
        return [self.kind(m) for m in self.members()]

    @staticmethod
    def kind(member):
        return member[2].rstrip(b"\0").decode()

    def spawn(self, count):
        total = len(self.members()) + count
        self.set_word(1, self.head()[1] + count)
        self.wait_for(total)

    def pulse(self):
        """Grows while anybody runs."""
        return [m[3] for m in self.members()] + [self.head()[4], self.head()[2]]

    def judge_stopped(self, span_s=0.3):
        before = self.pulse()
        time.sleep(span_s)
        if self.pulse() == before:
            return []
        return ["%s: not all stand still: %s" % (self.name, [
            kind for kind, old, new in zip(self.kinds() + ["storm"], before, self.pulse())
            if old != new])]

    def ask(self):
        """A report of each member, with stamps of their own around each."""
        word = self.head()[0] + 1
        coarse, asked = coarse_now(), now()
        self.set_word(0, word)
        reports, deadline = {}, time.monotonic() + PATIENCE_S
        while len(reports) < len(self.members()):
            for m in self.members():
                if m[1] == word and m[0] not in reports:
                    values, readings = parse("mono_ns=%d sys_mono_ns=%d real_ns=%d" % m[4:7])
                    reports[m[0]] = Report("%s %s" % (self.name, self.kind(m)), asked, now(),
                                           coarse, values, readings)
            if time.monotonic() > deadline:
                raise AssertionError("%s: no answer from %s" % (self.name, [
                    self.kind(m) for m in self.members() if m[0] not in reports]))
            time.sleep(0.001)
        return reports

    def judge_backs(self):
        backs = self.head()[5]
        return ["%s: %d steps back between parents and children" % (self.name, backs)] * bool(backs)

    def stop(self):
        """For those that no group kills."""
        for m in self.members():
            try:
                os.kill(m[0], signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def is_alive(pid):
    """Zombies are dead."""
    try:
        return " Z " not in pathlib.Path("/proc/%d/stat" % pid).read_text(encoding="utf-8")
    except OSError:
        return False


def runs(comm):
    for path in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text(encoding="utf-8").strip() == comm:
                return True
        except OSError:
            pass
    return False


def error_of(done):
    """The one line of a message, text or JSON."""
    text = done.stderr.strip()
    try:
        return json.loads(text)["error"]
    except ValueError:
        return text
