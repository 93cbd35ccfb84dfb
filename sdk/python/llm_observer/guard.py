"""Fail open: the only catch-all. What goes wrong in our code stays in our code.

`with guard("enrich"):` swallows an `Exception` raised by the statements inside, counts it and logs
it once per kind. `KeyboardInterrupt`, cancellation and other `BaseException`s pass: they are the
app's, and so is what a signal handler of its own raises in the middle of our code, such as a time limit.
`PolicyViolation` passes: the app switched it on. Tests call `strict(True)`, and then
everything passes, so that a swallowed bug is a failed test.
"""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from llm_observer import log
from llm_observer.errors import PolicyViolation
from llm_observer.interrupted import is_interrupting

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Guard", "caught", "guard", "strict"]

_counts: Counter[str] = Counter()
_strict = False


class Guard(AbstractContextManager["Guard", bool]):
    """A context manager for one step, reusable by any number of threads at once."""

    def __init__(self, step: str) -> None:
        self.step = step

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return exc is not None and _swallow(self.step, exc)


_guards: dict[str, Guard] = {}


def guard(step: str) -> Guard:
    """The one guard of *step*, for `with`."""
    return _guards.get(step) or _guards.setdefault(step, Guard(step))


def _swallow(step: str, exc: BaseException) -> bool:
    if _strict or isinstance(exc, PolicyViolation) or not isinstance(exc, Exception) or is_interrupting(exc):
        return False
    _counts[f"{step}:{type(exc).__name__}"] += 1
    try:
        log.fault(step, exc)
    except Exception:  # noqa: BLE001 - a handler of the app's log failed; nothing is left to tell it to
        _counts["log"] += 1
    return True


def caught() -> dict[str, int]:
    """How often each kind of fault was caught, keyed `step:ExceptionName`."""
    return dict(_counts)


def strict(on: bool) -> bool:  # noqa: FBT001 - reads as a switch
    """Let faults pass (tests only); returns what was set before."""
    global _strict
    before, _strict = _strict, on
    return before
