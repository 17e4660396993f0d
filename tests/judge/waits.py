#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
usage: waits.py [--list] [--rows NAME,…] [--json FILE] [--bad NAME] [--outside] [COLUMN|CASE…]

Measures the matrix of waits: every way to wait that a program has, in groups that are frozen,
slowed, sped up, joined and left meanwhile. Prints TAP.

  --list        rows, columns and cases
  --rows NAMES  only these: names, families, what is before the first slash, or patterns
  --json FILE   writes every cell there
  --bad NAME    this row's members are outside while the judge takes them for members: it must fail
  --outside     only what needs no kernel with the series

WAITS_SET_CLOCK=1 allows to set the host's clock (it is put back); JUDGE_SEED repeats the random
freezes of an earlier run. WAITS_STORM tells how many operations the case storm does (150; from
1,001 on against 64 tasks), WAITS_GROUPS over how many groups it spreads its tasks (1), WAITS_EACH how
many ms each of its waits lasts (20, or 100). How waits are judged is told in waits_requests.py and
waits_columns.py.
"""
import argparse
import json
import pathlib
import platform
import sys
import time
import traceback

sys.dont_write_bytecode = True  # nothing but build/ is written to

from driver import Tap
from group import Group, vtctl
from waits_cases import CASES, name_of
from waits_columns import Column, Crew, Trial, find_missing
from waits_matrix import SEED
from waits_requests import TooSlow
from waits_rows import ALL, CLOCKS, chosen, is_chosen, missing, rows

ATTEMPTS = 4


def parse(arguments):
    parser = argparse.ArgumentParser(usage=__doc__.strip().splitlines()[0][len("usage: "):],
                                     add_help=False)
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--outside", action="store_true")
    for name in "--rows", "--json", "--bad":
        parser.add_argument(name, default="")
    parser.add_argument("names", nargs="*")
    return parser.parse_args(arguments)


def print_list():
    print("rows")
    for row in ALL:
        print("  %-10s %s" % (row.family, row.name))
    print("columns")
    for c in Column.all:
        print("  %-16s %-12s %s" % (c.name, c.kind, c.title))
    print("cases")
    for case in CASES:
        print("  %-16s %s" % (name_of(case), case.__doc__.strip()))


# ---- running ------------------------------------------------------------------------------------


def guarded(name, function):
    """What breaks is a failed test, not the end of all."""
    began = time.monotonic()
    try:
        function()
    except Exception:
        Tap.check("%s runs to its end" % name, traceback.format_exc().splitlines()[-8:])
    finally:
        Group.delete_all()
        Crew.stop_all()
    print("# %s took %.1f s" % (name, time.monotonic() - began), flush=True)


def run_column(column, wanted):
    guarded(column.name, lambda: column.run(wanted))
    column.report()


def run_case(case):
    def attempts():
        for i in range(ATTEMPTS):
            TooSlow.factor = 2**i
            try:
                return case()
            except TooSlow as error:
                if i == ATTEMPTS - 1:
                    raise
                print("# %s, once more: %s" % (name_of(case), error), flush=True)
            finally:
                Group.delete_all()
                Crew.stop_all()
    guarded(name_of(case), attempts)


# ---- what comes of it ---------------------------------------------------------------------------


def document(wanted):
    return {
        "kernel": platform.release(), "seed": SEED, "bad": list(Trial.bad), "missing": missing,
        "columns": [{"name": c.name, "kind": c.kind, "title": c.title} for c in Column.all],
        "rows": [{"name": r.name, "family": r.family, "how": r.how if r.how != "run" else r.name,
                  "clock": CLOCKS[r.clock], "mode": r.mode} for r in wanted],
        "cells": {r.name: {c.name: c.cells[r.name] for c in Column.all if r.name in c.cells}
                  for r in wanted},
    }


def write_json(path, wanted):
    if path:
        pathlib.Path(path).write_text(json.dumps(document(wanted), indent=1) + "\n",
                                      encoding="utf-8")


def print_red():
    """At the end, where they are seen."""
    for column in Column.all:
        for name, cell in column.cells.items():
            if cell["what"] != "ok":
                print("# red: %s, %s: %s" % (name, column.name, cell["text"]))


def choose(options):
    """Columns and cases, all without names."""
    known = {c.name: c for c in Column.all}
    cases = {name_of(c): c for c in CASES}
    unknown = set(options.names) - set(known) - set(cases)
    unknown |= {options.bad} - {r.name for r in ALL} - {""}
    if unknown:
        print("waits.py: unknown: %s; --list tells the names" % ", ".join(sorted(unknown)),
              file=sys.stderr)
        sys.exit(2)
    if options.outside:
        return [known["outside"]], []
    everything = not options.names
    return ([c for n, c in known.items() if everything or n in options.names],
            [c for n, c in cases.items() if everything or n in options.names])


def main(arguments):
    options = parse(arguments)
    if options.help or options.list:
        print(__doc__.strip()) if options.help else print_list()
        return 0
    columns, cases = choose(options)
    Trial.bad = tuple(filter(None, [options.bad]))
    chosen.extend(filter(None, options.rows.split(",")))
    if not any(map(is_chosen, ALL)):
        print("waits.py: no row '%s'; --list tells the names" % options.rows, file=sys.stderr)
        return 2
    print("# JUDGE_SEED=%d" % SEED, flush=True)
    if not options.outside:
        vtctl("load")
    find_missing()
    wanted = rows()
    for column in columns:
        run_column(column, wanted)
        write_json(options.json, wanted)
    for case in cases:
        run_case(case)
    print_red()
    print("1..%d" % Tap.count)
    return 1 if Tap.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
