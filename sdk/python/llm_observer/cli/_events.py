"""Which events are in the files of a command line? All forms that can be read, and what could not be."""

from collections.abc import Iterator, Sequence

import click

from llm_observer.config import load
from llm_observer.event import Event
from llm_observer.offline import known
from llm_observer.recordings import Unreadable, in_order, read_files

__all__ = ["Files"]

_MOST_TOLD = 20


class Files:
    """Reads *names* and tells on standard error what had to be left out.

    unreadable: files of which nothing, or not all, could be read. left_out: single records.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.unreadable: list[str] = []
        self.left_out = 0

    def events(self) -> Iterator[tuple[str, Event]]:
        """File and event, one by one."""
        for item in known(in_order(read_files(self._names)), load({})):
            if isinstance(item, Unreadable):
                self._leave_out(item)
            else:
                yield item.file, item.event
        if self.left_out > _MOST_TOLD:
            click.echo(f"left out: {self.left_out - _MOST_TOLD:,} more records", err=True)

    def _leave_out(self, item: Unreadable) -> None:
        if item.place in self._names:
            self.unreadable.append(item.place)
            click.echo(f"{click.format_filename(item.place)}: {item.reason}", err=True)
            return
        self.left_out += 1
        if self.left_out <= _MOST_TOLD:
            click.echo(f"left out: {item.place}: {item.reason}", err=True)
