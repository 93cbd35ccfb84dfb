"""Which events are in a JSON-lines file of our own? Those of any minor version of the schema, one a line."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from llm_observer.event import SCHEMA_VERSION, Event
from llm_observer.recordings._lines import LONGEST, lines_of
from llm_observer.recordings._spec import Item, Known, Unreadable

__all__ = ["read"]

_events = msgspec.json.Decoder(Event)
_MOST_NEW = 64
"""Values of one event that may be of a newer schema."""
_PLACE = re.compile(r" - at `\$(.*)`$")
_VALUE = re.compile(r"value '.*'", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_ANY = "..."
"""How msgspec writes the place of a value in a mapping."""
_UNKNOWN = "unknown"
_OWN_MINOR = int(SCHEMA_VERSION.partition(".")[2])


def read(file: BinaryIO, name: str) -> Iterator[Item]:
    """The events of *file*, line by line."""
    for line in lines_of(file):
        place = f"{name}:{line.number}"
        if line.data is None:
            yield Unreadable(place, f"is longer than {LONGEST >> 20} MiB")
            continue
        try:
            event = _event(line.data)
        except (ValueError, RecursionError) as exc:
            yield Unreadable(place, _reason(exc))
            continue
        yield Known(line.index, event, place)


def _reason(exc: Exception) -> str:
    """Why a line is no event; no value of it."""
    return "is nested too deeply" if isinstance(exc, RecursionError) else _VALUE.sub("value", str(exc))


def _event(line: bytes) -> Event:
    try:
        return _events.decode(line)
    except msgspec.ValidationError:
        if not _is_newer(line):
            raise
    return _without_what_is_new(line)


def _is_newer(line: bytes) -> bool:
    """Written by a newer minor version, whose open lists may have more names than ours."""
    document: Any = msgspec.json.decode(line)
    major, _, minor = str(document.get("schema_version") if isinstance(document, dict) else "").partition(".")
    return major == "1" and minor.isdecimal() and int(minor) > _OWN_MINOR


def _without_what_is_new(line: bytes) -> Event:
    """The event less the values that this version does not know; new fields are passed over anyhow."""
    document: Any = msgspec.json.decode(line)
    for _ in range(_MOST_NEW):
        try:
            return msgspec.convert(document, Event)
        except msgspec.ValidationError as exc:
            if not _removed(document, _PLACE.search(str(exc))):
                raise
    return msgspec.convert(document, Event)


def _removed(document: Any, place: re.Match[str] | None) -> bool:
    """Take the value at *place* out of *document*; False where it cannot be."""
    steps = _STEP.findall(place[1]) if place else []
    if not steps:
        return False
    *above, (last, _) = steps
    for name, index in above:
        if index == _ANY:
            return False
        document = document[name or int(index)]
    if not last or last not in document:
        return False
    if isinstance(document[last], str) and document[last] != _UNKNOWN:
        document[last] = _UNKNOWN  # many of the open lists have this name; if this one has not, it goes
    else:
        del document[last]
    return True
