"""What exists between one `patch()` and the next? A pipeline, what watches the exchanges, and the sinks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from llm_observer.capture.tracker import Tracker
from llm_observer.guard import guard
from llm_observer.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from llm_observer.config import Config
    from llm_observer.sinks._spec import Delivering, Sink
    from llm_observer.sinks.session import Session

__all__ = ["Running"]


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
            config.stdout or config.file or config.summary or config.may_send or config.may_export
        )
        self.pipeline = Pipeline(self._load, max_queue=config.max_queue, is_patient=not self.is_read_at_exit)
        self.tracker = Tracker(
            self.pipeline.submit,
            max_exchange_bytes=config.max_exchange_bytes,
            max_total_bytes=config.max_total_bytes,
        )
        self._session = session
        self._stats = stats
        self._loaded = loaded
        self._sinks: Sequence[Sink] = ()
        if config.may_export:  # exporters need it, and it cannot be imported any more once the process ends
            import concurrent.futures.thread  # noqa: F401

    def _load(self) -> Any:
        from llm_observer.worker import load_worker

        loaded = load_worker(self.config, self._session(), self._stats)
        self._sinks = loaded[1]
        self._loaded()
        return loaded

    def flush(self, timeout_s: float) -> bool:
        """Build what is queued, write it, and send it; False if the time was too short for that."""
        deadline = time.monotonic() + timeout_s
        return self.pipeline.flush(timeout_s) and self._deliver(deadline, is_last=False)

    def close(self, timeout_s: float) -> bool:
        """As `flush`, and end all threads."""
        deadline = time.monotonic() + timeout_s
        is_written = self.pipeline.close(timeout_s)
        return self._deliver(deadline, is_last=True) and is_written

    def make_way(self) -> None:
        """End, for the next one, which sends what this one has not."""
        self.pipeline.close(self.config.exit_timeout_s)
        self._deliver(time.monotonic(), is_last=True)

    def _deliver(self, deadline: float, *, is_last: bool) -> bool:
        """All sinks have the same deadline, and each is told."""
        are_done = []
        for sink in self._delivering():
            is_done = False
            with guard(f"sink {sink.name}"):
                is_done = sink.deliver(deadline=deadline, is_last=is_last)
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
                found.update(sink.stats() if sink.name == "http" else {sink.name: sink.stats()})
        return found
