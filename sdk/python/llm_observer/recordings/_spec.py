"""What is in a recording? Exchanges, finished events, and what cannot be read, each with its place."""

import re
from collections.abc import Iterator
from typing import BinaryIO, Protocol

import msgspec

from llm_observer.errors import LLMObserverError
from llm_observer.event import Event
from llm_observer.wire import Exchange

__all__ = ["Aside", "Item", "Known", "Reader", "Recorded", "Unreadable", "UnreadableFileError"]

_AT = re.compile(r"[:#][0-9]+$")


class UnreadableFileError(LLMObserverError):
    """Nothing of a file can be read; the message says why and what to do."""


class Recorded(msgspec.Struct, frozen=True):
    """One exchange of a file.

    index: its place among the records of the file, from 0, those that cannot be read counted. account: whose
    cache it used, None for the file's own. place: `file:line`, or `file#entry` where entries have no line.
    answer: what names the answer in every file that tells of it, where that is not its response id alone.
    caveat: what the file leaves out, so that a cost is no more than an estimate; None if nothing.
    """

    index: int
    exchange: Exchange
    account: str | None
    place: str
    answer: str | None = None
    caveat: str | None = None


class Known(msgspec.Struct, frozen=True):
    """One event of a file: read, or built of an exchange that was."""

    index: int
    event: Event
    place: str

    @property
    def file(self) -> str:
        """Name of the file that it stands in."""
        return _AT.sub("", self.place)


class Unreadable(msgspec.Struct, frozen=True):
    """A record that is left out, and why. The reason has no text of the record."""

    place: str
    reason: str


class Aside(msgspec.Struct, frozen=True):
    """A record that is understood and tells of no call of its own, such as what the user said."""

    place: str


Item = Recorded | Known | Unreadable


class Reader(Protocol):
    """Reads one format."""

    def __call__(self, file: BinaryIO, name: str) -> Iterator[Item | Aside]:
        """The records of *file*, one by one; a bad one is `Unreadable`, and the next one follows.

        Raises UnreadableFileError where nothing can be read at all.
        """
        ...
