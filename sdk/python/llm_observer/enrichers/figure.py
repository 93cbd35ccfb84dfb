"""What does one answer cost? Its tokens, its units and its tools, at the price that fits it."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from llm_observer.call import Cost, CostStatus
from llm_observer.decoded import BatchResult, Decoded
from llm_observer.enrichers.bill import EXACT, Bill, Doubt, Rates, bill, input_total, money
from llm_observer.enrichers.billable import doubts_of_usage, why_no_usage
from llm_observer.enrichers.combining import ORDER, as_tool, with_more
from llm_observer.enrichers.hosted import Ran, hosted_bill, offered
from llm_observer.enrichers.measured import is_priced_by, measured
from llm_observer.enrichers.more import image_tokens, more_call, result_call
from llm_observer.enrichers.price_source import FROM_THE_START
from llm_observer.enrichers.pricing import Names, Price, Pricing, names_of
from llm_observer.enrichers.tiers import OTHER_TTL
from llm_observer.enrichers.unit_prices import DEFAULT_IMAGE_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_observer.call import LLMCall
    from llm_observer.decoded import Measures
    from llm_observer.enrichers.private_prices import Patterns
    from llm_observer.wire import Exchange

__all__ = ["Figures", "rates_of"]


class Figures:
    """Costs of answers by the given prices. deployments: Azure deployment name to base model."""

    def __init__(
        self, pricing: Pricing, discounts: Patterns[Decimal], deployments: Mapping[str, str]
    ) -> None:
        self._pricing = pricing
        self._discounts = discounts
        self._deployments = deployments

    def of(self, call: LLMCall, decoded: Decoded, exchange: Exchange, longest: int | None = None) -> Cost:
        """What *call* costs with all that is billed beside it; status and note where that is not known.

        longest: the longest prompt, where *call* stands for several answers.
        """
        names = _named(call, names_of(call, self._deployments))
        own = self._of_call(call, decoded, exchange, names, longest)
        if own.total_usd is None:
            return own
        model = names.models[0] if names.models else None
        return with_more(own, dict(self._more(call, decoded, exchange, model)))

    def _more(
        self, call: LLMCall, decoded: Decoded, exchange: Exchange, model: str | None
    ) -> Iterator[tuple[str, Cost]]:
        """What is billed beside the usage of *call*, by what it is for."""
        for place, more in enumerate(decoded.more_usage):
            part = more_call(call, more, decoded.segments, model)
            figure = self._of_call(part, Decoded(call=part), exchange, names_of(part, self._deployments))
            yield f"{more.kind} {place + 1}", as_tool(figure) if more.kind == "image_generation" else figure

    def _of_call(
        self,
        call: LLMCall,
        decoded: Decoded,
        exchange: Exchange,
        names: Names,
        longest: int | None = None,
    ) -> Cost:
        tokens = call.tokens
        if tokens is not None and input_total(tokens) is None and tokens.output is None:
            tokens = None
        if tokens is None and decoded.measures is None:
            return Cost(status="usage_absent", note=why_no_usage(call))
        price = self._pricing.find(call, names, exchange)
        if isinstance(price, Doubt):
            return Cost(status=price.status, note=price.note)
        discount = names.own(self._discounts)
        if tokens is None or is_priced_by(decoded.measures, price.rates):
            return _measured(call, decoded.measures, price, discount, names.vendor)
        rates = rates_of(price, input_total(tokens) if longest is None else longest)
        ttl_known = _asked_default_ttl(call, exchange)
        is_google = call.provider.startswith("gcp.")  # thoughts are in its total only, on this wire
        billed = bill(image_tokens(call, tokens), rates, ttl_known=ttl_known, is_rest_output=is_google)
        return _billed(call, decoded, price, rates, billed, discount)

    def steps(self, call: LLMCall, exchange: Exchange, model: str | None) -> list[int]:
        """The prompt lengths above which *model* has other rates in a batch that *call* fetched."""
        single, _ = result_call(call, BatchResult(model=model))
        price = self._pricing.find(single, names_of(single, self._deployments), exchange)
        rates = {} if isinstance(price, Doubt) else price.rates
        return sorted({start for steps in rates.values() for start, _ in steps if start > FROM_THE_START})


def _named(call: LLMCall, names: Names) -> Names:
    """*names*, with the model that OpenAI's image endpoints took where none was named."""
    if names.models or call.provider != "openai" or not call.operation.startswith("images."):
        return names
    return names._replace(models=(DEFAULT_IMAGE_MODEL,))


def _measured(
    call: LLMCall, measures: Measures | None, price: Price, discount: Decimal | None, vendor: str
) -> Cost:
    """The cost of what was used beside tokens; without a price for it, the answer lacks its usage."""
    billed = None if measures is None else measured(measures, price.rates, vendor)
    if billed is None:
        return Cost(status="usage_absent", note=why_no_usage(call))
    return _cost(price, billed.parts, (*price.doubts, *billed.doubts), discount)


def rates_of(price: Price, prompt: int | None) -> Rates:
    """The rates of *price* for a prompt of *prompt* tokens."""
    is_claude = "claude" in price.price_id.lower() and price.source == "genai-prices"
    entered = 0 if prompt is None else prompt
    return Rates(price.rates, entered, factor=price.factor, is_claude=is_claude, borrowed=price.borrowed)


def _billed(
    call: LLMCall, decoded: Decoded, price: Price, rates: Rates, billed: Bill, discount: Decimal | None
) -> Cost:
    """The cost of tokens and hosted tools. billed: the tokens."""
    ran = Ran(decoded.hosted, offered(decoded.segments))
    tools = hosted_bill(call, ran, rates, price.price_id if price.source == "genai-prices" else "")
    parts = billed.parts if tools.usd is None else {**billed.parts, "server_tools": tools.usd}
    used = () if call.tokens is None else doubts_of_usage(call, call.tokens, decoded.measures)
    return _cost(price, parts, (*price.doubts, *billed.doubts, *tools.doubts, *used), discount)


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
    status: CostStatus = next((worst for worst in ORDER if worst in statuses), "exact")
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
