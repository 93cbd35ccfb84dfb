"""What is a batch on the wire? One JSON object around events that are JSON already.

The contract is `shared/schema/telemetry_batch_v1.json`, written from `Batch` by scripts/build_schema.py.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from llm_observer._fields import public

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_observer.telemetry.spool import Entry

__all__ = ["BATCH_VERSION", "Batch", "batch_body", "batch_key", "halves", "room_for_events"]

BATCH_VERSION = "1.0"
_UTC = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$"
_EVENTS = "Oldest first. Each follows telemetry_event_v1.json by itself: a receiver refuses single events."
_ENVELOPE_BYTES = 100
"""More than the envelope takes, whatever its version and time."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The body of one delivery: some events of any versions of the event contract."""

    schema_version: Annotated[str, public("MAJOR.MINOR of this contract.", pattern=r"^1\.[0-9]+$")]
    sent_at: Annotated[str, public("When it was sent, RFC 3339, UTC.", pattern=_UTC)]
    events: Annotated[list[dict[str, Any]], public(_EVENTS, min_length=1)]


def batch_body(entries: Sequence[Entry], *, sent_at: str) -> bytes:
    """The batch of *entries* as JSON; the events are not decoded for it."""
    head = f'{{"schema_version":"{BATCH_VERSION}","sent_at":"{sent_at}","events":['
    return b"".join((head.encode(), b",".join(entry.body for entry in entries), b"]}"))


def batch_key(entries: Sequence[Entry]) -> str:
    """The idempotency key: the same for the same events in the same order, in any process."""
    names = "\n".join(entry.event_id for entry in entries)
    return hashlib.blake2b(names.encode(), digest_size=16).hexdigest()


def halves(entries: Sequence[Entry]) -> list[tuple[Entry, ...]]:
    """*entries* in two parts, the first ones first; needs two entries at least."""
    middle = len(entries) // 2
    return [tuple(entries[:middle]), tuple(entries[middle:])]


def room_for_events(max_bytes: int, events: int) -> int:
    """Bytes that *events* events may have in all, in a batch of *max_bytes* bytes."""
    commas = max(events - 1, 0)
    return max(max_bytes - _ENVELOPE_BYTES - commas, 0)
