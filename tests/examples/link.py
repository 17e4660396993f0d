#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
usage: link.py DELAY_MS NETNS NETNS

Simulates a link between two network namespaces: what one sends to its device tun0 comes out of the
other's so many milliseconds later. Knows nothing of vt: in a group the delay is in the group's time.
"""
import ctypes
import fcntl
import heapq
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
CLONE_NEWNET = 0x40000000
MTU = 65536


def open_tun(namespace):
    with open("/run/netns/" + namespace, "rb") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
            sys.exit("link: cannot enter '%s': %s" % (namespace, os.strerror(ctypes.get_errno())))
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
    return fd


def main():
    delay, ends = int(sys.argv[1]) / 1000, [open_tun(name) for name in sys.argv[2:4]]
    other = dict(zip(ends, reversed(ends)))
    under_way = []
    while True:
        wait = max(0, under_way[0][0] - time.monotonic()) if under_way else None
        for fd in select.select(ends, [], [], wait)[0]:
            heapq.heappush(under_way, (time.monotonic() + delay, other[fd], os.read(fd, MTU)))
        while under_way and under_way[0][0] <= time.monotonic():
            _, fd, packet = heapq.heappop(under_way)
            try:
                os.write(fd, packet)
            except OSError:
                pass  # an end that is not up takes nothing


main()
