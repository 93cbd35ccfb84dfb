"""Which classes call a function of their base past our hook, since somebody bound that function to them?

OpenInference and Logfire wrap `openai.OpenAI.request`, where the class only inherits it, and later put back
what they found as an attribute of that class. If they were there before us, that is the SDK's own function,
and a hook on the base is never asked. ddtrace takes off whatever is on top, which is ours if we came later
(openinference-instrumentation-openai 0.1.66, logfire 5.2.0, ddtrace 4.16.0; seen 2026-11-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["shadows"]


def shadows(owner: type, name: str, original: Any, is_ours: Callable[[Any], bool]) -> Iterator[type]:
    """*owner* and classes below it with a *name* of their own that is *original*, wrapped, but not by us.

    What a class defines itself is none: it calls its base by `super()`, and so our hook.
    """
    import inspect  # the SDKs load it, `patch()` must not

    end = inspect.unwrap(original)
    for cls in _family(owner):
        own = vars(cls).get(name)
        if own is not None and inspect.unwrap(own, stop=is_ours) is end:
            yield cls


def _family(owner: type) -> Iterator[type]:
    yield owner
    children: list[type] = owner.__subclasses__()
    for child in children:
        yield from _family(child)
