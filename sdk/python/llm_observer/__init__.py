"""One line that shows what LLM calls cost: `import llm_observer; llm_observer.patch()`.

Names are imported on first use: `import llm_observer` loads no SDK, no HTTP client and no pydantic.
"""

from typing import TYPE_CHECKING, Any

from llm_observer._version import __version__

if TYPE_CHECKING:
    from llm_observer._api import PatchReport as PatchReport
    from llm_observer._api import flush as flush
    from llm_observer._api import observe as observe
    from llm_observer._api import patch as patch
    from llm_observer._api import session as session
    from llm_observer._api import shutdown as shutdown
    from llm_observer._api import stats as stats
    from llm_observer._api import unpatch as unpatch
    from llm_observer.errors import ConfigError as ConfigError
    from llm_observer.errors import LLMObserverError as LLMObserverError
    from llm_observer.errors import PolicyViolation as PolicyViolation
    from llm_observer.errors import SchemaError as SchemaError
    from llm_observer.event import Event as Event
    from llm_observer.event_hooks import BeforeSend as BeforeSend
    from llm_observer.event_hooks import OnEvent as OnEvent
    from llm_observer.sinks.session import Session as Session

_HOMES = {
    "llm_observer._api": (
        "PatchReport",
        "flush",
        "observe",
        "patch",
        "session",
        "shutdown",
        "stats",
        "unpatch",
    ),
    "llm_observer.errors": ("ConfigError", "LLMObserverError", "PolicyViolation", "SchemaError"),
    "llm_observer.event": ("Event",),
    "llm_observer.event_hooks": ("BeforeSend", "OnEvent"),
    "llm_observer.sinks.session": ("Session",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME_OF), "__version__"]  # noqa: PLE0604 - names, made from the table


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'llm_observer' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
