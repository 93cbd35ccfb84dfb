"""What do several figures amount to? Their parts add up, and the worst of their doubts stays."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from llm_observer.call import Cost, CostStatus
from llm_observer.money import add, decimal_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ORDER", "as_tool", "combined", "of_batch", "with_more"]

ORDER: tuple[CostStatus, ...] = ("tier_unpriced", "estimated", "bound")
"""Worst first, of the statuses that doubts have."""

_UNREAD = "not all of the results in the file were read"
_CUT = (
    "the file of results was larger than what is kept (max_exchange_bytes, max_total_bytes); "
    "results in the figure: {:,}"
)
_MONEY = tuple(
    name
    for name in Cost.__struct_fields__
    if name.endswith("_usd") and name not in {"provider_usd", "difference_usd"}
)
_MOST_NOTES = 3
T = TypeVar("T")


def combined(costs: Sequence[Cost], unpriced: int = 0) -> Cost:
    """One cost of all *costs*, which have a price each. unpriced: how many more there are that have none."""
    notes = _notes(costs, unpriced)
    statuses = {cost.status for cost in costs} | ({"estimated"} if unpriced else set())
    free: CostStatus = "not_billed" if statuses == {"not_billed"} else "exact"
    status: CostStatus = next((worst for worst in ORDER if worst in statuses), free)
    return Cost(
        status=status,
        source=_common([cost.source for cost in costs]),
        price_id=_common([cost.price_id for cost in costs]),
        tier=_common([cost.tier for cost in costs]),
        note="; ".join(notes) or None,
        **_sums(costs),
    )


def with_more(own: Cost, more: Mapping[str, Cost]) -> Cost:
    """*own* with what is billed beside it, by name; nothing is added to a figure that is not known."""
    if own.total_usd is None or not more:
        return own
    priced = [cost for cost in more.values() if cost.total_usd is not None]
    absent = [name for name, cost in more.items() if cost.total_usd is None]
    sums = replace(combined([own, *priced]), source=own.source, price_id=own.price_id, tier=own.tier)
    if not absent:
        return sums
    notes = filter(None, (sums.note, f"tokens not in the figure: {', '.join(absent)}"))
    return replace(sums, status="estimated", note="; ".join(notes))


def as_tool(cost: Cost) -> Cost:
    """*cost* as that of a hosted tool."""
    kept = {name: getattr(cost, name) for name in ("status", "source", "price_id", "tier", "note")}
    return Cost(**kept, total_usd=cost.total_usd, server_tools_usd=cost.total_usd)


def of_batch(costs: Sequence[tuple[Cost, int]], *, is_whole: bool, is_cut: bool = False) -> Cost:
    """The cost of the results in a file, at least one, by figure and how many results it is of.

    is_whole: these are all of its results. is_cut: the file was too large to be kept.
    """
    priced = [cost for cost, _ in costs if cost.total_usd is not None]
    if not priced:
        return costs[0][0]
    cost = combined(priced, sum(count for cost, count in costs if cost.total_usd is None))
    if is_whole:
        return cost
    missing = _CUT.format(sum(count for _, count in costs)) if is_cut else _UNREAD
    notes = filter(None, (cost.note, f"at least this much: {missing}"))
    status: CostStatus = "estimated" if cost.status == "estimated" else "bound"
    return replace(cost, status=status, note="; ".join(notes))


def _notes(costs: Sequence[Cost], unpriced: int) -> list[str]:
    notes = list(dict.fromkeys(cost.note for cost in costs if cost.note is not None))[:_MOST_NOTES]
    return [*notes, f"results not in the figure: {unpriced}"] if unpriced else notes


def _common(values: Sequence[T | None]) -> T | None:
    """The value that all have; None where they differ."""
    return values[0] if len(set(values)) == 1 else None


def _sums(costs: Sequence[Cost]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for cost in costs:
        for name in _MONEY:
            amount = getattr(cost, name)
            if amount is not None:
                sums[name] = add(sums.get(name, Decimal(0)), Decimal(amount))
    return {name: decimal_text(amount) for name, amount in sums.items()}
