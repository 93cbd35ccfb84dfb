"""How does `opentelemetry-instrument` start us? By an instrumentor, of a class that is made when it asks.

The entry point `llm_observer` of the group `opentelemetry_instrumentor` leads here. It does what `patch()`
does without arguments: settings come from the environment, and spans are only exported if those say so.
"""

from collections.abc import Collection
from typing import Any

__all__: list[str] = []

_NAME = "LLMObserverInstrumentor"


def _make() -> type:
    # Its file tells type checkers to look away, so that for them there is nothing in it.
    from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

    import llm_observer

    class LLMObserverInstrumentor(BaseInstrumentor):  # type: ignore[misc] # as above
        """Observes calls of the SDKs from `instrument()` to `uninstrument()`."""

        def instrumentation_dependencies(self) -> Collection[str]:
            """None: an SDK is observed where it is imported, and missed nowhere."""
            return ()

        def _instrument(self, **_: Any) -> None:
            llm_observer.patch()

        def _uninstrument(self, **_: Any) -> None:
            llm_observer.unpatch()

    return LLMObserverInstrumentor


def __getattr__(name: str) -> Any:
    if name != _NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, _make())
