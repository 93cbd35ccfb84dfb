"""Where a call belongs: trace and span ids, and the attributes that the app set, on contextvars."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

__all__ = [
    "MAX_ATTRIBUTES",
    "CallContext",
    "Observation",
    "current_observation",
    "enter",
    "in_hook",
    "inside_hook",
    "leave",
    "new_span",
    "new_trace",
    "otel_span",
]

MAX_ATTRIBUTES = 16
Attributes = Mapping[str, str | int | float | bool]

_ids = random.Random(os.urandom(16))  # noqa: S311 - ids, not secrets; a syscall per id would cost more
new_span = partial(_ids.getrandbits, 64)
"""A random 64-bit span id, without a Python frame: it is made on the app's thread."""
new_trace = partial(_ids.getrandbits, 128)
"""A random 128-bit trace id."""


def _reseed() -> None:
    _ids.seed(os.urandom(16))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed)


class Observation(NamedTuple):
    """What `observe()` set for the calls inside it."""

    attributes: Attributes
    """Its own, on top of those around it."""
    scopes: tuple[Any, ...]
    """The sessions that get a copy of each event, outermost first."""
    trace_id: int
    outer: Observation | None
    own: Attributes
    session: Any
    """Its own, which tells it from those of other `observe()`."""


class CallContext(NamedTuple):
    """Where one answer belongs. Ids are numbers; the worker writes them as hex."""

    trace_id: int
    span_id: int
    parent_span_id: int | None
    call_id: int
    observation: Observation | None
    site: tuple[str, int, str] | None
    """The app's file, line and function, as the interpreter names them."""


_observation: ContextVar[Observation | None] = ContextVar("llm_observer_observation", default=None)


current_observation = _observation.get
"""The innermost `observe()` around the caller, None outside of any."""


def enter(own: Attributes, session: Any) -> None:
    """Observe what the caller's context runs from now on, also across `await`."""
    outer = _observation.get()
    _observation.set(_inside(outer, own, session, outer.trace_id if outer else new_trace()))


def leave(session: Any) -> None:
    """Take the innermost observation of *session* out of the caller's context, wherever it stands in it.

    Generators in one thread end in any order. Where one was entered in another context (it is closed
    elsewhere, or collected), there is nothing to take out.
    """
    kept, observation = [], _observation.get()
    while observation is not None and observation.session is not session:
        kept.append(observation)
        observation = observation.outer
    if observation is None:
        return
    rest = observation.outer
    for one in reversed(kept):
        rest = _inside(rest, one.own, one.session, one.trace_id)
    _observation.set(rest)


def _inside(outer: Observation | None, own: Attributes, session: Any, trace_id: int) -> Observation:
    merged = {**(outer.attributes if outer else {}), **own}
    scopes = outer.scopes if outer else ()
    if session not in scopes:  # entered twice, its calls count once
        scopes = (*scopes, session)
    return Observation(dict(list(merged.items())[-MAX_ATTRIBUTES:]), scopes, trace_id, outer, own, session)


_in_hook: ContextVar[bool] = ContextVar("llm_observer_hook", default=False)
in_hook = _in_hook.get
"""Whether a hook of the app runs here, which we called: to tell it of its own calls would never end."""


@contextmanager
def inside_hook() -> Iterator[None]:
    """Around what `in_hook` is about."""
    token = _in_hook.set(True)
    try:
        yield
    finally:
        _in_hook.reset(token)


def otel_span() -> Any:
    """The app's active OpenTelemetry span, None for none, without importing OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    span = trace.get_current_span()
    return span if span.get_span_context().is_valid else None
