"""Decide what a call cost. Prices are data; unknown stays unknown, and is never zero."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import partial

from msgspec.structs import replace

from llm_observer.cache.findings import Prices, Write
from llm_observer.cache.rates import has_read_discount, paid_by
from llm_observer.call import Cost, LLMCall
from llm_observer.decoded import Decoded
from llm_observer.enrichers.batched import together
from llm_observer.enrichers.bill import Doubt, Rates, input_total, money, written
from llm_observer.enrichers.billable import why_free, why_paid_elsewhere
from llm_observer.enrichers.combining import of_batch
from llm_observer.enrichers.figure import Figures, rates_of
from llm_observer.enrichers.more import result_call
from llm_observer.enrichers.price_cache import load_book
from llm_observer.enrichers.price_source import PriceBook
from llm_observer.enrichers.pricing import Pricing, names_of
from llm_observer.enrichers.private_prices import deployments_of, discounts_of, private_prices_of
from llm_observer.enrichers.usage_once import DownloadsOnce
from llm_observer.money import add
from llm_observer.wire import Exchange

__all__ = ["CostEnricher"]

MAX_STATED = 40
"""Characters, and powers of ten, of a cost that a provider states."""


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
        self._figures = Figures(self._pricing, self._discounts, self._deployments)
        self._downloads = DownloadsOnce()

    def __call__(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:
        """*call* with its cost; every call gets one, if only a status."""
        paid_elsewhere = why_paid_elsewhere(call, exchange)
        if paid_elsewhere is not None:
            return replace(call, cost=_nothing(paid_elsewhere))
        if decoded.results:
            return self._downloaded(call, decoded, exchange)
        own = self._figure(call, decoded, exchange)
        return replace(call, cost=_beside(own, decoded.provider_cost_usd))

    def per_token(self, call: LLMCall, exchange: Exchange) -> Prices | None:
        """US dollars per input token of *call*, discount applied; None where a price of it is unknown."""
        total = None if call.tokens is None else input_total(call.tokens)
        if total is None or (call.cost is not None and call.cost.status == "not_billed"):
            return None
        names = names_of(call, self._deployments)
        price = self._pricing.find(call, names, exchange)
        if isinstance(price, Doubt):
            return None
        rates = rates_of(price, total)
        discount = names.own(self._discounts)
        share = (1 if discount is None else 1 - discount) * Decimal("0.000001")
        fresh, read, writes = rates.token("input_mtok"), _read_rate(rates, call), _writes(call)
        if fresh is None or read is None or writes is None:
            return None
        return Prices(fresh * share, read * share, writes)

    def _book(self) -> PriceBook:
        """The price list, loaded for the first call that needs it."""
        if self._loaded is None:
            self._loaded = load_book(self._state_dir)
        return self._loaded

    def _downloaded(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:
        """*call*, which fetched results of a batch, with the cost of those that are new in this process."""
        before = self._downloads.already_priced(call, exchange, len(decoded.results))
        if before == len(decoded.results):
            return replace(call, is_usage_repeated=True, cost=_nothing("these results were priced before"))
        costs = []
        for group in together(decoded.results[before:], partial(self._figures.steps, call, exchange)):
            single, answer = result_call(call, group.result)
            costs.append((self._figure(single, answer, exchange, longest=group.longest), group.size))
        is_cut = exchange.response_state == "truncated"
        return replace(call, cost=of_batch(costs, is_whole=decoded.are_results_whole, is_cut=is_cut))

    def _figure(
        self, call: LLMCall, decoded: Decoded, exchange: Exchange, longest: int | None = None
    ) -> Cost:
        free = why_free(call, is_measured=decoded.measures is not None)
        return self._figures.of(call, decoded, exchange, longest) if free is None else _nothing(free)


def _nothing(reason: str) -> Cost:
    return Cost(status="not_billed", total_usd="0", note=reason)


def _read_rate(rates: Rates, call: LLMCall) -> Decimal | None:
    """Of a cache read. A list without one knows none, but for models whose reads cost what input does."""
    model = call.model_responded or call.model_requested or ""
    return rates.token("cache_read_mtok", *([] if has_read_discount(model) else ["input_mtok"]))


def _writes(call: LLMCall) -> tuple[Write, ...] | None:
    """The cache writes of *call* as they follow each other in the prompt; None where one has no price.

    Longer lifetimes stand before shorter ones: Anthropic refuses another order (guide, "Mixing different
    TTLs", 2026-11-21), and nobody else mixes them.
    """
    tokens, paid = call.tokens, paid_by(call)
    count = None if tokens is None else written(tokens)
    if tokens is None or not count:
        return ()
    long = sum(count for count in (tokens.cache_write_1h, tokens.cache_write_12h) if count)
    found = []
    for written_tokens, usd in ((long, paid.long), (count - long, paid.short)):
        if written_tokens and usd is None:
            return None
        if written_tokens and usd is not None:
            found.append(Write(written_tokens, usd))
    return tuple(found)


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
