"""`llm-observer report`: what do events say of cost and cache, as a page, as Markdown or as JSON?"""

import json
from collections.abc import Callable, Mapping

import click

from llm_observer.cli._events import Files
from llm_observer.cli._outs import is_needed, write
from llm_observer.report import html, markdown
from llm_observer.report.cache_model import Reader, Report, to_plain

__all__ = ["report"]

_UNREADABLE = 3
_STDOUT = "-"


def _as_json(found: Report) -> str:
    return json.dumps(to_plain(found), indent=2) + "\n"


_FORMS: Mapping[str, Callable[[Report], str]] = {
    "html": html.render,
    "markdown": markdown.render,
    "json": _as_json,
}


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--html", metavar="OUT", help="Write a page of one file, which fetches nothing.")
@click.option(
    "--markdown", is_flag=False, flag_value=_STDOUT, metavar="[OUT]", help="Write Markdown; to OUT if given."
)
@click.option(
    "--json", is_flag=False, flag_value=_STDOUT, metavar="[OUT]", help="Write JSON; to OUT if given."
)
@click.pass_context
def report(ctx: click.Context, /, files: tuple[str, ...], **outs: str | None) -> None:
    """Report the cost and the cache use in each FILE: spend, fixes by money, prefix maps, conversations.

    A FILE holds events (JSON lines) or recorded exchanges, plain or gzipped; `-` is standard input. The files
    of several processes belong in one command. OUT `-` is standard output; without any option Markdown goes
    there. Options follow the files. Exit code: 0 done, 2 wrong usage, 3 a file cannot be read or
    written.
    """
    wanted = {name: out for name, out in outs.items() if out is not None} or {"markdown": _STDOUT}
    _check(files, wanted)
    read, reader = Files(files), Reader()
    for name in files:
        reader.file(name)
    for name, event in read.events():
        reader.add(event, name)
    found = reader.report()
    if found.totals.calls or not read.unreadable:
        _write_all(found, wanted)
    ctx.exit(_UNREADABLE if read.unreadable else 0)


def _check(files: tuple[str, ...], wanted: Mapping[str, str]) -> None:
    """No file of events is written over: `--json events.jsonl` takes the file for OUT."""
    if sum(out == _STDOUT for out in wanted.values()) > 1:
        raise click.UsageError("only one form can go to standard output")
    for name, out in wanted.items():
        if out != _STDOUT and is_needed(out, files):
            raise click.UsageError(
                f"--{name} would write over {out}, a file of events or a recording by content or name: "
                "options follow the files, and the result needs a name of its own"
            )


def _write_all(found: Report, wanted: Mapping[str, str]) -> None:
    for name, out in wanted.items():
        text = _FORMS[name](found)
        if out == _STDOUT:
            click.echo(text, nl=False)
            continue
        content = text.encode()
        write(out, content)
        click.echo(f"{out}: {len(content):,} bytes", err=True)
