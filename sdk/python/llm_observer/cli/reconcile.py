"""`llm-observer reconcile`: why does the provider's export differ from what our events hold?"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import click

from llm_observer.cli._events import Files
from llm_observer.cli._terminal import has_color, width
from llm_observer.money import decimal_text
from llm_observer.reconcile import Export, Judge, Ours, Question, Section, Theirs, compare, render, to_plain
from llm_observer.reconcile.text import SKIPPED

__all__ = ["reconcile"]

_GAPS = 1
_UNREADABLE = 3
_MOST_TOLD = 20
_OWN_RATE = "own"
_PERCENT = Decimal(100)
_GROUPS = {
    "day-model": frozenset({"day", "model"}),
    "day": frozenset({"day"}),
    "model": frozenset({"model"}),
    "total": frozenset[str](),
}
_DAY = click.DateTime(["%Y-%m-%d"])


def _tolerance(_ctx: click.Context, _param: click.Parameter, value: str) -> Decimal:
    """A share from 0 to 1, or a percentage."""
    is_percent = value.rstrip().endswith("%")
    try:
        share = Decimal(value.rstrip().rstrip("%"))
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is no number: say 0.01 or 1%") from None
    share = share / _PERCENT if is_percent else share
    if not share.is_finite() or not 0 <= share <= 1:
        raise click.BadParameter(f"{value} is not from 0 to 1, nor from 0 % to 100 %")
    return share


def _rate(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Fraction | None:
    """1 for `own`: what names no rate stays as it is."""
    if value is None or value == _OWN_RATE:
        return None if value is None else Fraction(1)
    try:
        rate = Fraction(value)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"{value!r} is neither `own` nor a share such as 0.1") from None
    if not 0 < rate <= 1:
        raise click.BadParameter(f"{value} is not above 0 and at most 1")
    return rate


def _day(_ctx: click.Context, _param: click.Parameter, value: datetime | None) -> date | None:
    return None if value is None else value.date()


@click.command()
@click.argument("export", metavar="EXPORT")
@click.argument("events", nargs=-1, required=True, metavar="EVENTS...")
@click.option(
    "--export", "more", multiple=True, metavar="FILE", help="One more file of the export; repeat it."
)
@click.option(
    "--tolerance",
    callback=_tolerance,
    default="1%",
    show_default=True,
    metavar="SHARE",
    help="What figures may differ by.",
)
@click.option(
    "--by", type=click.Choice(list(_GROUPS)), default="day-model", show_default=True, help="What is compared."
)
@click.option("--since", type=_DAY, callback=_day, metavar="DAY", help="First day, UTC: 2026-11-01.")
@click.option("--until", type=_DAY, callback=_day, metavar="DAY", help="Last day, UTC.")
@click.option("--provider", "providers", multiple=True, metavar="NAME", help="Whose calls; repeat it.")
@click.option(
    "--sample-rate",
    "rate",
    callback=_rate,
    metavar="own|SHARE",
    help="Scale sampled events: by the rate on each (own), or by this one where it has none.",
)
@click.option("--all", "is_all", is_flag=True, help="Show every line that differs.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def reconcile(
    ctx: click.Context, /, export: str, events: tuple[str, ...], *, as_json: bool, is_all: bool, **asked: Any
) -> None:
    """Compare a provider's usage or cost EXPORT with the calls in EVENTS.

    EXPORT is JSON of OpenAI's or Anthropic's usage and cost APIs or of OpenRouter's activity, or a CSV of
    their dashboards; EVENTS are events or recorded exchanges. All plain or gzipped. Exit code: 0 both agree
    within the tolerance, 1 they do not, 2 wrong usage, 3 a file cannot be read.
    """
    names = (export, *asked.pop("more"))
    if len(set(names)) < len(names) or not set(names).isdisjoint(events):
        raise click.UsageError("a file is named twice")
    question = Question(
        by=_GROUPS[asked.pop("by")], providers=frozenset(asked.pop("providers")) or None, **asked
    )
    read = Export(names)
    theirs = Theirs(read)
    if not theirs.forms:
        _tell(read)
        click.echo("no row of an export could be read: docs/reconcile.md shows the forms", err=True)
        ctx.exit(_UNREADABLE)
    files, ours = Files(events), Ours()
    for _, event in files.events():
        ours.add(event)
    sections = compare(theirs, ours, question)
    if not sections:
        raise click.UsageError("the export has no day from --since to --until")
    code = _exit_code(sections, read, files)
    if as_json:
        plain = to_plain(sections, Judge(sections, ours))
        click.echo(json.dumps(_whole(plain, code, read, files, ours, question), indent=2))
    else:
        _show(sections, ours, question, is_all=is_all)
    _tell(read)
    ctx.exit(code)


def _exit_code(sections: Sequence[Section], read: Export, files: Files) -> int:
    if read.problems or files.unreadable:
        return _UNREADABLE
    is_apart = any(section.gaps or any(cell.is_gap for cell in section.totals) for section in sections)
    return _GAPS if is_apart else 0


def _whole(
    plain: dict[str, Any], code: int, read: Export, files: Files, ours: Ours, question: Question
) -> dict[str, Any]:
    return {
        "is_in_agreement": code == 0,
        "tolerance": decimal_text(question.tolerance),
        **plain,
        "skipped_events": dict(ours.skipped),
        "export_rows": {form.name: count for form, count in read.forms.items()},
        "export_rows_not_compared": dict(read.not_compared),
        "export_rows_repeated": read.repeated,
        "export_problems": [{"place": one.place, "reason": one.reason} for one in read.problems],
        "unreadable": files.unreadable,
        "left_out": files.left_out,
    }


def _show(sections: Sequence[Section], ours: Ours, question: Question, *, is_all: bool) -> None:
    judge = Judge(sections, ours)
    click.echo(render(sections, judge, width=width(), color=has_color(), is_all=is_all))
    for reason, count in ours.skipped.items():
        click.echo(f"Not counted: {count:,} {SKIPPED[reason]}")
    click.echo(f"\n{_verdict(sections, question)}")


def _verdict(sections: Sequence[Section], question: Question) -> str:
    within = f"{decimal_text(question.tolerance * _PERCENT)} %"
    gaps = sum(section.gaps for section in sections)
    compared = sum(len(line.cells) for section in sections for line in section.lines)
    if not gaps:
        return f"In agreement: all of {compared:,} figures are within {within}."
    return f"{gaps:,} of {compared:,} figures differ by more than {within}."


def _tell(read: Export) -> None:
    """What of the export was left out, on standard error."""
    for problem in read.problems[:_MOST_TOLD]:
        click.echo(f"{click.format_filename(problem.place)}: {problem.reason}", err=True)
    if len(read.problems) > _MOST_TOLD:
        click.echo(f"{len(read.problems) - _MOST_TOLD:,} more rows cannot be read", err=True)
    for reason, count in read.not_compared.items():
        click.echo(f"not compared: {count:,} rows of the export: {reason}", err=True)
    if read.repeated:
        click.echo(f"counted once: {read.repeated:,} rows of the export that came twice", err=True)
