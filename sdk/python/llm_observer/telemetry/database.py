"""How is one transaction run in the spool's file, by many processes and threads, and across forks?

Durable: WAL with `synchronous=EXTRA`. A commit returns after its log is synced, so neither `kill -9` nor a
power loss takes what was acknowledged; where a file system has no WAL, SQLite keeps its rollback journal,
and EXTRA also syncs the folder after that. A PASSIVE checkpoint beside a writer has a race that can lose a
log in SQLite up to 3.51.2 (https://www.sqlite.org/wal.html#walresetbug), so there is no automatic one: we
ask for TRUNCATE, which excludes writers.

Forks: SQLite keeps per process, by inode, which locks it holds, and a child inherits that table but not
the locks; even a *new* connection to the same file would then work without them
(https://www.sqlite.org/howtocorrupt.html, section 2.6). Dropping the connection in the child does not help,
as that closes it. So the *parent* closes its connection right before a fork, under the lock that all its
threads take, and opens a new one when it next needs it: the child inherits nothing. If a hung disk keeps
the lock for too long, the fork goes on, and the child does without a spool: every use raises SpoolError.
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from llm_observer import log
from llm_observer.telemetry import spool_file
from llm_observer.telemetry.spool_errors import SpoolBusy, SpoolCorrupt, SpoolError, SpoolRefused, named
from llm_observer.telemetry.spool_layout import Layout, connect, is_sparse, prepare
from llm_observer.threads import breathe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Database"]

WAIT_S = 1.0
"""The longest that a call waits for others."""

_POLL_S = (0.0003, 0.0015)
"""Short, as nobody queues: beside a process that writes all the time, the file is free for moments only."""

_CHECKPOINT_WAIT_MS = 200
_MAX_LOG_BYTES = 2 << 20
_SHRINK_PAGES = 512
_random = random.SystemRandom()
"""The app's own generator, which it may have seeded, is left alone."""

_T = TypeVar("_T")
_databases: WeakSet[Database] = WeakSet()
_inherited: list[sqlite3.Connection | None] = []
"""Connections of a parent that could not close them before the fork; closing them here would be wrong."""


