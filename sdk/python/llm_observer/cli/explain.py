"""`llm-observer explain`: what does this status, verdict, counter, warning or exit code mean?"""

import json
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

import click

from llm_observer.cli._codes import Code, close_to, codes, found
from llm_observer.cli._terminal import has_color, width
from llm_observer.report.table import Lines, draw

__all__ = ["explain"]

_UNKNOWN = 1
_group = attrgetter("group")


@click.command()
@click.argument("code", nargs=-1, metavar="[CODE]")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def explain(ctx: click.Context, code: tuple[str, ...], *, as_json: bool) -> None:
    """Say what CODE means, and what to do about it; without CODE list all codes.

    A CODE is a fixed word that is printed or written: a cost status, a verdict, a finding, an ending, a
    note, a cause that `reconcile` names, a counter of `llm_observer.stats()`, a warning, an exit code; also
    the name of a setting, a variable or a field of an event. Exit code: 0 done, 1 there is no such code, 2
    wrong usage.
    """
    word = " ".join(code)
    rows = found(word) if word else [one for one in codes() if one.is_listed]
    close = [] if rows else close_to(word)
    if as_json:
        click.echo(json.dumps({"codes": [_plain(one) for one in rows], "close": close}, indent=2))
    elif rows:
        click.echo(draw(list(_one(rows) if word else _all(rows)), width=width(), color=has_color()))
    else:
        hint = f"did you mean {', '.join(close)}?" if close else "`llm-observer explain` lists all."
        click.echo(f"{word} is no code that llm-observer knows; {hint}", err=True)
    ctx.exit(0 if rows else _UNKNOWN)


def _plain(one: Code) -> dict[str, str | None]:
    return {"group": one.group, "code": one.name, "meaning": one.meaning, "todo": one.todo or None}


def _one(rows: list[Code]) -> Iterator[Lines]:
    for one in rows:
        yield Lines((f"{one.name}: {one.group}",), "bold")
        yield Lines(tuple(filter(None, (one.meaning, one.todo))))


def _all(rows: list[Code]) -> Iterator[Lines]:
    for group, members in groupby(rows, key=_group):
        yield Lines((group,), "bold")
        yield Lines(tuple(f"{one.name}: {one.meaning}" for one in members))
    yield Lines(("`llm-observer explain CODE` says what to do, and knows settings and fields of events.",))
