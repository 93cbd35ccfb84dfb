"""Which rows of overlapping exports count? Each once; of two fetches of one bucket the one with more."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import NamedTuple

from llm_observer.money import exact_sum
from llm_observer.reconcile.documents import Record
from llm_observer.reconcile.form import Form, Row
from llm_observer.recordings import Unreadable

__all__ = ["RowsOnce"]

_LESS = (
    "the same bucket and groups came again with other counts: the larger ones are taken; fetch it once more, "
    "and group exports of several projects or keys by them"
)


class _Held(NamedTuple):
    """A row that waits for another fetch of its bucket, and where it stood."""

    row: Row
    place: str


class RowsOnce:
    """Rows of all files, those that come again left out.

    repeated: how many came again. problems: buckets of which two fetches tell different counts.
    """

    def __init__(self) -> None:
        self.repeated = 0
        self.problems: list[Unreadable] = []
        self._seen: set[bytes] = set()
        self._fetches: dict[bytes, dict[str, list[_Held]]] = {}
        """By bucket and groups, and by the list that the rows stood in."""
        self._marks: set[tuple[bytes, str]] = set()

    def is_new(self, record: Record, form: Form | None = None) -> bool:
        """Whether *record* did not come before: its id where *form* has one, else all of its columns."""
        given = record.columns.get(form.row_id) if form is not None and form.row_id is not None else None
        mark = _mark(given) if given else _mark(_items(record.columns))
        is_new = mark not in self._seen
        self._seen.add(mark)
        self.repeated += not is_new
        return is_new

    def hold(self, row: Row, record: Record) -> None:
        """Keep *row* until all fetches of its bucket are known; one list has the very same row once."""
        mark = _mark(_items(record.columns)), record.within
        if mark in self._marks:
            self.repeated += 1
            return
        self._marks.add(mark)
        fetches = self._fetches.setdefault(_mark((row.form.name, *_group(row.form, record.columns))), {})
        fetches.setdefault(record.within, []).append(_Held(row, record.place))

    def held(self) -> Iterator[Row]:
        """The rows that were kept, each once."""
        for fetches in self._fetches.values():
            most = max(fetches.values(), key=_size)
            for rows in fetches.values():
                if rows is most:
                    continue
                if _size(rows) == _size(most):
                    self.repeated += len(rows)
                else:
                    self.problems.append(Unreadable(rows[0].place, _LESS))
            yield from (one.row for one in most)


def _size(rows: list[_Held]) -> tuple[Decimal, int, int]:
    """Money and counts of *rows*: a bucket that is fetched again before its end has more the later time."""
    usd = exact_sum(one.row.usd for one in rows if one.row.usd is not None)
    return usd, sum(count for one in rows for count in one.row.counts.values()), len(rows)


def _group(form: Form, columns: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The columns that say which bucket and which group a row is of: its times, and all that is no figure."""
    for name, text in _items(columns):
        if name in {form.day, form.end} or name.endswith("id") or not _is_number(text):
            yield name, text


def _items(columns: Mapping[str, object]) -> list[tuple[str, str]]:
    """The columns that are not empty, by name."""
    return sorted((name, str(value).strip()) for name, value in columns.items() if value not in {None, ""})


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _mark(value: object) -> bytes:
    """A short stand-in for *value*."""
    return blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=16).digest()
