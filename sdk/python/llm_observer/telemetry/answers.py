"""What does an answer mean? A table of statuses, and the events that the receiver names in the body."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from llm_observer.telemetry.client import Answer

__all__ = ["Outcome", "outcome_of", "retry_after_s"]

Kind = Literal["delivered", "partly", "split", "retry", "refused", "unauthorized", "redirected", "failed"]

_KINDS: Mapping[int, Kind] = {
    400: "refused",
    401: "unauthorized",
    403: "unauthorized",
    408: "retry",
    409: "delivered",  # the key is known: an earlier attempt arrived, of which no answer came
    413: "split",
    422: "refused",
    425: "retry",
    429: "retry",
    501: "failed",
    505: "failed",
}
_CLASSES: Mapping[int, Kind] = {2: "delivered", 3: "redirected", 5: "retry"}
_LISTING = frozenset({"delivered", "refused"})
_HOUR_S = 3600.0
_MAX_REASON = 200


class Outcome(NamedTuple):
    """What became of a batch.

    kind: delivered; partly (all but `refused`); split (too large); retry (all attempts failed); refused
    (`refused`, or nobody knows which); unauthorized; redirected; failed (nothing that a retry would mend).
    detail: words for a person, ours. duplicates: events that the receiver had before.
    """

    kind: Kind
    status: int | None
    retry_after_s: float | None
    refused: Mapping[str, str]
    detail: str
    duplicates: int = 0


class _Refusal(msgspec.Struct, frozen=True):
    event_id: str
    reason: str = ""


class _Receipt(msgspec.Struct, frozen=True):
    """The body of an answer, as far as it is understood."""

    duplicates: int = 0
    rejected: list[_Refusal] = []


def outcome_of(answer: Answer, event_ids: Collection[str], *, now_s: float) -> Outcome:
    """What *answer* says of the batch of *event_ids*. now_s: seconds since the epoch."""
    kind = _KINDS.get(answer.status) or _CLASSES.get(answer.status // 100, "failed")
    receipt = _receipt(answer.body) if kind in _LISTING else _Receipt()
    refused = {one.event_id: _line(one.reason) for one in receipt.rejected if one.event_id in event_ids}
    if kind == "delivered" and refused:
        kind = "partly"
    wait_s = retry_after_s(answer.headers.get("retry-after"), now_s=now_s)
    detail = f"it answered with status {answer.status}"
    return Outcome(kind, answer.status, wait_s, refused, detail, max(receipt.duplicates, 0))


def _receipt(body: bytes) -> _Receipt:
    """An answer without a body that we understand names no event."""
    try:
        return msgspec.json.decode(body, type=_Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Receipt()


def _line(reason: Any) -> str:
    """The receiver's words in one bounded, printable line."""
    return "".join(mark if mark.isprintable() else " " for mark in str(reason)[:_MAX_REASON]).strip()


def retry_after_s(value: str | None, *, now_s: float) -> float | None:
    """Seconds that `Retry-After` asks for (RFC 9110, 10.2.3: seconds or a date), an hour at most."""
    if value is None:
        return None
    digits = value.strip(" \t")
    seconds = float(digits) if digits.isascii() and digits.isdecimal() else _until(value, now_s)
    return None if seconds is None else min(max(seconds, 0.0), _HOUR_S)


def _until(date: str, now_s: float) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - now_s
    except (ValueError, OverflowError, OSError):
        return None
