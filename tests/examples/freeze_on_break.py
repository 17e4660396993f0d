# SPDX-License-Identifier: MIT
"""For gdb: while the program is stopped, so are the others of its group, and their time.

    gdb -p PID -x tests/examples/freeze_on_break.py -ex 'vt-group lab'

gdb stops one process only. Whenever it has (at a breakpoint, say) this freezes the group that the
process is in, and thaws it when the process goes on, ends or is let go. What gdb has stopped counts
as frozen, and can be looked at and changed as ever.
"""

import subprocess

import gdb


class Group(gdb.Command):
    """vt-group GROUP: freeze this group while the program is stopped."""

    def __init__(self):
        super().__init__("vt-group", gdb.COMMAND_RUNNING)
        self.name, self.is_frozen = None, False
        gdb.events.stop.connect(self.freeze)
        gdb.events.cont.connect(self.thaw)
        gdb.events.exited.connect(self.thaw)
        gdb.events.before_prompt.connect(self.check_detached)

    def invoke(self, argument, from_tty):
        self.name = argument
        if gdb.selected_thread():
            self.freeze(None)

    def vtctl(self, verb):
        done = subprocess.run(["vtctl", verb, self.name], capture_output=True, text=True)
        print(done.stderr or f"{verb} {self.name}", end="" if done.stderr else "\n")
        return done.returncode == 0

    def freeze(self, _event):
        if self.name and not self.is_frozen:
            self.is_frozen = self.vtctl("freeze")

    def thaw(self, _event):
        if self.is_frozen:
            self.is_frozen = not self.vtctl("thaw")

    def check_detached(self):
        if not gdb.selected_thread():
            self.thaw(None)


Group()
