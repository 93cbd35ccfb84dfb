"""`llm-observer demo`: what would I see? Real SDKs, recorded answers, no key and no network."""

import importlib.util
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

import llm_observer

if TYPE_CHECKING:
    from llm_observer import Session

__all__ = ["demo"]

_SDKS = ("openai", "anthropic")
_PATIENCE_S = 20.0
_USAGE = 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write the totals as one JSON object.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append the events to this file; a new temporary one by default.",
)
@click.pass_context
def demo(ctx: click.Context, file: Path | None, *, as_json: bool) -> None:
    """Run a small app with the real SDKs against a stand-in on this machine, and show what it cost.

    The answers are recorded ones of real providers. Exit code: 0 it ran, 2 an SDK is missing or the
    library is turned off.
    """
    missing = [sdk for sdk in _SDKS if importlib.util.find_spec(sdk) is None]
    if missing:
        click.echo(f"the demo uses both SDKs: pip install {' '.join(_SDKS)}", err=True)
        ctx.exit(_USAGE)
    path = (file or Path(tempfile.mkdtemp(prefix="llm_observer-")) / "events.jsonl").absolute()
    report = llm_observer.patch(file=str(path), summary=False, stdout=False)
    if not report.is_enabled:
        click.echo("LLM_OBSERVER_ENABLED=0 turns the library off, and the demo with it", err=True)
        ctx.exit(_USAGE)
    session = _run()
    _show(session, path, as_json=as_json)


def _run() -> "Session":
    from llm_observer.demo.app import run
    from llm_observer.demo.provider import Provider

    with Provider() as provider, llm_observer.observe(app="demo") as session:
        run(provider)
    llm_observer.shutdown(_PATIENCE_S)
    return session


def _show(session: "Session", path: Path, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**session.to_dict(), "file": str(path)}))
        return
    click.echo(session.summary())
    click.echo(f"\nEvents: {path}")
