"""Where do events go on disk? Into a file with one JSON object per line, which many processes may share."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from llm_observer import log
from llm_observer.event import Event, encode
from llm_observer.threads import breathe

__all__ = ["JsonlSink", "lock_of"]

_OWN = 0o600
_OWN_FOLDER = 0o700
_BINARY = getattr(os, "O_BINARY", 0)
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY
_SIDE = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | _BINARY
_LOCK_WAIT_S = 2.0
_LOCK_POLL_S = 0.001


class JsonlSink:
    """Appends whole lines to *path*, under a lock that all processes share, and rotates the file.

    No descriptor stays open, so forks, rotations by others and a file that was removed need no care.

    The lock is a hidden file beside it, `.<name>.lock`, which `<name>*` does not match. Where that cannot be
    made, as in a folder of somebody else, the file grows.

    path: made with mode 0600, missing folders with 0700; `~` is the home. max_bytes: a file that would
    become larger moves to `<path>.1`, that one to `<path>.2`, and so on. backups: how many of them are kept.
    Raises OSError from `write` where the file cannot be written; the log counts the events of the first time.
    """

    name = "jsonl"

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int, backups: int) -> None:
        self.path = Path(os.path.expanduser(path)).absolute()  # noqa: PTH111 - no home must not raise
        self._side = lock_of(self.path)
        self._max_bytes = max_bytes
        self._backups = backups

    def write(self, events: Sequence[Event]) -> None:
        """Append *events*; a batch is never split over two files."""
        if not events:
            return
        lines = _Lines(events)
        try:
            self._append(lines)
        except OSError as exc:
            log.once("file", "%d events were not written to the file: %s", lines.count(), exc.strerror)
            raise

    def close(self) -> None:
        """Nothing is open between two writes."""

    def _append(self, lines: "_Lines") -> None:
        _make_folders(self.path.parent)
        with _locked(self._side) as is_held:
            if is_held and self._is_full(lines.size):
                self._rotate()
            descriptor = os.open(self.path, _APPEND, _OWN)
            try:
                _end_last_line(descriptor)
                lines.write_to(descriptor)
            finally:
                os.close(descriptor)

    def _is_full(self, more: int) -> bool:
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return False
        return size > 0 and size + more > self._max_bytes

    def _rotate(self) -> None:
        """Begin a new file. Where that cannot be done, the old one grows: no event is lost for it."""
        try:
            self._move()
        except OSError as exc:
            log.once("rotation", "the file is full and cannot be rotated, it grows: %s", exc.strerror)

    def _move(self) -> None:
        if self._backups < 1:
            self.path.unlink()
            return
        for number in range(self._backups - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._backup(number).replace(self._backup(number + 1))
        self.path.replace(self._backup(1))

    def _backup(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def lock_of(path: Path) -> Path:
    """The file that is locked while *path* is written to."""
    return path.with_name(f".{path.name}.lock")


class _Lines:
    """A batch on its way into a file."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._rest = memoryview(b"".join(encode(event) + b"\n" for event in events))
        self.size = len(self._rest)

    def write_to(self, descriptor: int) -> None:
        """Write all with one call, or go on where the system took a part."""
        while self._rest:
            self._rest = self._rest[os.write(descriptor, self._rest) :]

    def count(self) -> int:
        """Lines that are not written, or not to their end."""
        return bytes(self._rest).count(b"\n")


def _make_folders(folder: Path) -> None:
    """`mkdir(parents=True)` would give the mode to the last folder only."""
    if folder.is_dir() or folder == folder.parent:  # the latter: a drive that is not there
        return
    _make_folders(folder.parent)
    folder.mkdir(_OWN_FOLDER, exist_ok=True)


def _end_last_line(descriptor: int) -> None:
    """A process that was killed, or a full disk, may have left a part of a line."""
    if os.fstat(descriptor).st_size == 0:
        return
    os.lseek(descriptor, -1, os.SEEK_END)
    if os.read(descriptor, 1) != b"\n":
        os.write(descriptor, b"\n")


@contextmanager
def _locked(side: Path) -> Iterator[bool]:
    """Hold the lock of all processes that write beside *side*; the system frees a dead one's.

    False where there can be no lock, and after a long wait, as for a process that was stopped while it held
    the lock: lines are still appended whole then, by one `write`, but moving files is not safe.
    """
    descriptor = _opened(side)
    try:
        yield descriptor is not None and _wait_for(descriptor)
    finally:
        if descriptor is not None:
            _unlock(descriptor)
            os.close(descriptor)


def _opened(side: Path) -> int | None:
    try:
        return os.open(side, _SIDE, _OWN)
    except OSError as exc:
        log.once("rotation", "the file has no lock and cannot be rotated, it grows: %s", exc.strerror)
        return None


def _wait_for(descriptor: int) -> bool:
    """Poll: a blocking wait would stop all greenlets of a gevent app, and never end with a stopped holder."""
    until = time.monotonic() + _LOCK_WAIT_S
    while not _lock(descriptor):
        if time.monotonic() > until:
            return False
        breathe(_LOCK_POLL_S)
    return True


if sys.platform == "win32":  # pragma: no cover - the other branch is its twin

    def _lock(descriptor: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        import msvcrt

        with suppress(OSError):  # it is not held
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:

    def _lock(descriptor: int) -> bool:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: one `write` of whole lines must do
            return True
        return True

    def _unlock(descriptor: int) -> None:
        """A child that was forked meanwhile has a copy of *descriptor*: to close ours would not free it."""
        import fcntl

        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_UN)
