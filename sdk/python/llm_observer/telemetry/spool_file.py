"""Where does a spool lie on disk, and may that file be trusted?

The folder and the file belong to this user alone (0700, 0600). No file that SQLite has open is ever
opened here: closing any descriptor of a file drops all POSIX locks that the process holds on it
(https://www.sqlite.org/howtocorrupt.html, section 2.2), so existing files are only looked at by name.
"""

import errno
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from llm_observer.telemetry.spool_errors import SpoolBusy, SpoolRefused
from llm_observer.threads import breathe

__all__ = [
    "ensure_file",
    "file_for",
    "files_in",
    "identity",
    "locked",
    "remove_aside",
    "set_aside",
]

_OWN = 0o600
_OWN_FOLDER = 0o700
_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_LOCK_POLL_S = 0.002
_ASIDE = ".corrupt-"
_KEPT_ASIDE = 2
_PARTS = ("-wal", "-shm", "-journal", "")
"""The file itself comes last, so that nobody can begin a new one between its old parts."""


def file_for(folder: str | os.PathLike[str], destination: str) -> Path:
    """The file of *destination* in *folder*. Its name holds a hash only: an address may hold a secret."""
    mark = blake2b(destination.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return Path(os.path.expanduser(folder)).absolute() / f"events-{mark}.sqlite3"  # noqa: PTH111 - no home must not raise


def files_in(folder: str | os.PathLike[str]) -> list[Path]:
    """All spools in *folder*, whatever endpoint they are for."""
    return sorted(Path(os.path.expanduser(folder)).absolute().glob("events-*.sqlite3"))  # noqa: PTH111 - as above


def ensure_file(path: Path) -> None:
    """Make the folder and an empty file where they are missing; refuse what others could have planted."""
    _ensure_folder(path.parent)
    status = _status(path)
    if status is None:
        _create(path)
        return
    if not stat.S_ISREG(status.st_mode):
        raise SpoolRefused(errno.EPERM, "the spool is not a regular file", str(path))
    _check_owner(path, status)
    if os.name != "nt" and status.st_mode & _OTHERS:
        path.chmod(_OWN)


def _ensure_folder(folder: Path) -> None:
    _make_folders(folder)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise SpoolRefused(errno.ENOTDIR, "the spool's folder is a link, or no folder", str(folder))
    _check_owner(folder, status)


def _check_owner(path: Path, status: os.stat_result) -> None:
    """Windows guards the profile folder itself."""
    if os.name == "nt":
        return
    if status.st_uid != os.geteuid():
        raise SpoolRefused(errno.EPERM, "the spool belongs to another user", str(path))
    if status.st_mode & _OTHERS_WRITE:
        raise SpoolRefused(errno.EPERM, "others may write here: the spool needs its own folder", str(path))


def _make_folders(folder: Path) -> None:
    """`mkdir(parents=True)` would give the mode to the last folder only."""
    if os.path.lexists(folder) or folder == folder.parent:  # the latter: a drive that is not there
        return
    _make_folders(folder.parent)
    folder.mkdir(_OWN_FOLDER, exist_ok=True)


def _create(path: Path) -> None:
    """An empty file, its name durable. What was left beside an old one would be taken for its own."""
    for part in _PARTS[:-1]:
        _beside(path, part).unlink(missing_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NOFOLLOW, _OWN))
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def identity(path: Path) -> tuple[int, int] | None:
    """What tells the file at *path* from another one put in its place; None if there is none."""
    status = _status(path)
    return None if status is None else (status.st_dev, status.st_ino)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def set_aside(path: Path, known: tuple[int, int] | None) -> bool:
    """Rename the file to `*.corrupt-<time>`, if it is still the *known* one. To be called under the lock."""
    if known is None or identity(path) != known:
        return False
    mark = f"{_ASIDE}{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    for part in _PARTS:
        with suppress(FileNotFoundError):
            _beside(path, part).replace(_beside(path, mark + part))
    remove_aside(path, keep=_KEPT_ASIDE)
    return True


def remove_aside(path: Path, *, keep: int = 0) -> None:
    """Delete the files that were set aside, but the newest *keep*."""
    found = sorted(
        {
            one.name.removesuffix("-wal").removesuffix("-shm").removesuffix("-journal")
            for one in path.parent.glob(f"{path.name}{_ASIDE}*")
        }
    )
    for name in found[: len(found) - keep]:
        for part in _PARTS:
            path.with_name(name + part).unlink(missing_ok=True)


@contextmanager
def locked(path: Path, until: float) -> Iterator[None]:
    """Hold the lock of all processes that open, make or set aside the file at *path*.

    until: `time.monotonic()` at which SpoolBusy is raised. The system frees the lock of a dead process.
    """
    _ensure_folder(path.parent)
    descriptor = os.open(_beside(path, ".lock"), os.O_RDWR | os.O_CREAT | _NOFOLLOW, _OWN)
    try:
        while not _lock(descriptor):
            if time.monotonic() > until:
                raise SpoolBusy(errno.EBUSY, "other processes are opening the spool", str(path))
            breathe(_LOCK_POLL_S)
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":  # pragma: no cover - the other branch is its twin

    def _lock(descriptor: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _lock(descriptor: int) -> bool:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks: SQLite's own must do
            return True
        return True
