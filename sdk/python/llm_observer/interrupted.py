"""How does a process that Ctrl+C ended still die of that signal, after all that we do at its end?"""

import contextlib
import sys

__all__ = ["still_interrupted"]


def still_interrupted() -> None:
    """After Ctrl+C the process dies of the signal, unless source text was evaluated since then.

    What is imported at the end does that (every namedtuple does), so the interpreter is told once more.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt:
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - only evaluated text is noted by the interpreter
