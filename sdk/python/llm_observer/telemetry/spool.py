"""Which events still wait to be delivered? A bounded queue on disk that several processes share.

What `put` has stored survives `kill -9` and a power loss. A batch is *leased*: nobody else gets its events
until it is acknowledged, released, or its time is over. Events are delivered at least once: a process that
dies after sending and before `ack` leaves its lease to run out, and the receiver knows the `event_id`.

Leases run on a clock that nobody sets: seconds since the machine started, the same in all its processes
(`CLOCK_BOOTTIME`; `time.monotonic` elsewhere), so a jump of the wall clock neither ends a lease nor makes it
last. Only a lease that was taken before a restart of the machine is judged by the wall clock, and by both its
ends: with the clock before its start or after its end it is over. An event is too old when the wall clock
says so and, unless the machine was restarted meanwhile, the other clock agrees.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from llm_observer.scrub import scrub
from llm_observer.telemetry import _spool_sql as sql
from llm_observer.telemetry import spool_file
from llm_observer.telemetry.database import Database
from llm_observer.telemetry.entry import Entry, Lease, Refusal, SpoolStats
from llm_observer.telemetry.spool_errors import SpoolBusy, SpoolCorrupt, SpoolError, SpoolFull, SpoolRefused
from llm_observer.telemetry.steady import Moment, boot_id, steady

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = [
    "Entry",
    "Lease",
    "Refusal",
    "Spool",
    "SpoolBusy",
    "SpoolCorrupt",
    "SpoolError",
    "SpoolFull",
    "SpoolRefused",
    "SpoolStats",
]

MIB = 1 << 20
DAY_S = 86_400
MAX_QUARANTINED = 1000
_MAX_REASON = 200


class Spool:
    """The events for one endpoint, in one file of *folder*. For any number of threads and processes.

    Every method but `stats` on a spool that has no file raises SpoolError (an OSError) when the disk, or
    another process that keeps the file for over a second, is in the way; nothing is changed then.

    folder: made with mode 0700. destination: the endpoint's address; only its hash is in the file's name.
    max_bytes: bound of all bodies together; the oldest go for newer ones. max_age_s: seconds after which
    an event goes. max_entry_bytes: a larger event is dropped alone. clock: the wall clock; steady: one that
    nobody sets.
    """

    def __init__(  # noqa: PLR0913 - each is a bound or a clock
        self,
        folder: str | os.PathLike[str],
        destination: str,
        *,
        max_bytes: int = 64 * MIB,
        max_age_s: float = 7 * DAY_S,
        max_entry_bytes: int = MIB // 2,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady,
    ) -> None:
        self._database = Database(spool_file.file_for(folder, destination), sql.LAYOUT)
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._max_entry_bytes = min(max_entry_bytes, max_bytes)
        self._clock = clock
        self._steady = steady
        self._boot = boot_id()

    @classmethod
    def at(cls, path: Path) -> Spool:
        """The spool in this file, whatever endpoint it is for."""
        spool = cls(path.parent, "")
        spool._database = Database(path, sql.LAYOUT)
        return spool

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def put(self, entries: Sequence[Entry]) -> int:
        """Store *entries*; how many are new and were stored. They are on the disk when it returns.

        Events that are known by their id, waiting or quarantined, are ignored. The oldest events make
        room; if that does not do, the first of *entries* do.
        """
        return self._database.write(partial(self._put, entries)) if entries else 0

    def _put(self, entries: Sequence[Entry], db: Connection) -> int:
        self._drop_old(db)
        fresh = _unknown(db, entries)
        small = [entry for entry in fresh if len(entry.body) <= self._max_entry_bytes]
        _count(db, "dropped_oversize", len(fresh) - len(small))
        kept = self._make_room(db, small)
        moment = self._moment()
        db.executemany(
            sql.INSERT, [{**moment._asdict(), "id": entry.event_id, "body": entry.body} for entry in kept]
        )
        return len(kept)

    def lease(self, *, max_events: int, max_bytes: int, for_s: float) -> Lease | None:
        """The oldest events that nobody has leased, for *for_s* seconds; None if there are none.

        The bodies have up to *max_bytes* together; an event that is larger comes alone.
        """
        if not self._database.is_there():
            return None
        return self._database.write(partial(self._lease, max_events, max_bytes, for_s))

    def _lease(self, max_events: int, max_bytes: int, for_s: float, db: Connection) -> Lease | None:
        moment = self._moment()
        db.execute(sql.EXPIRE, moment._asdict())
        self._drop_old(db)
        rows = _first(db.execute(sql.NEXT, (max_events,)), max_bytes)
        if not rows:
            return None
        lease_id = secrets.token_hex(12)
        db.execute(sql.ADD_LEASE, {**moment._asdict(), "id": lease_id, "for": for_s})
        db.executemany(sql.ADD_LEASED, [(seq, lease_id) for seq, _, _ in rows])
        entries = tuple(Entry(event_id, body) for _, event_id, body in rows)
        return Lease(lease_id, entries, moment.now)

    def ack(self, lease_id: str, event_ids: Collection[str] | None = None) -> None:
        """The receiver has these events of the lease, or all that are left in it: they go.

        A lease whose time is over, and whose events somebody else may have, changes nothing.
        """
        if self._database.is_there():
            self._database.write(partial(_ack, lease_id, event_ids))
            self._database.shrink()

    def release(self, lease_id: str) -> None:
        """What is left in the lease waits again, in its old place."""
        if self._database.is_there():
            self._database.write(lambda db: db.execute(sql.END_LEASE, {"lease": lease_id}))

    def quarantine(self, lease_id: str, refused: Mapping[str, str]) -> None:
        """Keep these events of the lease aside, with the reason (by `event_id`): they are never sent again.

        The newest are kept, up to 1,000 and an eighth of the spool's bytes. The rest of the lease stays.
        """
        if self._database.is_there():
            self._database.write(partial(self._quarantine, lease_id, refused))

    def _quarantine(self, lease_id: str, refused: Mapping[str, str], db: Connection) -> None:
        moment = self._moment()
        rows = [
            {**moment._asdict(), "lease": lease_id, "id": event_id, "reason": _safe(reason)}
            for event_id, reason in refused.items()
        ]
        db.executemany(sql.REFUSE, rows)
        db.executemany(sql.DELETE_ONE, rows)
        db.execute(sql.END_EMPTY)
        sizes = [size for (size,) in db.execute(sql.REFUSED_SIZES)]
        limit = self._max_bytes // 8
        kept = sum(total <= limit for total in accumulate(sizes[:MAX_QUARANTINED]))
        db.execute(sql.DROP_REFUSED, (len(sizes) - kept,))
        _count(db, "dropped_refused", len(sizes) - kept)

    def refusals(self, limit: int = 20) -> list[Refusal]:
        """The newest events in quarantine."""
        if not self._database.is_there():
            return []
        return self._database.read(lambda db: [Refusal(*row) for row in db.execute(sql.REFUSALS, (limit,))])

    def purge(self) -> int:
        """Delete all events, leased and quarantined ones too, and damaged files; how many events went."""
        spool_file.remove_aside(self.path)
        if not self._database.is_there():
            return 0
        gone = self._database.write(_purge)
        self._database.shrink(max_pages=None)
        return gone

    def stats(self) -> SpoolStats:
        """Counts now; all zero for a spool that has no file."""
        if not self._database.is_there():
            return SpoolStats(path=str(self.path))
        return self._database.read(self._stats)._replace(path=str(self.path))

    def _stats(self, db: Connection) -> SpoolStats:
        totals = dict(db.execute("SELECT name, value FROM totals"))
        total_bytes = totals.pop("bytes")
        row = db.execute(sql.STATS, self._moment()._asdict()).fetchone()
        events, leased, leased_bytes, quarantined, oldest_s = row
        return SpoolStats(
            waiting=events - leased,
            waiting_bytes=total_bytes - leased_bytes,
            leased=leased,
            quarantined=quarantined,
            oldest_s=oldest_s,
            **totals,
        )

    def close(self) -> None:
        """Let go of the file; the spool can still be used."""
        self._database.close()

    def _moment(self) -> Moment:
        return Moment(self._clock(), self._steady(), self._boot)

    def _drop_old(self, db: Connection) -> None:
        """From the front on, up to the first event that is young enough."""
        (first,) = db.execute(
            sql.FIRST_YOUNG, {**self._moment()._asdict(), "age": self._max_age_s}
        ).fetchone()
        _count(db, "dropped_old", db.execute(sql.DROP_BEFORE, (first,)).rowcount)

    def _make_room(self, db: Connection, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those of *entries* that there is room for, after the oldest events went."""
        excess = _total(db, "bytes") + sum(len(entry.body) for entry in entries) - self._max_bytes
        if excess <= 0:
            return entries
        dropped = _enough(db.execute(sql.SIZES), excess)
        db.executemany(sql.DELETE_SEQ, [(seq,) for seq, _ in dropped])
        left = excess - sum(size for _, size in dropped)
        given_up = len(_enough(((0, len(entry.body)) for entry in entries), left))
        _count(db, "dropped_full", len(dropped) + given_up)
        return entries[given_up:]


