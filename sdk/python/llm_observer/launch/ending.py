"""What does `llm-observer run` say at the end? A summary of all processes, on standard error or in a file."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import llm_observer
from llm_observer.guard import guard
from llm_observer.interrupted import still_interrupted
from llm_observer.log import once
from llm_observer.sinks.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_observer.event import Event

__all__ = ["end", "tell"]

_WIDTH = 100


def end(told: Mapping[str, str]) -> None:
    """Write what is left, and sum up in the process whose calls the children's are added to."""
    with contextlib.suppress(KeyboardInterrupt), guard("summary"):  # Ctrl+C once more: wait no longer
        llm_observer.shutdown()
        if "folder" in told and told["owner"] == str(os.getpid()):
            tell(told)
    still_interrupted()


def tell(told: Mapping[str, str]) -> Session:
    """Add the children's calls to this process's session, and show it as *told*; nothing without a call."""
    session = llm_observer.session()
    folder = Path(told["folder"])
    for event in _events_in(folder):
        session.add(event)
    shutil.rmtree(folder, ignore_errors=True)
    as_json = told.get("json") == "1"
    if session.calls or as_json:
        _write(json.dumps(session.to_dict()) if as_json else _text(session, told), told.get("to"))
    return session


def _events_in(folder: Path) -> Iterator[Event]:
    """Events of all children."""
    for path in sorted(folder.glob("*.jsonl")):
        yield from _events_of(path)


def _events_of(path: Path) -> Iterator[Event]:
    """Events of one child; a line that it, killed, did not write to its end is left out."""
    from llm_observer.recordings import Known
    from llm_observer.recordings.events import read

    with path.open("rb") as file:
        for item in read(file, str(path)):
            if isinstance(item, Known):
                yield item.event
            else:
                once("relay", "the summary lacks a call of a child: its line cannot be read")


def _text(session: Session, told: Mapping[str, str]) -> str:
    if "to" not in told:
        return session.summary()
    from llm_observer.report.text import render

    return render(session, width=_WIDTH, color=False)


def _write(text: str, path: str | None) -> None:
    if path is not None:
        Path(path).write_text(f"{text}\n", "utf-8")
    elif sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
