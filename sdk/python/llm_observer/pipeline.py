"""Carry ended exchanges to the sinks: a bounded queue, one daemon worker, a deadline at exit.

The caller's thread appends to a deque and leaves. The worker polls, so that no caller pays for waking
a thread; it starts with the first exchange, starts anew in a forked child, and everything that it does
stands behind the guard.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

from llm_observer import log
from llm_observer.context import in_hook
from llm_observer.errors import LLMObserverError
from llm_observer.guard import guard
from llm_observer.threads import Bell, OwnThread, are_greenlets, breathe, may_start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from llm_observer.event import Event
    from llm_observer.sinks._spec import Sink

    Load = Callable[[], tuple[Callable[[Any], Event], Sequence[Sink]]]

__all__ = ["NotLoadedError", "Pipeline", "Stats"]

_IDLE_POLL_S = 0.5
_BUSY_POLL_S = 0.05
_BATCH = 64
_WAKE_AT = 256
_CROWDED_AT = 1024
_LOAD_PAUSE_S = 1.0
_EVENT = guard("event")
_LOAD = guard("load")
_WORKER = guard("worker")
_STOPPED = OwnThread(lambda: None, "llm_observer stopped")
"""Stands where the worker was, once a pipeline is closed: it is never started."""

_FORK_WAIT_S = 2.0

_pipelines: WeakSet[Pipeline] = WeakSet()
_at_work = threading.RLock()
"""Held while parts are loaded or an event is built, and at a fork: a module that a thread imports just then
keeps a lock which nobody opens in the child."""
_forking: dict[int, bool] = {}
"""Threads that fork just now, and whether each has `_at_work`."""


class NotLoadedError(LLMObserverError):
    """The worker has no parts, so an event is lost; the fault `load:…` says why."""


class Stats(NamedTuple):
    """What went through, and what did not. Counts since `patch()`, or since the fork in a child.

    dropped: ended calls that were not recorded, because the queue was full or already closed, or the end did
    not wait for them. queued: those that have not reached all sinks yet.
    """

    submitted: int
    events: int
    dropped: int
    queued: int


class Pipeline:
    """One queue and its worker.

    load: called once, on the worker, with the first item: gives what turns an item into an event, and the
    sinks that get the events in batches. max_queue: items waiting at most; more are dropped, counted.
    is_patient: nobody looks at the results until asked (no sink beyond the session): poll rarely.
    starting: called when the worker first starts; True if the process may end at any moment: each item wakes
    the worker then.
    """

    _sinks: Sequence[Sink] | None = None
    """None until they are loaded; a forked child goes on with its parent's."""

    def __init__(
        self, load: Load, *, max_queue: int, is_patient: bool, starting: Callable[[], bool] = bool
    ) -> None:
        self._load = load
        self._build: Callable[[Any], Event] = _not_loaded
        self._max_queue = max_queue
        self._crowded_at = min(_CROWDED_AT, max(max_queue // 2, 1))
        self._poll_s = _IDLE_POLL_S if is_patient else _BUSY_POLL_S
        self._starting = starting
        self._reset()
        _pipelines.add(self)

    def _reset(self) -> None:
        """An empty queue and no worker: at the start, and in a forked child (the parent has its own)."""
        self._load_at = 0.0
        self._queue: deque[Any] = deque()
        self._submitted = self._events = self._dropped = self._unwritten = 0
        self._wake_at = _WAKE_AT
        self._has_started = False
        self._wake = Bell()
        self._start_lock = threading.RLock()
        self._work_lock = threading.RLock()
        self._worker: OwnThread | None = None
        self._may_end = False

    def submit(self, item: Any, *, wake: bool) -> None:
        """Queue *item*. With *wake* False (a finaliser calls) it takes no lock and starts no thread."""
        if len(self._queue) >= self._max_queue or self._worker is _STOPPED:
            self._dropped += 1
            item.release()
            return
        self._submitted += 1
        self._queue.append(item)
        if not wake:
            return
        if self._worker is None:
            self._start()
        if len(self._queue) >= self._wake_at:
            self._wake.ring()
        if len(self._queue) >= self._crowded_at:
            breathe()  # a caller that waits for nothing, no network either, keeps the GIL from the worker

    def _start(self) -> None:
        if not may_start():
            return
        with self._start_lock:
            if self._worker is not None:
                return
            if not self._has_started and self._starting():
                self._wake_at = 1
            self._has_started = True
            self._wake = Bell()  # gevent may have come since the last one
            self._may_end = are_greenlets()  # its clock would keep a loop alive that has nothing else to do
            worker = OwnThread(self._run, "llm_observer", self._leave)
            worker.start()
            self._worker = worker

    def _run(self) -> None:
        me = threading.current_thread()
        while self._worker in {None, me}:
            self._wake.wait(self._poll_s)
            with _WORKER:
                self._drain()
            if self._may_end and self._has_left(me):
                return

    def _leave(self) -> None:
        """The worker is joined."""
        self._may_end = True
        self._wake.ring()

    def _has_left(self, me: Any) -> bool:
        """Whether the worker is free to end: the next call starts another one."""
        with self._start_lock:
            if self._queue or self._worker is not me:
                return False
            self._worker = None
            if self._queue:  # a call came just now, and saw a worker
                self._worker = me
            return self._worker is not me

    def _drain(self) -> None:
        with self._work_lock:
            if self._queue and self._sinks is None and monotonic() >= self._load_at:
                self._load_at = monotonic() + _LOAD_PAUSE_S
                with _LOAD, _at_work:
                    self._build, self._sinks = self._load()
            while self._queue:
                self._write(self._batch())

    def _batch(self) -> list[Event]:
        """Build up to a batch of events; a flush waits for what came before its mark."""
        batch: list[Event] = []
        while self._queue and len(batch) < _BATCH:
            item = self._queue.popleft()
            if isinstance(item, threading.Event):
                self._write(batch)
                batch = []
                item.set()
                continue
            self._unwritten += 1
            with _EVENT, _at_work:
                batch.append(self._build(item))
            breathe()  # lets the app run: a breath for the GIL, a switch for gevent
        return batch

    def _write(self, batch: Sequence[Event]) -> None:
        self._events += len(batch)
        for sink in (self._sinks or ()) if batch else ():
            with guard(f"sink {sink.name}"):
                sink.write(batch)
        self._unwritten = 0
        if self._dropped and self._worker is not _STOPPED:
            log.once("dropped", "the queue was full: %d calls were not recorded", self._dropped)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was queued before has reached the sinks; False if the time was too short."""
        if in_hook():  # it would wait for itself
            return False
        if self._worker is _STOPPED or not (self._queue or self._is_working()):
            return not self._queue
        mark = threading.Event()
        self._queue.append(mark)
        with suppress(RuntimeError):  # no thread can be started any more: the interpreter is going down
            self._start()
        if self._worker is None:
            self._drain()
        self._wake.ring()
        is_done = mark.wait(timeout_s)
        if not is_done:
            with suppress(ValueError, IndexError):  # the worker takes it just now, or something else
                self._queue.remove(mark)
        return is_done

    def _is_working(self) -> bool:
        if not self._work_lock.acquire(blocking=False):
            return True
        self._work_lock.release()
        return False

    def close(self, timeout_s: float) -> bool:
        """Flush, stop the worker and close the sinks, within *timeout_s*."""
        done = self.flush(timeout_s)
        self._worker = _STOPPED
        self._wake.ring()
        if not done:
            return False  # a sink hangs: closing it would hang too
        for sink in self._sinks or ():
            with guard(f"sink {sink.name}"):
                sink.close()
        return True

    def take(self) -> list[Any]:
        """What is still queued: after a `close` that was too short, somebody else's to deal with."""
        taken: list[Any] = []
        with suppress(IndexError):  # the worker may take the last one just now
            while self._queue:
                taken.append(self._queue.popleft())
        self._queue.extend(item for item in taken if isinstance(item, threading.Event))
        return [item for item in taken if not isinstance(item, threading.Event)]

    def give_up(self) -> None:
        """Drop what is still queued, and say how much: nobody waits for it any more."""
        rest = self.take()
        self._dropped += len(rest)
        for item in rest:
            item.release()
        lost = len(rest) + self._unwritten
        if lost:
            log.once("end", "exit_timeout_s was too short at the end: %d calls are not in all sinks", lost)

    def stats(self) -> Stats:
        """Counts so far."""
        return Stats(self._submitted, self._events, self._dropped, len(self._queue) + self._unwritten)


def _not_loaded(item: Any) -> Event:
    """Stands where the parts are that could not be loaded."""
    item.release()
    raise NotLoadedError


def _before_fork() -> None:
    _forking[threading.get_ident()] = _at_work.acquire(timeout=_FORK_WAIT_S)


def _after_fork() -> None:
    if _forking.pop(threading.get_ident()):
        _at_work.release()


def _after_fork_in_child() -> None:
    global _at_work  # noqa: PLW0603 - whoever held it is not in this process
    _forking.clear()
    _at_work = threading.RLock()
    for pipeline in tuple(_pipelines):
        pipeline._reset()  # noqa: SLF001 - the class's own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
