"""What is a call of which somebody else's record tells? Its exchange, as far as the record goes.

Such records have a usage and no request, so an exchange is made whose answer is that usage: from there on
all is as with a recorded answer.
"""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from llm_observer.recordings._hosts import host_of, is_claude, is_region_open
from llm_observer.recordings._spec import Recorded
from llm_observer.recordings._times import Times, instant_ns
from llm_observer.recordings._usage import Counts, usage_of
from llm_observer.wire import Closing, Exchange, Options

__all__ = ["CHAT", "MESSAGES", "PATHS", "Told", "address", "body_of", "region_caveat", "since", "told"]

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
PATHS = {
    "chat.completion": CHAT,
    "response": "/v1/responses",
    "text_completion": "/v1/completions",
    "list": "/v1/embeddings",
}
"""By what an answer says that it is."""
_REGION_UNKNOWN = "the region that the request was sent to is unknown"
_MILLISECONDS = 1e11
"""As seconds this is the year 5138: what is larger counts milliseconds."""
_LONGEST_MS = 1e12
_OK = 200


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One call. url: where it went. body: the answer, in the wire that the address says.

    model: that was asked for. answer: names the answer wherever it is told of; by it a call counts once.
    merges: records of one file with the same value tell of the same call. weight: which of them tells most.
    """

    url: str
    body: bytes = b""
    model: str | None = None
    status: int | None = _OK
    closing: Closing = "end_of_body"
    request_id: str | None = None
    times: Times = Times()
    answer: str | None = None
    merges: str | None = None
    weight: int = 0
    account: str | None = None
    caveat: str | None = None

    def recorded(self, index: int, place: str) -> Recorded:
        """It as a record at *place*."""
        return Recorded(index, self._exchange(), self.account, place, self.answer, self.caveat)

    def _exchange(self) -> Exchange:
        names = ("x-request-id", "request-id") if self.request_id is not None else ()
        return Exchange(
            sdk="",
            options=Options(method="POST", route="", model=self.model),
            url=self.url,
            request_state="not_kept",
            status=self.status,
            response_headers=tuple((name, str(self.request_id)) for name in names),
            response_body=self.body,
            response_state="kept" if self.body else "not_kept",
            closing=self.closing,
            started_ns=self.times.started_ns,
            duration_ns=self.times.duration_ns,
            first_chunk_ns=self.times.first_ns,
        )


def address(provider: object, path: str) -> str:
    """Where *provider*, by any tool's name for it, answers on *path*."""
    host = host_of(provider)
    return f"{'http' if host.startswith('localhost') else 'https'}://{host}{path}"


def body_of(usage: Mapping[str, object] | None, /, **fields: object) -> bytes:
    """An answer with *usage* and *fields*; what is None is left out. ValueError if they nest too deeply."""
    known = {name: value for name, value in fields.items() if value is not None}
    try:
        return msgspec.json.encode({**known, "usage": usage} if usage else known)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def region_caveat(provider: object, *models: object) -> str | None:
    """What makes a cost at *provider* an estimate where it depends on the region. models: names of one."""
    return _REGION_UNKNOWN if is_region_open(provider, *models) else None


def told(
    counts: Counts,
    provider: object,
    answered: str | None,
    *,
    response_id: str | None = None,
    **more: object,
) -> Told:
    """A call that *answered*, a model, on the wire that it speaks. more: fields of `Told`.

    *counts* of nothing but zeros mean that the usage is unknown.
    """
    is_anthropic = is_claude(answered)
    usage = None if counts.is_nothing else usage_of(counts, is_anthropic=is_anthropic)
    own = {"answer": response_id, "caveat": region_caveat(provider, answered)}
    return Told(
        url=address(provider, MESSAGES if is_anthropic else CHAT),
        body=body_of(usage, id=response_id, model=answered),
        **{**own, **more},  # type: ignore[arg-type]  # the fields of Told, by name
    )


def since(
    started: object, *, duration_ms: object = None, ended: object = None, first_ms: object = None
) -> Times:
    """Times of a call: an instant in any spelling, milliseconds since the epoch too, and how long it took.

    One that cannot be read is as one that is missing: the counts stand without it.
    """
    begin, end = _instant(started), _instant(ended)
    if begin is None:
        return Times() if end is None else Times(end)
    whole = _ns(duration_ms) if end is None or end < begin else end - begin
    return Times(begin, _ns(first_ms), whole)


def _instant(value: object) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= _MILLISECONDS:
        value = value / 1000
    with suppress(ValueError, OverflowError):  # no time, or one outside the calendar
        return instant_ns(value)
    return None


def _ns(milliseconds: object) -> int | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return round(milliseconds * 1e6) if 0 <= milliseconds < _LONGEST_MS else None
