"""Private prices, discounts and deployment names: what they change, and what is refused."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costing import call_of, claude, claude_tokens, cost_of, openai_tokens
from llm_observer.config import load
from llm_observer.enrichers.cost import CostEnricher
from llm_observer.errors import ConfigError

MINE = {"input": 1.1, "output": "2.2"}
NAMES = st.sampled_from(["input", "output", "tiers", "flex", "gpt-4o", "openai/*", ""]) | st.integers(0, 1)
ODD = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.decimals()
    | st.fractions(0, 1)
    | st.sampled_from(["", "0.5", " 1 ", "1e-9", "-1", "0x1", "gpt-4", [], b"1"])
)


def test_a_private_price_wins_over_the_list():
    cost = cost_of(call_of("gpt-4o", openai_tokens()), {"prices": {"gpt-4o": MINE}})
    assert (cost.total_usd, cost.source, cost.price_id) == ("0.00132", "override", "gpt-4o")
    assert (cost.status, cost.note) == ("exact", None)


@pytest.mark.parametrize("name", ["my-model", "openai/my-model", "openai/my-*", "MY-*", "*"])
def test_a_private_price_is_found_by_name_or_pattern(name):
    assert cost_of(call_of("My-Model", openai_tokens()), {"prices": {name: MINE}}).total_usd == "0.00132"


def test_the_most_specific_pattern_wins():
    prices = {name: {"input": rate} for rate, name in enumerate(["*", "gpt-*", "gpt-4*", "gpt-4o"])}
    cost = cost_of(call_of("gpt-4o", openai_tokens(output=0)), {"prices": prices})
    assert (cost.price_id, cost.input_usd) == ("gpt-4o", "0.003")


def test_a_private_price_for_another_provider_is_not_taken():
    cost = cost_of(call_of("gpt-4o", openai_tokens()), {"prices": {"azure.ai.openai/gpt-4o": MINE}})
    assert cost.source == "genai-prices"


def test_a_private_price_makes_a_local_model_known():
    call = call_of("llama3.2", openai_tokens(), provider="ollama")
    assert cost_of(call, {"prices": {"ollama/*": {"input": 0, "output": 0}}}).total_usd == "0"


def test_each_kind_of_token_may_have_a_private_price():
    rates = {
        "input": 1,
        "output": 2,
        "cache_read": "0.1",
        "cache_write_5m": 3,
        "cache_write_1h": 4,
        "web_search": 5,
    }
    tokens = claude_tokens(cache_read=1000, cache_write=2000, cache_write_5m=1000, cache_write_1h=1000)
    call = claude("mine", tokens, server_tool_use={"web_search_requests": 1})
    cost = cost_of(call, {"prices": {"mine": rates}})
    assert (cost.input_usd, cost.cache_read_usd, cost.output_usd) == ("0.001", "0.0001", "0.0002")
    assert (cost.cache_write_5m_usd, cost.cache_write_1h_usd) == ("0.003", "0.004")
    assert (cost.server_tools_usd, cost.total_usd) == ("0.005", "0.0133")


def test_a_private_price_of_a_zero_is_a_price():
    rates = {"input": 1, "cache_write": 1, "cache_write_5m": 0}
    tokens = claude_tokens(output=0, cache_write=1000, cache_write_5m=1000)
    assert cost_of(claude("mine", tokens), {"prices": {"mine": rates}}).cache_write_usd == "0"


def test_a_private_price_holds_in_the_tiers_that_it_names_only():
    prices = {"gpt-4o": {**MINE, "tiers": {"flex": {"input": "0.5"}}}}
    flex, priority = (
        cost_of(call_of("gpt-4o", openai_tokens(), service_tier=tier), {"prices": prices})
        for tier in ("flex", "priority")
    )
    assert (flex.total_usd, flex.tier) == ("0.00072", "flex")
    assert (priority.status, priority.note) == (
        "tier_unpriced",
        "the private price gpt-4o has no tier priority",
    )


def test_a_private_price_is_final_whatever_the_region():
    call = claude("claude-opus-5", claude_tokens(), inference_geo="us")
    assert cost_of(call, {"prices": {"claude-opus-5": MINE}}).total_usd == "0.00132"


@pytest.mark.parametrize(
    "discount", [0.2, "0.2", {"openai": 0.2}, {"openai/gpt-4*": "0.2", "*": 0.5}, {"gpt-4o": 0.2}]
)
def test_a_discount_is_taken_off_every_part_and_named(discount):
    cost = cost_of(call_of("gpt-4o", openai_tokens(cache_read=400)), {"discount": discount})
    assert (cost.total_usd, cost.input_usd, cost.cache_read_usd) == ("0.0024", "0.0012", "0.0004")
    assert (cost.status, cost.note) == ("exact", "discount of 20 % applied")


@pytest.mark.parametrize("whole", ["openai", "openai/*", "*", "open*"])
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-*", "openai/gpt-4*", "*4o"])
def test_what_is_set_for_a_provider_as_a_whole_counts_less_than_what_is_for_a_model(whole, model):
    call = call_of("gpt-4o", openai_tokens())
    assert cost_of(call, {"discount": {whole: 0.5, model: 0.2}}).note == "discount of 20 % applied"
    assert cost_of(call, {"prices": {whole: {"input": 9}, model: MINE}}).price_id == model


def test_of_two_discounts_for_a_provider_the_more_specific_one_counts():
    for discount in ({"*": 0.5, "openai": 0.2}, {"*": 0.5, "openai/*": 0.2}, {"open*": 0.5, "openai*": 0.2}):
        cost = cost_of(call_of("gpt-4o", openai_tokens()), {"discount": discount})
        assert cost.note == "discount of 20 % applied"


def test_a_discount_for_another_provider_is_not_taken():
    assert cost_of(call_of("gpt-4o", openai_tokens()), {"discount": {"anthropic": 0.2}}).total_usd == "0.0035"


def test_the_figure_of_the_provider_has_no_discount_of_ours():
    call = call_of("openai/gpt-4o", openai_tokens(), provider="openrouter")
    cost = cost_of(call, {"discount": 1}, stated="0.0035")
    assert (cost.total_usd, cost.provider_usd, cost.difference_usd) == ("0", "0.0035", "0.0035")


@pytest.mark.parametrize(
    ("prices", "named"),
    [
        ({"m": {"inptu": 1}}, "m.inptu"),
        ({"m": {"output": 1}}, "m.input"),
        ({"m": {"input": -1}}, "m.input"),
        ({"m": {"input": "one"}}, "m.input"),
        ({"m": {"input": float("nan")}}, "m.input"),
        ({"m": {"input": True}}, "m.input"),
        ({"m": {"input": None}}, "m.input"),
        ({"m": 1}, "m"),
        ({3: {"input": 1}}, "3"),
        ({"m": {"input": 1, "tiers": 2}}, "m.tiers"),
        ({"m": {"input": 1, "tiers": {"flex": {"x": 2}}}}, "m.tiers.flex.x"),
        ([], "prices"),
        ({"m": {"input": "1e-999999999"}}, "m.input"),
        ({"m": {"input": 10**5000}}, "m.input"),
        ({"m": {"input": Fraction(1, 3)}}, "m.input"),
        ({"m": {"input": "0." + "1" * 40}}, "m.input"),
    ],
)
def test_a_wrong_private_price_is_refused_by_name(prices, named):
    with pytest.raises(ConfigError, match=rf"^(?=prices\b).*{named}"):
        CostEnricher(prices=prices)


def test_a_price_may_be_a_decimal():
    prices = {"gpt-4o": {"input": Decimal("1.10"), "output": Decimal("2.2")}}
    assert cost_of(call_of("gpt-4o", openai_tokens()), {"prices": prices}).total_usd == "0.00132"


def test_the_name_of_a_tier_may_have_any_case():
    prices = {"gpt-4o": {**MINE, "tiers": {"Flex": {"input": "0.5"}}}}
    cost = cost_of(call_of("gpt-4o", openai_tokens(), service_tier="flex"), {"prices": prices})
    assert cost.total_usd == "0.00072"  # 1,000 at 0.50, 100 out at 2.20


@pytest.mark.parametrize("name", ["prices", "discount", "deployments"])
@given(value=st.recursive(ODD, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6))
def test_what_the_settings_accept_can_be_billed_with(name, value):
    config = load({name: value}, environ={}, cwd="/")
    cost_of(call_of("gpt-4o", openai_tokens()), {name: getattr(config, name)})


@pytest.mark.parametrize("discount", [1.1, -0.1, "a", True, {"openai": 2}, {"openai": None}, {3: 0.1}])
def test_a_wrong_discount_is_refused_by_name(discount):
    with pytest.raises(ConfigError, match=r"^discount: "):
        CostEnricher(discount=discount)


@pytest.mark.parametrize("deployments", [{"a": ""}, {"a": 3}, {3: "gpt-4o"}, ["a"]])
def test_a_wrong_deployment_is_refused_by_name(deployments):
    with pytest.raises(ConfigError, match=r"^deployments: "):
        CostEnricher(deployments=deployments)
