"""Threads of our own: none of the app's signals reach them, and who joins one of them ends it.

Under gevent and eventlet a thread is a greenlet in the thread that starts it: it has that one's signals, and
runs when that one waits.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from threading import Thread, current_thread, get_native_id
from time import sleep
from types import BuiltinFunctionType
from typing import TYPE_CHECKING

# The functions themselves: what a test of the app puts into their modules is not meant for us.

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Bell", "OwnThread", "are_greenlets", "breathe", "may_start", "with_signals_of_app"]

_FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT")
"""What the code of a thread causes is told in that thread."""
_HAS_MASKS = hasattr(signal, "pthread_sigmask")  # not on Windows
_STARTER = "_start_new_thread" if sys.version_info < (3, 13) else "_start_joinable_thread"

_main = get_native_id()
"""The system's thread that imports us, and that forks in a child."""


def are_greenlets() -> bool:
    """Whether `Thread.start` makes no thread of the system."""
    return not isinstance(getattr(threading, _STARTER, None), BuiltinFunctionType)


def may_start() -> bool:
    """Whether a thread that is started here would ever run: greenlets of a pool's thread may not."""
    return not are_greenlets() or get_native_id() == _main


def breathe(seconds: float = 0.0) -> None:
    """Let others run."""
    (time.sleep if are_greenlets() else sleep)(seconds)


class Bell:
    """Ends one wait. A finaliser may ring in the midst of another ring, so no lock is held by either."""

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """End the wait, or the next one."""
        if self._silence.locked():
            with suppress(RuntimeError):  # somebody else rang just now
                self._silence.release()

    def wait(self, timeout_s: float) -> None:
        """Wait until it rings, *timeout_s* at most."""
        self._silence.acquire(timeout=timeout_s)


class OwnThread(Thread):
    """A daemon thread that does *run*. leave: asks it to end, as whoever joins it would wait for good."""

    signals_of_app: set[int] | None = None
    """Those that were masked where it was started; None if it has them still."""

    def __init__(self, run: Callable[[], None], name: str, leave: Callable[[], None] | None = None) -> None:
        super().__init__(target=run, name=name, daemon=True)
        self._leave = leave

    def start(self) -> None:
        """As ever, with all signals masked; RuntimeError where no thread can be started any more.

        The system gives a signal to any thread that has not masked it, such as this one, though all of the
        app's have: a new thread has the mask of the one that starts it. A greenlet has none of its own, and
        others would miss their signals while `start` waits for it.
        """
        if not _HAS_MASKS or are_greenlets():
            super().start()
            return
        ours = signal.valid_signals() - {getattr(signal, name) for name in _FAULTS}
        self.signals_of_app = before = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def join(self, timeout: float | None = None) -> None:
        """As ever; it ends once nothing is left to do."""
        if self._leave is not None:
            self._leave()
        super().join(timeout)


@contextmanager
def with_signals_of_app() -> Iterator[None]:
    """Around what the app does on a thread of ours: what it starts there gets its signals."""
    masked = getattr(current_thread(), "signals_of_app", None)
    if masked is None:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_SETMASK, masked)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _after_fork() -> None:
    global _main  # noqa: PLW0603 - there is one per process
    _main = get_native_id()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
