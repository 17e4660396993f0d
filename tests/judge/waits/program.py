# SPDX-License-Identifier: MIT
"""waiter.c's protocol, for what Python programs wait by: one child for each request."""
import asyncio
import os
import queue
import select
import signal
import socket
import sys
import threading
import time


def wait_asyncio(seconds):
    asyncio.run(asyncio.sleep(seconds))


def wait_queue(seconds):
    try:
        queue.Queue().get(timeout=seconds)
    except queue.Empty:
        pass


def wait_socket(seconds):
    here, _there = socket.socketpair()
    here.settimeout(seconds)
    try:
        here.recv(1)
    except socket.timeout:
        pass


def wait_signal(seconds):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    signal.sigtimedwait([signal.SIGUSR2], seconds)


def wait_select(seconds):
    select.select([], [], [], seconds)


def wait_event(seconds):
    threading.Event().wait(seconds)


WAITS = {"sleep": time.sleep, "select": wait_select, "event": wait_event, "queue": wait_queue,
         "socket": wait_socket, "asyncio": wait_asyncio, "sigtimedwait": wait_signal}


def mono():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def say(text):
    os.write(1, (text + "\n").encode())


def serve(words):
    wait, seconds = WAITS[words[2].split(".")[1]], int(words[5]) + int(words[6]) / 1e9
    say("%s ready pid=%d by=%d" % (words[0], os.getpid(), os.getpid()))
    say("%s asleep" % words[0])
    before = mono()
    wait(seconds)
    say("%s done error=0 mono_before=%d mono_after=%d" % (words[0], before, mono()))
    os._exit(0)


signal.signal(signal.SIGCHLD, signal.SIG_IGN)
say("0 ready pid=%d by=%d" % (os.getpid(), os.getpid()))
for line in sys.stdin:
    if len(line.split()) > 2 and not os.fork():
        serve(line.split())
