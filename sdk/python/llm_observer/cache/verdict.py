"""What happened to a call's cache? Two sides decide: how far the structure reached, and what usage says."""

from collections.abc import Sequence

from llm_observer.cache.loss import Loss
from llm_observer.call_cache import Verdict

__all__ = ["scaled", "verdict_of"]

_VERDICTS: dict[str, Verdict] = {
    "ttl_expired": "ttl",
    "ttl_changed": "breaker",
    "parallel_calls": "concurrent",
    "look_back_exceeded": "look_back",
    "breakpoint_missing": "not_enabled",
    "explicit_without_breakpoint": "not_enabled",
    "compaction": "compaction",
    "cache_key_changed": "key_accounting",
    "below_minimum": "too_short",
}


def scaled(losses: Sequence[Loss], missed: int) -> tuple[list[Loss], int]:
    """*losses* so that they add up to at most *missed*, and what none of them explains.

    A cache that was read further than foreseen has overcome the last obstacles first.
    """
    kept, left = [], missed
    for loss in losses:
        tokens = min(loss.tokens, left)
        left -= tokens
        kept.append(loss._replace(tokens=tokens, is_paid=loss.is_paid and (tokens > 0 or not loss.tokens)))
    return kept, left


def verdict_of(
    losses: Sequence[Loss],
    *,
    ideal: int,
    actual: int | None,
    unexplained: int,
    tolerance: int,
    is_too_short: bool,
) -> Verdict:
    """The verdict of a call whose *losses* are scaled. tolerance: within which two counts are equal."""
    if actual is None:
        return "unknown"
    if actual >= ideal - tolerance:
        return _without_loss(losses, actual=actual, is_too_short=is_too_short)
    main = max(losses, key=lambda loss: loss.tokens, default=None)
    if main is None or unexplained >= max(main.tokens, 1):
        return "partial" if actual else "unexplained"
    return _VERDICTS.get(main.kind, "breaker")


def _without_loss(losses: Sequence[Loss], *, actual: int, is_too_short: bool) -> Verdict:
    if actual:
        return "harmless" if any(loss.change for loss in losses) else "hit"
    return "too_short" if is_too_short else "first"
