"""Which records does a file of JSON have? One a line, or those of a list that is the whole file."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

import msgspec

from llm_observer.adapters.fields import loads
from llm_observer.recordings._lines import LONGEST, Line, lines_of
from llm_observer.recordings._spec import Unreadable, UnreadableFileError

__all__ = ["Fields", "Record", "inner", "records_of"]

Fields = dict[str, object]


class Record(msgspec.Struct, frozen=True):
    """One JSON object. index: from 0, those that cannot be read counted."""

    index: int
    place: str
    fields: Fields


def records_of(file: BinaryIO, name: str, lists: Sequence[str]) -> Iterator[Record | Unreadable]:
    """The records of *file*. lists: fields of an outer object that hold them, as answers of an API do."""
    lines = lines_of(file)
    first = next(lines, None)
    if first is None:
        return
    if first.data is not None and _is_document(first.data):
        yield from _in_document(first.data + file.read(), name, lists)
        return
    for line in chain((first,), lines):
        yield from _in_line(line, f"{name}:{line.number}", lists)


def _is_document(first: bytes) -> bool:
    """Whether the first line begins a document of many lines."""
    begin, end = first.lstrip()[:1], first.rstrip()[-1:]
    return begin == b"[" or (begin == b"{" and end != b"}")


def _in_document(data: bytes, name: str, lists: Sequence[str]) -> Iterator[Record | Unreadable]:
    value = loads(data)
    if value is None:
        raise UnreadableFileError(
            "it is no whole JSON: save it again, or write a record on each line (jq -c)"
        )
    for index, fields in enumerate(value if isinstance(value, list) else inner(value, lists)):
        place = f"{name}#{index}"
        yield Record(index, place, fields) if isinstance(fields, dict) else Unreadable(place, "is no object")


def _in_line(line: Line, place: str, lists: Sequence[str]) -> Iterator[Record | Unreadable]:
    if line.data is None:
        yield Unreadable(place, f"is longer than {LONGEST >> 20} MiB")
        return
    value = loads(line.data)
    if not isinstance(value, dict):
        yield Unreadable(place, "is no JSON object")
        return
    found = False
    for fields in inner(value, lists):
        found = True
        yield (
            Record(line.index, place, fields)
            if isinstance(fields, dict)
            else Unreadable(place, "holds what is no object")
        )
    if not found:
        yield Unreadable(place, "holds an empty list")


def inner(value: object, lists: Sequence[str]) -> Sequence[object]:
    """The records that *value* holds: of one of *lists* where it has such a field, else itself."""
    held = (value[name] for name in lists if name in value) if isinstance(value, dict) else ()
    found = next((one for one in held if isinstance(one, list | dict)), value)
    return found if isinstance(found, list) else (found,)
