"""Each way of calling the SDKs gives one event per answer, with the operation and the tokens of its wire."""

import asyncio
import importlib
import io
import json

import pytest

from integration.exchanges import (
    HELLO,
    anthropic_message,
    ask,
    failed,
    openai_completion,
    plain,
    streamed,
)
from integration.loopback import json_answer, sse_answer
from integration.sdks import make_client

RESPONSE = {
    "id": "resp_7",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-5-2025-08-07",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "hi", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 14,
    },
}
EMBEDDING = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
IMAGE = {"created": 1, "data": [{"b64_json": "aGk="}], "usage": {"input_tokens": 7, "output_tokens": 9}}
BATCH = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file_1",
    "completion_window": "24h",
    "status": "validating",
    "created_at": 1,
}
FILE = {"id": "file_1", "object": "file", "bytes": 2, "created_at": 1, "filename": "a", "purpose": "batch"}
MODERATION = {"id": "modr_1", "model": "omni-moderation-latest", "results": []}
COMPLETION = {
    "id": "cmpl_1",
    "object": "text_completion",
    "created": 1,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [{"index": 0, "text": "hi", "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3},
}


def body(value):
    return json_answer(json.dumps(value).encode())


def response_stream():
    events = [
        {"type": "response.created", "sequence_number": 0, "response": {**RESPONSE, "status": "in_progress"}},
        {"type": "response.completed", "sequence_number": 1, "response": RESPONSE},
    ]
    return sse_answer(*(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events))


OPENAI = {
    "chat": (ask, body(openai_completion()), "chat", 12),
    "chat parse": (
        lambda c: c.beta.chat.completions.parse(model="gpt-4o-mini", messages=HELLO),
        body(openai_completion()),
        "chat",
        12,
    ),
    "chat with_options": (lambda c: ask(c.with_options(timeout=9)), body(openai_completion()), "chat", 12),
    "responses": (lambda c: c.responses.create(model="gpt-5", input="hi"), body(RESPONSE), "responses", 9),
    "responses in the background": (
        lambda c: c.responses.create(model="gpt-5", input="hi", extra_body={"background": True}),
        body({**RESPONSE, "status": "queued", "usage": None}),
        "responses",
        None,
    ),
    "responses retrieve": (lambda c: c.responses.retrieve("resp_7"), body(RESPONSE), "responses:get", 9),
    "responses stream": (
        lambda c: c.responses.create(model="gpt-5", input="hi", stream=True),
        response_stream(),
        "responses",
        9,
    ),
    "completions": (
        lambda c: c.completions.create(model="gpt-3.5-turbo-instruct", prompt="hi"),
        body(COMPLETION),
        "text_completion",
        2,
    ),
    "embeddings": (
        lambda c: c.embeddings.create(model="text-embedding-3-small", input="hi"),
        body(EMBEDDING),
        "embeddings",
        3,
    ),
    "images": (
        lambda c: c.images.generate(model="gpt-image-1", prompt="a cat"),
        body(IMAGE),
        "images.generations",
        7,
    ),
    "speech": (
        lambda c: c.audio.speech.create(model="tts-1", voice="alloy", input="hi"),
        json_answer(b"ID3", headers=()),
        "audio.speech",
        None,
    ),
    "transcription": (
        lambda c: c.audio.transcriptions.create(model="whisper-1", file=("a.mp3", io.BytesIO(b"ID3"))),
        body({"text": "hi", "usage": {"type": "tokens", "input_tokens": 6, "output_tokens": 1}}),
        "audio.transcriptions",
        6,
    ),
    "moderations": (
        lambda c: c.moderations.create(input="hi"),
        body(MODERATION),
        "moderations",
        None,
    ),
    "files": (
        lambda c: c.files.create(file=("a.jsonl", b"{}"), purpose="batch"),
        body(FILE),
        "files:post",
        None,
    ),
    "batches": (
        lambda c: c.batches.create(
            input_file_id="file_1", endpoint="/v1/chat/completions", completion_window="24h"
        ),
        body(BATCH),
        "batches:post",
        None,
    ),
    "models": (
        lambda c: c.models.retrieve("gpt-5"),
        body({"id": "gpt-5", "object": "model", "created": 1, "owned_by": "openai"}),
        "models:get",
        None,
    ),
    "a path of one's own": (
        lambda c: c.post("/rerank", body={"model": "m"}, cast_to=object),
        body({"results": []}),
        "rerank",
        None,
    ),
}
ANTHROPIC = {
    "messages": (ask, body(anthropic_message()), "chat", 12),
    "beta messages": (
        lambda c: c.beta.messages.create(model="claude-sonnet-4-6", max_tokens=9, messages=HELLO),
        body(anthropic_message()),
        "chat",
        12,
    ),
    "count_tokens": (
        lambda c: c.messages.count_tokens(model="claude-sonnet-4-6", messages=HELLO),
        body({"input_tokens": 8}),
        "count_tokens",
        None,
    ),
    "batches": (
        lambda c: c.messages.batches.list(),
        body({"data": [], "has_more": False, "first_id": None, "last_id": None}),
        "messages.batches:get",
        None,
    ),
}
SURFACES = [
    pytest.param(sdk, row, id=f"{sdk} {name}")
    for sdk, table in (("openai", OPENAI), ("anthropic", ANTHROPIC))
    for name, row in table.items()
]


def drained(result):
    return list(result) if type(result).__name__ == "Stream" else result


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("sdk", "surface"), SURFACES)
def test_each_surface_is_one_event(sdk, surface, is_async, events):
    call, answer, operation, input_total = surface
    client = make_client(sdk, answer, is_async=is_async)
    if operation.startswith(("count_tokens", "messages.batches")) and not hasattr(client.messages, "batches"):
        pytest.skip("this version has it among its beta resources only")
    if is_async:
        asyncio.run(_awaited(call(client)))
    else:
        drained(call(client))
    (found,) = events.calls
    assert (found["operation"], found["ending"]) == (operation, "complete")
    assert found.get("tokens", {}).get("input_total") == input_total


async def _awaited(result):
    result = await result
    if type(result).__name__ == "AsyncStream":
        return [event async for event in result]
    return result


@pytest.mark.parametrize(
    ("kind", "provider"),
    [("azure", "azure.ai.openai"), ("bedrock", "aws.bedrock"), ("vertex", "gcp.vertex_ai")],
)
def test_clients_of_a_cloud_are_named_by_it(kind, provider, events):
    sdk = "openai" if kind == "azure" else "anthropic"
    ask(make_client(kind, plain(sdk)))
    (call,) = events.calls
    assert (call["provider"], call["tokens"]["input_total"]) == (provider, 12)


def test_a_foundry_client_is_named_by_its_cloud(events):
    anthropic = pytest.importorskip("anthropic")
    if not hasattr(anthropic, "AnthropicFoundry"):
        pytest.skip("this version has no Foundry client")
    from integration.loopback import Script
    from integration.sdks import transport_module
    from integration.transports import transports

    module = transport_module("anthropic")
    made = transports(module, Script(plain("anthropic")))
    client = anthropic.AnthropicFoundry(
        api_key="none", resource="res", http_client=module.Client(transport=made.sync, trust_env=False)
    )
    ask(client)
    assert [call["provider"] for call in events.calls] == ["azure.ai.inference"]


def test_the_module_level_client_is_observed(events, monkeypatch):
    import openai

    client = make_client("openai", plain("openai"))
    monkeypatch.setattr(openai, "api_key", "none")
    monkeypatch.setattr(openai, "http_client", client._client)
    monkeypatch.setattr(openai, "_client", None, raising=False)
    openai.chat.completions.create(model="gpt-4o-mini", messages=HELLO)
    importlib.import_module("openai")._reset_client()
    assert [call["tokens"]["input_total"] for call in events.calls] == [12]


def test_a_tool_runner_makes_an_event_of_each_of_its_calls(events):
    anthropic = pytest.importorskip("anthropic")
    client = make_client(
        "anthropic",
        body(
            anthropic_message(
                stop_reason="tool_use",
                content=[{"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Oslo"}}],
            )
        ),
        body(anthropic_message()),
    )
    if not hasattr(client.beta.messages, "tool_runner") or not hasattr(anthropic, "beta_tool"):
        pytest.skip("this version has no tool runner")

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """Say what the weather is in a city."""
        return f"rain in {city}"

    runner = client.beta.messages.tool_runner(
        model="claude-sonnet-4-6", max_tokens=99, messages=HELLO, tools=[weather]
    )
    runner.until_done()
    assert [call["finish_reasons"] for call in events.calls] == [["tool_use"], ["end_turn"]]
    assert [tool["name"] for tool in events.calls[0]["tool_calls"]] == ["weather"]


