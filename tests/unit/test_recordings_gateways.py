"""What do gateways' logs tell of calls beyond the common case?"""

import json

import pytest

from analyzing import calls_in, cost_of
from llm_observer.recordings import read_files
from telling import (
    CHAT_USAGE,
    CLAUDE,
    CLAUDE_USAGE,
    GPT,
    LITELLM_USAGE,
    STARTED_S,
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


LATER = "2026-11-20T10:00:00Z"
AUDIO = {
    "prompt_tokens": 1000,
    "completion_tokens": 1000,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 900, "text_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 800, "text_tokens": 200},
}
SEARCHED = {
    "input_tokens": 10_000,
    "output_tokens": 1000,
    "cache_read_input_tokens": 0,
    "cache_creation_input_tokens": 0,
    "server_tool_use": {"web_search_requests": 3},
    "speed": "fast",
    "inference_geo": "us",
    "service_tier": "standard",
}
UNCACHED = {"prompt_tokens": 10_000, "completion_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 0}}


def answer_of(model, usage, **fields):
    return {"id": "a1", "object": "chat.completion", "model": model, "usage": usage, **fields}


ANSWERS = {
    "flex": (answer_of("gpt-5-2025-08-07", UNCACHED, service_tier="flex"), "0.01125"),
    "priority": (answer_of("gpt-5-2025-08-07", UNCACHED, service_tier="priority"), "0.045"),
    "audio": (answer_of("gpt-audio-2025-08-28", AUDIO), "0.08225"),
    "Claude, fast, in the US, with searches": (
        answer_of("claude-opus-4-8", SEARCHED, object=None, type="message", role="assistant", content=[]),
        "0.195",
    ),
}


def plain_of(answer):
    is_message = answer.get("type") == "message"
    url = (
        "https://api.anthropic.com/v1/messages"
        if is_message
        else "https://api.openai.com/v1/chat/completions"
    )
    return {"url": url, "status": 200, "response": {"body": json.dumps(answer)}, "started_at": LATER}


def portkey_of(answer):
    return portkey(
        ai_org=vendor_of(answer), ai_model=answer["model"], response={"body": answer}, created_at=LATER
    )


def helicone_of(answer):
    return helicone(
        provider=vendor_of(answer).upper(),
        response_model=answer["model"],
        response_body=answer,
        request_created_at=LATER,
    )


def litellm_of(answer):
    """With the provider's count in LiteLLM's words, beside the answer itself."""
    used = answer["usage"]
    counted = {
        "prompt_tokens": used.get("prompt_tokens", used.get("input_tokens")),
        "completion_tokens": used.get("completion_tokens", used.get("output_tokens")),
    }
    usage = {**used, **counted}
    usage.pop("input_tokens", None)
    usage.pop("output_tokens", None)
    return litellm(
        **counted,
        custom_llm_provider=vendor_of(answer),
        model=answer["model"],
        startTime=LATER,
        endTime=None,
        metadata={"usage_object": {**usage, "cost": 9, "iterations": None}},
        response={**answer, "usage": usage},
    )


def vendor_of(answer):
    return "anthropic" if "claude" in answer["model"] else "openai"


@pytest.mark.parametrize("wrapped", [plain_of, portkey_of, helicone_of, litellm_of])
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_costs_in_a_gateways_log_what_it_costs_by_itself(tmp_path, name, wrapped):
    answer, usd = ANSWERS[name]
    (call,) = calls_in(tmp_path, lines(wrapped(answer)))
    assert (call.cost.status, call.cost.total_usd, call.cost.provider_usd) == ("exact", usd, None)


def test_litellms_tier_is_the_one_asked_for_where_the_answer_names_none(tmp_path):
    flex = {"service_tier": "flex"}
    asked = litellm_of(answer_of("gpt-5-2025-08-07", UNCACHED)) | {"model_parameters": flex}
    other = litellm_of(answer_of("gpt-5-2025-08-07", UNCACHED, service_tier="default")) | {
        "id": "2",
        "model_parameters": flex,
    }
    found = calls_in(tmp_path, lines(asked, other))
    assert [call.cost.total_usd for call in found] == ["0.01125", "0.0225"]


def test_the_rounds_that_litellm_has_summed_up_are_not_added_again(tmp_path):
    rounds = [{"type": "compaction", "input_tokens": 5000, "output_tokens": 100}]
    summed = litellm(metadata={"usage_object": {**LITELLM_USAGE, "iterations": rounds}})
    alone, again = calls_in(tmp_path, lines(litellm(), summed | {"id": "2"}))
    assert again.cost == alone.cost


def test_a_claude_in_openais_words_keeps_its_region_and_its_cache(tmp_path):
    usage = {**CHAT_USAGE, "inference_geo": "us", "cache_creation_input_tokens": 0}
    (call,) = calls_in(tmp_path, lines(portkey_of(answer_of("claude-opus-4-8", usage))))
    assert (call.wire, call.inference_geo, call.cost.tier) == ("anthropic", "us", "us")
    assert (call.tokens.input_uncached, call.tokens.cache_read) == (86, 1920)


NOTHING = {"prompt_tokens": 0, "completion_tokens": 0}
UNCOUNTED = {
    "LiteLLM, image": (
        litellm(
            **NOTHING, call_type="aimage_generation", model="dall-e-3", metadata={"usage_object": NOTHING}
        ),
        "images.generations",
    ),
    "LiteLLM, speech": (
        litellm(**NOTHING, call_type="speech", model="tts-1", metadata={}),
        "audio.speech",
    ),
    "LiteLLM, transcription": (
        litellm(**NOTHING, call_type="atranscription", model="whisper-1", metadata={}),
        "audio.transcriptions",
    ),
    "Portkey": (portkey(ai_model="dall-e-3", req_units=0, res_units=0, response=None), "chat"),
    "Portkey, zeros in the answer": (
        portkey(ai_model="dall-e-3", response={"usage": NOTHING}, req_units=0, res_units=0),
        "chat",
    ),
    "Helicone": (
        helicone(
            **NOTHING,
            prompt_cache_read_tokens=0,
            request_path="https://api.openai.com/v1/audio/speech",
            response_model="tts-1",
            response_body={},
        ),
        "audio.speech",
    ),
    "Cloudflare": (
        cloudflare(model="gpt-image-1", path="images/generations", tokens_in=0, tokens_out=0, cost=0.04),
        "images.generations",
    ),
    "Kong": (
        kong(proxy=kong_part(usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})),
        "chat",
    ),
}


@pytest.mark.parametrize("name", UNCOUNTED)
def test_zeros_of_a_call_that_tokens_do_not_bill_are_an_unknown_usage(tmp_path, name):
    record, operation = UNCOUNTED[name]
    (call,) = calls_in(tmp_path, lines(record))
    assert (call.tokens, call.cost.status, call.cost.total_usd) == (None, "usage_absent", None)
    assert call.operation == operation


def test_openrouters_bill_of_what_has_no_tokens_stands_alone(tmp_path):
    media = generation(native_tokens_prompt=0, native_tokens_completion=0, total_cost=0.04)
    (call,) = calls_in(tmp_path, json.dumps(media))
    assert (call.cost.status, call.cost.total_usd, call.cost.provider_usd) == ("usage_absent", None, "0.04")


def test_images_and_seconds_in_an_answer_are_priced(tmp_path):
    images = {"created": 1, "data": [{"url": "u"}, {"url": "v"}]}
    drawn = litellm(
        **NOTHING,
        call_type="image_generation",
        model="dall-e-3",
        custom_llm_provider="openai",
        metadata={},
        response=images,
    )
    heard = portkey(
        ai_model="whisper-1",
        request_url="https://api.openai.com/v1/audio/transcriptions",
        req_units=0,
        res_units=0,
        response={"text": "Hi", "usage": {"type": "duration", "seconds": 90}},
    )
    found = calls_in(tmp_path, lines(heard), lines(drawn))
    assert [(call.cost.status, call.cost.total_usd) for call in found] == [
        ("exact", "0.009"),
        ("bound", "0.08"),
    ]


ON_BEDROCK = portkey_of(answer_of(CLAUDE, CLAUDE_USAGE)) | {"ai_org": "bedrock"}


@pytest.mark.parametrize(
    ("record", "is_open"),
    [
        (litellm(custom_llm_provider="vertex_ai", model="claude-sonnet-4-5@20250929"), True),
        (litellm(custom_llm_provider="bedrock", model=f"bedrock/us.anthropic.{CLAUDE}-v1:0"), False),
        (ON_BEDROCK, True),
        (ON_BEDROCK | {"ai_model": f"global.anthropic.{CLAUDE}-v1:0"}, False),
    ],
    ids=["Vertex", "Bedrock, a profile", "Bedrock", "Bedrock, a profile that was asked for"],
)
def test_claude_on_a_cloud_is_an_estimate_without_its_region(tmp_path, record, is_open):
    (call,) = calls_in(tmp_path, lines(record))
    assert ("the region" in (call.cost.note or ""), call.cost.status) == (
        is_open,
        "estimated" if is_open else "exact",
    )


@pytest.mark.parametrize(
    "started",
    [
        "2025-11-21 09:20:00.250 UTC",
        "2025-11-21 09:20:00.250+00",
        "2025-11-21T09:20:00.250 GMT",
        STARTED_S + 0.25,
    ],
)
def test_databases_spell_a_time_in_their_own_ways(tmp_path, started):
    path = tmp_path / "log"
    path.write_text(lines(spend_log(startTime=started, endTime="2025-11-21 09:20:02.250 UTC")), "utf-8")
    (item,) = read_files([str(path)])
    exchange = item.exchange
    assert (exchange.started_ns, exchange.duration_ns) == (STARTED_S * 10**9 + 250_000_000, 2 * 10**9)


@pytest.mark.parametrize(
    "record",
    [
        litellm(startTime="soon"),
        litellm(startTime="0001-01-01T00:00:00+05:00"),
        helicone(request_created_at="never"),
        cloudflare(created_at=-5),
    ],
)
def test_a_record_whose_time_cannot_be_read_follows_the_one_before(tmp_path, record):
    path = tmp_path / "log"
    path.write_text(lines(record, record), "utf-8")
    first, second = read_files([str(path)])
    assert first.exchange.started_ns == second.exchange.started_ns > 0
    assert calls_in(tmp_path, lines(record))[0].tokens.input_total > 0


def test_an_end_that_cannot_be_read_leaves_the_start(tmp_path):
    (call,) = calls_in(tmp_path, lines(litellm(endTime="soon")))
    assert (call.timing.duration_ms, call.cost.status) == (None, "exact")
