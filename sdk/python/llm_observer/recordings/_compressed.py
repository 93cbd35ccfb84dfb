"""What are the bytes of a file, whatever it was compressed with? Told by its first bytes."""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from llm_observer.recordings._spec import UnreadableFileError

__all__ = ["HEAD", "OnRead", "damage", "opened"]

OnRead = Callable[[int], None]
"""Told of the bytes of each piece that was read, as they are in the file."""
HEAD = 256 << 10
"""Bytes at the begin of a file that are read ahead."""
_SIGN = 6


def opened(name: str, stack: ExitStack, on_read: OnRead | None = None) -> tuple[BinaryIO, bytes]:
    """The file *name* without compression, and how it begins; `-` is standard input.

    Raises OSError where there is none, UnreadableFileError where a library is missing.
    """
    raw = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - the stack closes it
    stack.enter_context(raw)
    source = raw if on_read is None else _Counted(raw, on_read)
    file, head = _ahead(cast("io.RawIOBase", source), _SIGN)
    plain = next((unpack for sign, unpack in _UNPACK.items() if head.startswith(sign)), None)
    if plain is not None:
        file = stack.enter_context(plain(file))
    return _ahead(cast("io.RawIOBase", file), HEAD)


def damage() -> tuple[type[Exception], ...]:
    """What reading a damaged compressed file raises."""
    zstandard = sys.modules.get("zstandard")  # not loaded: no file needed it
    more = () if zstandard is None else (cast("type[Exception]", zstandard.ZstdError),)
    return (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, *more)


def _gzip(file: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=file))


def _bz2(file: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", bz2.BZ2File(file))


def _xz(file: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", lzma.LZMAFile(file))


def _zstd(file: BinaryIO) -> BinaryIO:
    try:
        import zstandard
    except ImportError as exc:
        raise UnreadableFileError(
            "it is compressed with zstd: pip install zstandard, or give zstdcat's output to `-`"
        ) from exc
    reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False)
    return cast("BinaryIO", reader)


_UNPACK: Mapping[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bz2,
    b"\xfd7zXZ\x00": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}
"""By the first bytes: RFC 1952, bzip2, xz, RFC 8878."""


def _ahead(raw: io.RawIOBase, size: int) -> tuple[BinaryIO, bytes]:
    """A file that begins with what was read of *raw*, as a pipe cannot be read again; and that begin."""
    pieces, missing = [], size
    while missing and (piece := raw.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    head = b"".join(pieces)
    return cast("BinaryIO", io.BufferedReader(_Rejoined(head, raw), HEAD)), head


class _Counted:
    """*file*, whose pieces *on_read* is told of."""

    def __init__(self, file: BinaryIO, on_read: OnRead) -> None:
        self._file = file
        self._on_read = on_read

    def read(self, size: int) -> bytes:
        """The next bytes, *size* at most."""
        piece = self._file.read(size)
        self._on_read(len(piece))
        return piece


class _Rejoined(io.RawIOBase):
    """*head*, and what follows it in *rest*."""

    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # any writable buffer, as CPython calls it
        """Fill *buffer*."""
        if not self._head:
            piece = self._rest.read(len(buffer)) or b""
        else:
            piece, self._head = self._head[: len(buffer)].tobytes(), self._head[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)
