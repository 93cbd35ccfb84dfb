"""`llm-observer analyze`: what did recorded calls cost, and what did their prompt cache do?"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import click
import msgspec

from llm_observer.call import LLMCall
from llm_observer.call_cache import CacheUse, Finding
from llm_observer.cli._progress import watched
from llm_observer.cli._terminal import has_color, width
from llm_observer.config import load
from llm_observer.money import Amount, decimal_text
from llm_observer.offline import known
from llm_observer.recordings import Known, Unreadable, in_order
from llm_observer.report.text import render
from llm_observer.sinks.session import Session

__all__ = ["analyze"]

_FINDINGS = 1
_UNREADABLE = 3
_MOST_LISTED = 10_000
_MOST_SHOWN = 20
_json = msgspec.json.Encoder()
_COUNTS = ("ideal_tokens", "reusable_tokens", "actual_tokens", "missed_tokens")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object, a record a line.")
@click.option("--exit-code", "is_gate", is_flag=True, help="Exit with 1 if there are findings.")
@click.pass_context
def analyze(ctx: click.Context, files: tuple[str, ...], *, as_json: bool, is_gate: bool) -> None:
    """Show what the calls in each FILE cost, with no instrumentation.

    A FILE holds exchanges (JSON lines, HAR, VCR cassettes), our own events, the output of a batch, the log of
    a gateway (LiteLLM, OpenRouter, Helicone, Portkey, Cloudflare, Kong, Envoy) or the transcript of a coding
    agent (Claude Code, Codex, pi, Gemini CLI, opencode, Cline), compressed or not; `-` is standard input. Its
    format is told by its content. Exit code: 0 done, 1 there are findings (only with --exit-code), 2 wrong
    usage, 3 nothing could be read.
    """
    found = _Found()
    calls = found.calls(known(in_order(watched(files, writes_meanwhile=as_json)), load({})))
    if as_json:
        _write_json(calls, found)
    else:
        _write_text(calls, found, len(files))
    if not found.records:
        click.echo("nothing could be read: docs/recordings.md shows the forms", err=True)
        ctx.exit(_UNREADABLE)
    ctx.exit(_FINDINGS if is_gate and found.findings else 0)


class _Found:
    """Sums of what was read, in flat memory."""

    def __init__(self) -> None:
        self.session = Session(render=_rendered, max_calls=0, max_rows=0)
        self.records = self.findings = self.skipped_count = 0
        self.skipped: list[Unreadable] = []
        self.verdicts: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.missed = Amount()

    def calls(self, items: Iterable[Known | Unreadable]) -> Iterator[tuple[Known, LLMCall]]:
        """The calls among *items*, counted as they pass."""
        for item in items:
            if isinstance(item, Unreadable):
                self._skip(item)
                continue
            self.records += 1
            call = item.event.llm_call
            if call is not None:
                self.session.add(item.event)
                self._count(call.cache)
                yield item, call

    def _skip(self, item: Unreadable) -> None:
        self.skipped_count += 1
        if len(self.skipped) < _MOST_LISTED:
            self.skipped.append(item)

    def _count(self, cache: CacheUse | None) -> None:
        if cache is None:
            return
        self.verdicts[cache.verdict] += 1
        self.findings += len(cache.findings)
        self.tokens.update({name: count for name in _COUNTS if (count := getattr(cache, name)) is not None})
        self.missed.add(cache.missed_tokens, cache.missed_usd)

    def totals(self) -> dict[str, Any]:
        """All sums, as JSON values."""
        sums = self.session.to_dict()
        return {
            **sums["totals"],
            "sampled": sums["sampled"],
            "records": self.records,
            "skipped": self.skipped_count,
            "findings": self.findings,
            "verdicts": dict(self.verdicts),
            "cache": {**self.tokens, **self._missed()} if self.verdicts else None,
        }

    def _missed(self) -> dict[str, Any]:
        """The known money, and how many calls missed tokens of an unknown price."""
        return {"missed_usd": decimal_text(self.missed.usd), "missed_unpriced": self.missed.unpriced}


def _write_json(calls: Iterable[tuple[Known, LLMCall]], found: _Found) -> None:
    """One object, written as the records come."""
    write, mark = partial(click.echo, nl=False), ""
    write('{"records": [\n')
    for item, call in calls:
        write(f"{mark}{_json.encode(_row(item, call)).decode()}")
        mark = ",\n"
    skipped = [{"place": one.place, "reason": one.reason} for one in found.skipped]
    write(f'\n], "totals": {json.dumps(found.totals())}, "skipped": {json.dumps(skipped)}}}\n')


def _row(item: Known, call: LLMCall) -> dict[str, Any]:
    cache = call.cache
    read = None if call.tokens is None else call.tokens.cache_read
    return {
        "index": item.index,
        "source": item.file,
        "place": item.place,
        "event_id": item.event.event_id,
        "model": call.model_responded or call.model_requested,
        "verdict": None if cache is None else cache.verdict,
        "reusable": None if cache is None else cache.reusable_tokens,
        "actual": read if cache is None else cache.actual_tokens,
        "ideal": None if cache is None else cache.ideal_tokens,
        "findings": [] if cache is None else [_finding(one) for one in cache.findings],
        "cost": call.cost,
        "tokens": call.tokens,
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "path": one.path,
        "offset": one.offset,
        "length": one.length,
        "confidence": one.confidence,
        "tokens": one.tokens,
        "money": one.usd,
    }


def _write_text(calls: Iterable[tuple[Known, LLMCall]], found: _Found, files: int) -> None:
    for _ in calls:
        pass
    if found.records:
        click.echo(found.session.summary())
    click.echo(f"\n{found.records:,} records of {files:,} {'file' if files == 1 else 'files'}", err=True)
    for one in found.skipped[:_MOST_SHOWN]:
        click.echo(f"left out: {one.place}: {one.reason}", err=True)
    if found.skipped_count > _MOST_SHOWN:
        click.echo(f"left out: {found.skipped_count - _MOST_SHOWN:,} more (--json lists them)", err=True)


def _rendered(session: Session) -> str:
    return render(session, width=width(), color=has_color())
