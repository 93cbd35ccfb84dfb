"""Is the advice on lifetimes what an oracle would choose, that knows each conversation's costs?"""

from array import array
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from outcome import Chapter, Row, percent, table
from trace_files import Request, Trace
from traces import TtlCosts, keys_of, ttl_costs

from llm_observer.cache.advice import best_ttl
from llm_observer.cache.prompt import KINDS, Marker, Prompt
from llm_observer.cache.rates import Paid, Rates
from llm_observer.cache.replayed import Chain, Pieces, ReplayedCall
from llm_observer.cache.rules.anthropic import CLAUDE

__all__ = ["ttl_chapter"]

NEAR = 0.02
_HOW = """Recorded sessions of coding agents, a conversation each. The oracle knows by plain sums what
five minutes and what an hour cost (writes 1.25 and 2, reads 0.1 of the price of input), and takes the
cheaper one. The advice comes from the simulator that `--what-if ttl=best` uses. Costs are shares of the
uncached cost."""
RATES = Rates(input_usd=Decimal("0.000003"), read=Decimal("0.1"), short=Decimal("1.25"), long=Decimal(2))
RULE = CLAUDE._replace(minimum=1, max_markers=1_000_000, look_back=1, merges_runs=False)
"""A block can be read wherever it was written, as the oracle has it."""


class _Choice(NamedTuple):
    """What was advised for a trace, beside what each lifetime costs."""

    costs: TtlCosts
    ttl_s: int

    @property
    def cost(self) -> float:
        """Of the lifetime that was advised."""
        return (
            self.costs.hour if self.ttl_s > self.costs.five_minutes.ttl_s else self.costs.five_minutes
        ).cost


def ttl_chapter(traces: Sequence[Trace]) -> Chapter:
    """The advice for each trace, and what it costs by plain sums."""
    found = [choice for choice in map(_choice, traces) if choice is not None]
    advised, best = sum(one.cost for one in found), sum(one.costs.best.cost for one in found)
    worst = max((one.cost / one.costs.best.cost - 1 for one in found), default=0.0)
    same = sum(one.cost == one.costs.best.cost for one in found)
    dearer = percent(advised / best - 1)
    said = f"{same} of {len(found)} as the oracle; {dearer} dearer in all, {percent(worst)} at most"
    row = Row("advice on lifetimes, coding-agent traces", said, "within 2 % of the oracle", worst <= NEAR)
    return Chapter("Advice on lifetimes", [row], _lines(found))


def _choice(trace: Trace) -> _Choice | None:
    calls = [_replayed(trace, number, one) for number, one in enumerate(trace.requests) if one.blocks]
    best = best_ttl(calls, lambda _: RATES)
    return None if best is None else _Choice(ttl_costs(trace), best.ttl_s)


def _replayed(trace: Trace, number: int, request: Request) -> ReplayedCall:
    """A call with a piece and a breakpoint for each block."""
    keys, size = keys_of(request.blocks), trace.block_tokens
    count = len(keys)
    pieces = Pieces(
        keys=array("Q", keys),
        stable=array("Q", keys),
        sizes=array("L", [max(min(size, request.tokens - place * size), 0) for place in range(count)]),
        kinds=array("B", [KINDS.index("user")] * count),
        messages=array("i", range(count)),
    )
    bare = Prompt(
        provider="anthropic",
        wire="anthropic",
        model=request.model,
        started_s=request.started_s,
        first_byte_s=request.started_s,
        keys=(),
        ends=(),
        kinds=(),
        messages=(),
        markers=tuple(Marker(place) for place in range(count)),
    )
    return ReplayedCall(
        event_id=f"{number}",
        root=f"{number}",
        conversation=trace.name,
        model=f"anthropic/{request.model}",
        site=None,
        rule=RULE,
        paid=Paid(),
        breaks=(),
        total=request.tokens,
        read=None,
        bare=bare,
        chain=Chain(None, 0, pieces),
    )


def _lines(found: Sequence[_Choice]) -> list[str]:
    rows = [
        (
            one.costs.name,
            *(f"{each.cost / one.costs.uncached:.3f}" for each in (one.costs.five_minutes, one.costs.hour)),
            f"{one.ttl_s // 60} min",
            f"{one.costs.best.ttl_s / 60:.0f} min",
        )
        for one in found
    ]
    return [
        _HOW,
        *table(("trace", "5 min:", "1 h:", "advised:", "oracle:"), rows),
    ]
