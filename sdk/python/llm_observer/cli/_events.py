"""Which events are in the files of a command line? All forms that can be read, and what could not be."""

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from llm_observer.cli._progress import watched
from llm_observer.config import load
from llm_observer.event import Event
from llm_observer.offline import known
from llm_observer.recordings import Unreadable, in_order
from llm_observer.report.sample import sample_note
from llm_observer.sinks.sampling import count_rate

__all__ = ["Files"]

_MOST_TOLD = 20
_NOTHING = (
    "nothing could be read: name files of events, as patch(file=…) or LLM_OBSERVER_FILE writes them, "
    "or recordings (docs/recordings.md)"
)
_NO_EVENT = (
    "nothing could be read: every record was left out. Events of a newer schema need a newer "
    "llm-observer; `llm-observer schema validate FILE` says what is wrong with others"
)


class Files:
    """Reads *names* and tells on standard error what had to be left out.

    unreadable: files of which nothing, or not all, could be read; all of them, where every record had to be
    left out. left_out: single records. sampled: how many events are of a sample, by its rate.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.unreadable: list[str] = []
        self.left_out = 0
        self._is_any_read = False
        self.sampled: Counter[str] = Counter()

    def events(self) -> Iterator[tuple[str, Event]]:
        """File and event, one by one."""
        for item in known(in_order(watched(self._names)), load({})):
            if isinstance(item, Unreadable):
                self._leave_out(item)
                continue
            self._is_any_read = True
            count_rate(item.event, self.sampled)
            yield item.file, item.event
        self._tell_of_all()

    def _tell_of_all(self) -> None:
        if self.sampled:
            click.echo(sample_note(self.sampled), err=True)
        if self.left_out > _MOST_TOLD:
            click.echo(f"left out: {self.left_out - _MOST_TOLD:,} more records", err=True)
        if set(self._names) == set(self.unreadable):
            click.echo(_NOTHING, err=True)
        elif self.left_out and not self._is_any_read:
            self.unreadable = list(self._names)
            click.echo(_NO_EVENT, err=True)

    def _leave_out(self, item: Unreadable) -> None:
        if item.place in self._names:
            self.unreadable.append(item.place)
            click.echo(f"{click.format_filename(item.place)}: {item.reason}", err=True)
            return
        self.left_out += 1
        if self.left_out <= _MOST_TOLD:
            click.echo(f"left out: {item.place}: {item.reason}", err=True)
