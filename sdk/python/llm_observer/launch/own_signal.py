"""Who says that an app ends that sends itself the signal it dies of? It does, by `signal.raise_signal`.

A server that handles SIGTERM finishes its work, gives the signal its default action back and raises it once
more, so that its parent sees what it died of (uvicorn does). Nothing of Python runs after that, no exit
function either. A signal from elsewhere that the app does not handle gives no such notice.
"""

from __future__ import annotations

import signal
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["before_own_signal"]

_DEADLY = frozenset(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT") if hasattr(signal, name)
)
"""Ask a process to end, and end it where it does not handle them."""


def before_own_signal(told: Mapping[str, str]) -> None:
    """Have this process end as it is *told* before it raises a signal that it dies of."""
    original = signal.raise_signal

    @wraps(original)
    def raise_signal(*args: Any, **kwargs: Any) -> None:  # whatever it is called with, *original* judges
        if args and _is_last(args[0]):
            from llm_observer.launch.ending import end  # most processes never need it

            end(told)
        original(*args, **kwargs)

    signal.raise_signal = raise_signal


def _is_last(number: object) -> bool:
    """Whether the process dies of the signal *number* when it is raised here."""
    if not isinstance(number, int) or number not in _DEADLY:
        return False
    mask = getattr(signal, "pthread_sigmask", None)  # None: Windows
    is_blocked = mask is not None and number in mask(signal.SIG_BLOCK, ())
    return signal.getsignal(number) is signal.SIG_DFL and not is_blocked