def _unknown(db: Connection, entries: Iterable[Entry]) -> list[Entry]:
    """Those that are neither waiting nor in quarantine, each once."""
    once: dict[str, Entry] = {}
    for entry in entries:
        once.setdefault(entry.event_id, entry)
    return [once[key] for key in once if not db.execute(sql.IS_KNOWN, {"id": key}).fetchone()[0]]


def _first(rows: Iterable[tuple[int, str, bytes]], max_bytes: int) -> list[tuple[int, str, bytes]]:
    """Rows up to *max_bytes*, but one at least."""
    taken: list[tuple[int, str, bytes]] = []
    for row in rows:
        max_bytes -= len(row[2])
        if taken and max_bytes < 0:
            break
        taken.append(row)
    return taken


def _enough(rows: Iterable[tuple[int, int]], needed: int) -> list[tuple[int, int]]:
    """The first rows (number, size) that have *needed* bytes together."""
    taken = []
    for row in rows:
        if needed <= 0:
            break
        taken.append(row)
        needed -= row[1]
    return taken


def _ack(lease_id: str, event_ids: Collection[str] | None, db: Connection) -> None:
    if event_ids is None:
        db.execute(sql.DELETE_LEASED, {"lease": lease_id})
    else:
        db.executemany(sql.DELETE_ONE, [{"lease": lease_id, "id": event_id} for event_id in event_ids])
    db.execute(sql.END_EMPTY)


def _purge(db: Connection) -> int:
    (gone,) = db.execute(sql.COUNT_ALL).fetchone()
    for statement in sql.PURGE:
        db.execute(statement)
    return int(gone)


def _total(db: Connection, name: str) -> int:
    (value,) = db.execute("SELECT value FROM totals WHERE name = ?", (name,)).fetchone()
    return int(value)


def _count(db: Connection, name: str, more: int) -> None:
    if more > 0:
        db.execute("UPDATE totals SET value = value + ? WHERE name = ?", (more, name))


def _safe(reason: str) -> str:
    """A receiver may repeat what it was sent."""
    line = scrub(reason[: 4 * _MAX_REASON])
    return "".join(char if char.isprintable() else " " for char in line)[:_MAX_REASON]
