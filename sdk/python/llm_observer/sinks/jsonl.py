"""Where do events go on disk? Into a file with one JSON object per line, shared by any number of processes."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from llm_observer.event import Event, encode

__all__ = ["JsonlSink"]

_OWN = 0o600
_OWN_FOLDER = 0o700
_BINARY = getattr(os, "O_BINARY", 0)
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _BINARY
_SIDE = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | _BINARY


class JsonlSink:
    """Appends whole lines to *path*, under a lock that all processes share, and rotates the file.

    No descriptor stays open, so forks, rotations by others and a file that was removed need no care.

    path: made with mode 0600, missing folders with 0700; `~` is the home. max_bytes: a file that would
    become larger moves to `<path>.1`, that one to `<path>.2`, and so on. backups: how many of them are kept.
    Raises OSError from `write` where the file cannot be written.
    """

    name = "jsonl"

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int, backups: int) -> None:
        self.path = Path(path).expanduser().absolute()
        self._side = self.path.with_name(f"{self.path.name}.lock")
        self._max_bytes = max_bytes
        self._backups = backups

    def write(self, events: Sequence[Event]) -> None:
        """Append *events*; a batch is never split over two files."""
        data = b"".join(encode(event) + b"\n" for event in events)
        self.path.parent.mkdir(mode=_OWN_FOLDER, parents=True, exist_ok=True)
        with _locked(self._side):
            if 0 < self._size() and self._size() + len(data) > self._max_bytes:
                self._rotate()
            descriptor = os.open(self.path, _APPEND, _OWN)
            try:
                _write_all(descriptor, data if self._ends_whole() else b"\n" + data)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Nothing is open between two writes."""

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _ends_whole(self) -> bool:
        """Whether the file ends with a whole line: a process that was killed may have left a part of one."""
        size = self._size()
        if size == 0:
            return True
        with self.path.open("rb") as file:
            file.seek(size - 1)
            return file.read(1) == b"\n"

    def _rotate(self) -> None:
        if self._backups < 1:
            self.path.unlink()
            return
        for number in range(self._backups - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._backup(number).replace(self._backup(number + 1))
        self.path.replace(self._backup(1))

    def _backup(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextmanager
def _locked(side: Path) -> Iterator[None]:
    """Hold the lock of all processes that write beside *side*; the system frees a dead one's."""
    descriptor = os.open(side, _SIDE, _OWN)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":  # pragma: no cover - the other branch is its twin

    def _lock(descriptor: int) -> None:
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)

else:

    def _lock(descriptor: int) -> None:
        import fcntl

        with suppress(OSError):  # a file system without locks: one `write` of whole lines must do
            fcntl.flock(descriptor, fcntl.LOCK_EX)
