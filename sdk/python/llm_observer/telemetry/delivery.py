"""Who empties the spool? One daemon thread per process, which the app never waits for beyond a deadline.

It starts with the first event, starts anew in a forked child, and leaves in the spool what it cannot deliver.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

from llm_observer import log
from llm_observer.errors import ConfigError
from llm_observer.guard import guard
from llm_observer.telemetry.batch import room_for_events
from llm_observer.telemetry.circuit import Circuit
from llm_observer.telemetry.settlement import Settlement
from llm_observer.threads import OwnThread, are_greenlets, may_start

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_observer.telemetry.sender import Sender
    from llm_observer.telemetry.spool import Lease, Spool

    MakeSender = Callable[[Circuit, Counter[str]], Sender]

__all__ = ["COUNTERS", "Delivery", "Limits"]

_GUARD = guard("delivery")
_STATS = guard("stats")
_LEASE_MARGIN_S = 30.0
_EXIT_MARGIN_S = 0.1
"""Of the time for the end, what acknowledging and closing may take."""

_deliveries: WeakSet[Delivery] = WeakSet()


class Limits(NamedTuple):
    """Of a batch: events, bytes, seconds that an event waits for it, seconds to deliver it in."""

    max_events: int = 100
    max_bytes: int = 512 << 10
    max_age_s: float = 5.0
    timeout_s: float = 30.0


class Delivery:
    """Takes batches out of *spool* and sends them.

    make_sender: called on the thread, with the circuit and the counters; a ConfigError is logged, and
    events wait in the spool then. counts: what happened, since the process began.
    """

    def __init__(self, spool: Spool, make_sender: MakeSender, limits: Limits) -> None:
        self._spool = spool
        self._make_sender = make_sender
        self._limits = limits
        self.counts: Counter[str] = Counter()
        """One object for good: the sender has it, too."""
        self._stopped: str | None = None
        self._stop_at = math.inf
        self._reset()
        _deliveries.add(self)

    def _reset(self) -> None:
        """No thread, connection or counts: at the start, and in a forked child (the parent has its own)."""
        self.counts.clear()
        self._lock = threading.RLock()  # greenlets share a thread
        self._wake = threading.Event()
        self._marks: list[threading.Event] = []
        self._thread: OwnThread | None = None
        self._may_end = False
        self._sender: Sender | None = None
        self._circuit = Circuit()
        self._lease: Lease | None = None
        self._new_events = self._new_bytes = 0
        self._is_drained = True

    def notice(self, events: int, size: int) -> None:
        """Some events were put into the spool.

        They are sent when they fill a batch, or when the first of them has waited long enough.
        """
        self._is_drained = False
        self._new_events += events
        self._new_bytes += size
        if self._thread is None:
            self._start()
        if self._new_events >= self._limits.max_events or self._new_bytes >= self._limits.max_bytes:
            self._wake.set()

    def _start(self) -> None:
        if not may_start():
            return
        with self._lock:
            if self._thread is not None:
                return
            self._may_end = False
            self._thread = OwnThread(self._run, "llm_observer delivery", self._be_left)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is going down, or the system is full
                self._thread = None
                self.counts["no_thread"] += 1
                log.once("delivery thread", "no thread can be started for sending: events wait in the spool")

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me and (self._stop_at == math.inf or self._marks):
            self._wake.wait(self._limits.max_age_s)
            self._wake.clear()
            self._pass()
            if self._has_left(me):
                return
        with _GUARD:
            self._let_go()
        self._answer(self._taken_marks())

    def _be_left(self) -> None:
        """The thread is joined."""
        self._may_end = True
        self._wake.set()

    def _has_left(self, me: Any) -> bool:
        """Whether the thread is free to end; what comes next starts another one, and the spool has the rest.

        A greenlet does so by itself: its clock would keep an event loop alive that has nothing else to do.
        """
        with self._lock:
            is_idle = self._new_events == 0 and not self._marks and self._stop_at == math.inf
            may_end = self._may_end or (are_greenlets() and (self._is_drained or self._stopped is not None))
            if is_idle and may_end and self._thread is me:
                self._thread = None
                if self._new_events:  # they came just now, and saw a thread
                    self._thread = me
            return self._thread is not me

    def _pass(self) -> None:
        """Send what is in the spool, as long as that is of use."""
        marks = self._taken_marks()
        self._new_events = self._new_bytes = 0
        try:
            with _GUARD:
                while self._may_send() and self._send_one():
                    pass
        finally:
            self._answer(marks)

    def _taken_marks(self) -> list[threading.Event]:
        with self._lock:
            marks, self._marks = self._marks, []
        return marks

    @staticmethod
    def _answer(marks: list[threading.Event]) -> None:
        for mark in marks:
            mark.set()

    def _may_send(self) -> bool:
        if self._stopped or self._circuit.state == "open" or time.monotonic() >= self._stop_at:
            return False
        if self._sender is None:
            self._sender = self._made()
        return self._sender is not None

    def _made(self) -> Sender | None:
        try:
            sender = self._make_sender(self._circuit, self.counts)
        except ConfigError as exc:
            self._stopped = "not installed"
            log.once("sender", "%s; events wait in the spool", str(exc))
            return None
        if self._stop_at < math.inf:
            sender.stop_by(self._stop_at)
        return sender

    def _send_one(self) -> bool:
        """Send a batch; False if there is none, or if it is of no use to go on."""
        limits = self._limits
        lease = self._spool.lease(
            max_events=limits.max_events,
            max_bytes=room_for_events(limits.max_bytes, limits.max_events),
            for_s=limits.timeout_s + _LEASE_MARGIN_S,
        )
        self._is_drained = lease is None
        if lease is None or self._sender is None:
            return False
        self._lease = lease
        try:
            return self._settle(lease, self._sender)
        finally:
            self._lease = None
            self._spool.release(lease.lease_id)  # what is left of it; nothing, if all went well

    def _settle(self, lease: Lease, sender: Sender) -> bool:
        settlement = Settlement(self._spool, lease, sender, self._circuit, self.counts)
        goes_on = settlement.run(min(time.monotonic() + self._limits.timeout_s, self._stop_at))
        self._stopped = settlement.stopped
        return goes_on

    def flush(self, deadline: float) -> bool:
        """Send now what waits; True if nothing is left that this process could send, before *deadline*."""
        return self._is_done(self._mark(), deadline)

    def close(self, deadline: float) -> bool:
        """One last try, until *deadline*; what is left stays in the spool. As `flush`."""
        mark = self._mark()
        thread = self._thread
        self._stop_at = deadline - _EXIT_MARGIN_S
        if self._sender is not None:
            self._sender.stop_by(self._stop_at)
        if thread is None and not self._is_drained:
            self._pass()  # no thread to the last: the one that waits for the end sends
        done = self._is_done(mark, deadline)
        self._wake.set()
        with _GUARD:
            self._leave(thread, deadline)
        return done

    def _mark(self) -> threading.Event | None:
        """Set when the thread has sent what there is now; None if there is no thread."""
        if not self._is_drained and self._thread is None:
            self._start()  # it could not be had before
        thread = self._thread
        if thread is None or not thread.is_alive():
            return None
        mark = threading.Event()
        with self._lock:
            self._marks.append(mark)
        self._wake.set()
        return mark

    def _is_done(self, mark: threading.Event | None, deadline: float) -> bool:
        if mark is not None and not mark.wait(max(deadline - time.monotonic(), 0)):
            return False
        return self._is_drained

    def _leave(self, thread: threading.Thread | None, deadline: float) -> None:
        if thread is None:
            self._let_go()
            return
        thread.join(max(deadline - time.monotonic(), 0))
        lease = self._lease
        if thread.is_alive() and lease is not None:  # it hangs in what has no timeout, such as a look-up
            self._spool.release(lease.lease_id)  # so that nobody has to wait until it expires
        if thread.is_alive():
            self._spool.close()

    def _let_go(self) -> None:
        if self._sender is not None:
            self._sender.close()
        self._spool.close()

    def stats(self) -> dict[str, Any]:
        """Counters since the process began, and how the circuit and the spool stand."""
        return {
            **{name: self.counts[name] for name in COUNTERS},
            "circuit": self._circuit.state,
            "stopped": self._stopped,
            "spool": self._spool_stats(),
        }

    def _spool_stats(self) -> dict[str, Any]:
        """What is in the spool, or why nobody can tell."""
        found: dict[str, Any] = {"unreadable": "a fault of our own"}
        with _STATS:
            try:
                found = self._spool.stats()._asdict()
            except OSError as exc:
                found = {"unreadable": f"{type(exc).__name__}: {exc.strerror}"}
            if self._stop_at < math.inf:
                self._spool.close()  # nobody would later
        return found


COUNTERS = (
    "spooled",
    "not_sampled",
    "not_stored",
    "oversized",
    "batches",
    "attempts",
    "retries",
    "failed_attempts",
    "no_thread",
    "delivered",
    "duplicates",
    "refused",
)


def _after_fork() -> None:
    for delivery in tuple(_deliveries):
        delivery._reset()  # noqa: SLF001 - the class's own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
