# SPDX-License-Identifier: MIT
"""
What a cell is worth: each subtest against the same one outside. What fails outside too, or is in the
list of expected differences, is not held against the group.
"""
import fnmatch
import pathlib
from dataclasses import dataclass
from fractions import Fraction

from suite import FAIL, OK, SKIP, STATUS, TIME

EXPECTED = pathlib.Path(__file__).resolve().parent / "expected"
GOOD, RED, LOST, OUTSIDE_TOO, EXPECTED_RED, UNSTEADY, SKIPPED = \
    "good", "red", "lost", "outside too", "expected", "unsteady", "skipped"


@dataclass(frozen=True)
class Difference:
    judge: str
    subtest: str
    columns: str
    reason: str

    def covers(self, judge, subtest, column):
        return (fnmatch.fnmatchcase(judge, self.judge) and fnmatch.fnmatchcase(subtest, self.subtest) and
                any(self.is_of(word, column) for word in self.columns.split(",")))

    @staticmethod
    def is_of(word, column):
        if word == "rates":
            return column.kind == "group" and Fraction(column.rate) != 1
        if word == "fast":
            return column.kind == "group" and Fraction(column.rate) > 1
        return word in ("all", column.title)


def read_expected(path=EXPECTED):
    differences = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            fields = [field.strip() for field in line.split("|")]
            if len(fields) != 4 or not all(fields):
                raise ValueError("%s:%d: not 'judge | subtest | columns | reason'" % (path.name, number))
            differences.append(Difference(*fields))
    return differences


class Verdict:
    """Of one cell: {subtest: GOOD, RED...}."""

    def __init__(self, cell, outside, again, expected):
        self.cell, self.of = cell, {}
        for subtest in dict.fromkeys([*outside, *cell.results]):
            word = self.judge(subtest, outside.get(subtest), cell.results.get(subtest), again)
            if word in (RED, LOST) and any(d.covers(cell.judge.name, subtest, cell.column)
                                           for d in expected):
                word = EXPECTED_RED
            if word:
                self.of[subtest] = word
        self.settle_status()

    def judge(self, subtest, outside, here, again):
        if self.cell.column.kind == "outside":
            return {OK: GOOD, FAIL: OUTSIDE_TOO, SKIP: SKIPPED, None: ""}[outside]
        if outside == FAIL:
            return OUTSIDE_TOO
        if SKIP in (outside, here) and (here != FAIL or outside is None) and outside != OK or \
                here == SKIP and subtest == STATUS:
            return SKIPPED
        if here == OK:
            return GOOD
        if here is None:
            return "" if self.cell.is_cut else LOST
        return UNSTEADY if again.get(subtest) == OK else RED

    def settle_status(self):
        """The exit status, and the time it took, say nothing new where a subtest failed only here."""
        others = {word for subtest, word in self.of.items() if subtest not in (STATUS, TIME)}
        if others & {RED, UNSTEADY, EXPECTED_RED} and not self.cell.remark:
            for subtest in STATUS, TIME:
                if self.of.get(subtest) == RED:
                    self.of[subtest] = SKIPPED

    def names(self, *words):
        return [subtest for subtest, word in self.of.items() if word in words]

    def reasons(self):
        """What is red, a line each; what was never reached in one."""
        lines = ["%s: %s" % (name, self.cell.results.get(name, "")) for name in self.names(RED)]
        lost = self.names(LOST)
        if lost:
            more = ", and %d more," % (len(lost) - 1) if len(lost) > 1 else ""
            lines.append("%s%s not reached" % (lost[0], more))
        return lines

    def count(self, *words):
        return len(self.names(*words))

    @property
    def is_empty(self):
        """Nothing of it is good outside."""
        return not self.count(GOOD, RED, LOST, EXPECTED_RED, UNSTEADY)

    @property
    def is_red(self):
        return bool(self.count(RED, LOST))

    def __str__(self):
        """As in the table; legend() explains."""
        total = self.count(GOOD, RED, LOST, EXPECTED_RED, UNSTEADY)
        text = "!%d/%d" % (self.count(RED, LOST), total) if self.is_red else str(total)
        if self.is_empty:
            text = "-"
        for letter, word in (("o", OUTSIDE_TOO), ("e", EXPECTED_RED), ("u", UNSTEADY)):
            if self.count(word):
                text += " %s%d" % (letter, self.count(word))
        return text + (" ~" if self.cell.is_cut else "") + (" H" if self.cell.remark else "")


LEGEND = """\
N all N subtests that are good outside are good here   !M/N M of them are not (or never ended, or are missing)
oN N fail outside too (not counted)   eN N are expected to differ (file 'expected')   uN N failed once and
were good when run again   ~ a part only: too long for a slow clock   H ended by force   - nothing to judge
'bad' is the known-bad control: the cell must have a !"""


def table(rows, titles):
    """rows: {judge name: {title: text}}."""
    cells = [["", *titles]] + [[name, *(row.get(t, "") for t in titles)] for name, row in rows.items()]
    widths = [max(len(row[i]) for row in cells) for i in range(len(titles) + 1)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in cells]
