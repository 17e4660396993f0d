#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
usage: controller.py FILE

Keeps a room at 20 degrees by heating: reads the temperature ten times a second, in the middle between
full tenths, and sets the heater's power. Knows nothing of vt; plant.c is the room.
"""
import mmap
import struct
import sys
import time

PERIOD = 0.1

with open(sys.argv[1], "r+b") as f:
    wires = mmap.mmap(f.fileno(), 16)
error_sum = 0
struct.pack_into("d", wires, 8, 0)
while True:
    time.sleep(PERIOD - (time.monotonic() - PERIOD / 2) % PERIOD)
    temperature = struct.unpack_from("d", wires, 0)[0]
    if temperature == 0:
        continue  # the sensor has no power yet
    error = 20 - temperature
    error_sum += error * PERIOD
    struct.pack_into("d", wires, 8, max(0, 2 * error + 1.5 * error_sum))
