"""Does an event become the span that the conventions describe? By the table, whose names are theirs."""

import pytest

from llm_observer import otel_names
from llm_observer.call import Cost, ErrorInfo, LLMCall, Request, Server, Timing, Tokens, ToolUse
from llm_observer.call_cache import CacheUse, Finding
from llm_observer.event import SCHEMA_VERSION, Event, Sdk, Service
from llm_observer.otel_names import METRICS, OLD_NAMES, OURS, name_of
from llm_observer.sinks.otlp_names import attributes_of, operation_of, resource_of, span_name, told
from llm_observer.sinks.otlp_spans import started_ns

STANDARD = frozenset(
    {
        "error.type",
        "server.address",
        "server.port",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.request.max_tokens",
        "gen_ai.request.temperature",
        "gen_ai.request.top_p",
        "gen_ai.request.choice.count",
        "gen_ai.request.stream",
        "gen_ai.request.reasoning.level",
        "gen_ai.request.previous_response.id",
        "gen_ai.conversation.id",
        "gen_ai.response.id",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.text.input_tokens",
        "gen_ai.usage.text.output_tokens",
        "gen_ai.usage.image.input_tokens",
        "gen_ai.usage.image.output_tokens",
        "gen_ai.usage.audio.input_tokens",
        "gen_ai.usage.audio.output_tokens",
        "gen_ai.usage.audio.cache_read.input_tokens",
        "gen_ai.tool.name",
        "openai.request.service_tier",
        "openai.response.service_tier",
        "openai.api.type",
    }
)
"""Read in docs/gen-ai/client-inference.md of the commit that the table cites, and in 1.44.0 (`openai.*`)."""
RESOURCE = frozenset(
    {
        "service.name",
        "service.version",
        "service.instance.id",
        "deployment.environment.name",
        "telemetry.sdk.language",
    }
)
STANDARD_METRICS = {
    "latest": {
        "gen_ai.client.inference.duration": 14,
        "gen_ai.client.inference.time_to_first_chunk": 14,
        "gen_ai.client.operation.duration": 14,
        "gen_ai.client.inference.usage.input_tokens": 0,
        "gen_ai.client.inference.usage.output_tokens": 0,
        "gen_ai.client.inference.usage.cache_read.input_tokens": 0,
        "gen_ai.client.inference.usage.cache_write.input_tokens": 0,
        "gen_ai.client.inference.usage.reasoning.output_tokens": 0,
        "gen_ai.client.inference.operation.input_tokens": 14,
        "gen_ai.client.inference.operation.output_tokens": 14,
    },
    "1.41": {
        "gen_ai.client.operation.duration": 14,
        "gen_ai.client.operation.time_to_first_chunk": 14,
        "gen_ai.client.token.usage": 14,
    },
}


def event_of(attributes=None, **fields):
    call = LLMCall(**{"provider": "openai", "wire": "openai", "operation": "chat", **fields})
    return Event(
        schema_version=SCHEMA_VERSION,
        event_id="01a1fe6d-4566-74ad-a184-e4ba1a341d02",
        type="llm_call",
        time="2026-11-21T12:00:00.000250Z",
        trace_id="a" * 32,
        span_id="b" * 16,
        sdk=Sdk(name="llm_observer", version="0"),
        attributes=attributes or {},
        llm_call=call,
    )


def standard(vintage="latest", **fields):
    """The attributes that are not ours."""
    found = attributes_of(event_of(**fields), vintage)
    return {key: value for key, value in found.items() if not key.startswith(OURS)}


def ours(**fields):
    found = attributes_of(event_of(**fields), "latest")
    return {key.removeprefix(OURS): value for key, value in found.items() if key.startswith(OURS)}


def test_every_name_of_the_table_that_is_not_ours_is_the_conventions():
    keys = {name.key for name in otel_names.NAMES.values() if not name.key.startswith(("(", OURS))}
    assert keys - RESOURCE <= STANDARD
    assert keys - STANDARD == RESOURCE


@pytest.mark.parametrize("since", ["latest", "1.41"])
def test_the_metrics_and_the_number_of_their_buckets_are_the_conventions(since):
    assert {row.name: len(row.bounds) for row in METRICS if row.since == since} == STANDARD_METRICS[since]


