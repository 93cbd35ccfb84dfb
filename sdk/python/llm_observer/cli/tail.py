"""`llm-observer tail`: which calls are made right now? One line each, as they come."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import click

from llm_observer.cli._live import Live, UnfollowableError, followed
from llm_observer.cli._rows import line, row_of
from llm_observer.cli._terminal import has_color
from llm_observer.event import Event

__all__ = ["tail"]

_POLL_S = 0.25
_STDIN = "-"


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option(
    "-n",
    "--lines",
    default=10,
    show_default=True,
    type=click.IntRange(min=0),
    help="Start with so many of the calls that are there.",
)
@click.option("--no-follow", is_flag=True, help="Show them, and end.")
@click.option("--wait", is_flag=True, help="Wait for a FILE that is not there yet.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per call.")
def tail(files: tuple[str, ...], *, lines: int, no_follow: bool, wait: bool, as_json: bool) -> None:
    """Show each call that an app writes to FILE: time, model, tokens, cost, verdict of the cache, call site.

    A FILE holds events (JSON lines). It may be rotated, cut, deleted and made anew meanwhile. `-` is standard
    input, up to its end. Control-C ends it. Exit code: 0 done, 2 wrong usage, 3 a file cannot be read.
    """
    if _STDIN in files and len(files) > 1:
        raise click.UsageError("standard input is read alone: leave out the other files")
    live = Live(files, last=lines) if _STDIN in files else Live(followed(files, may_wait=wait), last=lines)
    with closing(live), suppress(KeyboardInterrupt):
        for event in _events(live, is_piped=_STDIN in files, is_once=no_follow):
            _show(event, as_json=as_json)


def _events(live: Live, *, is_piped: bool, is_once: bool) -> Iterator[Event]:
    if is_piped and sys.stdin is None:
        raise UnfollowableError("standard input is closed")
    if is_piped:
        yield from live.piped(sys.stdin.buffer)
        return
    yield from live.look()
    while not is_once:
        time.sleep(_POLL_S)
        yield from live.look()
    yield from live.finish()


def _show(event: Event, *, as_json: bool) -> None:
    call = event.llm_call
    if call is None:
        return
    row = row_of(event, call)
    click.echo(json.dumps(row.as_json()) if as_json else line(row, call), color=has_color())
