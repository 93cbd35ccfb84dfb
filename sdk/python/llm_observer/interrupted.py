"""What becomes of a signal that comes while our code runs? What it would have become without us."""

import contextlib
import signal
import sys
from functools import partial
from types import CodeType

__all__ = ["is_interrupting", "still_interrupted"]


def is_interrupting(exc: BaseException) -> bool:
    """Whether a signal handler of the app raised *exc*, such as a time limit: our code was only there."""
    handlers = {_code_of(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    trace = exc.__traceback__ if handlers else None
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


def _code_of(handler: object) -> CodeType | None:
    """What is run as *handler*, None for what Python does not run."""
    while isinstance(handler, partial):
        handler = handler.func
    for part in (handler, getattr(handler, "__func__", None), vars(type(handler)).get("__call__")):
        code = getattr(part, "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None


def still_interrupted() -> None:
    """After Ctrl+C the process dies of the signal, unless source text was evaluated since then.

    What is imported at the end does that (every namedtuple does), so the interpreter is told once more.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - only evaluated text is noted by the interpreter
