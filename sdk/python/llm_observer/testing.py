"""Are the prompts of a test cacheable? `assert_cacheable`, for the app's own tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

from llm_observer.cache.kinds import KINDS
from llm_observer.event import Event
from llm_observer.report.fix_words import many, paragraph
from llm_observer.report.gates import Gate, Inspection, Limits, unknown_kinds
from llm_observer.sinks.session import Session

__all__ = ["assert_cacheable"]

MOST_SHOWN = 5


def assert_cacheable(
    session_or_events: Session | Iterable[Event],
    *,
    min_ratio: float = 0.8,
    fail_on: Collection[str] = (),
    min_confidence: float = 0.5,
) -> None:
    """Raise AssertionError if prompts lose too much of what stable prompts would have reused.

    min_ratio: the least share of these tokens that the prompts, as sent, must leave reusable; 0: no limit.
    fail_on: kinds of findings that must not occur. min_confidence: findings below it do not count.

    Also an error: no calls, no verdict on them, or calls of which none could have reused anything. Raises
    ValueError for a kind that there is not, or a share that is not from 0 to 1.
    """
    limits = _limits(min_ratio, fail_on, min_confidence)
    inspection = _inspection(session_or_events, limits)
    if reason := _unjudged(inspection, limits):
        raise AssertionError(reason)
    failed = [gate for gate in inspection.gates() if not gate.is_passed]
    if failed:
        raise AssertionError("\n".join(_lines(failed)))


def _limits(min_ratio: float, fail_on: Collection[str], min_confidence: float) -> Limits:
    kinds = (fail_on,) if isinstance(fail_on, str) else tuple(fail_on)
    if unknown := unknown_kinds(kinds):
        raise ValueError(f"{', '.join(unknown)}: no such kind; there are {', '.join(KINDS)}")
    return Limits(
        min_cache_ratio=_share("min_ratio", min_ratio) or None,
        fail_on=kinds,
        min_confidence=_share("min_confidence", min_confidence),
    )


def _share(name: str, value: float) -> Decimal:
    if not 0 <= value <= 1:  # nor is NaN
        raise ValueError(f"{name} is {value}, not from 0 to 1")
    return Decimal(str(value))


def _inspection(given: Session | Iterable[Event], limits: Limits) -> Inspection:
    """All that was *given*; of a session that had more calls than it keeps, the sums."""
    inspection = Inspection(limits)
    events = given.latest if isinstance(given, Session) else given
    if isinstance(given, Session) and (taken := given.snapshot()).totals.calls > len(given.latest):
        inspection.add_sums(taken.cache, taken.totals.calls)
        return inspection
    for event in events:
        inspection.add(event)
    return inspection


def _unjudged(inspection: Inspection, limits: Limits) -> str:
    """Why nothing was tested, empty if something was."""
    calls, structure = inspection.calls, inspection.structure
    if not calls:
        return "no calls were observed: was llm_observer.patch() called before them?"
    if not inspection.with_verdict:
        return f"{many(calls, 'call')} observed, none with a verdict about its prompt cache"
    if limits.min_cache_ratio is None or structure.ideal:
        return ""
    return (
        f"{many(calls, 'call')} observed, of which none could have reused anything: make two or more whose "
        "prompts begin alike and are as long as the provider's minimum, or pass min_ratio=0"
    )


def _lines(failed: Iterable[Gate]) -> Iterator[str]:
    yield "the prompts are not cacheable"
    for gate in failed:
        yield f"{gate.name}: {gate.message}"
        for fix in gate.fixes[:MOST_SHOWN]:
            yield from (f"  {line}" for line in paragraph(fix))
        if more := len(gate.fixes[MOST_SHOWN:]):
            yield f"  and {many(more, 'other')}"
