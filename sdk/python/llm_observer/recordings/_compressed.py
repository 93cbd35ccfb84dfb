"""What are the bytes of a file, whatever it was compressed with? Told by its first bytes."""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

from llm_observer.recordings._spec import UnreadableFileError

__all__ = ["HEAD", "OnRead", "Opened", "damage", "opened"]

OnRead = Callable[[int], None]
"""Told of the bytes of each piece that was read, as they are in the file."""
HEAD = 256 << 10
"""Bytes at the begin of a file that are read ahead."""
_SIGN = 6


class Opened(NamedTuple):
    """A file without its compression.

    file: all of it, as far as it is not damaged. head: how it begins. further: what follows the head; to look
    at it does not take it out of the file. check: raises the damage that was met.
    """

    file: BinaryIO
    head: bytes
    further: Iterator[bytes]
    check: Callable[[], None]


def opened(name: str, stack: ExitStack, on_read: OnRead | None = None) -> Opened:
    """The file *name* without compression, and how it begins; `-` is standard input.

    Raises OSError where there is none, UnreadableFileError where a library is missing, and its `damage` where
    nothing stands before that.
    """
    raw = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - the stack closes it
    stack.enter_context(raw)
    source = cast("_Source", raw)
    packed = _Begin(source if on_read is None else _Counted(source, on_read))
    sign = packed.look(_SIGN)
    unpack = next((unpack for begin, unpack in _UNPACK.items() if sign.startswith(begin)), None)
    file = packed.file()
    begin = _Begin(cast("_Source", file if unpack is None else stack.enter_context(unpack(file))))
    head = begin.look(HEAD)
    if not head:
        begin.check()
    return Opened(begin.file(), head, begin.further(), begin.check)


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


class _Source(Protocol):
    """Gives what one read of the file below gives, so that damage in the next one takes nothing of it."""

    def read1(self, size: int, /) -> bytes: ...


class _Counted:
    """*file*, whose pieces *on_read* is told of."""

    def __init__(self, file: _Source, on_read: OnRead) -> None:
        self._file = file
        self._on_read = on_read

    def read1(self, size: int, /) -> bytes:
        """The next bytes, *size* at most."""
        piece = self._file.read1(size)
        self._on_read(len(piece))
        return piece


class _Begin(io.RawIOBase):
    """*source*, of which a part may be looked at before it is read, as a pipe cannot be read again."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._seen: deque[memoryview] = deque()
        self._damage: Exception | None = None

    def file(self) -> BinaryIO:
        """It with a buffer."""
        return cast("BinaryIO", io.BufferedReader(self, HEAD))

    def look(self, size: int) -> bytes:
        """The next bytes: *size*, less only at the end."""
        pieces, missing = [], size
        while missing and (piece := self._next(missing)):
            pieces.append(piece)
            missing -= len(piece)
            self._seen.append(memoryview(piece))
        return b"".join(pieces)

    def further(self) -> Iterator[bytes]:
        """What follows, to be looked at before anything is read."""
        while piece := self.look(HEAD):
            yield piece

    def check(self) -> None:
        """Raise the damage that ended it."""
        if self._damage is not None:
            raise self._damage

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # any writable buffer, as CPython calls it
        """Fill *buffer*."""
        piece = self._seen.popleft() if self._seen else memoryview(self._next(len(buffer)))
        size = min(len(piece), len(buffer))
        buffer[:size] = piece[:size]
        if size < len(piece):
            self._seen.appendleft(piece[size:])
        return size

    def _next(self, size: int) -> bytes:
        if self._damage is not None:
            return b""
        try:
            return self._source.read1(size)
        except damage() as exc:
            self._damage = exc
            return b""
