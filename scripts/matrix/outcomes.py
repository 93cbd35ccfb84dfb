"""What did each set give, and how does the page show it? Counts from pytest's file, a row per set."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from matrix.sets import KINDS, SETS

__all__ = ["Outcome", "counts", "table", "written_into"]

START = "<!-- sdk versions: written by scripts/sdk_matrix.py -->\n"
END = "\n<!-- end of sdk versions -->"
_HEAD = ("set", "with", "passed", "failed", "skipped", "on")
_ROW = re.compile(r"^\| `([^`]+)` (\|.*)$", re.MULTILINE)


class Outcome(NamedTuple):
    """What one set gave."""

    name: str
    versions: str
    passed: int
    failed: int
    skipped: int
    seconds: int
    day: str

    @property
    def is_good(self) -> bool:
        """Something ran, and nothing failed."""
        return self.passed > 0 and self.failed == 0

    @property
    def row(self) -> str:
        """Without its name, as the page shows it."""
        return f"| {self.versions} | {self.passed} | {self.failed} | {self.skipped} | {self.day} |"


def counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed (errors included) and skipped tests of a JUnit file; zeros where there is none."""
    if not report.exists():
        return 0, 0, 0
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest has just written it
    numbers = [
        [int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")] for suite in suites
    ]
    tests, failures, errors, skipped = map(sum, zip(*numbers, strict=True))
    return tests - failures - errors - skipped, failures + errors, skipped


def table(outcomes: Sequence[Outcome]) -> str:
    """One line per set, for a terminal."""
    rows = [Outcome._fields, *([str(cell) for cell in outcome] for outcome in outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def written_into(page: str, outcomes: Sequence[Outcome]) -> str:
    """*page* with the rows of *outcomes*; sets that did not run keep theirs, unknown ones lose it."""
    before, middle = page.split(START)
    inside, after = middle.split(END)
    rows = dict(_ROW.findall(inside)) | {outcome.name: outcome.row for outcome in outcomes}
    return before + START + _tables(rows) + END + after


def _tables(rows: Mapping[str, str]) -> str:
    return "\n\n".join(f"### {heading}\n\n{_table(kind, rows)}" for kind, heading in KINDS.items())


def _table(kind: str, rows: Mapping[str, str]) -> str:
    names = [name for name, one in SETS.items() if one.kind == kind and name in rows]
    head = [f"| {' | '.join(_HEAD)} |", "|" + " --- |" * len(_HEAD)]
    return "\n".join([*head, *(f"| `{name}` {rows[name]}" for name in names)])
