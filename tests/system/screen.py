#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vtctl watch on a terminal of its own, and what that shows.

usage: tests/system/screen.py LINES COLUMNS q|INT|TERM|^C|resize

The action ends it; resize makes the terminal 5 lines high first and ends it by q. Prints the lines of
the screen as they were last, then 'status N restored', or 'changed' if the terminal is not as it was.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([a-zA-Z])")


class Screen:
    """Of a terminal as much as watch uses. Fails on sequences that it does not know."""

    def __init__(self):
        self.lines, self.row, self.column = [""], 0, 0
        self.modes = []

    def control(self, argument, letter):
        if letter == "H":
            self.row = self.column = 0
        elif letter == "K":
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif letter == "J":
            self.lines[self.row] = self.lines[self.row][:self.column]
            del self.lines[self.row + 1:]
        elif letter in "hl":
            self.modes.append(argument + letter)
        else:
            raise SystemExit(f"unknown sequence {argument}{letter}")

    def put(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        else:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[:self.column] + char + line[self.column + 1:]
            self.column += 1

    def write(self, text):
        while text:
            found = SEQUENCE.match(text)
            if found:
                self.control(*found.groups())
                text = text[found.end():]
            else:
                self.put(text[0])
                text = text[1:]


def resize(fd, lines, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def read_for(fd, seconds, text, enough=lambda text: False):
    """Until nobody has the other end any more, at the latest."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not enough(text):
        if select.select([fd], [], [], 0.1)[0]:
            try:
                text += os.read(fd, 65536)
            except OSError:
                break
    return text


def act(fd, process, action):
    if action == "q":
        os.write(fd, b"q")
    elif action == "^C":
        os.write(fd, b"\x03")
    else:
        process.send_signal(getattr(signal, "SIG" + action))


def become_session():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def main():
    lines, columns, action = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    master, slave = pty.openpty()
    resize(master, lines, columns)
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(["vtctl", "watch", "--interval", "200ms"], stdin=slave, stdout=slave,
                               stderr=slave, preexec_fn=become_session)
    text = read_for(master, 1, b"")
    while not text:
        text = read_for(master, 1, text)
    if action == "resize":
        resize(master, 5, columns)
        seen = len(text)
        text = read_for(master, 20, text, lambda text: b" more" in text[seen:])
        action = "q"
    act(master, process, action)
    status = process.wait(timeout=20)
    after = termios.tcgetattr(slave)
    os.close(slave)
    text = read_for(master, 20, text)
    screen = Screen()
    screen.write(text.decode())
    print(*screen.lines, sep="\n")
    is_same = after == before and sorted(screen.modes) == [
        "?1049h", "?1049l", "?25h", "?25l"]
    print(f"status {status} {'restored' if is_same else 'changed'}")


main()
