"""Which events are in recordings? The same decoding and enriching as live, with no capture."""

import secrets
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from llm_observer._version import __version__
from llm_observer.adapters import decode
from llm_observer.call import Cost, LLMCall
from llm_observer.call_cache import CacheUse, Label
from llm_observer.config import Config
from llm_observer.event import SCHEMA_VERSION, Event, Sdk, new_event_id, new_span_id, rfc3339
from llm_observer.guard import guard
from llm_observer.recordings import AnswersOnce, Item, Known, Recorded, Unreadable
from llm_observer.wire import Exchange
from llm_observer.worker import enrichers_of, service_of

__all__ = ["Offline", "events_of", "known"]

_ENRICH = guard("enrich")
_EVENT = guard("event")
_SDK = Sdk(name="llm_observer", version=__version__)
_WITH_CACHE = frozenset({"chat", "responses", "invoke", "text_completion"})
_DOUBTED = frozenset({"exact", "bound"})
_PAID_ELSEWHERE = Cost(status="not_billed", total_usd="0", note="this usage is counted by another record")


class Offline:
    """Builds events of exchanges, by the settings of *config*. It knows of each what came before."""

    def __init__(self, config: Config) -> None:
        self._enrichers = tuple(enrichers_of(config))
        self._service = service_of(config)
        self._with_content = config.capture_content
        self._once = AnswersOnce()

    def event_of(self, exchange: Exchange, *, answer: str | None = None, caveat: str | None = None) -> Event:
        """The event of *exchange*: a trace of its own, no call site. answer, caveat: those of `Recorded`."""
        exchange.event_id = new_event_id(exchange.started_ns)
        decoded = decode(exchange, with_content=self._with_content)
        call = self._counted_once(decoded.call, exchange, answer)
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
            llm_call=_doubted(_unseen(call, exchange), caveat),
        )

    def event_or_none(self, one: Recorded) -> Event | None:
        """The event of *one*; None after a fault of ours, which the guard counts and logs."""
        with _EVENT:
            return self.event_of(one.exchange, answer=one.answer, caveat=one.caveat)
        return None

    def read(self, event: Event) -> Event:
        """*event*, which a file held; its usage is marked if another record told of it."""
        call = event.llm_call
        if call is None or not self._once.is_repeated(call, None, has_request=True):
            return event
        return replace(event, llm_call=replace(call, is_usage_repeated=True, cost=_PAID_ELSEWHERE))

    def _counted_once(self, call: LLMCall, exchange: Exchange, answer: str | None) -> LLMCall:
        if call.method != "POST" or call.ending == "local":
            return call
        has_request = exchange.request_state == "kept"
        is_repeated = self._once.is_repeated(call, answer, has_request=has_request)
        return replace(call, is_usage_repeated=True) if is_repeated else call


def _unseen(call: LLMCall, exchange: Exchange) -> LLMCall:
    """*call*; without its request the provider's own count is all that is known of the cache."""
    is_unseen = exchange.request_state == "not_kept" and call.cache is None and call.operation in _WITH_CACHE
    if not is_unseen or call.tokens is None or call.is_usage_repeated or call.ending == "local":
        return call
    actual = call.tokens.cache_read
    label: Label | None = None if actual is None else "exact"
    return replace(call, cache=CacheUse(verdict="unknown", actual_tokens=actual, actual_label=label))


def _doubted(call: LLMCall, caveat: str | None) -> LLMCall:
    """*call*, whose cost is an estimate for what the record leaves out."""
    cost = call.cost
    if caveat is None or cost is None or cost.status not in _DOUBTED:
        return call
    note = "; ".join(filter(None, (cost.note, caveat)))
    return replace(call, cost=replace(cost, status="estimated", note=note))


def events_of(recorded: Iterable[Recorded], config: Config) -> Iterator[tuple[Recorded, Event]]:
    """Each of *recorded* and its event, one by one, in the order in which they come."""
    offline = Offline(config)
    for one in recorded:
        event = offline.event_or_none(one)
        if event is not None:
            yield one, event


def known(items: Iterable[Item], config: Config) -> Iterator[Known | Unreadable]:
    """*items*, with the event of each exchange in its place; an answer that comes again is marked."""
    offline = Offline(config)
    for item in items:
        if isinstance(item, Unreadable):
            yield item
        elif isinstance(item, Known):
            yield Known(item.index, offline.read(item.event), item.place)
        elif (event := offline.event_or_none(item)) is None:
            yield Unreadable(item.place, "a fault of our own: the log has its line")
        else:
            yield Known(item.index, event, item.place)
