"""How is it told that events are a sample? With the rate, and that no sum was scaled for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_observer.report.fix_words import many

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["sample_note"]


def sample_note(sampled: Mapping[str, int]) -> str:
    """One sentence; empty if nothing is a sample. sampled: calls by the `sample_rate` on their events."""
    if not sampled:
        return ""
    rates = ", ".join(f"{many(calls, 'call')} at {rate}" for rate, calls in sampled.items())
    return f"A sample, by sample_rate ({rates}): sums are of the calls that were kept, nothing is scaled up."
