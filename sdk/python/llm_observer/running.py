"""What exists between one `patch()` and the next? A pipeline, what watches the exchanges, and the sinks."""

from __future__ import annotations

import os
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from llm_observer import log
from llm_observer.capture.tracker import Tracker
from llm_observer.child_end import at_end_of_child, is_child
from llm_observer.guard import guard
from llm_observer.pipeline import Pipeline
from llm_observer.relay import current as current_relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from llm_observer.config import Config
    from llm_observer.sinks._spec import Delivering, Sink
    from llm_observer.sinks.session import Session

__all__ = ["Running"]

_ENDPOINT = "http"
"""The name of the sink for the endpoint."""


class Running:
    """All parts that one set of settings needs.

    session: gives the session of the process. stats: what the library counts. loaded: called once the sinks
    are there, on the worker.
    """

    def __init__(
        self,
        config: Config,
        session: Callable[[], Session],
        stats: Callable[[], dict[str, Any]],
        loaded: Callable[[], None],
    ) -> None:
        self.config = config
        self.is_read_at_exit = bool(
            (config.stdout or config.file or config.summary or config.may_send or config.may_export)
            or config.on_event is not None
            or current_relay() is not None
        )
        self.pipeline = Pipeline(
            self._load,
            max_queue=config.max_queue,
            is_patient=not self.is_read_at_exit,
            starting=self._starting,
        )
        self.tracker = Tracker(
            self.pipeline.submit,
            max_exchange_bytes=config.max_exchange_bytes,
            max_total_bytes=config.max_total_bytes,
        )
        self._session = session
        self._stats = stats
        self._loaded = loaded
        self._ends_last = False
        self._sinks: Sequence[Sink] = ()
        if config.may_export:  # exporters need it, and it cannot be imported any more once the process ends
            import concurrent.futures.thread  # noqa: F401

    def _load(self) -> Any:
        from llm_observer.worker import load_worker

        loaded = load_worker(self.config, self._session(), self._stats)
        self._sinks = loaded[1]
        log.debug("worker", pid=os.getpid(), sinks=",".join(sink.name for sink in self._sinks))
        if not self._ends_last:
            self._loaded()
        return loaded

    def _starting(self) -> bool:
        """Be told of the end of a child in which `atexit` does nothing; True if a signal may come first."""
        self._ends_last = self.is_read_at_exit and at_end_of_child(self._end)
        return self.is_read_at_exit and is_child()

    def _end(self) -> None:
        with suppress(KeyboardInterrupt), guard("exit"):  # Ctrl+C once more: wait no longer
            self.tracker.sweep()
            self.close(self.config.exit_timeout_s)

    def flush(self, timeout_s: float) -> bool:
        """Build what is queued, write it, and send it; False if the time was too short for that."""
        deadline = monotonic() + timeout_s
        return self.pipeline.flush(timeout_s) and self._deliver(deadline, is_last=False)

    def close(self, timeout_s: float) -> bool:
        """As `flush`, and end all threads."""
        deadline = monotonic() + timeout_s
        is_written = self.pipeline.close(timeout_s)
        if not is_written:
            self.pipeline.give_up()
        return self._deliver(deadline, is_last=True) and is_written

    def make_way(self) -> None:
        """End, for the next one (`tracker.submit` leads there), which does what this one has not."""
        if not self.pipeline.close(self.config.exit_timeout_s):
            for item in self.pipeline.take():
                self.tracker.submit(item, wake=True)
        self._deliver(monotonic(), is_last=True)

    def _deliver(self, deadline: float, *, is_last: bool) -> bool:
        """Each sink has an equal share of the time at least: one that hangs takes no other's.

        The endpoint comes last, with all that the others left of theirs: it alone has a spool.
        """
        waiting = sorted(self._delivering(), key=lambda sink: sink.name == _ENDPOINT)
        are_done = []
        for place, sink in enumerate(waiting):
            share_s = max(deadline - monotonic(), 0) / (len(waiting) - place)
            is_done = False
            with guard(f"sink {sink.name}"):
                is_done = sink.deliver(deadline=monotonic() + share_s, is_last=is_last)
            are_done.append(is_done)
        return all(are_done)

    def _delivering(self) -> Iterator[Delivering]:
        """The sinks that send on threads of their own."""
        if not self._sinks:  # none is loaded: no call has ended yet
            return
        from llm_observer.sinks._spec import Delivering

        yield from (sink for sink in self._sinks if isinstance(sink, Delivering))

    def delivery_stats(self) -> dict[str, Any]:
        """Of the endpoint; what other sinks send stands under their names."""
        found: dict[str, Any] = {}
        for sink in self._delivering():
            with guard("stats"):
                found.update(sink.stats() if sink.name == _ENDPOINT else {sink.name: sink.stats()})
        return found
