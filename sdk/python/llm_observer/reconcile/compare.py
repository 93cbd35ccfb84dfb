"""Where do the export and our events differ? Line by line, by day and model; each gap, and the sums."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from llm_observer.money import ZERO, exact_sum
from llm_observer.reconcile.figures import USD, Figures
from llm_observer.reconcile.form import KINDS, Form
from llm_observer.reconcile.names import Match, matched
from llm_observer.reconcile.ours import Key, Names, Ours
from llm_observer.reconcile.theirs import Theirs

__all__ = ["ALL_MODELS", "Cell", "Line", "Question", "Section", "compare"]

ALL_MODELS = "(all models)"
_NO_MODEL = "(no model named)"
_HALF_A_CENT = Decimal("0.005")
_USAGE = tuple(kind for kind in KINDS if kind != USD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be compared.

    tolerance: a gap is larger than this share of the larger figure. since, until: days, both included. by:
    what has lines of its own. providers: whose calls of ours are compared, None for the export's. rate:
    sampled events are scaled, those that name no rate by this one; None leaves all as they are.
    """

    tolerance: Decimal = Decimal("0.01")
    since: date | None = None
    until: date | None = None
    by: frozenset[str] = frozenset({"day", "model"})
    providers: frozenset[str] | None = None
    rate: Fraction | None = None


class Cell(NamedTuple):
    """One figure of both sides. gap: ours less theirs. allowed: a gap of this size is tolerated."""

    kind: str
    export: Decimal
    events: Decimal
    allowed: Decimal

    @property
    def gap(self) -> Decimal:
        """What our events have more; negative where they lack."""
        return exact_sum((self.events, -self.export))

    @property
    def is_gap(self) -> bool:
        """Whether the two differ by more than is tolerated."""
        return abs(self.gap) > self.allowed

    @property
    def held(self) -> Decimal:
        """What both sides have."""
        return min(self.export, self.events)


