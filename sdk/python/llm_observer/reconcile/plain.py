"""How is a comparison written as JSON? Counts are numbers, money is decimal strings, absent is unknown."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from llm_observer.money import decimal_text
from llm_observer.reconcile.causes import CAUSES, Judge
from llm_observer.reconcile.compare import Cell, Line, Section
from llm_observer.reconcile.figures import USD

__all__ = ["to_plain"]

_PLACES = Decimal("0.000001")


def to_plain(sections: Sequence[Section], judge: Judge) -> dict[str, Any]:
    """All *sections* with every line, and the texts of the causes that are named."""
    plain = {section.name: _section(section, judge) for section in sections}
    named = {
        cause["code"]
        for section in plain.values()
        for row in section["rows"]
        for figure in row["figures"].values()
        for cause in figure.get("causes", ())
    }
    return {**plain, "causes": {code: text for code, text in CAUSES.items() if code in named}}


def _section(section: Section, judge: Judge) -> dict[str, Any]:
    return {
        "forms": [{"name": form.name, "title": form.title, "source": form.source} for form in section.forms],
        "first_day": section.first.isoformat(),
        "last_day": section.last.isoformat(),
        "totals": {cell.kind: _figure(cell) for cell in section.totals},
        "coverage": {cell.kind: _share(section.coverage(cell.kind)) for cell in section.totals},
        "gaps": section.gaps,
        "rows": [_row(section, line, judge) for line in section.lines],
        "names": list(_names(section)),
        "not_in_export": list(section.unmatched),
        "not_compared": dict(section.left_out),
        "sampled_calls": section.sampled,
    }


def _row(section: Section, line: Line, judge: Judge) -> dict[str, Any]:
    return {
        "day": line.day or None,
        "model": line.model or None,
        "calls": line.events.rows,
        "figures": {
            cell.kind: {**_figure(cell), **_causes(section, line, cell, judge)} for cell in line.cells
        },
    }


def _figure(cell: Cell) -> dict[str, Any]:
    return {
        "export": _amount(cell, cell.export),
        "events": _amount(cell, cell.events),
        "gap": _amount(cell, cell.gap),
        "is_gap": cell.is_gap,
    }


def _causes(section: Section, line: Line, cell: Cell, judge: Judge) -> dict[str, Any]:
    if not cell.is_gap:
        return {}
    return {"causes": [cause._asdict() for cause in judge.causes(section, line, cell)]}


def _names(section: Section) -> Iterator[dict[str, Any]]:
    for names, match in sorted(section.names.items(), key=str):
        yield {**names._asdict(), "export": match.name, "rule": match.rule}


def _amount(cell: Cell, amount: Decimal) -> int | str:
    return decimal_text(amount) if cell.kind == USD else int(amount)


def _share(share: Decimal | None) -> str | None:
    return None if share is None else decimal_text(share.quantize(_PLACES))
