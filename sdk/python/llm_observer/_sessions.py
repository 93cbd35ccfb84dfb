"""How is a session of this process made? With its worker behind it, for reads, and with ways to be shown."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_observer.running import Running
    from llm_observer.sinks.session import Session

__all__ = ["Sessions"]


class Sessions:
    """The session of the process, made when it is first needed (patching stays light), and others like it.

    running: what collects calls now, None for nothing.
    """

    def __init__(self, running: Callable[[], Running | None]) -> None:
        self._running = running
        self._of_process: list[Session] = []
        self._lock = threading.Lock()
        """One of its own: the worker takes it, and whoever holds that of the API may wait for the worker."""

    def of_process(self) -> Session:
        """The session with all calls of the process."""
        with self._lock:
            if not self._of_process:
                self._of_process.append(self.new())
            return self._of_process[0]

    def new(self) -> Session:
        """A session without calls."""
        from llm_observer.sinks.session import Session
        from llm_observer.sinks.session_rows import MAX_ROWS

        running = self._running()
        rows = MAX_ROWS if running is None else running.config.session_rows
        return Session(settle=self.settle, render=_text, show=_card, max_rows=rows)

    def settle(self) -> None:
        """Wait for the worker, but for no endpoint: sums do not depend on what was sent."""
        running = self._running()
        if running is not None:
            running.pipeline.flush(running.config.exit_timeout_s)

    def keep(self, rows: int) -> None:
        """Let the session of the process keep *rows* from now on."""
        for session in self._of_process:
            session.keep_rows(rows)

    def restart(self) -> None:
        """A forked child has calls of its own, and its parent's lock may be held by a thread it lacks."""
        self._lock = threading.Lock()
        for session in self._of_process:
            session.restart()


def _text(session: Session) -> str:
    import shutil

    from llm_observer.report.text import render

    width = shutil.get_terminal_size((100, 24)).columns
    return render(session, width=width, color=_is_colored())


def _card(session: Session) -> str:
    from llm_observer.report.card import render

    return render(session)


def _is_colored() -> bool:
    """Whether a person reads standard error on a terminal (https://no-color.org)."""
    return "NO_COLOR" not in os.environ and sys.stderr is not None and sys.stderr.isatty()
