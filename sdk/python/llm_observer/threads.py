"""Start threads of our own so that they take none of the app's signals."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Thread

__all__ = ["start_masked"]

_FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT")
"""What the code of a thread causes is told in that thread."""


def start_masked(thread: Thread) -> None:
    """Start *thread* with all signals masked; RuntimeError where none can be started any more.

    The system gives a signal to any thread that has not masked it, such as one of ours, though all of the
    app's have: a new thread has the mask of the one that starts it.
    """
    with _signals_masked():
        thread.start()


@contextmanager
def _signals_masked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    others = signal.valid_signals() - {getattr(signal, name) for name in _FAULTS}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, others)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