def test_the_buckets_are_the_conventions():
    bounds = {row.unit: row.bounds for row in METRICS if row.bounds}
    assert bounds["s"] == (
        0.01,
        0.02,
        0.04,
        0.08,
        0.16,
        0.32,
        0.64,
        1.28,
        2.56,
        5.12,
        10.24,
        20.48,
        40.96,
        81.92,
    )
    assert bounds["{token}"][:4] == (1, 4, 16, 64)
    assert bounds["{token}"][-1] == 67108864


def test_the_old_names_are_names_of_the_table():
    assert OLD_NAMES.keys() <= {name.key for name in otel_names.NAMES.values()}


@pytest.mark.parametrize(
    ("operation", "route", "expected"),
    [
        ("chat", "/chat/completions", "chat"),
        ("responses", "/responses", "chat"),
        ("invoke", "/model/{id}/invoke", "chat"),
        ("text_completion", "/completions", "text_completion"),
        ("embeddings", "/embeddings", "embeddings"),
        ("responses:get", "/responses/{id}", "fetch_response"),
        ("chat.completions:get", "/chat/completions", "chat.completions:get"),
        ("files:post", "/files", "files:post"),
    ],
)
def test_an_operation_has_the_word_of_the_conventions(operation, route, expected):
    call = event_of(operation=operation, route=route).llm_call
    assert operation_of(call) == expected


def test_the_name_of_a_span_is_the_operation_and_the_model():
    assert span_name(event_of(operation="responses", model_requested="gpt-5").llm_call) == "chat gpt-5"


def test_the_name_of_a_span_without_a_model_is_the_operation():
    assert span_name(event_of(operation="files:post").llm_call) == "files:post"


def test_a_call_has_exactly_the_standard_attributes():
    assert standard(
        model_requested="gpt-5",
        model_responded="gpt-5-2026-08-01",
        response_id="resp_1",
        finish_reasons=("stop",),
        server=Server(address="api.openai.com"),
        service_tier="priority",
        tokens=Tokens(input_total=30, output=5, cache_read=20, cache_write=4, reasoning=3),
        timing=Timing(duration_ms=1500.0, time_to_first_chunk_ms=250.0),
        request=Request(choice_count=1, max_tokens=9, temperature=0.5, service_tier="auto"),
    ) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2026-08-01",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 20,
        "gen_ai.usage.cache_write.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "openai.request.service_tier": "auto",
        "openai.response.service_tier": "priority",
        "openai.api.type": "chat_completions",
        "server.address": "api.openai.com",
        "server.port": 443,
    }


def test_a_choice_count_is_told_if_it_is_not_one():
    assert standard(request=Request(choice_count=3))["gen_ai.request.choice.count"] == 3


def test_the_tier_of_another_wire_is_ours():
    found = attributes_of(event_of(wire="anthropic", service_tier="standard"), "latest")
    assert found["llm_observer.service_tier"] == "standard"
    assert "openai.response.service_tier" not in found


def test_an_address_on_this_machine_has_no_invented_port():
    assert "server.port" not in standard(server=Server(address="127.0.0.1"))
    assert "server.port" not in standard(server=Server(address="localhost"))


def test_stream_is_told_only_if_it_was_asked_for():
    assert standard(stream_requested=True)["gen_ai.request.stream"] is True
    assert "gen_ai.request.stream" not in standard(stream_requested=False)


@pytest.mark.parametrize(
    ("ending", "came", "asked", "expected"),
    [
        ("complete", ("stop",), None, ["stop"]),
        ("cancelled", (), None, ["error"]),
        ("truncated", (), 2, ["error", "error"]),
        ("closed_early", ("stop",), 2, ["stop", "error"]),
        ("error", (), None, ["error"]),
        ("complete", (), None, None),
        ("local", (), None, None),
    ],
)
def test_a_finish_reason_that_was_expected_and_did_not_come_is_an_error(ending, came, asked, expected):
    found = standard(ending=ending, finish_reasons=came, request=Request(choice_count=asked))
    assert found.get("gen_ai.response.finish_reasons") == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ErrorInfo(type="rate_limit_error", exception="RateLimitError"), "rate_limit_error"),
        (ErrorInfo(exception="APIConnectionError"), "APIConnectionError"),
        (ErrorInfo(code="429"), "429"),
        (ErrorInfo(), "_OTHER"),
    ],
)
def test_an_error_has_a_type(error, expected):
    assert standard(ending="error", error=error)["error.type"] == expected


