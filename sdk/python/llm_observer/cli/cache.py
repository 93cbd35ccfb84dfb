"""`llm-observer cache`: what would stable prompts have saved, and which change saves most?"""

import json
from collections.abc import Iterator
from typing import Any

import click

from llm_observer.cli._events import Files
from llm_observer.cli._terminal import has_color, width
from llm_observer.cli._what_if import answer, asked
from llm_observer.money import dollars
from llm_observer.report.cache_model import Reader, Report, to_plain
from llm_observer.report.fix_words import docs_of, many, money, place
from llm_observer.report.fixes import CONFIRMED, Fix
from llm_observer.report.table import Lines, Table, draw

__all__ = ["cache"]

_UNREADABLE = 3
_PARTS = ("totals", "unpriced", "funnel", "verdicts", "causes", "fixes", "files")
_FUNNEL = {
    "input": "input_tokens",
    "ideal: what stable prompts would have reused": "ideal_tokens",
    "reusable: what these prompts could have reused": "reusable_tokens",
    "actual: what was read from the cache": "actual_tokens",
}


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.option(
    "--top", default=10, show_default=True, type=click.IntRange(min=1), help="How many fixes to show."
)
@click.option(
    "--what-if", metavar="SPEC", help="Replay the calls with a change: docs/cache-doctor.md#what-if."
)
@click.pass_context
def cache(
    ctx: click.Context, files: tuple[str, ...], *, as_json: bool, top: int, what_if: str | None
) -> None:
    """Rank what to change in the prompts of each FILE, by the money that it would have saved.

    A FILE holds events (JSON lines) or recorded exchanges, plain or gzipped; `-` is standard input. The files
    of several processes belong in one command. Exit code: 0 done, 2 wrong usage, 3 a file cannot be read.
    """
    read, reader = Files(files), Reader()
    if what_if is not None:
        answer(asked(what_if), read, as_json=as_json, top=top)
        ctx.exit(_UNREADABLE if read.unreadable else 0)
    for file, event in read.events():
        reader.add(event, file)
    report = reader.report()
    if as_json:
        click.echo(json.dumps(_plain(report, top) | {"unreadable": read.unreadable}, indent=2))
    elif report.totals.calls or not read.unreadable:
        _show(report, top)
    ctx.exit(_UNREADABLE if read.unreadable else 0)


def _plain(report: Report, top: int) -> dict[str, Any]:
    found = to_plain(report)
    parts = {name: found[name] for name in _PARTS}
    return {
        "headline": _headline(report),
        **parts,
        "fixes": parts["fixes"][:top],
        "more_fixes": _more_fixes(report, top),
    }


def _more_fixes(report: Report, top: int) -> int:
    return max(len(report.fixes) - top, 0) + report.folded_fixes


def _show(report: Report, top: int) -> None:
    click.echo(draw(list(_blocks(report, top)), width=width(), color=has_color()))


def _blocks(report: Report, top: int) -> Iterator[Lines | Table]:
    yield Lines((_headline(report),), "bold")
    if report.totals.calls == report.totals.without_verdict:
        return
    if report.funnel.calls:
        yield _funnel(report)
    verdicts = " · ".join(f"{name} {count:,}" for name, count in report.verdicts.items())
    yield Lines((f"Verdicts: {verdicts}",))
    if report.fixes:
        yield _table(report.fixes[:top])
        yield Lines(tuple(_advice(report.fixes[:top])))
        if more := _more_fixes(report, top):
            yield Lines((f"{many(more, 'more fix').replace('fixs', 'fixes')}: --top shows more",))
    if gaps := tuple(_gaps(report)):
        yield Lines(gaps, "yellow")


def _headline(report: Report) -> str:
    """`$4.12 of $9.80 could have been saved`, with what is unknown of both."""
    totals = report.totals
    if not totals.calls:
        return "No calls"
    if totals.calls == totals.without_verdict:
        return f"{many(totals.calls, 'call')}, none with a verdict about its cache"
    spent = f"{dollars(totals.cost_usd)}{' + ?' if totals.unpriced else ''}"
    if totals.missed_unpriced and not totals.missed_usd:
        return f"{spent} spent, and what the cache missed has no known price"
    least = "At least " if totals.missed_unpriced else ""
    return f"{least}{dollars(totals.missed_usd)} of {spent} could have been saved"


def _funnel(report: Report) -> Table:
    funnel = report.funnel
    rows = [(label, getattr(funnel, name)) for label, name in _FUNNEL.items()]
    return Table(
        headers=(f"tokens of {many(funnel.calls, 'call')}", "tokens", "of the input"),
        rows=tuple((label, f"{count:,}", _percent(count, funnel.input_tokens)) for label, count in rows),
        labels=1,
    )


def _percent(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.0f} %" if whole else ""


def _table(fixes: tuple[Fix, ...]) -> Table:
    rows = (
        (str(number), fix.title, fix.site, place(fix), money(fix), f"{fix.tokens:,}", f"{fix.count:,}")
        for number, fix in enumerate(fixes, 1)
    )
    return Table(
        headers=("#", "fix", "call site", "where", "money", "tokens", "times"),
        rows=tuple(rows),
        labels=4,
        optional=("times", "tokens"),
    )


def _advice(fixes: tuple[Fix, ...]) -> Iterator[str]:
    """A sentence for each, and where more stands."""
    for number, fix in enumerate(fixes, 1):
        suspected = "" if fix.confidence >= CONFIRMED else "Suspected: "
        yield f"{number}. {suspected}{fix.advice or fix.title} {docs_of(fix)}"


def _gaps(report: Report) -> Iterator[str]:
    totals = report.totals
    if totals.without_verdict:
        yield f"{many(totals.without_verdict, 'call')} of {totals.calls:,} without a verdict about the cache"
    if totals.unpriced:
        yield f"{many(totals.unpriced, 'call')} of unknown cost"
    if totals.missed_unpriced:
        yield f"{many(totals.missed_unpriced, 'call')} missed tokens whose price is unknown"
    if repeated := sum(file.repeated for file in report.files):
        yield f"{many(repeated, 'event')} counted once, though in the files more often"
