"""Every public name as an app with strict types uses it: read by mypy and pyright, never run.

A line with an `ignore` must be an error: both are told to complain about one that is not needed.
"""

from typing import Any, assert_type, reveal_type

import llm_observer
from llm_observer import (
    BeforeSend,
    ConfigError,
    Event,
    LLMObserverError,
    OnEvent,
    PatchReport,
    PolicyViolation,
    SchemaError,
    Session,
    flush,
    observe,
    patch,
    session,
    shutdown,
    stats,
    unpatch,
)
from llm_observer.testing import assert_cacheable


def told(event: Event) -> None:
    """What `on_event` takes."""
    reveal_type(event.llm_call)
    if event.llm_call is not None and event.llm_call.cost is not None:
        assert_type(event.llm_call.cost.total_usd, str | None)
    assert_type(event.attributes, dict[str, str | int | float | bool])
    assert_type(event.sample_rate, float | None)


def edited(event: Event) -> Event | None:
    """What `before_send` takes."""
    event.attributes.pop("user", None)
    return event if event.attributes else None


class Alerts:
    """An object may be a hook."""

    def __call__(self, event: Event) -> bool:
        """Anything may be returned."""
        return event.llm_call is None


def wrong(event: str) -> int:
    """Nobody's hook."""
    return len(event)


def text_of(event: Event) -> str:
    """No event, so nothing to send."""
    return event.event_id


hook: OnEvent = told
other: OnEvent = Alerts()
sender: BeforeSend = edited

report = patch(file="events.jsonl", on_event=hook, before_send=sender, sample_rate=0.5, providers=["openai"])
assert_type(report, PatchReport)
assert_type(report.is_enabled, bool)
assert_type(report.warnings, tuple[str, ...])
assert_type([each.state for each in report.hooks], list[str])
patch(on_event=wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
patch(before_send=text_of)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
patch(providers=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

with observe(user="u1", paid=True, weight=0.5) as inside:
    assert_type(inside, Session)
    assert_type(inside.calls, int)


async def ask() -> None:
    """`observe()` around code that awaits."""
    async with observe(feature="search") as here:
        assert_type(here, Session)


whole = session()
assert_type(whole, Session)
assert_type(whole.to_dicts(), list[dict[str, Any]])
assert_type(whole.to_dict(), dict[str, Any])
assert_type(whole.summary(), str)
assert_type(whole.latest, tuple[Event, ...])
reveal_type(whole.totals)
reveal_type(whole.cache)
reveal_type(whole.by_model)
assert_type(flush(1.0), bool)
assert_type(shutdown(), bool)
assert_type(stats(), dict[str, Any])
assert_type(llm_observer.__version__, str)
unpatch()
assert_cacheable(whole, min_ratio=0.5)

try:
    assert_cacheable([])
except (ConfigError, PolicyViolation, SchemaError) as exc:
    caught: LLMObserverError = exc
