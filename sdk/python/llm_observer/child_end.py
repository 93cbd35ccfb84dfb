"""Who says that this process ends, where Python does not run its exit functions?

A child that `multiprocessing` forks (a process, or a worker of a pool or an executor; with `fork` or
`forkserver`) ends by `os._exit`. That skips `atexit`, or what the parent registered there (3.13). But such
children run the finalizers of `multiprocessing.util` first. A spawned child is a fresh interpreter: it runs
both. A worker of Celery's pool runs neither, but Celery sends a signal of its own before.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["at_end_of_child", "is_child"]

_LAST = -1_000_000
"""After the app's own finalizers, and after the children of this child: they may make calls."""
_SPAWNED = "--multiprocessing-fork"
"""What `multiprocessing.spawn` puts on the command line, on all systems."""

_forked: list[int] = []


def is_child() -> bool:
    """Whether `multiprocessing` or Celery started this process: a pool may end it by a signal at any moment.

    Nothing is imported here, as such a child has the modules.
    """
    process = sys.modules.get("multiprocessing.process")
    return _is_celerys() or (process is not None and process.parent_process() is not None)


def _is_celerys() -> bool:
    """Its pool is a fork of `multiprocessing`, with the same registry of finalizers."""
    process = sys.modules.get("billiard.process")
    return process is not None and process.current_process().name != "MainProcess"


def at_end_of_child(act: Callable[[], object]) -> bool:
    """Have *act* called at the end of this process, if it is a child in which `atexit` does nothing."""
    util = sys.modules.get("multiprocessing.util")
    if util is None or not is_child() or (_SPAWNED in sys.orig_argv and not _forked):
        return False
    util.Finalize(None, act, exitpriority=_LAST)
    signals = sys.modules.get("celery.signals") if _is_celerys() else None
    if signals is not None:
        signals.worker_process_shutdown.connect(lambda **_: act(), weak=False, dispatch_uid="llm_observer")
    return True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _forked.append(os.getpid()))
