"""Which events are in recordings? The same decoding and enriching as live, with no capture."""

import secrets
from collections.abc import Iterable, Iterator

from llm_observer._version import __version__
from llm_observer.adapters import decode
from llm_observer.config import Config
from llm_observer.event import SCHEMA_VERSION, Event, Sdk, new_event_id, new_span_id, rfc3339
from llm_observer.guard import guard
from llm_observer.recordings import Item, Known, Recorded, Unreadable
from llm_observer.wire import Exchange
from llm_observer.worker import enrichers_of, service_of

__all__ = ["Offline", "events_of", "known"]

_ENRICH = guard("enrich")
_EVENT = guard("event")
_SDK = Sdk(name="llm_observer", version=__version__)


class Offline:
    """Builds events of exchanges, by the settings of *config*. It knows of each what came before."""

    def __init__(self, config: Config) -> None:
        self._enrichers = tuple(enrichers_of(config))
        self._service = service_of(config)
        self._with_content = config.capture_content

    def event_of(self, exchange: Exchange) -> Event:
        """The event of *exchange*: a trace of its own, no call site."""
        exchange.event_id = new_event_id(exchange.started_ns)
        decoded = decode(exchange, with_content=self._with_content)
        call = decoded.call
        for enrich in self._enrichers:
            with _ENRICH:  # an event without its cost is better than none
                call = enrich(call, decoded, exchange)
        return Event(
            schema_version=SCHEMA_VERSION,
            event_id=exchange.event_id,
            type="llm_call",
            time=rfc3339(exchange.started_ns),
            trace_id=secrets.token_hex(16),
            span_id=new_span_id(),
            service=self._service,
            sdk=_SDK,
            llm_call=call,
        )

    def event_or_none(self, exchange: Exchange) -> Event | None:
        """The event of *exchange*; None after a fault of ours, which the guard counts and logs."""
        with _EVENT:
            return self.event_of(exchange)
        return None


def events_of(recorded: Iterable[Recorded], config: Config) -> Iterator[tuple[Recorded, Event]]:
    """Each of *recorded* and its event, one by one, in the order in which they come."""
    offline = Offline(config)
    for one in recorded:
        event = offline.event_or_none(one.exchange)
        if event is not None:
            yield one, event


def known(items: Iterable[Item], config: Config) -> Iterator[Known | Unreadable]:
    """*items*, with the event of each exchange in its place; events pass as they are."""
    offline = Offline(config)
    for item in items:
        if not isinstance(item, Recorded):
            yield item
            continue
        event = offline.event_or_none(item.exchange)
        if event is None:
            yield Unreadable(item.place, "a fault of our own: the log has its line")
        else:
            yield Known(item.index, event, item.place)
