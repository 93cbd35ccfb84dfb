"""Which key was pressed? Single keys of a terminal, without waiting for the end of a line."""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llm_observer.cli._terminal import is_terminal

__all__ = ["pressed_keys"]

_STEP_S = 0.05


@contextmanager
def pressed_keys() -> Iterator[Callable[[float], str]]:
    """Gives what waits so many seconds for a key: the key, or nothing. Puts the terminal back at the end."""
    if not is_terminal(sys.stdin):
        yield _sleep
    elif importlib.util.find_spec("termios") is None:
        yield _windows_key
    else:
        with _single_keys():
            yield _posix_key


def _sleep(seconds: float) -> str:
    time.sleep(seconds)
    return ""


@contextmanager
def _single_keys() -> Iterator[None]:
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _posix_key(seconds: float) -> str:
    import os
    import select

    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 1).decode("utf-8", "replace") if ready else ""


def _windows_key(seconds: float) -> str:
    import msvcrt

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]  # only there
            return str(msvcrt.getwch())  # type: ignore[attr-defined,unused-ignore]  # only there
        time.sleep(_STEP_S)
    return ""