def test_what_a_polled_response_used_is_billed_once(events):
    queued = {**RESPONSE, "status": "queued", "usage": None}
    client = make_client("openai", body(queued), body(RESPONSE), body(RESPONSE))
    client.responses.create(model="gpt-5", input="hi", extra_body={"background": True})
    client.responses.retrieve("resp_7")
    client.responses.retrieve("resp_7")
    statuses = [call["cost"]["status"] for call in events.calls]
    assert statuses == ["not_billed", "exact", "not_billed"]
    assert events.calls[2]["is_usage_repeated"] is True


def test_a_background_response_of_another_process_is_billed_where_it_is_fetched(events):
    answer = {**RESPONSE, "background": True}
    client = make_client("openai", body(answer), body(answer))
    client.responses.retrieve("resp_7")
    client.responses.retrieve("resp_7")
    assert [call["cost"]["status"] for call in events.calls] == ["estimated", "not_billed"]
    assert [call.get("notes") for call in events.calls] == [["asked_elsewhere"], None]


def test_a_stored_completion_that_is_changed_is_not_billed_again(events):
    client = make_client("openai", plain("openai"), plain("openai"))
    if not hasattr(client.chat.completions, "update"):
        pytest.skip("this version cannot change a stored completion")
    made = ask(client)
    client.chat.completions.update(made.id, metadata={"rating": "good"})
    assert [call["cost"]["status"] for call in events.calls] == ["exact", "not_billed"]


