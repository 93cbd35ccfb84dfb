"""Where does a container's log collector look? At standard output: one JSON object per line."""

import sys
from collections.abc import Sequence

from llm_observer.event import Event, encode

__all__ = ["StdoutSink"]


class StdoutSink:
    """Writes each event as a line to what `sys.stdout` is at that moment, and flushes it."""

    name = "stdout"

    def write(self, events: Sequence[Event]) -> None:
        """Write *events* in one piece, so that the app's own lines do not fall into one."""
        stream = sys.stdout
        if stream is None or stream.closed:  # pythonw, or an app that closed it
            return
        stream.write("".join(encode(event).decode() + "\n" for event in events))
        stream.flush()

    def close(self) -> None:
        """Standard output is the app's."""
