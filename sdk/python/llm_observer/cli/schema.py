"""`llm-observer schema`: what is the event contract, and does a file follow it?"""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import click

from llm_observer.cli._documents import Broken, UnreadableError, documents
from llm_observer.schema import Problem, schema_text
from llm_observer.schema import validate as problems_of

__all__ = ["schema"]

_FINDINGS = 1
_UNREADABLE = 3


class Finding(NamedTuple):
    """A problem and where it stands."""

    file: str
    line: int
    path: str
    message: str


@click.group(invoke_without_command=True)
@click.option("--json", is_flag=True, expose_value=False, help="Print JSON, which it does anyway.")
@click.pass_context
def schema(ctx: click.Context) -> None:
    """Print the JSON Schema of the events, or check events against it.

    `llm-observer schema validate FILE...` checks. Exit code: 0 done, 2 wrong usage.
    """
    if ctx.invoked_subcommand is None:
        click.echo(schema_text(), nl=False)


@schema.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per line.")
@click.pass_context
def validate(ctx: click.Context, files: tuple[str, ...], *, as_json: bool) -> None:
    """Check the events in each FILE: JSON lines, JSON, or either gzipped; `-` is standard input.

    Writes each problem as `file:line: path: message`; no value of an event is shown. Exit code: 0 all
    events follow the contract, 1 some do not, 2 wrong usage, 3 a file cannot be read.
    """
    ctx.exit(max(_checked(name, _as_json if as_json else _as_text) for name in files))


def _checked(name: str, show: Callable[[Finding], str]) -> int:
    """The exit code of one file."""
    file, events, findings = click.format_filename(name), 0, 0
    try:
        for line, document in documents(name):
            events += 1
            for problem in _problems(document):
                findings += 1
                click.echo(show(Finding(file, line, *problem)))
    except UnreadableError as exc:
        click.echo(f"{file}: {exc}", err=True)
        return _UNREADABLE
    click.echo(f"{file}: events: {events}, problems: {findings}", err=True)
    return _FINDINGS if findings else 0


def _problems(document: object) -> Iterator[Problem]:
    if isinstance(document, Broken):
        yield Problem("$", document.message)
    else:
        yield from problems_of(document)


def _as_text(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}: {finding.path}: {finding.message}"


def _as_json(finding: Finding) -> str:
    return json.dumps(finding._asdict())
