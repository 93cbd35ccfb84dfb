"""Where a call belongs: trace and span ids, and the attributes that the app set, on contextvars."""

import os
import random
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

__all__ = [
    "CallContext",
    "Observation",
    "current_observation",
    "new_span",
    "new_trace",
    "otel_span",
    "within",
]

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

    attributes: Mapping[str, str | int | float | bool]
    scopes: Sequence[Any]
    """The sessions that get a copy of each event, outermost first."""
    trace_id: int


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


class within:  # noqa: N801 - reads as a verb: `with within(observation):`
    """Make *observation* current for the statements inside, also across `await`."""

    def __init__(self, observation: Observation) -> None:
        self._next = observation

    def __enter__(self) -> None:
        self._token = _observation.set(self._next)

    def __exit__(self, *_: object) -> None:
        try:
            _observation.reset(self._token)
        except ValueError:
            # Left in another context than it was entered in (a generator closed elsewhere, a
            # collected coroutine): there is nothing to restore there.
            return


def otel_span() -> Any:
    """The app's active OpenTelemetry span, None for none, without importing OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    span = trace.get_current_span()
    return span if span.get_span_context().is_valid else None
