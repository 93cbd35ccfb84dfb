"""`llm-observer demo`: what would I see? Real SDKs, recorded answers, no key and no network."""

import importlib.util
import json
import shutil
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

import llm_observer
from llm_observer.money import dollars

if TYPE_CHECKING:
    from llm_observer import Session

__all__ = ["demo"]

_SDKS = ("openai", "anthropic")
_PATIENCE_S = 20.0
_USAGE = 2
_AGENT = "The same agent twice, with simulated usage: what the providers' documented caches would report"


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

    The answers are recorded ones of real providers. An agent then does the same work twice, without and
    with the cache doctor's advice, on simulated answers. Exit code: 0 it ran, 2 an SDK is missing or the
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
    _show(_run(), path, as_json=as_json)


class Ran(NamedTuple):
    """The recorded calls, and those of the agent without and with the doctor's advice."""

    recorded: "Session"
    before: "Session"
    after: "Session"


def _run() -> Ran:
    from llm_observer.demo.app import run
    from llm_observer.demo.provider import Provider

    with Provider() as provider, llm_observer.observe(app="demo") as recorded:
        run(provider)
    ran = Ran(recorded, _run_agent(is_fixed=False), _run_agent(is_fixed=True))
    llm_observer.shutdown(_PATIENCE_S)
    return ran


def _run_agent(*, is_fixed: bool) -> "Session":
    from llm_observer.demo.agent import run
    from llm_observer.demo.cached_provider import CachedProvider

    variant = "after" if is_fixed else "before"
    with CachedProvider() as provider, llm_observer.observe(app="agent", variant=variant) as session:
        run(provider, is_fixed=is_fixed)
    return session


def _show(ran: Ran, path: Path, *, as_json: bool) -> None:
    if as_json:
        agent = {"before": ran.before.to_dict(), "after": ran.after.to_dict()}
        click.echo(json.dumps({**ran.recorded.to_dict(), "agent": agent, "file": str(path)}))
        return
    click.echo(ran.recorded.summary())
    click.echo(f"\n{_AGENT}")
    click.echo(f"\nBefore:\n{_told(ran.before)}")
    click.echo(f"\nAfter these changes and the other ones:\n{_told(ran.after)}")
    click.echo(f"\n{_difference(ran.before.totals.cost_usd, ran.after.totals.cost_usd)}")
    click.echo(f"\nEvents: {path}")


def _told(session: "Session") -> str:
    from llm_observer.report.text import render_savings

    width = shutil.get_terminal_size((100, 24)).columns
    return render_savings(session, width=width, color=False)


def _difference(before: Decimal, after: Decimal) -> str:
    share = (before - after) / before if before else Decimal(0)
    return f"The same work for {dollars(after)} instead of {dollars(before)}: {share * 100:.0f} % saved"
