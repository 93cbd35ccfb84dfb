"""How may output look? In colour and in columns only where a terminal shows it."""

import os
import shutil
import sys
from typing import IO

__all__ = ["has_color", "is_terminal", "width"]


def is_terminal(stream: IO[str] | None) -> bool:
    """A person is at the other end of *stream*, a standard one: None if it was closed at the start."""
    return stream is not None and stream.isatty()


def has_color() -> bool:
    """Standard output is a terminal, and nobody asked for no colour (https://no-color.org)."""
    return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")


def width() -> int | None:
    """Columns of the terminal, None where output goes to a file or a pipe."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
