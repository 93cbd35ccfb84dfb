"""How may output look? In colour and in columns only where a terminal shows it."""

import os
import shutil
import sys

__all__ = ["has_color", "width"]


def has_color() -> bool:
    """Standard output is a terminal, and nobody asked for no colour (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def width() -> int | None:
    """Columns of the terminal, None where output goes to a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
