"""Where does a result go? Into a file that can be written, and that is none that somebody still needs."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from llm_observer.recordings import UnreadableFileError
from llm_observer.recordings._compressed import damage, opened
from llm_observer.recordings._detect import format_of

__all__ = ["is_needed", "write"]

_RECORDS = (".jsonl", ".ndjson", ".gz", ".har")


class _UnwritableError(click.ClickException):
    exit_code = 3


def write(name: str, content: bytes, mode: str = "wb") -> None:
    """Write *content* to the file *name*; exit code 3 where that cannot be done."""
    try:
        with Path(name).open(mode) as file:
            file.write(content)
    except OSError as exc:
        raise _UnwritableError(f"{click.format_filename(name)}: {exc.strerror or exc}") from exc


def is_needed(name: str, files: Sequence[str]) -> bool:
    """Whether *name* is one of *files*, is named like a recording, or holds events or a recording."""
    path = Path(name)
    is_given = any(path.resolve() == Path(file).resolve() for file in files)
    return is_given or path.name.endswith(_RECORDS) or (path.is_file() and _is_recording(name))


def _is_recording(name: str) -> bool:
    try:
        with ExitStack() as stack:
            found = opened(name, stack)
            format_of(found.head, found.further)
    except (OSError, UnreadableFileError):
        return False
    except damage():  # of a compressed file, which no result is
        return True
    return True
