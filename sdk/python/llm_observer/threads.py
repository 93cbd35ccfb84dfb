"""Start threads of our own so that they take none of the app's signals."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from types import BuiltinFunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["start_masked"]

_FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT")
"""What the code of a thread causes is told in that thread."""


def start_masked(thread: threading.Thread) -> None:
    """Start *thread* with all signals masked; RuntimeError where none can be started any more.

    The system gives a signal to any thread that has not masked it, such as one of ours, though all of the
    app's have: a new thread has the mask of the one that starts it. Under gevent or eventlet it is no thread:
    greenlets of the app would run while `start` waits, and miss their signals.
    """
    if not _are_threads_native():
        thread.start()
        return
    with _signals_masked():
        thread.start()


def _are_threads_native() -> bool:
    """Whether `Thread.start` makes a thread of the system."""
    name = "_start_new_thread" if sys.version_info < (3, 13) else "_start_joinable_thread"
    return isinstance(getattr(threading, name, None), BuiltinFunctionType)


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
