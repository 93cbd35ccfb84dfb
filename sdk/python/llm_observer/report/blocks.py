"""Which pieces are the same all over the page? Sections, tables that can be sorted, signs of verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llm_observer.report.markup import Child, Html, el

__all__ = ["MARKS", "Cell", "mark", "section", "table"]

MARKS = {"hit": "hit", "harmless": "hit", "partial": "part", "first": "first", "key_accounting": "hit"}
"""Which mark a verdict has; all others are a miss, but `unknown`."""


class Cell(NamedTuple):
    """A cell. value: what it is sorted by, where that is a number."""

    text: Child
    value: float | int | str | None = None


def section(name: str, title: str, lead: str, *children: Child) -> Html:
    """A part of the page, with a heading that it is named by."""
    heading = el("h2", title, id=f"{name}-title")
    return el(
        "section", heading, el("p", lead, class_="lead"), *children, id=name, aria_labelledby=f"{name}-title"
    )


def table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, name: str) -> Html:
    """A table that the page's script makes sortable: by number where cells have a value."""
    head = el(
        "tr",
        *(el("th", text, scope="col", class_=None if at == 0 else "n") for at, text in enumerate(headers)),
    )
    body = (el("tr", *(_cell(cell, at) for at, cell in enumerate(row))) for row in rows)
    inner = el(
        "table", el("caption", caption), el("thead", head), el("tbody", *body), id=name, data_sortable=True
    )
    return el("div", inner, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cell(cell: Cell, at: int) -> Html:
    if at == 0:
        return el("th", cell.text, scope="row", data_v=cell.value)
    return el("td", cell.text, class_=None if cell.value is None else "n", data_v=cell.value)


def mark(verdict: str) -> Html:
    """The sign of *verdict*, as on the time line."""
    kind = "unknown" if verdict == "unknown" else MARKS.get(verdict, "miss")
    return el("i", class_=f"mark {kind}", aria_hidden="true")
