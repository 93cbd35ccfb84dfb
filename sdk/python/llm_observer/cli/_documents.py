"""Which JSON documents are in a file, and on which line does each begin? In flat memory.

A file holds one document per line, or one or several documents laid out over lines, or one list of
them; it may be gzipped. One document may have 16 million characters.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, NamedTuple, NoReturn, cast

import click

__all__ = ["Broken", "UnreadableError", "documents"]

LONGEST = 1 << 24
_PIECE = 1 << 16
_GZIP = b"\x1f\x8b"


class UnreadableError(Exception):
    """The file cannot be read, or not beyond some place."""


class Broken(NamedTuple):
    """A line that holds no document."""

    message: str


def documents(name: str) -> Iterator[tuple[int, object]]:
    """Line and document, one by one; `Broken` for a line that is none. *name* `-` is standard input.

    Raises UnreadableError where nothing more can be read.
    """
    with ExitStack() as stack:
        try:
            yield from _documents(_opened(name, stack))
        except OSError as exc:
            raise UnreadableError(exc.strerror or str(exc)) from exc
        except (EOFError, zlib.error) as exc:
            raise UnreadableError(f"is damaged: {exc}") from exc


def _opened(name: str, stack: ExitStack) -> IO[str]:
    raw = cast("io.RawIOBase", stack.enter_context(click.open_file(name, "rb")))
    file = io.BufferedReader(raw)
    unpacked = gzip.GzipFile(fileobj=file) if file.peek(2).startswith(_GZIP) else file
    # Bytes that are no UTF-8 become surrogates here, so that they spoil one line and not the file.
    return io.TextIOWrapper(unpacked, "utf-8-sig", "surrogateescape", newline="\n")


def _documents(text: IO[str]) -> Iterator[tuple[int, object]]:
    skipped = 0
    while (first := text.readline(_PIECE)).isspace():
        skipped += 1
    if _is_laid_out(first):
        return _Layout(text, first, skipped + 1).documents()
    rest = "" if first.endswith("\n") else text.readline(LONGEST - len(first))
    return _lines(text, first + rest, skipped + 1)


def _is_laid_out(first: str) -> bool:
    """A list, or a document that goes on after its first line."""
    return first.startswith("[") or first.strip() == "{" or first.lstrip() != first


def _lines(text: IO[str], line: str, number: int) -> Iterator[tuple[int, object]]:
    while line:
        if not line.isspace():
            yield number, _document(line)
        while len(line) == LONGEST and not line.endswith("\n"):
            line = text.readline(LONGEST)
        line = text.readline(LONGEST)
        number += 1


def _document(line: str) -> object:
    if len(line) == LONGEST:
        return Broken("is too long")
    try:
        line.encode()
        return json.loads(line, parse_constant=_refuse)
    except UnicodeEncodeError:
        return Broken("is not UTF-8")
    except RecursionError:
        return Broken("is nested too deeply")
    except ValueError:
        return Broken("is not JSON")


def _refuse(constant: str) -> NoReturn:
    """NaN and infinity: Python reads them, JSON has none."""
    raise ValueError(constant)


class _Layout:
    """Reads documents that are laid out over lines, or the entries of a list, a piece at a time."""

    def __init__(self, text: IO[str], first: str, line: int) -> None:
        self._text, self._buffer, self._at, self._line = text, first, 0, line
        self._is_whole = False
        self._decoder = json.JSONDecoder(parse_constant=_refuse)

    def documents(self) -> Iterator[tuple[int, object]]:
        """Line and document, one by one."""
        if self._next() == "[":
            yield from self._entries()
        while self._next():
            yield self._value()

    def _entries(self) -> Iterator[tuple[int, object]]:
        self._step(self._at + 1)
        if self._next() != "]":
            yield self._value()
        while self._next() == ",":
            self._step(self._at + 1)
            yield self._value()
        if self._next() != "]":
            self._fail("the list does not go on as JSON")
        self._step(self._at + 1)

    def _next(self) -> str:
        """The next character that is no white space, or nothing at the end."""
        while True:
            rest = self._buffer[self._at : self._at + _PIECE]
            self._step(self._at + len(rest) - len(rest.lstrip()))
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._grow():
                return ""

    def _value(self) -> tuple[int, object]:
        self._next()
        line = self._line
        while (found := self._decoded()) is None:
            if not self._grow():
                self._fail("is not JSON")
        value, end = found
        self._step(end)
        return line, value

    def _decoded(self) -> tuple[object, int] | None:
        """A value and where it ends, or None if more text is needed."""
        try:
            value, end = self._decoder.raw_decode(self._buffer, self._at)
        except RecursionError:
            self._fail("is nested too deeply")
        except ValueError:
            return None
        return (value, end) if end < len(self._buffer) or self._is_whole else None

    def _grow(self) -> bool:
        """Twice the text that waits, so that reading it again costs no more than reading it once."""
        waiting = self._buffer[self._at :]
        if len(waiting) >= LONGEST:
            self._fail("is too long")
        piece = self._text.read(max(_PIECE, len(waiting)))
        was_whole, self._is_whole = self._is_whole, not piece
        self._buffer, self._at = waiting + piece, 0
        return not was_whole

    def _step(self, to: int) -> None:
        self._line += self._buffer.count("\n", self._at, to)
        self._at = to

    def _fail(self, message: str) -> NoReturn:
        raise UnreadableError(f"line {self._line}: {message}")
