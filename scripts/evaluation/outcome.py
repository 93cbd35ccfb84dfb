"""What did a check of the evaluation find? Rows of the summary, and a chapter with the details."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["Chapter", "Row", "percent", "plural", "table"]


class Row(NamedTuple):
    """One line of the summary. holds: None where the figure is only told."""

    check: str
    measured: str
    reach: str
    holds: bool | None


class Chapter(NamedTuple):
    """A part of the page. lines: Markdown, without its heading. families: the breakers' figures by family."""

    title: str
    rows: list[Row]
    lines: list[str]
    families: Sequence[str] = ()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table in Markdown; a column whose name ends with a colon is aligned to the right."""
    rule = ["---:" if name.endswith(":") else "---" for name in head]
    names = [name.removesuffix(":") for name in head]
    lines = [" | ".join(map(str, row)) for row in (names, rule, *rows)]
    return ["", *(f"| {line} |" for line in lines), ""]


def percent(share: float | None, digits: int = 2) -> str:
    """`99.50 %`, a dash where there is nothing to share."""
    return "-" if share is None else f"{share * 100:.{digits}f} %"


def plural(number: int, word: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
