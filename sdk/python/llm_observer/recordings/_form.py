"""How is a file read whose records tell of calls? One way for all forms; a form says what a record means."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

from msgspec.structs import replace

from llm_observer.adapters.fields import at
from llm_observer.recordings._records import Fields, records_of
from llm_observer.recordings._spec import Aside, Item, Unreadable
from llm_observer.recordings._told import Told

__all__ = ["Form", "Teller", "has", "read", "single", "stateless", "word"]

Teller = Callable[[Fields], Iterable[Told]]
"""The calls that a record tells of, none if it tells of something else. ValueError says why it is bad."""
_MOST_OPEN = 512
"""Calls of one file whose further records are waited for."""


class Form(NamedTuple):
    """A form of record. fits: whether an object is of it, by fields that no other has.

    teller: called for each file, as what a record means may depend on earlier ones. lists: fields of an outer
    object that hold the records. stranger: why an object that does not fit is left out; None if a file has
    such objects, as a transcript has.
    """

    name: str
    fits: Callable[[Mapping[str, object]], bool]
    teller: Callable[[], Teller]
    lists: tuple[str, ...] = ()
    stranger: str | None = "is no call of a model"


def has(fields: Mapping[str, object], *names: str) -> bool:
    """Whether *fields* have all of *names*."""
    return all(name in fields for name in names)


def word(fields: object, path: str) -> str:
    """The text in *fields* at *path*; empty where there is none, or another value."""
    value = at(fields, path)
    return value if isinstance(value, str) else ""


def stateless(told: Teller) -> Callable[[], Teller]:
    """A teller of records that stand for themselves."""
    return lambda: told


def single(told: Callable[[Fields], Told | None]) -> Callable[[], Teller]:
    """The same, for records of one call at most."""

    def tell(fields: Fields) -> Iterable[Told]:
        found = told(fields)
        return () if found is None else (found,)

    return stateless(tell)


def read(form: Form, file: BinaryIO, name: str) -> Iterator[Item | Aside]:
    """The calls that *file* tells of; every record gives at least one item."""
    tell, waiting = form.teller(), _Waiting()
    for record in records_of(file, name, form.lists):
        if isinstance(record, Unreadable):
            yield record
            continue
        if form.stranger is not None and not form.fits(record.fields):
            yield Unreadable(record.place, form.stranger)
            continue
        try:
            calls = tuple(tell(record.fields))
        except (ValueError, OverflowError) as exc:  # a time that is none, or lies outside the calendar
            yield Unreadable(record.place, str(exc))
            continue
        for call in calls:
            yield from waiting.add(call, record.index, record.place)
        if not calls:
            yield Aside(record.place)
    yield from waiting.rest()


class _Waiting:
    """Calls of which more than one record may tell, the newest ones, in the order in which they began."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[Told, int, str]] = OrderedDict()

    def add(self, call: Told, index: int, place: str) -> Iterator[Item | Aside]:
        """What can be given after *call* was told of."""
        if call.merges is None:
            yield call.recorded(index, place)
            return
        known = self._open.get(call.merges)
        if known is None:
            self._open[call.merges] = call, index, place
        else:
            self._open[call.merges] = _merged(known[0], call), *known[1:]
            yield Aside(place)
        if len(self._open) > _MOST_OPEN:
            yield self._given(self._open.popitem(last=False)[1])

    def rest(self) -> Iterator[Item]:
        """Those that nothing more was told of."""
        yield from map(self._given, self._open.values())

    @staticmethod
    def _given(entry: tuple[Told, int, str]) -> Item:
        call, index, place = entry
        return call.recorded(index, place)


def _merged(earlier: Told, later: Told) -> Told:
    """The fuller of both, at the time of the first."""
    fuller = later if later.weight >= earlier.weight else earlier
    return replace(fuller, times=earlier.times)
