# SPDX-License-Identifier: MIT
"""The kernel's own self-tests, built from the distribution's source package by their own Makefiles."""
import os

from columns import cgroup2
from suite import Judge, cached, package_version, read_selftest, read_several, run_quietly, several

PACKAGE = "linux-source-6.12"
TARBALL = "/usr/src/%s.tar.xz" % PACKAGE
NEEDED = ("tools/testing/selftests", "tools/include", "tools/arch/x86/include", "tools/scripts",
          "scripts", "include", "arch/x86/include", "arch/x86/entry/vdso")
DIRECTORIES = "timers", "timens", "vDSO", "futex/functional", "proc", "cgroup"
FUTEX = "futex_wait_timeout", "futex_wait_wouldblock", "futex_requeue_pi_signal_restart", \
    "futex_requeue_pi_mismatched_ops", "futex_wait_uninitialized_heap", \
    "futex_wait_private_mapped_file", "futex_wait", "futex_requeue", "futex_waitv"
REQUEUE_PI = "", "-b", "-b -l", "-b -o", "-l", "-o", "-b -l -t 5000", "-t 500000", "-b -o -t 500000", \
    "-b -l -t 2000000000"  # as its own run.sh does
VDSO = "vdso_test_gettimeofday", "vdso_test_getcpu", "vdso_test_abi", "vdso_test_clock_getres", \
    "vdso_standalone_test_x86", "vdso_test_correctness", "vdso_test_getrandom"
TIMENS = "timens", "timerfd", "timer", "clock_nanosleep", "procfs", "exec", "futex", "vfork_exec"
# The group as the root of what it sees: its cgroups are then made, and frozen, inside the group.
BELOW = "unshare", "-C", "-m", "sh", "-c", 'umount -l "$0" && mount -t cgroup2 none "$0" && exec "$1"'


def build(directory):
    tree = directory / "tree"
    tree.mkdir()
    run_quietly(["tar", "-xf", TARBALL, "-C", str(tree), "--strip-components=1",
                 *("%s/%s" % (PACKAGE, path) for path in NEEDED)])
    # A make that calls this one would have them believe that they were called from the top.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    for name in DIRECTORIES:
        (directory / name).mkdir(parents=True)
        run_quietly(["make", "-s", "-C", str(tree / "tools/testing/selftests" / name),
                     "OUTPUT=%s" % (directory / name)], env=environment)
    run_quietly(["rm", "-rf", str(tree)])


def requeue_pi(path):
    return {" ".join(["futex_requeue_pi", o]).strip(): [path, *o.split()] for o in REQUEUE_PI}


def judges():
    root = cached("kselftest-%s" % package_version(PACKAGE), build)

    def at(name):
        return str(root / name)

    def timers(name, *options, **more):
        return Judge("timers/" + name, (at("timers/" + name), *options), read_selftest, **more)

    def each(name, names, **more):
        return Judge(name, several({n: [at("%s/%s" % (name, n))] for n in names}), read_several(), **more)

    consistency = at("timers/inconsistency-check")
    return [
        timers("nanosleep", waits=20, works=1, at_least=10, is_exact=True, bad="jumps",
               is_quick=True),
        timers("nsleep-lat", waits=200, works=2, at_least=80, is_exact=True, is_cut=True),
        timers("set-timer-lat", waits=125, works=2, at_least=80, is_exact=True, is_cut=True),
        timers("mqueue-lat", waits=11, works=1, at_least=10, is_exact=True, is_quick=True),
        timers("posix_timers", waits=35, works=20),
        Judge("timers/inconsistency-check", (consistency, "-t", "1"), read_selftest, waits=16, works=16,
              slow=several({"clock %d" % c: [consistency, "-t", "1", "-c", str(c)] for c in (0, 1, 7)}),
              bad="jumps"),
        timers("threadtest", "-t", "3", waits=4, works=8, at_least=2, bad="jumps", is_quick=True),
        each("timens", TIMENS, waits=2, works=2, bad="jumps"),
        each("vDSO", VDSO, waits=1, works=6, bad=""),  # compares readings within a microsecond
        Judge("futex/functional", several({
            **{n: [at("futex/functional/" + n)] for n in FUTEX},
            **requeue_pi(at("futex/functional/futex_requeue_pi"))}), read_several(),
            waits=14, works=4, at_least=8, is_exact=True, bad="host"),
        Judge("cgroup/test_freezer", (at("cgroup/test_freezer"),), read_selftest, waits=4, works=3,
              is_alone=True, bad=""),
        Judge("cgroup/test_freezer-below", (*BELOW, str(cgroup2()), at("cgroup/test_freezer")),
              read_selftest, waits=4, works=3, bad=""),
        each("proc", ("proc-uptime-001", "proc-uptime-002"), waits=2, works=3, bad="jumps"),
    ]
