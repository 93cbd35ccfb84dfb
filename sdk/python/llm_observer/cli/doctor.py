"""`llm-observer doctor`: would calls be observed here, with which settings, and where do files live?"""

import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click

from llm_observer.cli._diagnosis import Diagnosis, SdkState, diagnose
from llm_observer.cli._send_test import SentTest, send
from llm_observer.cli._terminal import has_color, is_terminal
from llm_observer.config import load

__all__ = ["doctor"]

_FINDINGS = 1


class _Section(NamedTuple):
    title: str
    rows: Sequence[Sequence[str]]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.option(
    "--send-test", is_flag=True, help="Send one made-up event to the endpoint, and explain the answer."
)
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool, send_test: bool) -> None:
    """Show what is hooked, set and missing in this environment.

    The hooks are really placed, in this process only, and taken off again. Exit code: 0 all is well,
    1 there are findings, 2 wrong usage.
    """
    config = load({})
    diagnosis, sent = diagnose(config), send(config) if send_test else None
    if as_json:
        click.echo(
            json.dumps(diagnosis.as_json() | ({"test_event": sent._asdict()} if sent else {}), indent=2)
        )
    else:
        _show(list(_sections(diagnosis, sent)))
    is_well = not diagnosis.findings and (sent is None or sent.is_taken)
    ctx.exit(0 if is_well else _FINDINGS)


def _sections(diagnosis: Diagnosis, sent: SentTest | None) -> Iterator[_Section]:
    yield _Section("This environment", list(diagnosis.versions.items()))
    yield _Section("SDKs", [_sdk(sdk) for sdk in diagnosis.sdks])
    yield _Section("Not observed", [(text,) for text in diagnosis.not_observed])
    yield _Section(
        "Other instrumentations",
        [(peer.name, peer.version or "", peer.note) for peer in diagnosis.peers] or [("none",)],
    )
    yield _Section("Sent to other machines", _sent(diagnosis))
    if sent is not None:
        yield _Section("Test event", [(line,) for line in sent.lines()])
    yield _Section("Files", [(file.what, file.path or "", file.state) for file in diagnosis.files])
    yield _Section("Prices", [(name, _known(value)) for name, value in diagnosis.prices.items()])
    yield _Section("Settings", diagnosis.settings)
    yield _Section("Findings", [(text,) for text in diagnosis.findings or ("none",)])


def _known(value: object) -> str:
    return "unknown" if value is None else str(value)


def _sdk(sdk: SdkState) -> tuple[str, ...]:
    tested = f"tested from {sdk.floor}" if sdk.floor else ""
    hooks = f"hooks on {', '.join(sdk.hooks)}" if sdk.hooks else ""
    return sdk.name, sdk.version or "", sdk.state, "; ".join(filter(None, (sdk.reason, hooks, tested)))


def _sent(diagnosis: Diagnosis) -> list[tuple[str, ...]]:
    state = "set: nothing is sent, whatever else is set" if diagnosis.do_not_track else "not set"
    return [(diagnosis.sent,), (f"DO_NOT_TRACK: {state}",)]


def _show(sections: Sequence[_Section]) -> None:
    is_rich = is_terminal(sys.stdout) and importlib.util.find_spec("rich") is not None
    show = _show_rich if is_rich else _show_plain
    for section in sections:
        show(section)


def _show_plain(section: _Section) -> None:
    widths = [max(map(len, column)) for column in zip(*section.rows, strict=True)]
    click.echo(section.title)
    for row in section.rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(f"  {'  '.join(cells)}".rstrip())
    click.echo()


def _show_rich(section: _Section) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for _ in section.rows[0]:
        table.add_column(overflow="fold")
    for row in section.rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False, color_system="auto" if has_color() else None)
    console.print(Text(section.title, style="bold"))
    console.print(Padding(table, (0, 0, 1, 2)))
