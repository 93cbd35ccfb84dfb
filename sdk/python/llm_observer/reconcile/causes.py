"""Why may a figure differ? Codes and what they mean; the signs of each, from the surest to what remains."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from llm_observer.reconcile.compare import Cell, Line, Section
from llm_observer.reconcile.figures import FEES, USD
from llm_observer.reconcile.ours import Ours
from llm_observer.reconcile.signs import LESS, MONEY, MORE, Gap, Scene

__all__ = ["CAUSES", "Cause", "Judge"]

_MOST = 3


class Cause(NamedTuple):
    """A likely cause: its code, and what says so here."""

    code: str
    sign: str


CAUSES: Mapping[str, str] = {
    "other_tokens": "the tokens of this day and model differ too: see the usage first",
    "no_events": "no event of that day is in the files: they begin later, end earlier, or one is missing",
    "partial_day": "the events begin or end within that day",
    "names": "the models are named differently on the two sides, and no rule joins them",
    "usage_absent": "calls that brought no usage: OpenAI streams without include_usage, calls left early",
    "cut_short": "streams that the app left, cancelled calls: the provider bills what it generated",
    "retries": "attempts that failed or timed out on this side; one that reached the model may be billed",
    "day_boundary": "calls count on the day of their start here, maybe of their end there; or the export is "
    "not in UTC",
    "lag": "the last day of the export: providers count with a delay",
    "sampled": "the events are a sample: --sample-rate scales them",
    "batch": "batch jobs, at about half the price: they do not run through the SDK's calls",
    "tier": "a service tier or speed with a price of its own (priority, flex, fast)",
    "region": "inference in one region, which costs more",
    "long_context": "prompts above the long-context limit, which cost more",
    "cache_ttl": "cache writes of another lifetime (5 minutes or 1 hour, 30 minutes or 12 hours) cost more",
    "token_counts": "OpenRouter may count with another tokenizer than the answer's usage",
    "byok": "calls on your own provider key: OpenRouter charges its fee, the provider bills the rest",
    "fees": "hosted tools, storage or another line that is no token of a call",
    "fine_tuned": "a fine-tuned model, which has a price of its own: set `prices`",
    "unknown_price": "calls of ours without a price: unknown model or tier",
    "discount": "the export is lower: discount, credit or committed use; set `discount`",
    "price": "another price: list prices changed, or the calls are priced by an assumption",
    "other_scope": "calls that the export does not have: another key, project, workspace or organization",
    "not_observed": "calls without llm_observer: another process, machine, key, project or workspace",
}
"""What each code means; docs/invoice.md says how to see it and what to do."""

_FINAL = frozenset({"no_events", "other_tokens", "unknown_price", "discount", "not_observed", "other_scope"})
"""Enough of an explanation that nothing else is named behind it."""


class Judge:
    """Names the likely causes of the gaps in *sections*."""

    def __init__(self, sections: Sequence[Section], ours: Ours) -> None:
        self._scene = Scene(sections, ours)

    def causes(self, section: Section, line: Line, cell: Cell) -> tuple[Cause, ...]:
        """The likely causes of one gap, the likeliest first; never none."""
        twin = self._scene.line("money" if section.name == "usage" else "usage", line.day, line.model)
        found = tuple(_found(Gap(section, line, cell, self._scene, twin)))
        return found[:_MOST]


def _found(gap: Gap) -> Iterator[Cause]:
    rules = MONEY if gap.cell.kind == USD else MORE if gap.cell.gap > 0 else LESS
    for code, rule in rules.items():
        sign = rule(gap)
        if sign is None:
            continue
        yield Cause(code, sign)
        if code in _FINAL or (code == FEES and gap.is_all_fees):
            return
