#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print a group's clock a few times, read from memory: clock_now.py GROUP [TIMES [LIBRARY]]"""

import ctypes
import sys
import time


class Ns(ctypes.Structure):  # vt_virtual, vt_real
    _fields_ = [("ns", ctypes.c_int64)]


def check(result, _function, _arguments):
    if result < 0:
        raise SystemExit(vt.vt_message().decode())
    return result


group_name = sys.argv[1]
times = int(sys.argv[2]) if len(sys.argv) > 2 else 3
vt = ctypes.CDLL(sys.argv[3] if len(sys.argv) > 3 else "libvt.so.0")
vt.vt_message.restype = ctypes.c_char_p
for function in (vt.vt_open, vt.vt_group_open, vt.vt_clock_open, vt.vt_clock_now):
    function.errcheck = check

machine, group, clock = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
vt.vt_open(ctypes.byref(machine))
vt.vt_group_open(machine, group_name.encode(), ctypes.byref(group))
vt.vt_clock_open(group, ctypes.byref(clock))
virtual, real = Ns(), Ns()
for _ in range(times):
    vt.vt_clock_now(clock, ctypes.byref(virtual), ctypes.byref(real))
    print(f"virtual {virtual.ns} ns, real {real.ns} ns, lag {real.ns - virtual.ns} ns", flush=True)
    time.sleep(0.05)
