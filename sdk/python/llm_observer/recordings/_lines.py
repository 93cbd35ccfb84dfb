"""Which lines does a file have? One by one with its number, blank ones left out, in flat memory."""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

__all__ = ["LONGEST", "Line", "lines_of"]

LONGEST = 128 << 20
"""Bytes of the longest line that is read; several times what one exchange may hold on the wire."""
_BOM = b"\xef\xbb\xbf"


class Line(msgspec.Struct, frozen=True):
    """index: from 0, blank lines not counted. number: from 1, as editors count. data: None if too long."""

    index: int
    number: int
    data: bytes | None


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """The lines of *file* that are not blank."""
    index = number = 0
    while piece := file.readline(LONGEST):
        number += 1
        data: bytes | None = piece.removeprefix(_BOM) if number == 1 else piece
        if len(piece) == LONGEST and not piece.endswith(b"\n"):
            _skip_rest(file)
            data = None
        if data is None or not data.isspace():
            yield Line(index, number, data)
            index += 1


def _skip_rest(file: BinaryIO) -> None:
    while (piece := file.readline(1 << 20)) and not piece.endswith(b"\n"):
        pass
