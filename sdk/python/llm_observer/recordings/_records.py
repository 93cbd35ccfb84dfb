"""Which records does a file of JSON have? One a line, or those of a list that is the whole file."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import chain, islice
from typing import BinaryIO

import msgspec

from llm_observer.adapters.fields import loads
from llm_observer.recordings._lines import LONGEST, Line, lines_of
from llm_observer.recordings._spec import Unreadable, UnreadableFileError

__all__ = ["Fields", "Record", "inner", "records_of"]

Fields = dict[str, object]
_LOOKED_AT = 256 << 10
_LINES_LOOKED_AT = 64
"""Bytes, and lines of any length, that tell at least whether the first line is of a document, or broken."""
_GOES_ON = (b"]", b"}", b",")
"""How the line begins that follows an object of a document."""


class Record(msgspec.Struct, frozen=True):
    """One JSON object. index: from 0, those that cannot be read counted."""

    index: int
    place: str
    fields: Fields


def records_of(file: BinaryIO, name: str, lists: Sequence[str]) -> Iterator[Record | Unreadable]:
    """The records of *file*. lists: fields of an outer object that hold them, as answers of an API do."""
    lines = lines_of(file)
    ahead = _ahead(lines)
    if ahead and _opens(ahead[0]) and not _is_by_lines(ahead):
        rest = file.read()
        value = loads(b"".join(line.data or b"" for line in ahead) + rest)
        if value is not None:
            yield from _in_document(value, name, lists)
            return
        lines = _by_lines_after_all(ahead, rest)
    for line in chain(ahead, lines):
        yield from _in_line(line, f"{name}:{line.number}", lists)


def _ahead(lines: Iterator[Line]) -> list[Line]:
    """The first line; if it may begin a document, as many as show whether it does, or is just broken."""
    found, size = list(islice(lines, 1)), 0
    for line in lines if found and _opens(found[0]) else ():
        found.append(line)
        size += len(line.data or b"")
        if _is_by_lines(found) or (size > _LOOKED_AT and len(found) > _LINES_LOOKED_AT):
            break
    return found


def _opens(first: Line) -> bool:
    """Whether the first line may begin a document of many lines."""
    data = first.data or b""
    begin, end = data.lstrip()[:1], data.rstrip()[-1:]
    return begin == b"[" or (begin == b"{" and end != b"}")


def _is_by_lines(found: Sequence[Line]) -> bool:
    """Whether the last line but one is a record: in a document, a bracket or a comma would follow it."""
    if len(found) < 2:  # noqa: PLR2004 - both of them
        return False
    before, last = found[-2:]
    return last.data is None or (not last.data.lstrip().startswith(_GOES_ON) and _is_object(before))


def _is_object(line: Line) -> bool:
    data = line.data or b""
    return data.lstrip().startswith(b"{") and isinstance(loads(data), dict)


def _by_lines_after_all(ahead: Sequence[Line], rest: bytes) -> Iterator[Line]:
    """The lines of *rest*, which follow those *ahead*, as both are no document.

    Raises UnreadableFileError where no line of them is a record.
    """
    last = ahead[-1]
    lines = [
        Line(last.index + 1 + line.index, last.number + line.number, line.data)
        for line in lines_of(BytesIO(rest))
    ]
    if not any(map(_is_object, (*ahead, *lines))):
        raise UnreadableFileError(
            "it is no whole JSON: save it again, or write a record on each line (jq -c)"
        )
    return iter(lines)


def _in_document(value: object, name: str, lists: Sequence[str]) -> Iterator[Record | Unreadable]:
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
