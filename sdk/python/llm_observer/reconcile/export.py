"""What did the provider count and charge, by day and model? Read from its own exports."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from llm_observer.reconcile.documents import Record, records_of
from llm_observer.reconcile.form import Form, Row
from llm_observer.reconcile.forms import FORMS, NOT_COMPARED
from llm_observer.reconcile.once import RowsOnce
from llm_observer.recordings import Unreadable, UnreadableFileError

__all__ = ["Export", "form_of", "known_forms"]

_DAY_S = 86_400
_USD = "usd"
_MOST_COLUMNS = 40
_LEAST, _MOST = -40, 18
"""Powers of ten that counts and amounts have, so that a wrong exponent cannot fill the memory."""
_ITEM = "item"
_ZERO = re.compile(r"0(\.0*)?(e[+-]?[0-9]+)?")


class Export:
    """The rows of all files *names*; what could not be read is told in `problems`.

    forms: how many rows of each count. days: those that the export covers, rows or not. not_compared: rows
    that hold nothing that is compared, by reason. repeated: rows that came again, and count once.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self.forms: Counter[Form] = Counter()
        self.days: dict[str, set[date]] = {}
        self.not_compared: Counter[str] = Counter()
        self.problems: list[Unreadable] = []
        self._once = RowsOnce()
        self._empty: set[tuple[str, date]] = set()
        """Buckets of files that hold no others."""

    @property
    def repeated(self) -> int:
        """How many rows came again."""
        return self._once.repeated

    def rows(self) -> Iterator[Row]:
        """All rows, each once: those of single calls as they come, then those of buckets."""
        for name in self._names:
            try:
                yield from self._file(records_of(name))
            except UnreadableFileError as exc:
                self.problems.append(Unreadable(name, str(exc)))
        self._cover([form for form in FORMS if form.name in self.days], self._empty)
        yield from map(self._counted, self._once.held())
        self.problems += self._once.problems

    def _file(self, records: Iterable[Record]) -> Iterator[Row]:
        forms: set[Form] = set()
        empty: set[tuple[str, date]] = set()
        is_empty = True
        for record in records:
            if record.state == "empty":
                empty |= _bucket(record.columns)
                continue
            is_empty = False
            row = self._row(record)
            if row is None:
                continue
            forms.add(row.form)
            if row.form.row_id is None:
                self._once.hold(row, record)
            elif self._once.is_new(record, row.form):
                yield self._counted(row)
        self._cover(forms, empty)
        if is_empty:
            self._empty |= empty

    def _cover(self, forms: Iterable[Form], buckets: set[tuple[str, date]]) -> None:
        """Let *forms* cover the days of *buckets*, which have no rows, where those are of their shape."""
        for form in forms:
            self.days[form.name] |= {day for column, day in buckets if column == form.day}

    def _counted(self, row: Row) -> Row:
        self.forms[row.form] += 1
        return row

    def _row(self, record: Record) -> Row | None:
        """The row of *record*; None where it has none that is compared, which is kept in mind."""
        reason = NOT_COMPARED.get(str(record.columns.get("object")))
        if reason is not None:
            self.not_compared[reason] += self._once.is_new(record)
            return None
        form = None if record.problem is not None else form_of(record.columns)
        if record.state == "header":
            return None
        try:
            row = _row_of(form, record)
        except _CellError as exc:
            self.problems.append(Unreadable(record.place, str(exc)))
            return None
        self.days.setdefault(row.form.name, set()).add(row.day)
        return row


class _CellError(ValueError):
    """A cell that is not what its column holds; the message names the column, not the value."""


def form_of(columns: Mapping[str, object]) -> Form:
    """The form that has these columns. Raises UnreadableFileError, which lists them, where none has."""
    kind = columns.get("object")
    for form in FORMS:
        if form.columns <= columns.keys() and (form.object is None or kind == form.object):
            return form
    raise UnreadableFileError(f"no known form of export; its columns: {_listed(columns)}. {known_forms()}")


def known_forms() -> str:
    """The forms that can be read, one a line, with the columns that tell each."""
    lines = (f"  {form.title}: {', '.join(sorted(form.columns))}" for form in FORMS)
    return "Known forms, and the columns that tell them:\n" + "\n".join(lines)


def _listed(columns: Mapping[str, object]) -> str:
    names = [name or "(no name)" for name in columns]
    more = f" and {len(names) - _MOST_COLUMNS} more" if len(names) > _MOST_COLUMNS else ""
    return (", ".join(names[:_MOST_COLUMNS]) or "none") + more


