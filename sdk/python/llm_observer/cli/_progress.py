"""How far is the reading of files? A bar on standard error, where that is a terminal and it takes long."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from llm_observer.cli._terminal import is_terminal
from llm_observer.recordings import Item, read_files

__all__ = ["bar", "bytes_of", "watched"]

_LEAST_BYTES = 4 << 20
"""Less is read before anybody could look at a bar."""
_NONE = 0


def watched(names: Sequence[str], *, writes_meanwhile: bool = False) -> Iterator[Item]:
    """What is in all files of *names*, as `read_files` gives it.

    writes_meanwhile: the caller writes to standard output for each item, which a bar on the same terminal
    would spoil.
    """
    is_shared = writes_meanwhile and is_terminal(sys.stdout)
    with bar(_NONE if is_shared else bytes_of(names)) as on_read:
        yield from read_files(names, on_read=on_read)


def bytes_of(names: Sequence[str]) -> int:
    """All bytes of *names*; none where one of them is a pipe, whose end nobody knows, or is not there."""
    paths = [Path(name) for name in names]
    if not all(path.is_file() for path in paths):
        return _NONE
    return sum(path.stat().st_size for path in paths)


@contextmanager
def bar(total: int) -> Iterator[Callable[[int], None] | None]:
    """What is to be told of each piece that was read; None where no bar is shown."""
    if total < _LEAST_BYTES or not _can_be_shown():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda count: progress.advance(task, count)


def _can_be_shown() -> bool:
    is_shown = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
    return is_shown and importlib.util.find_spec("rich") is not None
