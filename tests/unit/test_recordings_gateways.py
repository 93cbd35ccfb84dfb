"""What do gateways' logs tell of calls beyond the common case?"""

import json

import pytest

from analyzing import calls_in, cost_of
from telling import (
    CLAUDE,
    GPT,
    LITELLM_USAGE,
    cloudflare,
    envoy,
    generation,
    helicone,
    kong,
    kong_part,
    lines,
    litellm,
    portkey,
    spend_log,
)

HITS = {
    "LiteLLM": litellm(cache_hit=True),
    "LiteLLM spend log": spend_log(cache_hit="True"),
    "Helicone": helicone(cache_reference_id="6c8b1d2e-0000-4000-8000-000000000000"),
    "Portkey": portkey(cache_status="SEMANTIC HIT"),
    "Cloudflare": cloudflare(cached=True),
    "Kong": kong(proxy=kong_part(cache={"cache_status": "Hit", "fetch_latency": 21})),
}
FAILURES = {
    "LiteLLM": litellm(
        status="failure",
        metadata={},
        prompt_tokens=0,
        completion_tokens=0,
        error_information={"error_code": "429", "error_class": "RateLimitError"},
    ),
    "Helicone": helicone(
        response_status=500,
        prompt_cache_read_tokens=0,
        prompt_tokens=0,
        completion_tokens=0,
        response_body=None,
    ),
    "Portkey": portkey(response_status_code=429, req_units=0, res_units=0, response={"body": {"error": {}}}),
    "Cloudflare": cloudflare(success=False, status_code=502, tokens_in=0, tokens_out=0),
    "Envoy": envoy(response_code=503, genai_tokens_input="-", genai_tokens_output="-"),
}


@pytest.mark.parametrize("name", HITS)
def test_an_answer_out_of_the_gateways_own_cache_costs_nothing(tmp_path, name):
    (call,) = calls_in(tmp_path, lines(HITS[name]))
    assert (call.ending, call.cost.status, cost_of(call)) == ("local", "not_billed", 0)


@pytest.mark.parametrize("name", FAILURES)
def test_a_call_that_failed_costs_nothing(tmp_path, name):
    (call,) = calls_in(tmp_path, lines(FAILURES[name]))
    assert (call.cost.status, call.status >= 400) == ("not_billed", True)


def test_litellms_sum_of_a_batch_is_no_call(tmp_path):
    found = calls_in(tmp_path, lines(litellm(call_type="aretrieve_batch"), litellm()))
    assert len(found) == 1
    assert "batch" in found.skipped[0].reason


def test_litellms_counts_are_those_of_the_provider_in_any_place_that_has_them(tmp_path):
    usage = {"cache_read_input_tokens": 20_000, "cache_creation_input_tokens": 300}
    places = [
        litellm(),
        litellm(id="2", metadata={"additional_usage_values": usage}),
        litellm(id="3", metadata={}, response={"usage": LITELLM_USAGE}),
        litellm(id="4", metadata=json.dumps({"usage_object": LITELLM_USAGE})),
    ]
    for call in calls_in(tmp_path, lines(*places)):
        tokens = call.tokens
        assert (tokens.input_total, tokens.input_uncached, tokens.cache_read, tokens.cache_write) == (
            20_304,
            4,
            20_000,
            300,
        )


def test_litellm_without_cache_counts_gives_an_estimate_that_says_why(tmp_path):
    (call,) = calls_in(tmp_path, lines(litellm(metadata={})))
    assert (call.cost.status, call.tokens.cache_read) == ("estimated", None)
    assert "how much input was cached" in call.cost.note


def test_the_model_loses_litellms_prefix_and_embeddings_have_no_cache(tmp_path):
    embedding = litellm(
        call_type="aembedding",
        custom_llm_provider="openai",
        model="openai/text-embedding-3-small",
        completion_tokens=0,
        metadata={},
    )
    (call,) = calls_in(tmp_path, lines(embedding))
    assert (call.operation, call.model_responded, call.cost.status) == (
        "embeddings",
        "text-embedding-3-small",
        "exact",
    )


def test_what_openrouter_billed_stands_beside_our_own_figure(tmp_path):
    (call,) = calls_in(tmp_path, json.dumps({"data": generation(total_cost=0.0003969)}))
    assert (call.cost.provider_usd, call.cost.difference_usd, call.cost.status) == ("0.0003969", "0", "exact")
    assert (call.provider, call.response_id, call.timing.duration_ms) == ("openrouter", "gen-1", 1200)


def test_with_a_key_of_ones_own_the_upstream_bill_counts_too(tmp_path):
    (call,) = calls_in(
        tmp_path, json.dumps(generation(is_byok=True, total_cost=0.1, upstream_inference_cost=2))
    )
    assert call.cost.provider_usd == "2.1"


def test_a_days_sum_of_openrouter_is_no_call(tmp_path):
    row = {
        "date": "2025-11-21",
        "model": "m",
        "requests": 5,
        "usage": 0.1,
        "prompt_tokens": 9,
        "completion_tokens": 1,
    }
    found = calls_in(tmp_path, json.dumps({"data": [row]}))
    assert (len(found), "reconcile" in found.skipped[0].reason) == (0, True)


def test_helicones_columns_count_cached_input_once(tmp_path):
    apart = helicone(response_body=None)
    inside = helicone(response_body=None, prompt_tokens=2006)
    for call in calls_in(tmp_path, lines(apart, inside)):
        assert (call.tokens.input_total, call.tokens.input_uncached) == (2006, 86)


def test_each_plugin_of_kong_that_called_a_model_is_a_call(tmp_path):
    other = kong_part(meta={"provider_name": "anthropic", "response_model": CLAUDE})
    found = calls_in(tmp_path, lines(kong(**{"ai-proxy": kong_part(), "ai-request-transformer": other})))
    assert [(call.provider, call.model_responded) for call in found] == [
        ("openai", GPT),
        ("anthropic", CLAUDE),
    ]


def test_a_plugin_of_kong_that_counted_nothing_called_no_model(tmp_path):
    silent = kong_part(usage={"cost": 0})
    found = calls_in(tmp_path, lines(kong(**{"ai-proxy": kong_part(), "ai-prompt-guard": silent})))
    assert len(found) == 1


def test_anthropics_usage_is_passed_on_with_its_cached_input_apart(tmp_path):
    usage = {"input_tokens": 500, "cache_read_input_tokens": 100, "output_tokens": 5}
    (call,) = calls_in(
        tmp_path, lines(portkey(ai_org="anthropic", ai_model=CLAUDE, response={"usage": usage}))
    )
    assert (call.tokens.input_total, call.tokens.input_uncached, call.wire) == (600, 500, "anthropic")


def test_requests_of_other_kinds_in_an_access_log_are_left_out(tmp_path):
    found = calls_in(tmp_path, lines(envoy(), {"method": "GET", "response_code": 200}))
    assert len(found) == 1
    assert [one.reason for one in found.skipped] == ["is no call of a model"]


def test_who_runs_the_model_behind_envoy_is_unknown(tmp_path):
    (call,) = calls_in(tmp_path, lines(envoy()))
    assert (call.provider, call.cost.status) == ("unknown", "estimated")
    assert "priced by the model alone" in call.cost.note


@pytest.mark.parametrize(
    "record", [litellm(startTime="soon"), helicone(request_created_at="never"), cloudflare(created_at=-5)]
)
def test_a_time_that_is_none_makes_a_record_unreadable(tmp_path, record):
    found = calls_in(tmp_path, lines(record))
    assert (len(found), "time" in found.skipped[0].reason) == (0, True)
