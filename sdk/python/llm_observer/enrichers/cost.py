"""Decide what a call cost. Prices are data; unknown stays unknown, and is never zero."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation, localcontext

from msgspec.structs import replace

from llm_observer.cache.findings import Prices
from llm_observer.call import Cost, CostStatus, LLMCall, Tokens
from llm_observer.decoded import Decoded
from llm_observer.enrichers.bill import EXACT, Doubt, Rates, bill, input_total, money
from llm_observer.enrichers.billable import (
    doubts_of_usage,
    why_free,
    why_no_usage,
    why_paid_elsewhere,
)
from llm_observer.enrichers.price_cache import load_book
from llm_observer.enrichers.price_source import PriceBook
from llm_observer.enrichers.pricing import Names, Price, Pricing, names_of
from llm_observer.enrichers.private_prices import deployments_of, discounts_of, private_prices_of
from llm_observer.enrichers.tiers import OTHER_TTL
from llm_observer.money import add
from llm_observer.wire import Exchange

__all__ = ["CostEnricher"]

MAX_STATED = 40
"""Characters, and powers of ten, of a cost that a provider states."""

WORST_FIRST: tuple[CostStatus, ...] = ("tier_unpriced", "estimated", "bound")


class CostEnricher:
    """Adds `cost` to a call. It stands behind `UsageOnce`, which says what was counted already.

    prices: private prices, US dollars per million tokens, by `model` or `provider/model` (globs too).
    discount: fraction off, for all or by pattern of `provider`, `provider/model`, `model`.
    deployments: Azure deployment name to base model. state_dir: folder where a later process finds the
    price list without importing the price package. ConfigError names what is wrong in them.
    """

    def __init__(
        self,
        *,
        prices: Mapping[str, Mapping[str, object]] | None = None,
        discount: float | str | Decimal | Mapping[str, object] | None = None,
        deployments: Mapping[str, str] | None = None,
        state_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        self._pricing = Pricing(private_prices_of(prices), self._book)
        self._discounts = discounts_of(discount)
        self._deployments = deployments_of(deployments)
        self._state_dir = state_dir
        self._loaded: PriceBook | None = None

    def __call__(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:
        """*call* with its cost; every call gets one, if only a status."""
        paid_elsewhere = why_paid_elsewhere(call, exchange)
        if paid_elsewhere is not None:
            return replace(call, cost=_nothing(paid_elsewhere))
        free = why_free(call)
        own = self._own_figure(call, exchange) if free is None else _nothing(free)
        return replace(call, cost=_beside(own, decoded.provider_cost_usd))

    def per_token(self, call: LLMCall, exchange: Exchange) -> Prices | None:
        """US dollars per input token of *call*, discount applied; None where its price is unknown."""
        total = None if call.tokens is None else input_total(call.tokens)
        if total is None or (call.cost is not None and call.cost.status == "not_billed"):
            return None
        names = names_of(call, self._deployments)
        price = self._pricing.find(call, names, exchange)
        if isinstance(price, Doubt):
            return None
        is_claude = "claude" in price.price_id.lower() and price.source == "genai-prices"
        rates = Rates(price.rates, total, factor=price.factor, is_claude=is_claude)
        discount = self._discounts.find(names.patterns())
        share = (1 if discount is None else 1 - discount) * Decimal("0.000001")
        fresh, read = rates.token("input_mtok"), rates.token("cache_read_mtok", "input_mtok")
        if fresh is None or read is None:
            return None
        return Prices(fresh * share, read * share, _per_write(call))

    def _book(self) -> PriceBook:
        """The price list, loaded for the first call that needs it."""
        if self._loaded is None:
            self._loaded = load_book(self._state_dir)
        return self._loaded

    def _own_figure(self, call: LLMCall, exchange: Exchange) -> Cost:
        tokens = call.tokens
        if tokens is None or (input_total(tokens) is None and tokens.output is None):
            return Cost(status="usage_absent", note=why_no_usage(call))
        names = names_of(call, self._deployments)
        price = self._pricing.find(call, names, exchange)
        if isinstance(price, Doubt):
            return Cost(status=price.status, note=price.note)
        return self._billed(call, tokens, price, exchange, names)

    def _billed(self, call: LLMCall, tokens: Tokens, price: Price, exchange: Exchange, names: Names) -> Cost:
        total = input_total(tokens)
        is_claude = "claude" in price.price_id.lower() and price.source == "genai-prices"
        rates = Rates(price.rates, 0 if total is None else total, factor=price.factor, is_claude=is_claude)
        billed = bill(tokens, call.server_tool_use, rates, ttl_known=_asked_default_ttl(call, exchange))
        doubts = (*price.doubts, *billed.doubts, *doubts_of_usage(call, tokens))
        return _cost(price, billed.parts, doubts, self._discounts.find(names.patterns()))


def _nothing(reason: str) -> Cost:
    return Cost(status="not_billed", total_usd="0", note=reason)


def _per_write(call: LLMCall) -> Decimal | None:
    """What a cache write of *call* cost, all lifetimes together."""
    count = None if call.tokens is None else call.tokens.cache_write
    paid = None if call.cost is None else call.cost.cache_write_usd
    return Decimal(paid) / count if count and paid is not None else None


def _asked_default_ttl(call: LLMCall, exchange: Exchange) -> bool:
    """Whether the request, where it is known, leaves cache writes to their default lifetime."""
    other = OTHER_TTL.get(call.wire)
    body = exchange.request_body
    return other is not None and body is not None and exchange.request_state == "kept" and other not in body


def _cost(
    price: Price, parts: Mapping[str, Decimal], doubts: tuple[Doubt, ...], discount: Decimal | None
) -> Cost:
    """The cost of all *parts*; no figures where one of them has no price."""
    statuses = {doubt.status for doubt in doubts}
    status: CostStatus = next((worst for worst in WORST_FIRST if worst in statuses), "exact")
    notes = [doubt.note for doubt in doubts]
    if discount is not None:
        notes.append(f"discount of {money(discount * 100)} % applied")
    return Cost(
        status=status,
        source=price.source,
        price_id=price.price_id,
        tier=price.tier,
        note="; ".join(notes) or None,
        **({} if status == "tier_unpriced" else _figures(parts, discount)),
    )


def _figures(parts: Mapping[str, Decimal], discount: Decimal | None) -> dict[str, str]:
    """The money fields of a cost: each part, all cache writes, and the total."""
    with localcontext(EXACT):
        share = Decimal(1) if discount is None else 1 - discount
        paid = {part: amount * share for part, amount in parts.items()}
        total = sum(paid.values(), Decimal(0))
        writes = [amount for part, amount in paid.items() if part.startswith("cache_write")]
        if writes:
            paid["cache_write"] = sum(writes, Decimal(0))
    return {f"{part}_usd": money(amount) for part, amount in {**paid, "total": total}.items()}


def _beside(cost: Cost, stated: str | None) -> Cost:
    """*cost* with the cost that the provider itself returned, if it is an amount."""
    amount = None if stated is None else _amount(stated)
    if amount is None:
        return cost
    stated_cost = replace(cost, provider_usd=money(amount), source=cost.source or "provider")
    if cost.total_usd is None:
        return stated_cost
    difference = add(amount, Decimal(cost.total_usd).copy_negate())
    stated_cost = replace(stated_cost, difference_usd=money(difference))
    if not difference or cost.status != "exact":
        return stated_cost
    note = "; ".join(filter(None, (cost.note, "the provider states another figure")))
    return replace(stated_cost, status="estimated", note=note)


def _amount(text: str) -> Decimal | None:
    """*text* as an amount of money; None if it is none, or of a size that no bill has."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    is_sane = amount.is_finite() and len(text) <= MAX_STATED and abs(amount.adjusted()) <= MAX_STATED
    return amount if is_sane else None
