"""Fail open: the only catch-all. What goes wrong in our code stays in our code.

`with guard("enrich"):` swallows an `Exception` raised by the statements inside, counts it and logs
it once per kind. `KeyboardInterrupt`, cancellation and other `BaseException`s pass: they are the
app's. `PolicyViolation` passes: the app switched it on. Tests call `strict(True)`, and then
everything passes, so that a swallowed bug is a failed test.
"""

from collections import Counter
from types import TracebackType

from llm_observer import log
from llm_observer.errors import PolicyViolation

__all__ = ["Guard", "caught", "guard", "strict"]

_counts: Counter[str] = Counter()
_strict = False


class Guard:
    """A reusable, reentrant context manager for one step."""

    __slots__ = ("step",)

    def __init__(self, step: str) -> None:
        self.step = step

    def __enter__(self) -> None:
        """Nothing to set up: guards are shared by threads."""

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return exc is not None and _swallow(self.step, exc)


_guards: dict[str, Guard] = {}


def guard(step: str) -> Guard:
    """The guard of *step*: `with guard("sink"): …`."""
    return _guards.get(step) or _guards.setdefault(step, Guard(step))


def _swallow(step: str, exc: BaseException) -> bool:
    if _strict or isinstance(exc, PolicyViolation) or not isinstance(exc, Exception):
        return False
    _counts[f"{step}:{type(exc).__name__}"] += 1
    log.once(f"{step}:{type(exc).__name__}", "a fault of our own in %s was caught: %s", step, exc)
    return True


def caught() -> dict[str, int]:
    """How often each kind of fault was caught, keyed `step:ExceptionName`."""
    return dict(_counts)


def strict(on: bool) -> bool:
    """Let faults pass (tests only); returns what was set before."""
    global _strict  # noqa: PLW0603 - one switch for the process, set by our own conftest
    before, _strict = _strict, on
    return before
