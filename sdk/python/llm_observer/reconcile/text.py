"""How is a comparison shown to people? What was read, sums, gaps with causes, names; a page of a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

from llm_observer.money import dollars
from llm_observer.reconcile.causes import CAUSES, Judge
from llm_observer.reconcile.compare import Cell, Line, Section
from llm_observer.reconcile.figures import USD
from llm_observer.reconcile.form import KINDS
from llm_observer.reconcile.names import RULES
from llm_observer.reconcile.ours import Names
from llm_observer.report.table import Lines, Table, draw

__all__ = ["LEFT_OUT", "SKIPPED", "render"]

_MOST_LINES = 20
_MOST_NAMES = 20
_PERCENT = Decimal(100)
_TITLES = {"usage": "Usage", "money": "Money, US dollars"}
LEFT_OUT = {
    "other_provider": "of other providers (--provider compares them)",
    "other_day": "on days that the export does not cover",
    "other_operation": "of operations that the export does not count",
}
"""Our calls that are not compared, by reason."""
SKIPPED = {
    "no_call": "events that are no calls",
    "same_event": "events that came twice",
    "repeated": "usages that were counted before",
    "local": "answers without HTTP",
}
"""Events that count for nothing here, by reason."""


def render(
    sections: Sequence[Section], judge: Judge, *, width: int | None, color: bool, is_all: bool = False
) -> str:
    """The *sections* one below the other. is_all: every line that differs, else those with the most."""
    codes: Counter[str] = Counter()
    blocks: list[Lines | Table] = []
    for section in sections:
        blocks += _section(section, judge, codes, None if is_all else _MOST_LINES)
    if codes:
        shown = (f"{code} ({count:,}): {CAUSES[code]}" for code, count in codes.most_common())
        blocks.append(Lines(("Likely causes (docs/invoice.md has more of each):", *shown)))
    return draw(blocks, width=width, color=color)


def _section(
    section: Section, judge: Judge, codes: Counter[str], most: int | None
) -> Iterator[Lines | Table]:
    yield Lines((_title(section), *_left_out(section)), "bold")
    yield _totals(section)
    differing = sorted((line for line in section.lines if line.gaps), key=_size, reverse=True)
    if differing:
        yield _gaps(section, differing[:most], judge, codes)
    if most is not None and len(differing) > most:
        yield Lines((f"{len(differing) - most:,} more lines differ: --all shows them, --json has them",))
    names = tuple(_names(section))
    if names:
        yield Lines(names)


def _title(section: Section) -> str:
    forms = ", ".join(form.title for form in section.forms)
    days = str(section.first) if section.first == section.last else f"{section.first} to {section.last}"
    return f"{_TITLES[section.name]}: {forms}, {days} UTC"


def _left_out(section: Section) -> Iterator[str]:
    for reason, count in section.left_out.items():
        yield f"Not compared: {count:,} {'call' if count == 1 else 'calls'} {LEFT_OUT[reason]}"


def _totals(section: Section) -> Table:
    rows = (
        (KINDS[cell.kind], *_numbers(cell), _share(section.coverage(cell.kind))) for cell in section.totals
    )
    return Table(headers=("total", "export", "events", "gap", "", "held"), rows=tuple(rows), labels=1)


def _gaps(section: Section, lines: Sequence[Line], judge: Judge, codes: Counter[str]) -> Table:
    rows = []
    for line in lines:
        for number, cell in enumerate(line.gaps):
            causes = judge.causes(section, line, cell)
            codes.update(cause.code for cause in causes)
            place = (line.day, line.model) if number == 0 else ("", "")
            told = ", ".join(cause.code for cause in causes)
            rows.append((*place, KINDS[cell.kind], told, *_numbers(cell)))
    headers = ("day", "model", "differs", "likely causes", "export", "events", "gap", "")
    return Table(headers=headers, rows=tuple(rows), labels=4)


def _numbers(cell: Cell) -> tuple[str, str, str, str]:
    """Both figures, the gap, and the gap as a share of the export."""
    share = cell.gap / abs(cell.export) if cell.export else None
    told = "" if share is None else f"{share * _PERCENT:+.1f} %"
    return _amount(cell, cell.export), _amount(cell, cell.events), _amount(cell, cell.gap), told


def _amount(cell: Cell, amount: Decimal) -> str:
    return dollars(amount) if cell.kind == USD else f"{int(amount):,}"


def _share(share: Decimal | None) -> str:
    """Rounded down, as what is almost held is not."""
    return "" if share is None else f"{int(share * 1000) / 10:.1f} %"


def _size(line: Line) -> Decimal:
    """Money, or tokens, that differ."""
    return max(abs(cell.gap) for cell in line.gaps)


def _names(section: Section) -> Iterator[str]:
    joined = [(names, match) for names, match in section.names.items() if match.rule != "same"]
    told = sorted({f"{_own(names)} = {match.name} ({RULES[match.rule]})" for names, match in joined})
    yield from (f"Taken for one model: {line}" for line in told[:_MOST_NAMES])
    if len(told) > _MOST_NAMES:
        yield f"and {len(told) - _MOST_NAMES:,} more: --json has them"
    if section.unmatched:
        yield f"Not in the export: {', '.join(section.unmatched[:_MOST_NAMES])}"


def _own(names: Names) -> str:
    return names.responded or names.requested or ""