def _row_of(form: Form | None, record: Record) -> Row:
    if form is None:
        raise _CellError(record.problem)
    columns = record.columns
    model, is_label = _model_of(form, columns)
    marks = {mark for column, (mark, usual) in form.tags.items() if _is_unusual(columns.get(column), usual)}
    if "tier" in marks and _is_batch(form, columns):
        marks = marks - {"tier"} | {"batch"}
    if is_label:
        marks.add(_ITEM)
    if form.end is not None and _is_across_days(columns.get(form.day), columns.get(form.end)):
        marks.add("not_utc")
    day, counts, usd = _day(form.day, columns), _counts(form, columns), _usd(form, columns)
    alias = _text(columns.get(form.alias or "")) or None
    return Row(form, day, model, alias, counts, usd, frozenset(marks))


def _model_of(form: Form, columns: Mapping[str, object]) -> tuple[str | None, bool]:
    """The model, and whether it may be none, but the name of a line item."""
    if form.item is not None:
        model, comma, _ = _text(columns.get(form.item)).rpartition(", ")
        item = _text(columns.get(form.item))
        return (model, False) if comma else (item or None, bool(item))
    model = _text(columns.get(form.model or ""))
    if model:
        return model, False
    label = next((text for name in form.labels if (text := _text(columns.get(name)))), None)
    return label, label is not None


def _counts(form: Form, columns: Mapping[str, object]) -> dict[str, int]:
    """Sums of the columns of each kind; a kind of which a column is missing or empty is not given."""
    counts = {"requests": 1} if form.is_call else {}
    for kind, names in form.counts.items():
        parts = [_count(name, columns.get(name)) for name in names]
        if None not in parts:
            counts[kind] = sum(part for part in parts if part is not None)
    return counts


def _count(column: str, value: object) -> int | None:
    number = _number(column, value)
    if number is None:
        return None
    if number != number.to_integral_value() or number < 0:
        raise _CellError(f"{column} is no count")
    return int(number)


def _usd(form: Form, columns: Mapping[str, object]) -> Decimal | None:
    if form.usd is None:
        return None
    amount = _number(form.usd, columns.get(form.usd))
    currency = _text(columns.get(form.currency)) if form.currency is not None else _USD
    if amount is None:
        return None
    if currency and currency.lower() != _USD:
        raise _CellError(f"{form.currency} is {currency[:8]}: only US dollars are compared")
    return amount * form.usd_unit


def _number(column: str, value: object) -> Decimal | None:
    """The number of a cell; None where it is empty."""
    text = _text(value)
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        hint = ": decimals need a point, and nothing between thousands" if "," in text else ""
        raise _CellError(f"{column} is no number{hint}") from None
    if not number.is_finite() or (number and not _LEAST <= number.adjusted() <= _MOST):
        raise _CellError(f"{column} is no number")
    return number


def _bucket(columns: Mapping[str, object]) -> set[tuple[str, date]]:
    """The day of a bucket without results, and the column that has it."""
    moments = {form.day: _moment(columns.get(form.day)) for form in FORMS if form.end in columns}
    return {(column, moment.date()) for column, moment in moments.items() if moment is not None}


def _day(column: str, columns: Mapping[str, object]) -> date:
    moment = _moment(columns.get(column))
    if moment is None:
        raise _CellError(f"{column} is no time")
    return moment.date()


def _moment(value: object) -> datetime | None:
    """Unix seconds, or ISO 8601, which without a zone is UTC."""
    text = _text(value)
    try:
        if text.replace(".", "", 1).isdecimal():
            return datetime.fromtimestamp(int(Decimal(text)), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _is_across_days(start: object, end: object) -> bool:
    """The bucket is a day or longer and does not begin at midnight UTC."""
    begins, ends = _moment(start), _moment(end)
    if begins is None or ends is None or (ends - begins).total_seconds() < _DAY_S:
        return False
    return begins.timestamp() % _DAY_S != 0


def _is_unusual(value: object, usual: frozenset[str]) -> bool:
    text = _text(value).lower()
    return bool(text) and text not in usual and not _ZERO.fullmatch(text)


def _is_batch(form: Form, columns: Mapping[str, object]) -> bool:
    names = (column for column, (mark, _) in form.tags.items() if mark == "tier")
    return any(_text(columns.get(column)).lower() == "batch" for column in names)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
