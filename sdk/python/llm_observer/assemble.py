"""Build one event of one ended exchange: decode, enrich, envelope. Runs on the worker."""

import secrets
from collections.abc import Callable, Sequence
from math import isfinite

import msgspec

from llm_observer._version import __version__
from llm_observer.adapters.fields import clean
from llm_observer.call import CallSite, LLMCall
from llm_observer.capture.exchange import OpenExchange
from llm_observer.capture.finish import context_of, finish
from llm_observer.capture.site import relative
from llm_observer.context import CallContext, Observation
from llm_observer.decoded import Decoded
from llm_observer.enrichers._spec import Enricher
from llm_observer.event import SCHEMA_VERSION, Event, Sdk, Service, new_event_id, rfc3339
from llm_observer.guard import guard
from llm_observer.wire import Exchange

__all__ = ["Assembler"]

_ENRICH = guard("enrich")
_SESSION = guard("session")
_SDK = Sdk(name="llm_observer", version=__version__)

Decode = Callable[..., Decoded]


class Assembler:
    """Calls the adapter, then the enrichers in order; the sessions of `observe()` get the event too.

    decode: `adapters.decode`. with_content: the app asked for text. service: the app, on every event.
    """

    def __init__(
        self, decode: Decode, enrichers: Sequence[Enricher], *, service: Service, with_content: bool
    ) -> None:
        self._decode = decode
        self._enrichers = tuple(enrichers)
        self._service = msgspec.structs.replace(service, instance=secrets.token_hex(8))
        self._with_content = with_content

    def __call__(self, ended: OpenExchange) -> Event:
        """The event of *ended*; its kept bytes are given back."""
        exchange, context = finish(ended), context_of(ended)
        ended.release()
        exchange.event_id = new_event_id(exchange.started_ns)
        decoded = self._decode(exchange, with_content=self._with_content)
        call = _placed(decoded.call, exchange, context)
        for enrich in self._enrichers:
            with _ENRICH:  # an event without its cost is better than none
                call = enrich(call, decoded, exchange)
        event = self._envelope(call, exchange, context)
        for scope in context.observation.scopes if context.observation else ():
            with _SESSION:  # the event's other sessions and the sinks get it all the same
                scope.add(event)
        return event

    def _envelope(self, call: LLMCall, exchange: Exchange, context: CallContext) -> Event:
        observation = context.observation
        parent = context.parent_span_id
        return Event(
            schema_version=SCHEMA_VERSION,
            event_id=exchange.event_id,
            type="llm_call",
            time=rfc3339(exchange.started_ns),
            trace_id=f"{context.trace_id:032x}",
            span_id=f"{context.span_id:016x}",
            parent_span_id=None if parent is None else f"{parent:016x}",
            service=self._service,
            sdk=_SDK,
            attributes=_attributes(observation) if observation else {},
            llm_call=call,
        )


def _placed(call: LLMCall, exchange: Exchange, context: CallContext) -> LLMCall:
    """*call* with what the capture knows: whose call it was and where it was made."""
    site = context.site
    return msgspec.structs.replace(
        call,
        call_id=f"{context.call_id:016x}",
        ending="local" if exchange.closing == "local" else call.ending,
        call_site=CallSite(file=clean(relative(site[0])), line=site[1], function=site[2]) if site else None,
    )


def _attributes(observation: Observation) -> dict[str, str | int | float | bool]:
    """What the app set, in a form that JSON can hold: no lone surrogate, no infinity."""
    return {
        clean(name): clean(value) if isinstance(value, str) else value if isfinite(value) else str(value)
        for name, value in observation.attributes.items()
    }
