"""Which lines were added to a file since the last look? Also after it was rotated, cut or deleted."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["LONGEST", "Follower"]

LONGEST = 16 << 20
"""A line that is longer is passed over: no event is."""
_PIECE = 1 << 18


class Follower:
    """Follows one file by its name. It need not be there yet.

    last: so many lines that stand there at the first look are given; None for all.
    """

    def __init__(self, path: str | os.PathLike[str], *, last: int | None = None) -> None:
        self.path = Path(path)
        self._last = last
        self._file: BinaryIO | None = None
        self._rest = b""

    def lines(self) -> Iterator[bytes]:
        """What is new, by whole lines: the rest of a file that was rotated away comes before the new one."""
        if self._file is None:
            self._open(self._last)
            self._last = None  # what appears later is new from its first line on
        if self._file is None:
            return
        yield from self._read(self._file)
        if self._is_cut(self._file):
            self._rest = b""
            self._file.seek(0)
            yield from self._read(self._file)
        elif self._is_replaced(self._file):
            yield from self._read(self._file)  # what came between the two looks
            self.close()
            yield from self.lines()

    def finish(self) -> Iterator[bytes]:
        """The last line, if it has no end yet."""
        if self._rest:
            yield self._rest
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
        self._file, self._rest = None, b""

    def _open(self, last: int | None) -> None:
        try:
            self._file = self.path.open("rb")
        except FileNotFoundError:
            return
        if last is not None:
            _seek_last(self._file, last)

    def _read(self, file: BinaryIO) -> Iterator[bytes]:
        while piece := file.read(_PIECE):
            *whole, rest = (self._rest + piece).split(b"\n")
            self._rest = (
                rest if len(rest) <= LONGEST else rest[:1]
            )  # the begin makes it a bad line in the end
            yield from whole

    def _is_cut(self, file: BinaryIO) -> bool:
        return os.fstat(file.fileno()).st_size < file.tell()

    def _is_replaced(self, file: BinaryIO) -> bool:
        """Another file stands under the name. While none does, whoever has ours open may go on writing."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(file.fileno())
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)


def _seek_last(file: BinaryIO, count: int) -> None:
    """Go to where the last *count* lines begin; a last line without an end is none of them."""
    place = file.seek(0, os.SEEK_END)
    wanted = count + 1  # the end of the line before them
    while place > 0:
        size = min(_PIECE, place)
        place -= size
        file.seek(place)
        piece = file.read(size)
        ends = piece.count(b"\n")
        if ends >= wanted:
            file.seek(place + _nth_from_end(piece, wanted) + 1)
            return
        wanted -= ends
    file.seek(0)


def _nth_from_end(piece: bytes, number: int) -> int:
    at = len(piece)
    for _ in range(number):
        at = piece.rindex(b"\n", 0, at)
    return at
