"""What keeps the spool from being used? SQLite's errors under names that the guard's counts can show."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llm_observer.errors import LLMObserverError

__all__ = ["SpoolBusy", "SpoolCorrupt", "SpoolError", "SpoolFull", "SpoolRefused", "named"]


class SpoolError(LLMObserverError, OSError):
    """The spool cannot be used now: `errno` and `strerror` say why, as for any OSError."""


class SpoolBusy(SpoolError):  # noqa: N818 - it names the state
    """Other processes kept the spool longer than a call may wait."""


class SpoolCorrupt(SpoolError):  # noqa: N818 - it names the state
    """The file is damaged, or no spool at all."""


class SpoolFull(SpoolError):  # noqa: N818 - it names the state
    """The disk is full."""


class SpoolRefused(SpoolError):  # noqa: N818 - it names the decision
    """The folder or the file is another user's, a link, or open to others."""


_MALFORMED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_KINDS: dict[int, tuple[type[SpoolError], int]] = {
    sqlite3.SQLITE_BUSY: (SpoolBusy, errno.EBUSY),
    sqlite3.SQLITE_LOCKED: (SpoolBusy, errno.EBUSY),
    sqlite3.SQLITE_PROTOCOL: (SpoolBusy, errno.EBUSY),
    sqlite3.SQLITE_FULL: (SpoolFull, errno.ENOSPC),
    sqlite3.SQLITE_READONLY: (SpoolError, errno.EROFS),
    sqlite3.SQLITE_CANTOPEN: (SpoolError, errno.EACCES),
    sqlite3.SQLITE_PERM: (SpoolError, errno.EACCES),
}


@contextmanager
def named(path: Path) -> Iterator[None]:
    """SQLite's errors under our names."""
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code in _MALFORMED:
            raise SpoolCorrupt(errno.EILSEQ, f"SQLite: {exc}", str(path)) from exc
        kind, number = _KINDS.get(code, (SpoolError, errno.EIO))
        raise kind(number, f"SQLite: {exc}", str(path)) from exc
