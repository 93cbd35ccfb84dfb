"""Tiers, speeds, regions and vendors: priced as what was served, or said to have no price."""

import pytest

from costing import call_of, claude, claude_tokens, cost_of, openai_tokens
from llm_observer.call import Request

TERRA = "gpt-5.6-terra"


@pytest.mark.parametrize(
    ("tier", "total"),
    [
        ("default", "0.0032"),
        ("flex", "0.0016"),
        ("priority", "0.0064"),
        ("fast", "0.0064"),
        ("batch", "0.0016"),
    ],
)
def test_each_tier_of_openai_has_its_price(tier, total):
    cost = cost_of(call_of(TERRA, openai_tokens(), service_tier=tier))
    assert (cost.total_usd, cost.status) == (total, "exact")
    assert cost.tier == (None if tier == "default" else tier)


def test_the_tier_that_the_answer_names_counts_not_the_one_asked_for():
    call = call_of(TERRA, openai_tokens(), service_tier="default", request=Request(service_tier="priority"))
    assert (cost_of(call).total_usd, cost_of(call).tier) == ("0.0032", None)


def test_the_tier_asked_for_counts_where_the_answer_names_none():
    call = call_of(TERRA, openai_tokens(), request=Request(service_tier="flex"))
    assert (cost_of(call).total_usd, cost_of(call).tier) == ("0.0016", "flex")


def test_cached_input_and_long_prompts_have_their_rates_in_a_tier_too():
    tokens = openai_tokens(input_total=300_000, cache_read=200_000)
    cost = cost_of(call_of(TERRA, tokens, service_tier="flex"))
    # over 272k in flex: 100,000 at 2.00, 200,000 read at 0.20, 100 out at 9.00
    assert (cost.input_usd, cost.cache_read_usd, cost.output_usd) == ("0.2", "0.04", "0.0009")


@pytest.mark.parametrize("tier", ["scale", "ultrafast", "bogus"])
def test_a_tier_without_a_price_is_not_priced_as_standard(tier):
    cost = cost_of(call_of(TERRA, openai_tokens(), service_tier=tier))
    assert (cost.status, cost.total_usd, cost.note) == (
        "tier_unpriced",
        None,
        f"no price for the tier {tier}",
    )


def test_a_model_that_is_not_sold_in_a_tier_has_no_price_there():
    assert cost_of(call_of("gpt-5-nano", openai_tokens(), service_tier="priority")).status == "tier_unpriced"


def test_flex_before_the_list_knew_it_is_half_price_by_rule_and_an_estimate():
    cost = cost_of(call_of(TERRA, openai_tokens(), service_tier="flex"), at="2026-09-01T00:00:00")
    assert (cost.status, cost.total_usd) == ("estimated", "0.0016")


@pytest.mark.parametrize("at", ["2026-09-01T00:00:00", "2026-11-20T00:00:00"], ids=["by rule", "by list"])
def test_a_claude_batch_is_half_price_but_for_its_searches(at):
    tokens = claude_tokens(cache_read=1000, cache_write=1000, cache_write_1h=1000)
    call = claude("claude-opus-5", tokens, service_tier="batch", server_tool_use={"web_search_requests": 1})
    cost = cost_of(call, at=at)
    # half of 5.00, 0.50, 10.00 and 25.00 a million, and 0.01 for the search
    assert (cost.total_usd, cost.server_tools_usd) == ("0.019", "0.01")
    assert (cost.tier, cost.status) == ("batch", "exact")


@pytest.mark.parametrize(("model", "cached_usd"), [("gpt-4.1", "0.0001"), ("gemini-2.5-pro", "0.000025")])
def test_cache_reads_of_a_batch_that_has_no_rate_for_them_are_an_estimate(model, cached_usd):
    provider = "gcp.gemini" if model.startswith("gemini") else "openai"
    plain, cached = (
        cost_of(call_of(model, openai_tokens(cache_read=read), provider=provider, service_tier="batch"))
        for read in (0, 200)
    )
    assert plain.status == "exact"
    assert (cached.status, cached.cache_read_usd) == ("estimated", cached_usd)
    assert cached.note == "cache reads at the rate of the standard tier"


def test_the_committed_tier_of_claude_has_no_list_price():
    assert (
        cost_of(claude("claude-opus-5", claude_tokens(), service_tier="priority")).status == "tier_unpriced"
    )


def test_fast_mode_has_its_price():
    cost = cost_of(claude("claude-opus-5", claude_tokens(cache_read=1000), speed="fast"))
    # 10.00, 1.00 read, 50.00 out
    assert (cost.total_usd, cost.tier, cost.status) == ("0.016", "fast", "exact")


def test_fast_mode_of_a_model_that_has_none_has_no_price():
    assert cost_of(claude("claude-haiku-4-5", claude_tokens(), speed="fast")).status == "tier_unpriced"


def test_two_tiers_at_once_have_no_price():
    call = claude("claude-opus-5", claude_tokens(), speed="fast", service_tier="batch")
    assert cost_of(call).note == "no price for the tier batch+fast"


@pytest.mark.parametrize(
    ("geo", "total"), [("us", "0.00825"), ("global", "0.0075"), ("not_available", "0.0075")]
)
def test_inference_in_the_us_costs_a_tenth_more(geo, total):
    cost = cost_of(claude("claude-opus-5", claude_tokens(), inference_geo=geo))
    assert (cost.total_usd, cost.status) == (total, "exact")
    assert cost.tier == ("us" if geo == "us" else None)


def test_a_region_stacks_with_a_tier_and_spares_the_searches():
    call = claude(
        "claude-opus-5",
        claude_tokens(),
        inference_geo="us",
        speed="fast",
        server_tool_use={"web_search_requests": 1},
    )
    assert (cost_of(call).total_usd, cost_of(call).tier) == ("0.0265", "fast+us")