def test_a_session_of_agents_that_is_changed_is_not_billed(events):
    session = {
        "id": "sesn_1",
        "type": "session",
        "status": "idle",
        "agent": {"id": "a", "type": "agent", "model": {"id": "claude-opus-4-8"}},
        "usage": {"input_tokens": 5000, "output_tokens": 300, "cache_read_input_tokens": 0},
    }
    client = make_client("anthropic", body(session))
    if not hasattr(client.beta, "sessions"):
        pytest.skip("this version has no sessions")
    client.beta.sessions.update("sesn_1", title="a")
    assert [call["cost"]["status"] for call in events.calls] == ["not_billed"]


def test_several_choices_tools_and_legacy_functions_are_all_seen(events):
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
    choices = [
        {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [call]}},
        {
            "index": 1,
            "finish_reason": "function_call",
            "message": {"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}},
        },
    ]
    ask(make_client("openai", body(openai_completion(choices=choices))), n=2)
    (found,) = events.calls
    assert found["finish_reasons"] == ["tool_calls", "function_call"]
    assert [(t["name"], t["arguments_bytes"]) for t in found["tool_calls"]] == [("add", 7), ("old", 2)]
    assert found["request"]["choice_count"] == 2


def with_middleware(middleware, *answers, **options):
    """An anthropic client whose attempts go through *middleware*."""
    anthropic = importlib.import_module("anthropic")
    if "middleware" not in anthropic.Anthropic.__init__.__annotations__:
        pytest.skip("this version has no middleware")
    return make_client("anthropic", *answers, middleware=[middleware], **options)


def test_a_middleware_that_passes_on_changes_nothing(events):
    client = with_middleware(lambda request, call_next: call_next(request), plain("anthropic"))
    ask(client)
    (call,) = events.calls
    assert (call["ending"], call["tokens"]["input_total"]) == ("complete", 12)


def test_an_answer_that_a_middleware_had_already_is_local_and_costs_nothing(events):
    kept = []

    def remember(request, call_next):
        if not kept:
            kept.append(call_next(request))
        return kept[0]

    client = with_middleware(remember, plain("anthropic"))
    assert ask(client) == ask(client)
    sent, local = events.calls
    assert (sent["ending"], local["ending"]) == ("complete", "local")
    assert (local["cost"]["status"], local["cost"]["total_usd"]) == ("not_billed", "0")


def test_a_failed_attempt_that_a_middleware_saw_is_a_retry(events):
    client = with_middleware(
        lambda request, call_next: call_next(request), failed(529), plain("anthropic"), max_retries=1
    )
    ask(client)
    assert [(call["status"], call["retries"]) for call in events.calls] == [(200, 1)]


def test_failed_attempts_that_a_middleware_saw_are_one_failed_call(events):
    client = with_middleware(
        lambda request, call_next: call_next(request), failed(529), failed(529), max_retries=1
    )
    with pytest.raises(importlib.import_module("anthropic").APIStatusError):
        ask(client)
    assert [(call["status"], call["retries"], call["ending"]) for call in events.calls] == [(529, 1, "error")]


def test_what_a_middleware_sends_after_the_call_returned_is_an_event(events):
    later = []

    def remember(request, call_next):
        later.append(lambda: call_next(request))
        return call_next(request)

    client = with_middleware(remember, plain("anthropic"), plain("anthropic", id="msg_8"))
    ask(client)
    later[0]()
    assert [call["response_id"] for call in events.calls] == ["msg_7", "msg_8"]


def test_what_a_middleware_sends_besides_is_an_event_below_the_call(events):
    def twice(request, call_next):
        call_next(request)
        return call_next(request)

    ask(with_middleware(twice, plain("anthropic"), plain("anthropic", id="msg_8")))
    first, second = events
    assert [event["llm_call"]["response_id"] for event in (first, second)] == ["msg_7", "msg_8"]
    assert second["parent_span_id"] == first["span_id"]
    assert second["llm_call"]["call_id"] == first["llm_call"]["call_id"]


def test_stream_helpers_are_one_event(events):
    client = make_client("anthropic", streamed("anthropic"))
    with client.messages.stream(model="claude-sonnet-4-6", max_tokens=9, messages=HELLO) as stream:
        stream.until_done()
    assert [call["ending"] for call in events.calls] == ["complete"]
