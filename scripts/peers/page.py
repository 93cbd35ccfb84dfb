"""What did a set show, and how does the page tell it? A row per set, the date in each."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from integration.beside_runs import Check
from peers.sets import SETS

__all__ = ["HEADS", "row_of_mocks", "row_of_peers", "written_into"]

START = "<!-- beside: written by scripts/beside.py -->\n"
END = "\n<!-- end of beside -->"
HEADS = {
    True: (
        "beside",
        "with",
        "ours came first",
        "theirs came first",
        "launched",
        "theirs went first",
        "ours went first",
        "results",
        "call sites",
        "date",
    ),
    False: ("set", "with", "passed", "failed", "skipped", "date"),
}
_ROW = re.compile(r"^\| ([^|]+?) \| (.*) \|$", re.MULTILINE)


def row_of_peers(versions: str, checks: Sequence[Check]) -> tuple[str, ...]:
    """Its cells: of our events those that are right, of how many; and so the app's results."""
    on = [[check for check in checks if check.moment == "both" and check.first == first] for first in _FIRST]
    went = [[check for check in checks if check.moment == "one" and check.gone == gone] for gone in _GONE]
    both = [check for check in checks if check.moment == "both"]
    results = f"{sum(check.same for check in checks)}/{sum(check.calls for check in checks)}"
    sites = f"{sum(check.sited for check in both)}/{sum(check.wanted for check in both)}"
    return (versions, *map(_events, on), *map(_events, went), results, sites, _today())


_FIRST = ("ours", "theirs", "launcher")
_GONE = ("theirs", "ours")


def _events(checks: Sequence[Check]) -> str:
    """Right ones of those wanted, and how many there are if that is another number; `-` if none ran."""
    if not checks:
        return "-"
    right, wanted, events = (
        sum(getattr(check, name) for check in checks) for name in ("right", "wanted", "events")
    )
    return f"{right}/{wanted}" if events == wanted else f"{right}/{wanted} ({events})"


def row_of_mocks(versions: str, counts: Sequence[int]) -> tuple[str, ...]:
    """Its cells: passed, failed and skipped tests."""
    return (versions, *map(str, counts), _today())


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def written_into(page: str, rows: Mapping[str, Sequence[str]]) -> str:
    """*page* with *rows* by the name of their sets; sets that did not run keep theirs."""
    before, middle = page.split(START)
    inside, after = middle.split(END)
    known = dict(_ROW.findall(inside)) | {name: " | ".join(cells) for name, cells in rows.items()}
    tables = "\n\n".join(_table(is_of_peers, known) for is_of_peers in HEADS)
    return before + START + tables + END + after


def _table(is_of_peers: bool, rows: Mapping[str, str]) -> str:  # noqa: FBT001 - which of two tables
    names = [name for name, one in SETS.items() if bool(one.peers) is is_of_peers and name in rows]
    head = HEADS[is_of_peers]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *(f"| {name} | {rows[name]} |" for name in names)])
