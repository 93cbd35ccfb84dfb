"""`llm-observer top`: where does the money go right now? A table by model or call site, kept up to date."""

import importlib.util
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from llm_observer.cli._groups import KEYS, key_of
from llm_observer.cli._keys import pressed_keys
from llm_observer.cli._live import Live, followed
from llm_observer.cli._progress import bar, bytes_of
from llm_observer.cli._spend import Spend, SpendRow, Window
from llm_observer.cli._terminal import has_color, is_terminal, width
from llm_observer.money import decimal_text, dollars
from llm_observer.report.fix_words import many
from llm_observer.report.sample import sample_note
from llm_observer.report.seen import Seen
from llm_observer.report.table import Lines, Table, draw
from llm_observer.sinks.sampling import count_rate

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["top"]

_SPANS = ("minute", "hour", "all")
_QUIT = frozenset({"q", "Q", "\x03", "\x04"})
_AROUND = 8
"""Lines of the screen that are no rows of the table."""
_ONCE = 20


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option(
    "--by", default="model", show_default=True, metavar="KEY", help=f"{', '.join(KEYS)} or an attribute."
)
@click.option(
    "--every", "every_s", default=1.0, show_default=True, type=click.FloatRange(0.1, 3600), help="Seconds."
)
@click.option("--once", is_flag=True, help="Print the table once, and end.")
@click.option("--wait", is_flag=True, help="Wait for a FILE that is not there yet.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object, once.")
def top(files: tuple[str, ...], *, by: str, every_s: float, once: bool, wait: bool, as_json: bool) -> None:
    """Show the spend of the last minute, the last hour and in all, by model or call site, as FILE grows.

    A FILE holds events (JSON lines); it may be rotated, cut and deleted meanwhile. `q` or Control-C ends it.
    Where standard output is no terminal the table is printed once. Exit code: 0 done, 2 wrong usage, 3 a file
    cannot be read.
    """
    with closing(Live(followed(files, may_wait=wait), last=None)) as live:
        screen = _Screen(live, by)
        with bar(bytes_of(files)) as on_read:
            screen.look(on_read)
        if as_json:
            click.echo(json.dumps(screen.as_json(), indent=2))
        elif once or not is_terminal(sys.stdout):
            click.echo(draw(list(screen.blocks(_ONCE)), width=width(), color=has_color()))
        else:
            _run(screen, every_s)


class _Screen:
    """What is shown at one moment."""

    def __init__(self, live: Live, by: str) -> None:
        self._live = live
        self._by = by
        self._spend = Spend()
        self._seen = Seen()
        self._sampled: Counter[str] = Counter()

    def look(self, on_read: Callable[[int], None] | None = None) -> None:
        """Take in what is new."""
        now_s = time.time()
        for event in self._live.look(on_read):
            call = event.llm_call
            if call is not None and self._seen.add(event.event_id):
                count_rate(event, self._sampled)
                self._spend.add(key_of(self._by, event, call), event, call, now_s=now_s)

    def blocks(self, most: int) -> Iterator[Lines | Table]:
        """A line for all, and *most* rows."""
        now_s = time.time()
        rows, whole = self._spend.rows(now_s=now_s), self._spend.whole(now_s=now_s)
        yield Lines((_headline(whole),), "bold")
        if not rows:
            return
        yield Table(
            headers=(self._by, *(f"{span} {what}" for span in _SPANS for what in ("calls", "cost")), "last"),
            rows=tuple(_cells(row) for row in rows[:most]),
            labels=1,
            optional=("minute calls", "hour calls", "last"),
        )
        if more := len(rows[most:]):
            yield Lines((f"{more:,} more, with less money",))
        if note := sample_note(self._sampled):
            yield Lines((note,), "yellow")

    def as_json(self) -> dict[str, Any]:
        """All rows as JSON values."""
        now_s = time.time()
        rows = [{"name": row.name, **_plain(row)} for row in self._spend.rows(now_s=now_s)]
        whole, sampled = _plain(self._spend.whole(now_s=now_s)), dict(self._sampled)
        return {"by": self._by, "totals": whole, "groups": rows, "sampled": sampled}


def _headline(whole: SpendRow) -> str:
    if not whole.all.calls:
        return "No calls yet"
    spent = ", ".join(f"{_cost(getattr(whole, span))} {_of(span)}" for span in _SPANS)
    return f"{many(whole.all.calls, 'call')} · {spent}"


def _of(span: str) -> str:
    return "in all" if span == "all" else f"in the last {span}"


def _cells(row: SpendRow) -> tuple[str, ...]:
    spans = (getattr(row, span) for span in _SPANS)
    counts = (cell for span in spans for cell in (f"{span.calls:,}", _cost(span)))
    return row.name, *counts, datetime.fromtimestamp(row.last_s).astimezone().strftime("%H:%M:%S")


def _cost(span: Window) -> str:
    """A question mark stands for calls of unknown cost."""
    if span.usd is None:
        return "?"
    return f"{dollars(span.usd)} + ?" if span.unpriced else dollars(span.usd)


def _plain(row: SpendRow) -> dict[str, Any]:
    return {
        span: {
            "calls": part.calls,
            "cost_usd": None if part.usd is None else decimal_text(part.usd),
            "unpriced": part.unpriced,
        }
        for span in _SPANS
        for part in (getattr(row, span),)
    }


def _run(screen: _Screen, every_s: float) -> None:
    """Until a key ends it."""
    if importlib.util.find_spec("rich") is None:
        raise click.UsageError("a live table needs: pip install 'llm-observer[cli]'; --once needs nothing")
    from rich.console import Console
    from rich.live import Live as Screen

    console = Console(highlight=False)
    live = Screen(console=console, screen=True, auto_refresh=False)
    with suppress(KeyboardInterrupt), pressed_keys() as key, live as shown:
        while True:
            shown.update(_drawn(screen, console.width, console.height), refresh=True)
            if key(every_s) in _QUIT:
                return
            screen.look()


def _drawn(screen: _Screen, columns: int, lines: int) -> "Text":
    from rich.text import Text

    text = draw(list(screen.blocks(max(lines - _AROUND, 1))), width=columns, color=has_color())
    return Text.from_ansi(f"{text}\n\n{time.strftime('%H:%M:%S')}  q ends")
