"""What must a file look like to be our spool, and how is an empty one made into it?"""

import errno
import sqlite3
from pathlib import Path
from typing import NamedTuple

from llm_observer.telemetry.spool_errors import SpoolCorrupt

__all__ = ["Layout", "connect", "is_sparse", "prepare"]

_SPARSE_PAGES = 64
_NEW = ("page_size=8192", "auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=EXTRA")
"""Pages of 8 KiB: with 4, an event of 2.5 kB would take up a page of its own."""


class Layout(NamedTuple):
    """What a file must look like. version: its `user_version`; a higher one is another release's file."""

    version: int
    script: str
    tables: frozenset[str]


def prepare(connection: sqlite3.Connection, layout: Layout, path: Path) -> int:
    """The file's version, after an empty file got its tables."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > layout.version:
        return int(version)
    if version == 0 and not _tables(connection):
        _begin_file(connection, layout)
    for pragma in ("synchronous=EXTRA", "wal_autocheckpoint=0", "temp_store=MEMORY", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    if not _tables(connection) >= layout.tables:
        raise SpoolCorrupt(errno.EILSEQ, "the file is no spool", str(path))
    return layout.version


def connect(path: Path) -> sqlite3.Connection:
    """No waiting inside SQLite: whoever waits does so outside of all locks."""
    address = f"{path.as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=0, isolation_level=None, check_same_thread=False)


def is_sparse(connection: sqlite3.Connection) -> bool:
    """Whether a quarter of the file is free."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return bool(free >= _SPARSE_PAGES and free * 4 >= pages)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _begin_file(connection: sqlite3.Connection, layout: Layout) -> None:
    """Kill-safe: tables and version come in one transaction."""
    for pragma in _NEW:
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.executescript(
        f"BEGIN IMMEDIATE; {layout.script}; PRAGMA user_version={layout.version}; COMMIT"
    )
