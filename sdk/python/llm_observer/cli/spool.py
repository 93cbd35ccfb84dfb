"""`llm-observer spool`: which events still wait to be sent, and what is to become of them?"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from llm_observer.config import Config, load

if TYPE_CHECKING:
    from llm_observer.telemetry.spool import Refusal, Spool, SpoolStats

__all__ = ["spool"]

_LEFT = 1
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
_ROWS: Mapping[str, str] = {
    "waiting": "events wait",
    "waiting_bytes": "bytes wait",
    "leased": "are being sent by a process, or were when it died: they wait again soon",
    "quarantined": "were refused by the receiver, and are kept aside",
    "dropped_full": "were dropped: no room",
    "dropped_old": "were dropped: too old",
    "dropped_oversize": "were dropped: too large",
    "dropped_refused": "were refused, and dropped for newer ones",
    "corrupt": "damaged files were set aside",
}


class _Found(NamedTuple):
    is_current: bool
    stats: "SpoolStats"
    refusals: "Sequence[Refusal]"

    def as_json(self) -> dict[str, object]:
        rows = [refusal._asdict() for refusal in self.refusals]
        return {"is_current": self.is_current, **self.stats._asdict(), "refusals": rows}


@click.group()
def spool() -> None:
    """Show, send or delete the events that wait to be sent. Each endpoint has its own spool."""


@spool.command()
@_AS_JSON
def status(*, as_json: bool) -> None:
    """Show what waits, what was refused and what was dropped, for every endpoint."""
    with _named_errors():
        current = _current(load({}))
        found = [_look(one, is_current=one.path == current.path) for one in _all(current)]
    if as_json:
        folder, rows = str(current.path.parent), [one.as_json() for one in found]
        click.echo(json.dumps({"folder": folder, "spools": rows}, indent=2))
        return
    click.echo("\n\n".join("\n".join(_lines(one)) for one in found) or "Nothing waits to be sent.")


@spool.command()
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.1), default=60.0, help="Seconds, at most.")
@_AS_JSON
@click.pass_context
def drain(ctx: click.Context, *, timeout_s: float, as_json: bool) -> None:
    """Send what waits for the configured endpoint, now.

    Exit code: 0 nothing is left, 1 something is, 2 sending is not switched on.
    """
    config = load({})
    if config.send_blocked_because is not None:
        raise click.UsageError(f"nothing is sent: {config.send_blocked_because}")
    with _named_errors():
        report = _drained(config, timeout_s)
    left = f", {report['stopped']}" if report["stopped"] else ""
    text = "{delivered} delivered, {refused} refused, {waiting} wait, {leased} leased".format(**report) + left
    click.echo(json.dumps(report, indent=2) if as_json else text)
    ctx.exit(_LEFT if report["waiting"] or report["leased"] else 0)


@spool.command()
@click.option("--all", "is_all", is_flag=True, help="Those for other endpoints too.")
@_AS_JSON
def purge(*, is_all: bool, as_json: bool) -> None:
    """Delete what waits for the configured endpoint, and what it refused."""
    config = load({})
    if config.endpoint is None and not is_all:
        raise click.UsageError("no endpoint is set: set LLM_OBSERVER_ENDPOINT, or say --all")
    with _named_errors():
        current = _current(config)
        deleted = sum(_purged(one) for one in (_all(current) if is_all else [current]))
    click.echo(json.dumps({"deleted": deleted}) if as_json else f"{deleted} events deleted")


def _current(config: Config) -> "Spool":
    from llm_observer.telemetry.setup import spool_of

    return spool_of(config)


def _all(current: "Spool") -> "list[Spool]":
    from llm_observer.telemetry.spool import Spool
    from llm_observer.telemetry.spool_file import files_in

    return [Spool.at(path) for path in files_in(current.path.parent)]


def _look(one: "Spool", *, is_current: bool) -> _Found:
    with closing(one):
        return _Found(is_current, one.stats(), one.refusals())


def _purged(one: "Spool") -> int:
    with closing(one):
        return one.purge()


def _lines(found: _Found) -> Iterator[str]:
    yield found.stats.path + (" (the configured endpoint)" if found.is_current else "")
    for name, text in _ROWS.items():
        value = getattr(found.stats, name)
        if value or name == "waiting":
            yield f"  {value:>12,}  {text}"
    if found.stats.oldest_s is not None:
        yield f"  the oldest since {_time(found.stats.oldest_s)}"
    for refusal in found.refusals:
        yield f"  refused {_time(refusal.refused_s)} {refusal.event_id}: {refusal.reason}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _drained(config: Config, timeout_s: float) -> dict[str, object]:
    """What was done, and what is left."""
    from llm_observer.telemetry.setup import delivery_of

    with closing(_current(config)) as current:
        delivery = delivery_of(config, current)
        if current.stats().waiting:
            delivery.notice(0, 0)  # it starts
            delivery.close(time.monotonic() + timeout_s)
        stats, counts = current.stats(), delivery.stats()
    done = {name: counts[name] for name in ("delivered", "duplicates", "refused", "stopped")}
    return {**done, "waiting": stats.waiting, "leased": stats.leased, "path": stats.path}


@contextmanager
def _named_errors() -> Iterator[None]:
    """A spool that cannot be used is an answer, not a traceback."""
    from llm_observer.telemetry.spool import SpoolError

    try:
        yield
    except SpoolError as exc:
        raise click.ClickException(f"{exc.filename}: {exc.strerror}") from exc
