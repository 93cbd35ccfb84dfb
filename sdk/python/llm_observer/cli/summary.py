"""`llm-observer summary`: who spent the money? Calls grouped by model, call site, feature, user or day."""

import json
from collections.abc import Iterator
from typing import Any

import click

from llm_observer.cli._events import Files
from llm_observer.cli._groups import KEYS, MAX_GROUPS, Figures, Group, Groups, to_plain
from llm_observer.cli._terminal import has_color, width
from llm_observer.money import Amount, dollars
from llm_observer.report.fix_words import many
from llm_observer.report.model import cached_share
from llm_observer.report.table import Lines, Table, draw

__all__ = ["summary"]

_UNREADABLE = 3
_UNKNOWN = "?"
_BY = f"{', '.join(KEYS)}, or any attribute that `observe()` sets, such as feature or user."


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--by", default="model", show_default=True, metavar="KEY", help=f"Group by {_BY}")
@click.option(
    "--top", default=20, show_default=True, type=click.IntRange(min=1), help="How many groups to show."
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def summary(ctx: click.Context, files: tuple[str, ...], *, by: str, top: int, as_json: bool) -> None:
    """Show what the calls in each FILE cost, by group, the dearest first.

    A FILE holds events (JSON lines) or recorded exchanges, plain or gzipped; `-` is standard input. The files
    of several processes belong in one command: an event that is in two of them counts once. Days are UTC.
    "saved" is what reading from the prompt cache saved, "missed" what a stable prompt would have saved on
    top. A question mark stands for calls whose cost is unknown. Exit code: 0 done, 2 wrong usage, 3 a file
    cannot be read.
    """
    read, groups = Files(files), Groups(by)
    for _, event in read.events():
        groups.add(event)
    if as_json:
        click.echo(json.dumps(_plain(groups, top, read), indent=2))
    elif groups.whole().totals.calls or not read.unreadable:
        click.echo(draw(list(_blocks(groups, top)), width=width(), color=has_color()))
    ctx.exit(_UNREADABLE if read.unreadable else 0)


def _plain(groups: Groups, top: int, read: Files) -> dict[str, Any]:
    rows = [
        {"name": group.name, "folded": group.folded} | to_plain(group.figures)
        for group in groups.dearest(top)
    ]
    return {
        "by": groups.by,
        "totals": to_plain(groups.whole()),
        "groups": rows,
        "repeated": groups.repeated,
        "sampled": dict(read.sampled),
        "left_out": read.left_out,
        "unreadable": read.unreadable,
    }


def _blocks(groups: Groups, top: int) -> Iterator[Lines | Table]:
    whole = groups.whole()
    yield Lines((_headline(whole),), "bold")
    if not whole.totals.calls:
        return
    yield _table(groups.by, list(groups.dearest(top)))
    if notes := tuple(_notes(groups, whole)):
        yield Lines(notes, "yellow")


def _headline(whole: Figures) -> str:
    """`12 calls · $0.0421 + 1 call of unknown cost · $0.02 saved by the prompt cache, $0.01 missed`."""
    totals, unpriced = whole.totals, whole.totals.unpriced_calls
    if not totals.calls:
        return "No calls"
    more = f" + {many(unpriced, 'call')} of unknown cost" if unpriced else ""
    cost = "cost unknown" if whole.cost_usd is None else f"{dollars(whole.cost_usd)}{more}"
    saved = f"{_money(whole.saved)} saved by the prompt cache, {_money(whole.missed)} missed"
    return " · ".join((many(totals.calls, "call"), cost, saved))


def _table(by: str, groups: list[Group]) -> Table:
    return Table(
        headers=(by, "calls", "errors", "input", "cached", "output", "saved", "missed", "cost"),
        rows=tuple((_name(group), *_cells(group.figures)) for group in groups),
        labels=1,
        optional=("errors", "cached", "output", "input"),
    )


def _name(group: Group) -> str:
    return f"{group.name}: {group.folded:,} more" if group.folded else group.name


def _cells(figures: Figures) -> tuple[str, ...]:
    totals, share = figures.totals, cached_share(figures.totals.tokens)
    return (
        f"{totals.calls:,}",
        f"{totals.errors:,}" if totals.errors else "-",
        _count(totals.tokens.input_total),
        "" if share is None else f"{share * 100:.0f} %",
        _count(totals.tokens.output),
        _money(figures.saved),
        _money(figures.missed),
        _cost(figures),
    )


def _count(count: int | None) -> str:
    return _UNKNOWN if count is None else f"{count:,}"


def _cost(figures: Figures) -> str:
    if figures.cost_usd is None:
        return _UNKNOWN
    more = f" + {_UNKNOWN}" if figures.totals.unpriced_calls else ""
    return f"{dollars(figures.cost_usd)}{more}"


def _money(amount: Amount) -> str:
    """`-` where no call tells; a question mark for what has no price."""
    if not amount.count:
        return "-"
    if amount.unpriced and not amount.usd:
        return _UNKNOWN
    return f"{dollars(amount.usd)} + {_UNKNOWN}" if amount.unpriced else dollars(amount.usd)


def _notes(groups: Groups, whole: Figures) -> Iterator[str]:
    if unpriced := whole.totals.unpriced:
        named = ", ".join(f"{count:,} {status}" for status, count in unpriced.items())
        yield f"unknown cost: {named} (llm-observer explain {next(iter(unpriced))})"
    if groups.too_many:
        yield f"more than {MAX_GROUPS:,} values of {groups.by}: those seen later are summed in the last row"
    if groups.by not in KEYS and groups.by not in groups.attributes:
        there = ", ".join(sorted(groups.attributes)) or "none; set some with llm_observer.observe(feature=…)"
        yield f"no call has the attribute {groups.by}; attributes in these files: {there}"
    if groups.repeated:
        yield f"{many(groups.repeated, 'event')} counted once, though in the files more often"
