"""What goes into a spool, and what comes out?"""

from typing import NamedTuple

__all__ = ["Entry", "Lease", "Refusal", "SpoolStats"]


class Entry(NamedTuple):
    """One event. body: its JSON, without a line break."""

    event_id: str
    body: bytes


class Lease(NamedTuple):
    """Events, oldest first, that nobody else gets for a while. created_s: wall clock when it was taken."""

    lease_id: str
    entries: tuple[Entry, ...]
    created_s: float


class Refusal(NamedTuple):
    """An event that the receiver will never take, kept aside. refused_s: wall clock."""

    event_id: str
    reason: str
    refused_s: float


class SpoolStats(NamedTuple):
    """What is in the spool, and since it was made, what was not kept.

    waiting: events that nobody has leased; waiting_bytes: the length of all their bodies. leased: events in
    leases that are not over. oldest_s: wall clock when the oldest event, leased or not, was stored; None
    without events. dropped_full: for want of room; dropped_old: by age; dropped_oversize: larger than an
    event may be; dropped_refused: quarantined events that made room for newer ones. corrupt: damaged files
    set aside.
    """

    waiting: int = 0
    waiting_bytes: int = 0
    leased: int = 0
    quarantined: int = 0
    dropped_full: int = 0
    dropped_old: int = 0
    dropped_oversize: int = 0
    oldest_s: float | None = None
    path: str = ""
    dropped_refused: int = 0
    corrupt: int = 0
