"""When was it? RFC 3339, seconds since the epoch or an HTTP date, as nanoseconds since the epoch."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

__all__ = ["UNKNOWN_NS", "Times", "instant_ns", "times_of"]

UNKNOWN_NS = -1
"""Start of an exchange whose record has no time; whoever opens the file puts an instant there."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_S = 253_402_300_800
"""Seconds since the epoch at the end of the year 9999."""
_NAMED_UTC = re.compile(r" ?(UTC|GMT)$")
"""How some databases write what `Z` says: `2026-11-20 10:00:00.123 UTC`."""


class Times(msgspec.Struct, frozen=True):
    """Of one exchange, as `wire.Exchange` has them."""

    started_ns: int = UNKNOWN_NS
    first_ns: int | None = None
    duration_ns: int | None = None


def times_of(started: object, first: object, ended: object) -> Times:
    """The times of an exchange by its three instants, each of which may be missing.

    Raises ValueError where one is no time.
    """
    begin = instant_ns(started)
    if begin is None:
        return Times()
    return Times(begin, _after(begin, instant_ns(first)), _after(begin, instant_ns(ended)))


def _after(begin_ns: int, instant: int | None) -> int | None:
    """How long after; unknown where the clock went back."""
    return None if instant is None or instant < begin_ns else instant - begin_ns


def instant_ns(value: object) -> int | None:
    """*value* as nanoseconds since the epoch; a text without a zone is UTC, None is None.

    Raises ValueError where it is no time.
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        return _of_datetime(value)
    if isinstance(value, str):
        return _of_datetime(_parsed(value))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LAST_S:
        raise ValueError("a time is neither RFC 3339 nor seconds since the epoch")
    whole = int(value)
    return whole * 1_000_000_000 + round((value - whole) * 1_000_000) * 1000


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(_NAMED_UTC.sub("+00:00", text))
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)  # `Fri, 21 Nov 2025 10:00:00 GMT`, as ruby's VCR writes
    except (ValueError, IndexError) as exc:
        raise ValueError("a time is neither RFC 3339 nor seconds since the epoch") from exc


def _of_datetime(moment: datetime) -> int:
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    whole = since.days * 86_400 + since.seconds
    if not 0 <= whole < _LAST_S:
        raise ValueError("a time is before 1970")
    return whole * 1_000_000_000 + since.microseconds * 1000