def test_a_region_nobody_priced_has_no_price():
    cost = cost_of(claude("claude-opus-5", claude_tokens(), inference_geo="moon"))
    assert (cost.status, cost.note) == ("tier_unpriced", "no price for the region moon")


@pytest.mark.parametrize(
    ("model", "host", "total"),
    [
        (TERRA, "api.openai.com", "0.0032"),
        (TERRA, "eu.api.openai.com", "0.00352"),
        ("gpt-5.2", "eu.api.openai.com", "0.00315"),
    ],
    ids=["global", "regional", "regional, older model"],
)
def test_a_data_residency_endpoint_of_openai_costs_a_tenth_more_from_gpt_5_4_on(model, host, total):
    cost = cost_of(call_of(model, openai_tokens()), url=f"https://{host}/v1/responses")
    assert (cost.total_usd, cost.status) == (total, "exact")


@pytest.mark.parametrize(
    ("model", "host", "total"),
    [
        ("claude-opus-4-5@20251101", "aiplatform.googleapis.com", "0.0075"),
        ("claude-opus-4-5@20251101", "us-east5-aiplatform.googleapis.com", "0.00825"),
        ("claude-opus-4-5@20251101", "aiplatform.eu.rep.googleapis.com", "0.00825"),
        ("claude-opus-4-1@20250805", "us-east5-aiplatform.googleapis.com", "0.0225"),
    ],
    ids=["global", "regional", "multi-region", "regional, older model"],
)
def test_a_regional_endpoint_of_vertex_costs_a_tenth_more_from_claude_4_5_on(model, host, total):
    call = claude(model, claude_tokens(), provider="gcp.vertex_ai")
    assert cost_of(call, url=f"https://{host}/v1/projects/p").total_usd == total


@pytest.mark.parametrize(
    ("requested", "total", "status"),
    [
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.0045", "exact"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.00495", "exact"),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", "0.00495", "estimated"),
    ],
    ids=["global", "regional", "own profile"],
)
def test_the_region_of_a_bedrock_call_is_read_from_the_request(requested, total, status):
    call = claude(
        "claude-sonnet-4-5-20250929", claude_tokens(), provider="aws.bedrock", model_requested=requested
    )
    assert (cost_of(call).total_usd, cost_of(call).status) == (total, status)


def test_flex_of_groq_costs_what_on_demand_costs():
    call = call_of(
        "llama-3.3-70b-versatile", openai_tokens(), provider="groq", operation="chat", service_tier="flex"
    )
    assert (cost_of(call).total_usd, cost_of(call).status) == ("0.000669", "exact")


def test_azure_prices_an_openai_model_by_the_answer():
    call = call_of(
        "gpt-4o-2024-08-06", openai_tokens(), provider="azure.ai.openai", model_requested="my-deploy"
    )
    assert (cost_of(call).total_usd, cost_of(call).status) == ("0.0035", "exact")


def test_azure_has_no_price_for_the_tiers_of_openai():
    call = call_of("gpt-4o-2024-08-06", openai_tokens(), provider="azure.ai.openai", service_tier="priority")
    assert cost_of(call).status == "tier_unpriced"


@pytest.mark.parametrize(("answer", "asked"), [("prod-Chat", "prod-Chat"), (None, "prod-chat")])
def test_a_deployment_is_priced_as_its_base_model(answer, asked):
    call = call_of(answer, openai_tokens(), provider="azure.ai.openai", model_requested=asked)
    cost = cost_of(call, {"deployments": {"prod-chat": "gpt-4o"}})
    assert (cost.total_usd, cost.status, cost.price_id) == ("0.0035", "exact", "openai/gpt-4o")


def test_a_deployment_named_like_another_model_is_priced_as_its_base_model():
    call = call_of("gpt-4", openai_tokens(), provider="azure.ai.openai", model_requested="gpt-4")
    assert cost_of(call, {"deployments": {"gpt-4": "gpt-4o"}}).price_id == "openai/gpt-4o"


def test_deployments_do_not_touch_calls_to_openai():
    cost = cost_of(call_of("gpt-4o", openai_tokens()), {"deployments": {"gpt-4o": "gpt-4.1"}})
    assert cost.price_id == "openai/gpt-4o"


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", "gpt-4o-20240806"])
def test_a_known_model_behind_an_unknown_host_is_an_estimate(model):
    cost = cost_of(call_of(model, openai_tokens(), provider="unknown"))
    assert (cost.status, cost.total_usd, cost.price_id) == ("estimated", "0.0035", "openai/gpt-4o")


@pytest.mark.parametrize("model", ["llama3.2", "deepseek-chat", "mistral-small-latest"])
def test_an_open_model_on_a_server_of_ones_own_has_no_list_price(model):
    assert cost_of(call_of(model, openai_tokens(), provider="ollama")).status == "unknown_model"


@pytest.mark.parametrize("provider", ["ollama", "local", "vllm"])
@pytest.mark.parametrize("model", ["gpt-oss:20b", "openai/gpt-oss-120b", "gpt-oss-20b"])
def test_an_open_model_of_openai_on_a_server_of_ones_own_has_no_list_price(model, provider):
    assert cost_of(call_of(model, openai_tokens(), provider=provider)).status == "unknown_model"


def test_an_open_model_of_openai_behind_an_unknown_host_is_an_estimate():
    assert cost_of(call_of("gpt-oss-20b", openai_tokens(), provider="unknown")).status == "estimated"


def test_a_closed_model_at_a_local_port_is_a_proxy_and_an_estimate():
    assert cost_of(claude("claude-opus-5", claude_tokens(), provider="local")).status == "estimated"
