"""The library's own log: one standard logger, every line scrubbed, one line per kind of trouble.

Nothing here raises, and no line holds what a user or a model wrote: of an argument that is not plain
text or a number only the class is named, an exception is its class and our own line.
"""

import logging
import os
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType

from llm_observer.threads import with_signals_of_app

__all__ = ["configure", "debug", "fault", "logger", "once", "suppressed"]

MAX_KINDS = 256
MAX_LINE = 4096
_OVERFLOW = "further kinds"
_PLAIN = (str, int, float, bool, type(None))
_HOME = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - pathlib costs milliseconds at the app's start
_OF_THE_APP = frozenset({"before_send", "on_event"})
_CONTROL = dict.fromkeys((*range(32), 127, 0x85, 0x2028, 0x2029), " ")

logger = logging.getLogger("llm_observer")
_first: dict[str, object] = {}
_suppressed: Counter[str] = Counter()


def once(kind: str, message: str, *args: object) -> None:
    """Log *message* as a warning the first time that *kind* happens; later ones are counted."""
    if kind not in _first and len(_first) >= MAX_KINDS:
        kind, message, args = (
            _OVERFLOW,
            "more than %d kinds of trouble: the rest is counted only",
            (MAX_KINDS,),
        )
    mine = object()
    if _first.setdefault(kind, mine) is mine:  # one step, so that racing threads log one line
        _emit(logging.WARNING, message, args)
    else:
        _suppressed[kind] += 1


def fault(step: str, exc: BaseException) -> None:
    """Log once that *exc* was caught in *step*: its class and our line, never its text."""
    name, where = type(exc).__name__, _our_line(exc.__traceback__)
    if step in _OF_THE_APP:
        once(f"{step}:{name}", "the app's hook %s failed: %s", step, name)
        return
    once(f"{step}:{name}:{where}", "a fault of our own in %s was caught: %s at %s", step, name, where)


def debug(event: str, **fields: object) -> None:
    """Log *event* with `key=value` fields, where debug logging is on."""
    if logger.isEnabledFor(logging.DEBUG):
        _emit(logging.DEBUG, _pairs({"event": event, **fields}), ())


def suppressed() -> dict[str, int]:
    """How many lines of each kind were counted rather than logged."""
    return dict(_suppressed)


def configure(*, debug: bool) -> None:
    """With *debug*, write all our lines to standard error as `key=value`, and to no other handler."""
    ours = [handler for handler in logger.handlers if isinstance(handler, _Stderr)]
    if debug == bool(ours):
        return
    if debug:  # only now: a handler that is still there when the interpreter ends can fail under gevent
        logger.addHandler(_Stderr())
    for handler in ours:
        logger.removeHandler(handler)
    logger.propagate = not debug
    logger.setLevel(logging.DEBUG if debug else logging.NOTSET)


def _emit(level: int, message: str, args: tuple[object, ...]) -> None:
    # The app's own handlers and filters run in here, and may raise anything.
    with suppress(Exception), with_signals_of_app():
        logger.log(level, message, *(_plain(arg) for arg in args), stacklevel=3)


def _plain(value: object) -> object:
    """*value*, or the name of its class: the text of an object may be anybody's, and may raise."""
    return value if type(value) in _PLAIN else type(value).__name__


def _our_line(trace: TracebackType | None) -> str:
    """`file:line` of the last frame of *trace* that is ours."""
    where = "unknown"
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(_HOME):
            where = f"{name.removeprefix(_HOME)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where


def _pairs(fields: Mapping[str, object]) -> str:
    return " ".join(f"{name}={_quoted(_plain(value))}" for name, value in fields.items())


def _quoted(value: object) -> str:
    text = str(value)
    if text and not any(mark in text for mark in ' "='):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Scrubbing(logging.Filter):
    """Makes a record safe: one bounded, scrubbed line, with no exception text and no stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        from llm_observer.scrub import scrub

        line = scrub(_rendered(record)).translate(_CONTROL)[:MAX_LINE]
        record.msg = line.encode("utf-8", "replace").decode("utf-8")  # no handler can write a lone surrogate
        record.args = None
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def _rendered(record: logging.LogRecord) -> str:
    args = tuple(_plain(arg) for arg in record.args) if isinstance(record.args, tuple) else ()
    try:
        return str(record.msg) % args if args else str(record.msg)
    except (TypeError, ValueError):  # a message and arguments that do not fit
        return str(record.msg)


class _KeyValue(logging.Formatter):
    """`time=… level=… event="…"` lines."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        level, text = record.levelname.lower(), record.getMessage()
        text = text if record.levelno == logging.DEBUG else _pairs({"event": text})
        return f"time={self.formatTime(record).replace(',', '.')} level={level} logger={record.name} {text}"


class _Stderr(logging.Handler):
    """Writes to whatever standard error is at that moment, and does without where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_KeyValue())

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError, AttributeError):  # closed, broken or None (pythonw)
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()


logger.addFilter(_Scrubbing())
