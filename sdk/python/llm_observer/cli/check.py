"""`llm-observer check`: do the calls in these files keep the limits that were set for them?"""

import json
import os
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import click
import msgspec
from msgspec.structs import replace

from llm_observer.cache.kinds import KINDS
from llm_observer.cli._events import Files
from llm_observer.cli._github import annotations, summary
from llm_observer.cli._junit import junit
from llm_observer.cli._outs import write
from llm_observer.money import decimal_text
from llm_observer.report.fix_words import many, paragraph
from llm_observer.report.gates import Gate, Inspection, Limits, unknown_kinds

__all__ = ["check"]

_FAILED = 1
_UNREADABLE = 3
_MOST_SHOWN = 5
_UNREAD = "no call could be read, so that nothing can be judged"


def _amount(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Decimal | None:
    """The number, 0 or more; anything else is wrong usage, NaN and infinity too."""
    if value is None:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is not a number") from None
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter(f"{value} is not 0 or more")
    return amount


def _share(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """The number, from 0 to 1."""
    share = _amount(ctx, param, value)
    if share is not None and share > 1:
        raise click.BadParameter(f"{value} is not from 0 to 1")
    return share


def _kinds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> frozenset[str]:
    """The names; one that no finding has is wrong usage."""
    if value is None:
        return frozenset()
    given = frozenset(filter(None, value.replace(" ", "").split(",")))
    unknown = ", ".join(unknown_kinds(given)) if given else "an empty list"
    if unknown:
        raise click.BadParameter(f"{unknown}: no such kind; there are {', '.join(KINDS)}")
    return given


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option(
    "--min-cache-ratio",
    callback=_share,
    metavar="SHARE",
    help="Of the tokens that stable prompts reuse: the share that these prompts could reuse, at least.",
)
@click.option(
    "--min-hit-rate",
    callback=_share,
    metavar="SHARE",
    help="Of the tokens that stable prompts reuse: the share that was read from the cache, at least.",
)
@click.option("--max-cost", callback=_amount, metavar="USD", help="What all calls may cost, US dollars.")
@click.option("--fail-on", callback=_kinds, metavar="KINDS", help="Findings that may not be: timestamp,uuid.")
@click.option(
    "--min-confidence",
    callback=_share,
    metavar="SHARE",
    default="0.5",
    show_default=True,
    help="Of the findings that count.",
)
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False), help="Write JUnit XML to this file.")
@click.option("--github", is_flag=True, help="Write annotations for GitHub; the default in its Actions.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def check(
    ctx: click.Context,
    /,
    files: tuple[str, ...],
    *,
    junit_file: str | None,
    github: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Fail where the calls in each FILE lose more of the prompt cache, or cost more, than they may.

    A FILE holds events (JSON lines) or recorded exchanges, plain or gzipped; `-` is standard input. Exit
    code: 0 all limits are kept, 1 one is not, 2 wrong usage, 3 a file cannot be read or written.
    """
    limits = Limits(**asked)
    if not limits.is_any:
        raise click.UsageError("no limit is set: --min-cache-ratio, --min-hit-rate, --max-cost or --fail-on")
    read, inspection = Files(files), Inspection(limits)
    for _, event in read.events():
        inspection.add(event)
    gates = _judged(inspection, read)
    if as_json:
        click.echo(json.dumps(_plain(gates, inspection, read), indent=2))
    else:
        _show(gates)
    if github or os.environ.get("GITHUB_ACTIONS") == "true":
        _tell_github(gates, is_apart=as_json)
    if junit_file is not None:
        write(junit_file, junit(gates))
    ctx.exit(_exit_code(gates, read))


def _judged(inspection: Inspection, read: Files) -> tuple[Gate, ...]:
    """The limits; none of them is kept by calls that nobody could read."""
    gates = inspection.gates()
    if inspection.calls or not read.unreadable:
        return gates
    return tuple(replace(gate, is_passed=False, message=_UNREAD, value=None) for gate in gates)


def _exit_code(gates: Sequence[Gate], read: Files) -> int:
    if read.unreadable:
        return _UNREADABLE
    return 0 if all(gate.is_passed for gate in gates) else _FAILED


def _plain(gates: Sequence[Gate], inspection: Inspection, read: Files) -> dict[str, Any]:
    return {
        "is_passed": _exit_code(gates, read) == 0,
        "gates": [_plain_gate(gate) for gate in gates],
        "calls": inspection.calls,
        "calls_with_verdict": inspection.with_verdict,
        "left_out": read.left_out,
        "unreadable": read.unreadable,
    }


def _plain_gate(gate: Gate) -> dict[str, Any]:
    fixes = [msgspec.to_builtins(fix) | {"usd": decimal_text(fix.usd)} for fix in gate.fixes]
    return {**msgspec.to_builtins(gate), "fixes": fixes}


def _show(gates: Sequence[Gate]) -> None:
    for gate in gates:
        click.echo(f"{'pass' if gate.is_passed else 'FAIL'}  {gate.name}: {gate.message}")
        lines = (line for fix in gate.fixes[:_MOST_SHOWN] for line in paragraph(fix))
        for line in lines:
            click.echo(f"      {line}")
        if more := len(gate.fixes[_MOST_SHOWN:]):
            click.echo(f"      and {many(more, 'other')}: --json has all")


def _tell_github(gates: Sequence[Gate], *, is_apart: bool) -> None:
    """GitHub reads annotations from both streams: standard output is left to the JSON."""
    for line in annotations(gates):
        click.echo(line, err=is_apart)
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if file:
        write(file, summary(gates).encode(), "ab")
