"""Which events come into files from now on? All of some files, look by look."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from llm_observer.cli._following import Follower
from llm_observer.event import Event
from llm_observer.recordings import Unreadable
from llm_observer.recordings.events import read

__all__ = ["UNREADABLE", "Live", "UnfollowableError", "followed"]

UNREADABLE = 3
_GZIP = b"\x1f\x8b"
_MOST_TOLD = 20


class UnfollowableError(click.ClickException):
    """A file cannot be followed; the message says what to do."""

    exit_code = UNREADABLE


class Live:
    """The events of *files*, as they are written. What is no event is told on standard error and passed over.

    last: so many lines of each that are there already; None for all.
    """

    def __init__(self, files: Sequence[str], *, last: int | None) -> None:
        self._followers = [Follower(name, last=last) for name in files]
        self._left_out = 0

    def look(self, on_read: Callable[[int], None] | None = None) -> Iterator[Event]:
        """What is new since the last look, file by file. on_read: told of the bytes of each line."""
        for follower in self._followers:
            lines = follower.lines() if on_read is None else _told(follower.lines(), on_read)
            yield from self._events(lines, str(follower.path))

    def finish(self) -> Iterator[Event]:
        """What stands in last lines that have no end."""
        for follower in self._followers:
            yield from self._events(follower.finish(), str(follower.path))

    def close(self) -> None:
        """Let go of the files."""
        for follower in self._followers:
            follower.close()

    def piped(self, file: BinaryIO) -> Iterator[Event]:
        """What is in *file* up to its end, line by line as it comes."""
        return self._events(iter(file.readline, b""), "-")

    def _events(self, lines: Iterator[bytes], name: str) -> Iterator[Event]:
        for line in lines:
            for item in read(io.BytesIO(line), name):
                if isinstance(item, Unreadable):
                    self._leave_out(name, item.reason)
                else:
                    yield item.event  # type: ignore[union-attr]  # this form holds events only

    def _leave_out(self, name: str, reason: str) -> None:
        self._left_out += 1
        if self._left_out <= _MOST_TOLD:
            click.echo(f"left out: a line of {click.format_filename(name)}: {reason}", err=True)
        if self._left_out == _MOST_TOLD:
            click.echo("left out: further lines are not named", err=True)


def _told(lines: Iterator[bytes], on_read: Callable[[int], None]) -> Iterator[bytes]:
    for line in lines:
        on_read(len(line) + 1)
        yield line


def followed(files: Sequence[str], *, may_wait: bool) -> Sequence[str]:
    """*files*, if they can be followed. Raises UnfollowableError."""
    for name in files:
        reason = _why_not(Path(name), may_wait=may_wait)
        if reason is not None:
            raise UnfollowableError(f"{click.format_filename(name)}: {reason}")
    return files


def _why_not(path: Path, *, may_wait: bool) -> str | None:
    if not path.exists():
        hint = "an app makes it with its first call (patch(file=…)); --wait waits for that"
        return None if may_wait else f"No such file: {hint}"
    if path.is_dir():
        return "it is a folder: name the file of events in it"
    try:
        with path.open("rb") as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
    except OSError as exc:
        return exc.strerror or str(exc)
    return "it is compressed: `llm-observer summary` reads it, or gunzip it first" if is_packed else None