class Database:
    """One file, opened when it is first needed. Safe for any number of threads and processes.

    path: the file; what stands there by a newer release is left alone, and a file beside it is used.
    """

    _connection: sqlite3.Connection | None = None

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self._layout = layout
        self._corrupt = 0
        self._reset()
        _databases.add(self)

    def __del__(self) -> None:
        """A connection that nobody closed: the interpreter would warn the app of it."""
        self._disconnect()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._connection = None
        self._identity: tuple[int, int] | None = None
        self._is_lost = False
        self._forking: int | None = None

    def is_there(self) -> bool:
        """Whether there is a file at all: reading must not make one."""
        return os.path.lexists(self.path)

    def write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """The result of *work*, done in one transaction that is durable by now.

        Raises SpoolError: SpoolBusy if others kept the file too long, SpoolFull on a full disk.
        """
        return self._run("BEGIN IMMEDIATE", work)

    def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """The result of *work*, which only reads: no writer is in its way."""
        return self._run("BEGIN", work)

    def _run(self, begin: str, work: Callable[[sqlite3.Connection], _T]) -> _T:
        until = time.monotonic() + WAIT_S
        while True:
            with suppress(SpoolBusy), self._held(until):
                result = self._once(begin, work, until)
                if self._is_current():
                    return result
            if time.monotonic() > until:
                raise SpoolBusy(errno.EBUSY, "other processes keep the spool", str(self.path))
            breathe(_random.uniform(*_POLL_S))

    def shrink(self, *, max_pages: int | None = _SHRINK_PAGES) -> None:
        """Give free pages back once a quarter of the file is free, up to *max_pages* (None: all) at a time.

        It is no part of a transaction, and not urgent: where it fails, the next one does it.
        """
        with suppress(SpoolError), self._held(time.monotonic() + WAIT_S), named(self.path):
            if self._connection is not None and (max_pages is None or is_sparse(self._connection)):
                pages = "" if max_pages is None else f"({max_pages})"
                self._connection.executescript(
                    f"PRAGMA incremental_vacuum{pages}"
                )  # `execute` would free one
                self._truncate_log(self._connection)

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._held(time.monotonic() + WAIT_S):
            self._disconnect()

    @contextmanager
    def _held(self, until: float) -> Iterator[None]:
        """The lock of this process. Nobody sleeps with it, so a fork waits for the disk at most."""
        lock = self._lock
        if not lock.acquire(timeout=max(0.0, until - time.monotonic())):
            raise SpoolBusy(errno.EBUSY, "another thread keeps the spool", str(self.path))
        try:
            yield
        finally:
            lock.release()

    def _once(self, begin: str, work: Callable[[sqlite3.Connection], _T], until: float) -> _T:
        try:
            with named(self.path):
                return self._transact(begin, work, until)
        except SpoolCorrupt:
            self._set_aside(until)
        with named(self.path):
            return self._transact(begin, work, until)

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], _T], until: float) -> _T:
        connection = self._connected(until)
        try:
            connection.execute(begin)
            if self._corrupt:
                self._note_corrupt(connection)
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back(connection)
            raise
        self._corrupt = 0
        if self._log_bytes() > _MAX_LOG_BYTES:
            self._truncate_log(connection)
        return result

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        """After a full disk or a failed read SQLite may have rolled back itself."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._disconnect()

    def _note_corrupt(self, connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE totals SET value = value + ? WHERE name = 'corrupt'", (self._corrupt,))

    def _is_current(self) -> bool:
        """False if the file was deleted or set aside by others: what was written there is written again."""
        return self._identity is not None and spool_file.identity(self.path) == self._identity

    def _connected(self, until: float) -> sqlite3.Connection:
        if self._is_lost:
            raise SpoolError(errno.EDEADLK, "forked while the disk hung", str(self.path))
        if self._connection is not None and self._is_current():
            return self._connection
        self._disconnect()
        with spool_file.locked(self.path, until):
            connection, version = self._open()
        if version == self._layout.version:
            self._connection = connection
            return connection
        connection.close()
        self._move_beside(version)
        return self._connected(until)

    def _open(self) -> tuple[sqlite3.Connection, int]:
        spool_file.ensure_file(self.path)
        self._identity = spool_file.identity(self.path)
        connection = connect(self.path)
        try:
            return connection, prepare(connection, self._layout, self.path)
        except BaseException:
            connection.close()
            raise

    def _move_beside(self, version: int) -> None:
        """A newer release's file stays as it is."""
        ending = f".for-v{self._layout.version}.sqlite3"
        if self.path.name.endswith(ending):
            raise SpoolRefused(errno.EPERM, f"the spool is of a newer version ({version})", str(self.path))
        log.once("spool version", "the spool is of a newer release (%d): another file is used", version)
        self.path = self.path.with_name(self.path.name.removesuffix(".sqlite3") + ending)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # its last checkpoint failed: the log stays, the next one reads it
                connection.close()

    def _set_aside(self, until: float) -> None:
        self._disconnect()
        with spool_file.locked(self.path, until):
            is_mine = spool_file.set_aside(self.path, self._identity)
        if is_mine:  # else another process was faster
            self._corrupt += 1
            log.once("spool corrupt", "the spool was damaged: it was set aside beside %s", str(self.path))

    def _truncate_log(self, connection: sqlite3.Connection) -> None:
        """Bring the log into the file. If that fails, as on a full disk, what is in the log is safe there."""
        connection.execute(f"PRAGMA busy_timeout={_CHECKPOINT_WAIT_MS}")
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA busy_timeout=0")

    def _log_bytes(self) -> int:
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def before_fork(self) -> None:
        """Close, and keep the lock until the fork is done."""
        if self._lock.acquire(timeout=WAIT_S):
            self._disconnect()
            self._forking = threading.get_ident()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._forking == threading.get_ident():
            self._forking = None
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Begin anew; or not at all, if the parent was in the middle of something."""
        was_closed = self._forking == threading.get_ident()
        if not was_closed:
            _inherited.append(self._connection)
        self._reset()
        self._is_lost = not was_closed


def _each(step: Callable[[Database], None]) -> Callable[[], None]:
    def all_of_them() -> None:
        for database in tuple(_databases):
            step(database)

    return all_of_them


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each(Database.before_fork),
        after_in_parent=_each(Database.after_fork_in_parent),
        after_in_child=_each(Database.after_fork_in_child),
    )
