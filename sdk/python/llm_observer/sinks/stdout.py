"""Where does a container's log collector look? At standard output: one JSON object per line."""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

from llm_observer import log
from llm_observer.event import Event, encode

__all__ = ["StdoutSink"]

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class StdoutSink:
    """Writes each event as a line to what `sys.stdout` is at that moment, and flushes it.

    All that is not ASCII is escaped: standard output may have an encoding that cannot hold it.
    """

    name = "stdout"

    def write(self, events: Sequence[Event]) -> None:
        """Write *events* in one piece, so that the app's own lines do not fall into one."""
        lines = "".join(_line(event) for event in events)
        try:
            is_written = _print(sys.stdout, lines)
        except (OSError, ValueError):  # its reader is gone, or it was closed or detached just now
            _tell(len(events))
            raise
        if not is_written:
            _tell(len(events))

    def close(self) -> None:
        """Standard output is the app's."""


def _print(stream: Any, lines: str) -> bool:
    """Whether there is a *stream*: the app may have put anything with a `write` there, or closed it."""
    if stream is None or getattr(stream, "closed", False):  # None: pythonw
        return False
    stream.write(lines)
    if hasattr(stream, "flush"):
        stream.flush()
    return True


def _line(event: Event) -> str:
    return _NOT_ASCII.sub(_escaped, encode(event).decode()) + "\n"


def _escaped(character: re.Match[str]) -> str:
    return json.dumps(character[0])[1:-1]


def _tell(count: int) -> None:
    log.once("stdout", "standard output is closed or broken: %d events were not written to it", count)