class Line(NamedTuple):
    """One day and model. has_row: the export has a row for it. has_calls: so have our events."""

    day: str
    model: str
    export: Figures
    events: Figures
    cells: tuple[Cell, ...]

    @property
    def gaps(self) -> tuple[Cell, ...]:
        """The figures that differ by more than is tolerated."""
        return tuple(cell for cell in self.cells if cell.is_gap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Usage, or money: they may come from different exports, with other days and groups.

    first, last: days that are compared. names: which of our names was taken for which of the export's.
    unmatched: names of ours that the export has not. left_out: our calls that are not compared, by reason.
    sampled: our calls that are a sample.
    """

    name: str
    forms: tuple[Form, ...]
    first: date
    last: date
    lines: tuple[Line, ...]
    totals: tuple[Cell, ...]
    names: Mapping[Names, Match]
    unmatched: tuple[str, ...]
    left_out: Counter[str]
    sampled: int

    @property
    def gaps(self) -> int:
        """How many figures differ."""
        return sum(len(line.gaps) for line in self.lines)

    def coverage(self, kind: str) -> Decimal | None:
        """The share of the export's *kind* that our events hold, line by line; None where it has none."""
        cells = [cell for line in self.lines for cell in line.cells if cell.kind == kind]
        whole = exact_sum(cell.export for cell in cells)
        return exact_sum(cell.held for cell in cells) / whole if whole else None


def compare(theirs: Theirs, ours: Ours, question: Question) -> list[Section]:
    """A section for what the export gives of usage, and one for what it gives of money."""
    parts = (_part(name, kinds, theirs, question) for name, kinds in (("usage", _USAGE), ("money", (USD,))))
    return [_section(part, theirs, ours, question) for part in parts if part is not None]


class _Part(NamedTuple):
    """The export's share in a section. kinds: those that one of its forms gives. aliases: as in `Theirs`."""

    name: str
    forms: tuple[Form, ...]
    kinds: tuple[str, ...]
    first: date
    last: date
    models: frozenset[str]
    aliases: Mapping[str, Collection[str]]


def _part(name: str, kinds: Sequence[str], theirs: Theirs, question: Question) -> _Part | None:
    forms = [
        form for form in theirs.forms.values() if (form.usd is not None if name == "money" else form.counts)
    ]
    days = [day for form in forms for day in theirs.days[form.name] if _is_asked(day, question)]
    if not days:
        return None
    members = [(key, sums) for key, sums in theirs.sums.items() if theirs.forms[key.form] in forms]
    given = {kind for _, sums in members for kind in sums.amounts}
    return _Part(
        name,
        tuple(forms),
        tuple(kind for kind in kinds if kind in given),
        min(days),
        max(days),
        frozenset(
            key.model
            for key, sums in members
            if key.model is not None and not sums.amounts.keys().isdisjoint(kinds)
        ),
        theirs.aliases,
    )


def _is_asked(day: date, question: Question) -> bool:
    is_early = question.since is not None and day < question.since
    return not is_early and (question.until is None or day <= question.until)


def _section(part: _Part, theirs: Theirs, ours: Ours, question: Question) -> Section:
    export, events = _Table(question), _Table(question)
    for key, sums in theirs.sums.items():
        if theirs.forms[key.form] in part.forms and part.first <= key.day <= part.last:
            export.add(key.day, key.model or (_NO_MODEL if part.models else ALL_MODELS), sums)
    names, left_out, sampled, unmatched = _add_ours(events, part, ours, question)
    lines = tuple(_lines(part, export, events, question))
    return Section(
        name=part.name,
        forms=part.forms,
        first=part.first,
        last=part.last,
        lines=lines,
        totals=tuple(_totals(part, lines, question)),
        names=names,
        unmatched=unmatched,
        left_out=left_out,
        sampled=sampled,
    )


class _Table:
    """Sums by the days and models that are asked for."""

    def __init__(self, question: Question) -> None:
        self._by = question.by
        self.rows: dict[tuple[str, str], Figures] = {}

    def add(self, day: date, model: str, sums: Figures) -> None:
        place = (day.isoformat() if "day" in self._by else "", model if "model" in self._by else "")
        self.rows.setdefault(place, Figures()).merge(sums)


def _add_ours(
    table: _Table, part: _Part, ours: Ours, question: Question
) -> tuple[dict[Names, Match], Counter[str], int, tuple[str, ...]]:
    """Our sums, under the export's names."""
    names: dict[Names, Match] = {}
    left_out: Counter[str] = Counter()
    unmatched: set[str] = set()
    sampled = 0
    for key, sums in ours.sums.items():
        reason = _left_out_because(key, part, question)
        if reason is not None:
            left_out[reason] += sums.rows
            continue
        sampled += sums.rows if key.rate is not None else 0
        match = _match(key.names, part)
        if match is not None:
            names[key.names] = match
        elif part.models:
            unmatched.add(_own_name(key.names))
        model = match.name if match is not None else _own_name(key.names) if part.models else ALL_MODELS
        rate = None if question.rate is None else key.rate or question.rate
        table.add(key.day, model, sums if rate is None else sums.scaled(rate))
    return names, left_out, sampled, tuple(sorted(unmatched))


def _match(names: Names, part: _Part) -> Match | None:
    has_titles = any(form.has_titles for form in part.forms)
    return matched(names, part.models, part.aliases, has_titles=has_titles)


def _own_name(names: Names) -> str:
    return names.responded or names.requested or _NO_MODEL


def _left_out_because(key: Key, part: _Part, question: Question) -> str | None:
    """Why our calls under *key* are not compared; None if they are."""
    providers = question.providers or {form.provider for form in part.forms}
    operations = {operation for form in part.forms for operation in form.operations}
    if key.provider not in providers:
        return "other_provider"
    if not part.first <= key.day <= part.last:
        return "other_day"
    is_counted = part.name == "money" or not operations or key.operation in operations
    return None if is_counted else "other_operation"


def _lines(part: _Part, export: _Table, events: _Table, question: Question) -> Iterator[Line]:
    for place in sorted(export.rows.keys() | events.rows.keys()):
        theirs, ours = export.rows.get(place, Figures()), events.rows.get(place, Figures())
        pairs = ((kind, _amount(theirs, kind), ours.amounts.get(kind, ZERO)) for kind in part.kinds)
        slack = _slack(part, theirs)
        cells = tuple(
            _cell(kind, amount, own, slack if kind == USD else ZERO, question)
            for kind, amount, own in pairs
            if amount is not None and (amount or own)
        )
        if cells:
            yield Line(*place, theirs, ours, cells)


def _amount(theirs: Figures, kind: str) -> Decimal | None:
    """The export's figure: nothing where it has no row, None where its row does not tell."""
    if not theirs.rows:
        return ZERO
    return theirs.amounts.get(kind)


def _cell(kind: str, export: Decimal, events: Decimal, slack: Decimal, question: Question) -> Cell:
    return Cell(kind, export, events, max(question.tolerance * max(abs(export), abs(events)), slack))


def _slack(part: _Part, theirs: Figures) -> Decimal:
    """What rounding of the export's rows may add up to."""
    return _HALF_A_CENT * theirs.rows if any(form.is_in_cents for form in part.forms) else ZERO


def _totals(part: _Part, lines: Iterable[Line], question: Question) -> Iterator[Cell]:
    cells = [(cell, line) for line in lines for cell in line.cells]
    for kind in part.kinds:
        mine = [(cell, line) for cell, line in cells if cell.kind == kind]
        slack = exact_sum(_slack(part, line.export) for _, line in mine) if kind == USD else ZERO
        export, events = (
            exact_sum(cell.export for cell, _ in mine),
            exact_sum(cell.events for cell, _ in mine),
        )
        yield _cell(kind, export, events, slack, question)