@pytest.mark.parametrize(
    "fields",
    [{"operation": "responses:get", "route": "/responses/{id}"}, {"is_usage_repeated": True}],
    ids=["fetched again", "counted already"],
)
def test_usage_that_another_span_has_is_not_told_again(fields):
    found = standard(tokens=Tokens(input_total=30, output=5), **fields)
    assert [key for key in found if "usage" in key] == []


def test_money_is_a_number_under_our_own_name():
    found = ours(cost=Cost(status="exact", total_usd="0.0042", cache_write_1h_usd="0.001"))
    assert found["cost.total_usd"] == 0.0042
    assert found["cost.cache_write_1h_usd"] == 0.001
    assert found["cost.status"] == "exact"


def test_the_verdict_and_its_worst_finding_are_told():
    small = Finding(kind="uuid", path="system[1]", confidence=0.9, usd="0.001")
    large = Finding(kind="timestamp", path="system[0]", confidence=0.95, usd="0.01")
    cache = CacheUse(
        verdict="breaker", ideal_tokens=9, reusable_tokens=4, actual_tokens=0, missed_tokens=9,
        missed_usd="0.011", findings=(small, large), conversation="c0ffee",
    )  # fmt: skip
    found = ours(cache=cache)
    assert {key: value for key, value in found.items() if key.startswith("cache.")} == {
        "cache.verdict": "breaker",
        "cache.ideal_tokens": 9,
        "cache.reusable_tokens": 4,
        "cache.actual_tokens": 0,
        "cache.missed_tokens": 9,
        "cache.missed_usd": 0.011,
        "cache.conversation": "c0ffee",
        "cache.finding.kind": "timestamp",
        "cache.finding.path": "system[0]",
        "cache.finding.confidence": 0.95,
    }


def test_our_conversation_is_never_the_standards():
    cache = CacheUse(verdict="hit", conversation="c0ffee")
    assert "gen_ai.conversation.id" not in standard(cache=cache)


def test_a_conversation_that_the_app_names_is_told():
    event = event_of({"gen_ai.conversation.id": "conv_1", "team": "a"})
    found = attributes_of(event, "latest")
    assert (found["gen_ai.conversation.id"], found["team"]) == ("conv_1", "a")


def test_the_app_cannot_overwrite_what_was_measured():
    event = event_of({"gen_ai.request.model": "mine"}, model_requested="gpt-5")
    assert attributes_of(event, "latest")["gen_ai.request.model"] == "gpt-5"


def test_the_names_of_tools_are_a_list():
    assert ours(tool_calls=(ToolUse(name="find"), ToolUse(name=None)))["tool_calls"] == ["find"]


@pytest.mark.parametrize(
    ("vintage", "expected"),
    [("latest", {"cache_write"}), ("1.41", {"cache_creation"}), ("both", {"cache_write", "cache_creation"})],
)
def test_the_names_of_an_older_release_are_there_on_demand(vintage, expected):
    found = standard(vintage, tokens=Tokens(cache_write=7))
    assert {key.split(".")[2] for key, value in found.items() if value == 7} == expected


def test_what_stands_beside_another_span_has_no_token_counts():
    event = event_of(
        {"team": "a"}, response_id="r", tokens=Tokens(input_total=3), server=Server(address="api.openai.com")
    )
    found = told(attributes_of(event, "latest"))
    assert {key for key in found if not key.startswith(OURS)} == {
        "team",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.response.id",
    }


def test_no_part_of_the_span_itself_is_an_attribute():
    found = attributes_of(event_of(timing=Timing(duration_ms=3.0)), "latest")
    assert [key for key in found if key.startswith("(")] == []


def test_the_service_is_a_resource():
    service = Service(name="shop", version="1.2", environment="production", instance="i")
    assert resource_of(service) == {
        "service.name": "shop",
        "service.version": "1.2",
        "deployment.environment.name": "production",
        "service.instance.id": "i",
    }


def test_a_time_is_exact_to_the_microsecond():
    assert started_ns(event_of()) == 1795262400_000250_000


def test_a_field_without_a_common_name_is_ours():
    assert name_of("llm_call.cost.total_usd").key == "llm_observer.cost.total_usd"
