"""Does our reading of the price list give the sums that genai-prices itself gives, for all of it?"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers

from costing import NOVEMBER, _book, enricher, exchange
from exchanging import recorded_exchange
from integration.recordings import SOME, recorded, source_files
from llm_observer.adapters import decode
from llm_observer.call import Tokens
from llm_observer.enrichers.bill import Rates, bill, billed_output
from llm_observer.enrichers.tiers import context_of

AT = datetime.fromisoformat(NOVEMBER).replace(tzinfo=UTC)
COUNTS = [
    {"input": 1000, "cache_read": 0, "cache_write": 0, "output": 100},
    {"input": 300_001, "cache_read": 200_000, "cache_write": 77, "output": 1001},
]
PER_REQUEST = "requests_kcount"
"""A fee that is named as missing, as its amount depends on a setting that no answer tells."""


def theirs(vendor, model, counts, context=None, at=AT):
    usage = {f"{kind}_tokens": count for kind, count in counts.items() if count is not None}
    how = {"provider_id": vendor, "genai_request_timestamp": at}
    return calc_price(Usage(**usage), model, **how, **({"price_context": context} if context else {}))


def ours(model, rates, counts):
    tokens = Tokens(
        input_total=counts["input"],
        **{kind: counts[kind] for kind in ("cache_read", "cache_write", "output")},
    )
    parts = bill(
        tokens, Rates(rates, counts["input"], factor=Decimal(1), is_claude=False), ttl_known=True
    ).parts
    return sum(parts.values(), Decimal(0))


def listed():
    """Each model that the list finds under its own name, with each kind of processing it has a price for."""
    for provider in providers:
        for model in provider.models:
            found = _book().find(provider.id, model.id)
            if found is None or found.model.id != model.id:  # ids such as `regional.…` are no names
                continue
            for context in ({}, *(dict(variant.when) for variant in model.price_variants or ())):
                yield provider.id, found.model, context


def rates_of(model, context):
    rates = model.rates(AT)
    if not context:
        return rates
    ((key, value),) = context.items()
    return {**rates, **(model.variant(key, value, AT) or {})}


@pytest.mark.parametrize("counts", COUNTS, ids=["short", "long and cached"])
def test_every_listed_price_gives_the_sum_of_the_list_itself(counts):
    wrong, checked = [], 0
    for vendor, model, context in listed():
        rates = rates_of(model, context)
        if PER_REQUEST in rates:
            continue
        checked += 1
        expected = theirs(vendor, model.id, counts, context).total_price
        if ours(model, rates, counts) != expected:
            wrong.append((vendor, model.id, context))
    assert wrong == []
    assert checked > 1000


def test_every_kind_of_processing_of_the_list_is_one_that_a_call_can_name():
    known = {context_of(tier) for tier in ("batch", "flex", "priority", "fast", "default", "speed:fast")}
    seen = {
        tuple(variant.when.items())
        for provider in providers
        for model in provider.models
        for variant in model.price_variants or ()
    }
    untold = {"route", "search_type"}  # no answer names them: OpenRouter's route, Perplexity's search
    assert [
        items for items in seen if items[0][0] not in untold and (*items,) not in {(k,) for k in known}
    ] == []


@pytest.mark.parametrize("name", source_files(SOME))
def test_every_recorded_answer_with_an_exact_price_costs_what_the_list_says(name):
    price = enricher()
    for one in recorded(SOME, name):
        made = recorded_exchange(one)
        decoded = decode(made, with_content=False)
        cost = price(decoded.call, decoded, exchange(url=made.url)).cost
        tokens, details = decoded.call.tokens, (cost.tier, cost.server_tools_usd)
        if cost.status != "exact" or any(detail not in {None, "0"} for detail in details):
            continue
        if cost.source != "genai-prices" or tokens is None or decoded.more_usage:  # test_cost_units, _beside
            continue
        counts = {
            "input": tokens.input_total,
            "cache_read": tokens.cache_read,
            "cache_write": tokens.cache_write,
            "cache_write_1h": tokens.cache_write_1h,
            "output": billed_output(tokens),
            "input_audio": tokens.input_audio,
            "output_audio": tokens.output_audio,
        }
        vendor, _, model = cost.price_id.partition("/")
        if model.startswith("regional."):  # such an id is no name
            model = decoded.call.model_requested
        assert (one.id, theirs(vendor, model, counts).total_price) == (one.id, Decimal(cost.total_usd))


def test_no_list_has_audio_that_is_cheaper_than_text():
    """So what is priced at the rate of text, for want of one of its own, costs at least that."""
    pairs = (("input_audio_mtok", "input_mtok"), ("output_audio_mtok", "output_mtok"))
    rates = [(model.id, rates_of(model, context)) for _, model, context in listed()]
    compared = [
        (name, one[audio][0][1] >= one[text][0][1])
        for name, one in rates
        for audio, text in pairs
        if audio in one and text in one
    ]
    assert [name for name, is_dearer in compared if not is_dearer] == []
    assert len(compared) > 20
