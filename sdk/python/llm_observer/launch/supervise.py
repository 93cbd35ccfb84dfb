"""How does a program that stays a child end as if we were not there? Signals go on to it, its end is ours."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import FrameType
from typing import NoReturn

from llm_observer.launch.command import CannotStart, Program

__all__ = ["end_as", "supervise"]

_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_FROM_THE_TERMINAL = ("SIGINT", "SIGQUIT")
_CANNOT_EXECUTE = 126


def supervise(program: Program, environ: Mapping[str, str]) -> int:
    """Run *program* to its end; its exit code, below zero the signal that it died of."""
    forwarding = _Forwarding()
    forwarding.begin()
    try:
        child = subprocess.Popen(program.words, executable=program.path, env=environ)  # noqa: S603 - as asked
    except OSError as exc:
        raise CannotStart(f"{program.path}: {exc.strerror}", _CANNOT_EXECUTE) from exc
    forwarding.to(child)
    return child.wait()


class _Forwarding:
    """Sends signals on to the child; those that come while it is being started wait for it."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []

    def begin(self) -> None:
        """Take the signals that are not ignored, as `nohup` has it."""
        for name in _PASSED_ON:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._take)

    def to(self, child: subprocess.Popen[bytes]) -> None:
        """They go to *child*."""
        self._child = child
        while self._waiting:
            child.send_signal(self._waiting.pop(0))

    def _take(self, number: int, _: FrameType | None) -> None:
        if _is_typed(number) and _is_foreground():
            return
        if self._child is None:
            self._waiting.append(number)
        else:
            self._child.send_signal(number)


def _is_typed(number: int) -> bool:
    return signal.Signals(number).name in _FROM_THE_TERMINAL


def _is_foreground() -> bool:
    """A terminal sends what is typed to all processes in the foreground: the child has it already."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, AttributeError):  # no terminal after all, or Windows
        return os.name == "nt"


def end_as(code: int) -> NoReturn:
    """End this process the way that the child did."""
    if code >= 0 or os.name == "nt":
        sys.exit(code)
    if sys.stderr is not None:
        sys.stderr.flush()
    _leave_no_core()
    number = -code
    if number not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)


def _leave_no_core() -> None:
    """The child has left one, if any."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
