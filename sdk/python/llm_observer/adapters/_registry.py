"""Which adapter reads an exchange? Those that other packages bring, then the built-in wires."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points

from llm_observer.adapters._spec import Adapter
from llm_observer.adapters.answer import Format
from llm_observer.adapters.anthropic import ANTHROPIC_FORMAT
from llm_observer.adapters.building import build
from llm_observer.adapters.openai import OPENAI_FORMAT
from llm_observer.adapters.routes import route_of
from llm_observer.decoded import Decoded
from llm_observer.guard import guard
from llm_observer.wire import Exchange

__all__ = ["adapters", "decode"]

GROUP = "llm_observer.adapters"
"""Entry points of this group name objects that fit `Adapter`."""
_ENDS = ("/v1/messages", "/v1/complete", "/v1/messages/count_tokens")
_SIGNS = ("//api.anthropic.com/", "/publishers/anthropic/")
_ONE_WIRE = {"openai": False, "anthropic": True}
"""SDKs of which each route is, or is not, Anthropic's; a vendor's own SDK may speak both wires."""


class _Wire:
    """A built-in wire as an adapter."""

    def __init__(self, wire: Format) -> None:
        self.wire = wire.wire
        self._format = wire

    def accepts(self, exchange: Exchange) -> bool:
        """The OpenAI wire is what all others imitate: it takes what is not Anthropic's."""
        return self.wire == "openai" or _is_anthropic(exchange)

    def decode(self, exchange: Exchange, *, with_content: bool = False) -> Decoded:
        """What *exchange* says."""
        return build(exchange, self._format, with_content=with_content)


def _is_anthropic(exchange: Exchange) -> bool:
    if exchange.sdk in _ONE_WIRE:
        return _ONE_WIRE[exchange.sdk]
    route = route_of(exchange)
    if route.is_invoke or exchange.request_header("anthropic-version") is not None:
        return True
    is_imitated = route.template.endswith("/chat/completions")  # Anthropic's own OpenAI-compatible route
    paths = (route.template, exchange.url.partition("?")[0])
    return not is_imitated and (
        any(path.endswith(_ENDS) for path in paths) or any(sign in exchange.url for sign in _SIGNS)
    )


BUILT_IN: Sequence[Adapter] = (_Wire(ANTHROPIC_FORMAT), _Wire(OPENAI_FORMAT))


@cache
def _brought() -> tuple[Adapter, ...]:
    """Those of other packages. One that cannot be loaded is left out, counted."""
    found: list[Adapter] = []
    for point in entry_points(group=GROUP):
        with guard("adapter"):
            found.append(point.load())
    return tuple(found)


def adapters() -> tuple[Adapter, ...]:
    """All adapters, in the order in which they are asked."""
    return (*_brought(), *BUILT_IN)


def decode(exchange: Exchange, *, with_content: bool = False) -> Decoded:
    """What *exchange* says; with_content: with the newest user text and the answer's text.

    An adapter of another package that fails is counted, and the next one is asked.
    """
    for brought in _brought():
        with guard("adapter"):
            if brought.accepts(exchange):
                return brought.decode(exchange, with_content=with_content)
    own = next(one for one in BUILT_IN if one.accepts(exchange))
    return own.decode(exchange, with_content=with_content)
