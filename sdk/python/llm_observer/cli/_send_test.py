"""Does the endpoint take our events? One made-up event is sent to it, and its answer put into words."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from llm_observer._version import __version__
from llm_observer.config import Config
from llm_observer.errors import ConfigError
from llm_observer.event import (
    SCHEMA_VERSION,
    Diagnostic,
    Event,
    Sdk,
    Service,
    encode,
    new_event_id,
    new_span_id,
    rfc3339,
)
from llm_observer.telemetry.answers import Outcome
from llm_observer.telemetry.batch import batch_key
from llm_observer.telemetry.circuit import Circuit
from llm_observer.telemetry.entry import Entry
from llm_observer.telemetry.setup import sender_of

__all__ = ["SentTest", "send"]

_STATUSES: Mapping[int, str] = {
    400: "it does not understand the batch: is this the address of a receiver of telemetry_batch_v1?",
    401: "it does not accept the key: check LLM_OBSERVER_API_KEY",
    403: "the key may not send events there: check its rights",
    404: "there is nothing at this path: check LLM_OBSERVER_ENDPOINT, which is used exactly as given",
    405: "this path takes no POST: check LLM_OBSERVER_ENDPOINT, which is used exactly as given",
    409: "it has this batch already: the event arrived",
    413: "it finds even one event too large: check its limits, and those of proxies before it",
    415: "it does not take JSON that is compressed with gzip, which a receiver has to",
    422: "it does not accept the event: is it made for another version of the schema?",
    429: "it takes no more requests for now: events are kept, and sent when it says",
}
_KINDS: Mapping[str, str] = {
    "delivered": "it took the event",
    "partly": "it understood the batch and refused the event",
    "redirected": "it redirects, which is never followed: set the address that it leads to",
    "retry": "it cannot take events now: they are kept, and tried again",
    "failed": "it does not take events at this address",
}
_NOT_REACHED = "no answer came: check address, network, proxy and certificate"


class SentTest(NamedTuple):
    """What became of the test event. status: None without an answer. reasons: the receiver's own words."""

    is_taken: bool
    status: int | None
    meaning: str
    detail: str
    reasons: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """For people."""
        yield self.meaning
        yield self.detail
        yield from self.reasons


def send(config: Config) -> SentTest:
    """Send an event of type `diagnostic`, once and past the spool, where *config* allows sending."""
    reason = config.send_blocked_because
    if reason is not None:
        return _not_sent(reason)
    try:
        sender = sender_of(config._replace(max_attempts=1), Circuit(), Counter())
    except ConfigError as exc:
        return _not_sent(str(exc))
    entries = (_entry(config),)
    deadline = time.monotonic() + config.attempt_timeout_s
    outcome = sender.send(entries, idempotency_key=batch_key(entries), deadline=deadline)
    sender.close()
    return SentTest(
        is_taken=outcome.kind == "delivered",
        status=outcome.status,
        meaning=_meaning(outcome),
        detail=outcome.detail,
        reasons=tuple(outcome.refused.values()),
    )


def _not_sent(reason: str) -> SentTest:
    return SentTest(is_taken=False, status=None, meaning="nothing was sent", detail=reason)


def _meaning(outcome: Outcome) -> str:
    if outcome.status is None:
        return _NOT_REACHED
    return _STATUSES.get(outcome.status) or _KINDS[outcome.kind]


def _entry(config: Config) -> Entry:
    """An event that says nothing but that it is a test."""
    event = Event(
        schema_version=SCHEMA_VERSION,
        event_id=new_event_id(),
        type="diagnostic",
        time=rfc3339(time.time_ns()),
        trace_id=secrets.token_hex(16),
        span_id=new_span_id(),
        service=Service(
            name=config.service_name, version=config.service_version, environment=config.environment
        ),
        sdk=Sdk(name="llm_observer", version=__version__),
        diagnostic=Diagnostic(kind="send_test", severity="info"),
    )
    return Entry(event.event_id, encode(event))
