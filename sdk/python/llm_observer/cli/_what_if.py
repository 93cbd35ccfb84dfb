"""`llm-observer cache --what-if`: what would the same calls have paid with other prompts?"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click

from llm_observer.cache.advice import Advice, Answer, ask, what_to_do
from llm_observer.cache.charge import Charge
from llm_observer.cache.replay import GAPS, Replay
from llm_observer.cache.what_if import Difference, WhatIf, parse
from llm_observer.cli._events import Files
from llm_observer.cli._terminal import has_color, width
from llm_observer.money import decimal_text, dollars
from llm_observer.report.fix_words import many
from llm_observer.report.table import Lines, Table, draw

__all__ = ["Asked", "answer", "asked"]


class Asked(NamedTuple):
    """A what-if and the text of it."""

    text: str
    what: WhatIf


def asked(text: str) -> Asked:
    """What *text* asks for; wrong usage if it is nothing."""
    return Asked(text, parse(text))


def answer(question: Asked, files: Files, *, as_json: bool, top: int) -> None:
    """Replay the calls of *files*, and show what they would have paid."""
    replay = Replay()
    for _, event in files.events():
        replay.add(event)
    found = ask(replay, question.what)
    if as_json:
        plain = _plain(question, found, replay, top)
        click.echo(json.dumps(plain | {"unreadable": files.unreadable}, indent=2))
        return
    click.echo(draw(list(_blocks(question, found, replay, top)), width=width(), color=has_color()))


def _plain(question: Asked, found: Answer, replay: Replay, top: int) -> dict[str, Any]:
    return {
        "what_if": question.text,
        "headline": _headline(question, found.total),
        "advice": what_to_do(question.what) or None,
        "total": _plain_difference(found.total),
        "models": {name: _plain_difference(one) for name, one in found.models.items()},
        "call_sites": [_plain_advice(one) for one in found.groups[:top]],
        "more_call_sites": max(len(found.groups) - top, 0),
        "conversations": [_plain_advice(one) for one in found.conversations[:top]],
        "more_conversations": max(len(found.conversations) - top, 0),
        "left_out": {
            gap: {"events": count, "first": replay.left_out[gap]} for gap, count in replay.gaps.items()
        },
    }


def _plain_difference(one: Difference) -> dict[str, Any]:
    return {
        "calls": one.calls,
        "unpriced": one.unpriced,
        "reported_read_tokens": one.reported_read,
        "sent": _plain_side(one.sent) | {"usd": decimal_text(one.sent_usd)},
        "what_if": _plain_side(one.changed) | {"usd": decimal_text(one.changed_usd)},
        "saved_usd": decimal_text(one.saved_usd),
        "more_read_tokens": one.changed.read - one.sent.read,
    }


def _plain_side(charge: Charge) -> dict[str, int]:
    return {
        "input_tokens": charge.total,
        "uncached_tokens": charge.plain,
        "read_tokens": charge.read,
        "written_tokens": charge.short + charge.long,
    }


def _plain_advice(one: Advice) -> dict[str, Any]:
    placement = one.choice.placement
    return {
        "scope": one.scope,
        "name": one.name,
        "advice": one.sentence,
        "ttl_s": one.choice.ttl_s,
        "breakpoints": None if placement is None else list(placement.slots),
        "mode": None if placement is None else placement.mode,
        "is_exhaustive": one.choice.is_exhaustive,
        "least_share": one.choice.bound,
        **_plain_difference(one.difference),
    }


def _blocks(question: Asked, found: Answer, replay: Replay, top: int) -> Iterator[Lines | Table]:
    yield Lines((_headline(question, found.total),), "bold")
    if found.total.calls:
        models = sorted(found.models.items(), key=lambda pair: abs(pair[1].saved_usd), reverse=True)
        yield _table("model", models[:top])
        if more := len(models) - len(models[:top]):
            yield Lines((f"{many(more, 'more model')}: --top shows more",))
        yield Lines(tuple(filter(None, (_simulated(found.total), what_to_do(question.what)))))
    for title, advice in (("call site", found.groups), ("conversation", found.conversations)):
        yield from _advised(title, advice, top)
    if gaps := tuple(
        f"{many(count, 'event')} not replayed: {GAPS[gap]}" for gap, count in replay.gaps.items()
    ):
        yield Lines(gaps, "yellow")


def _advised(title: str, advice: Sequence[Advice], top: int) -> Iterator[Lines | Table]:
    """Those that something can be saved for; the others are counted."""
    better = [one for one in advice if one.difference.saved_cost > 0]
    if better:
        yield _table(title, [(one.name, one.difference) for one in better[:top]])
        yield Lines(tuple(f"{one.name}: {one.sentence}{_limit(one)}" for one in better[:top]))
    if more := len(better) - len(better[:top]):
        yield Lines((f"{many(more, f'more {title}')}: --top shows more",))
    if same := len(advice) - len(better):
        yield Lines((f"{many(same, title)} would not pay less otherwise",))


def _headline(question: Asked, total: Difference) -> str:
    """`$4.12 less for input ($5.68 instead of $9.80)`."""
    if not total.calls:
        return "No calls that can be replayed"
    saved = total.saved_usd
    unknown = " + ?" if total.unpriced else ""
    word = "more" if saved < 0 else "less"
    paid = f"{dollars(total.changed_usd)}{unknown} instead of {dollars(total.sent_usd)}{unknown}"
    return f"What if {question.text}: {dollars(abs(saved))} {word} for input ({paid}), {_tokens(total)}"


def _tokens(one: Difference) -> str:
    more = one.changed.read - one.sent.read
    return f"{many(abs(more), 'token')} {'fewer' if more < 0 else 'more'} from the cache"


def _table(title: str, rows: list[tuple[str, Difference]]) -> Table:
    return Table(
        headers=(title, "calls", "input", "read", "then", "written", "then", "for", "then", "saved"),
        rows=tuple(
            (
                name,
                f"{one.calls:,}",
                f"{one.sent.total:,}",
                f"{one.sent.read:,}",
                f"{one.changed.read:,}",
                f"{one.sent.short + one.sent.long:,}",
                f"{one.changed.short + one.changed.long:,}",
                _money(one, dollars(one.sent_usd)),
                _money(one, dollars(one.changed_usd)),
                _money(one, dollars(one.saved_usd)),
            )
            for name, one in rows
        ),
        labels=1,
    )


def _money(one: Difference, text: str) -> str:
    if one.unpriced == one.calls:
        return "?"
    return f"{text} + ?" if one.unpriced else text


def _simulated(total: Difference) -> str:
    return (
        f"Both sides are simulated; as sent, {total.sent.read:,} tokens read, "
        f"where the providers counted {total.reported_read:,}."
    )


def _limit(one: Advice) -> str:
    """How much better anything else could be."""
    if one.choice.bound is None:
        return ""
    least = max(0.0, 100 * (1 - one.choice.bound))
    return f" No other breakpoints could save more than {least:.0f} % of what then remains."
