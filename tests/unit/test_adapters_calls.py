"""What a decoded call says beside its tokens: ending, error, ids, times, route, text; and who reads it."""

import sys
from types import ModuleType

import pytest

from exchanging import (
    JSON_TYPE,
    SSE_TYPE,
    anthropic_events,
    call_of,
    events_body,
    exchange,
    streamed,
)
from llm_observer import guard
from llm_observer.adapters import _registry, adapters, decode
from llm_observer.adapters.routes import OPERATIONS
from llm_observer.call import LLMCall
from llm_observer.decoded import Decoded
from llm_observer.wire import Options

CHUNK = {"id": "c1", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
LAST = {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {"id": "c1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 50}}
DOCUMENT = {"id": "c1", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
FAILED = {"error": {"type": "server_error", "code": None, "message": "x"}}
MESSAGE = {
    "id": "msg_1",
    "model": "claude-sonnet-5",
    "content": [{"type": "text", "text": "Hello there"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 5},
}

# Endings

CLOSINGS = ("end_of_body", "closed", "failed", "cancelled", "collected", "unread", "exit", "local")
ALWAYS_COMPLETE = dict.fromkeys(CLOSINGS, "complete") | {"local": "local"}
AS_CLOSED = {
    "end_of_body": "truncated",
    "closed": "closed_early",
    "failed": "error",
    "cancelled": "cancelled",
    "collected": "closed_early",
    "unread": "closed_early",
    "exit": "open_at_exit",
    "local": "local",
}
ALWAYS_ERROR = dict.fromkeys(CLOSINGS, "error") | {"cancelled": "cancelled", "local": "local"}
ENDINGS = {
    "a stream up to [DONE]": (streamed(events_body([CHUNK, LAST])), ALWAYS_COMPLETE),
    "a stream up to its finish reason": (
        streamed(events_body([CHUNK, LAST], is_done=False)),
        ALWAYS_COMPLETE,
    ),
    "a message up to its stop": (
        streamed(events_body(anthropic_events(MESSAGE), is_done=False), sdk="anthropic"),
        ALWAYS_COMPLETE,
    ),
    "half a stream": (streamed(events_body([CHUNK], is_done=False)), AS_CLOSED),
    "half a message": (
        streamed(events_body(list(anthropic_events(MESSAGE))[:-1], is_done=False), sdk="anthropic"),
        AS_CLOSED,
    ),
    "a stream of no bytes": (streamed(b""), AS_CLOSED),
    "a stream with an error in it": (streamed(events_body([CHUNK, FAILED], is_done=False)), ALWAYS_ERROR),
    "a document": (exchange(DOCUMENT), AS_CLOSED | {"end_of_body": "complete"}),
    "no bytes": (exchange(b""), AS_CLOSED | {"end_of_body": "complete"}),
    "an error": (exchange(FAILED, status=500), ALWAYS_ERROR),
    "an error without a body": (exchange(b"", status=503), ALWAYS_ERROR),
    "an error with status 200": (exchange(FAILED), ALWAYS_ERROR),
    "no answer at all": (
        exchange(b"", status=None, error_type="APIConnectionError", headers=[]),
        ALWAYS_ERROR,
    ),
}


@pytest.mark.parametrize("closing", CLOSINGS)
@pytest.mark.parametrize(("made", "endings"), ENDINGS.values(), ids=ENDINGS)
def test_the_bytes_say_how_an_answer_ended_and_else_how_its_reading_stopped(made, endings, closing):
    made.closing = closing
    assert call_of(made)["ending"] == endings[closing]


def test_a_whole_answer_that_the_sdk_could_not_parse_is_complete():
    call = call_of(exchange(DOCUMENT, error_type="APIResponseValidationError"))
    assert (call["ending"], call["error"]) == ("complete", {"exception": "APIResponseValidationError"})


# Errors

FORMS = {
    "openai": (
        {"error": {"type": "invalid_request_error", "code": "model_not_found", "message": "x"}},
        {"type": "invalid_request_error", "code": "model_not_found", "message_present": True},
    ),
    "anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
        {"type": "overloaded_error", "message_present": True},
    ),
    "a number as the code": (
        {"error": {"code": 429, "message": "x"}},
        {"code": "429", "message_present": True},
    ),
    "vLLM": (
        {"object": "error", "type": "BadRequestError", "code": 400, "message": "x"},
        {"type": "BadRequestError", "code": "400", "message_present": True},
    ),
    "a text with the code beside it": (
        {"error": "no such model", "code": "not_found"},
        {"code": "not_found", "message_present": True},
    ),
    "AWS": (
        {"__type": "ValidationException", "Message": "x"},
        {"type": "ValidationException", "message_present": True},
    ),
    "FastAPI": ({"detail": "Not Found"}, {"message_present": True}),
    "nothing said": ({}, {"message_present": False}),
    "a page": (b"<html>502</html>", {"message_present": False}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "error"), FORMS.values(), ids=FORMS)
def test_an_error_has_type_and_code_and_never_its_message(body, error):
    assert call_of(exchange(body, status=400))["error"] == error


def test_an_error_with_status_200_has_the_code_beside_it():
    call = call_of(exchange({"error": "no such model", "code": "not_found"}))
    assert call["error"] == {"code": "not_found", "message_present": True}


def test_an_error_of_aws_has_the_type_that_its_header_names():
    header = ("x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/coral/")
    call = call_of(exchange({"message": "x"}, status=429, headers=[JSON_TYPE, header]))
    assert call["error"] == {"type": "ThrottlingException", "message_present": True}


def test_an_error_names_the_exception_that_the_app_got():
    call = call_of(exchange(FAILED, status=500, error_type="InternalServerError"))
    assert call["error"]["exception"] == "InternalServerError"


# Ids of requests

IDS = {
    "openai": ("x-request-id", "apim-request-id", "x-amzn-requestid", "request-id"),
    "anthropic": ("request-id", "x-amzn-requestid", "x-request-id"),
}


@pytest.mark.parametrize(
    ("sdk", "best"), [(sdk, place) for sdk, names in IDS.items() for place in range(len(names))]
)
def test_the_best_header_names_the_request_whatever_their_order(sdk, best):
    names = IDS[sdk][best:]
    headers = [JSON_TYPE, *((name.title(), f"id of {name}") for name in reversed(names))]
    assert call_of(exchange({}, sdk=sdk, headers=headers))["request_id"] == f"id of {names[0]}"


def test_an_empty_header_names_no_request():
    headers = [("x-request-id", ""), ("request-id", "req_1")]
    assert call_of(exchange({}, headers=headers))["request_id"] == "req_1"


# Times

MS = 1_000_000
TIMES = {
    "duration_ns": 3000 * MS,
    "first_chunk_ns": 500 * MS,
    "last_chunk_ns": 3000 * MS,
    "largest_gap_ns": 1_234_567,
    "chunk_count": 9,
}


def test_a_stream_has_its_first_chunk_its_largest_gap_and_its_speed():
    timing = call_of(streamed(events_body([CHUNK, LAST, USAGE]), **TIMES))["timing"]
    assert timing == {
        "duration_ms": 3000,
        "time_to_first_chunk_ms": 500,
        "largest_gap_ms": 1.235,
        "chunk_count": 9,
        "output_tokens_per_second": 20,
    }


def test_an_answer_in_one_has_the_speed_of_all_its_time():
    made = exchange({**DOCUMENT, "usage": USAGE["usage"]}, **TIMES)
    assert call_of(made)["timing"] == {"duration_ms": 3000, "output_tokens_per_second": 16.667}


@pytest.mark.parametrize(
    ("body", "times"),
    [
        pytest.param([CHUNK, LAST], TIMES, id="no usage"),
        pytest.param([USAGE], {}, id="no times"),
        pytest.param([USAGE], TIMES | {"first_chunk_ns": 3000 * MS}, id="one chunk"),
    ],
)
def test_a_speed_that_cannot_be_known_is_absent(body, times):
    timing = call_of(streamed(events_body(body), **times)).get("timing", {})
    assert "output_tokens_per_second" not in timing


# Streams asked for


@pytest.mark.parametrize(
    ("request_body", "more", "asked"),
    [
        pytest.param({"stream": True}, {}, True, id="by the body"),
        pytest.param({"stream": False}, {"stream_requested": True}, False, id="the body knows best"),
        pytest.param({}, {}, None, id="not said"),
        pytest.param({}, {"stream_requested": True}, None, id="not said in what was sent"),
        pytest.param({"stream": "yes"}, {}, None, id="a wrong type"),
        pytest.param(None, {"request_state": "not_kept", "stream_requested": True}, True, id="of an upload"),
        pytest.param(None, {"request_state": "not_kept"}, None, id="an upload without"),
        pytest.param(
            {},
            {"url": "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/invoke-with-response-stream"},
            True,
            id="by the path",
        ),
    ],
)
def test_what_the_request_said_of_streaming_is_told(request_body, more, asked):
    made = exchange(DOCUMENT, request=request_body, **more)
    call = call_of(made)
    assert (call.get("stream_requested"), call["is_stream"]) == (asked, False)


# What is billed

BILLED = [
    ("POST", "/chat/completions", True),
    ("POST", "/responses", True),
    ("POST", "/embeddings", True),
    ("POST", "/v1/messages", True),
    ("POST", "/images/generations", True),
    ("GET", "/responses/resp_1", False),
    ("GET", "/chat/completions/c_1", False),
    ("GET", "/threads/t_1/runs/r_1", False),
    ("POST", "/v1/messages/count_tokens", False),
    ("POST", "/responses/input_tokens", False),
    ("POST", "/batches", False),
    ("POST", "/v1/messages/batches", False),
    ("POST", "/fine_tuning/jobs", False),
    ("POST", "/evals", False),
    ("GET", "/organization/usage/completions", False),
    ("DELETE", "/responses/resp_1", False),
]


@pytest.mark.parametrize(("method", "route", "is_billed"), BILLED)
def test_what_is_fetched_again_counted_or_summed_up_is_not_billed_by_itself(method, route, is_billed):
    made = exchange({}, route=route, options=Options(method=method, route=route))
    assert decode(made).bills_separately is is_billed


OBJECTS = [
    ("/chat/completions/chatcmpl-1", "chatcmpl-1", False),
    ("/v1/sessions/sesn_1?beta=true", "sesn_1", False),
    ("/threads/thread_1/runs/run_1", "run_1", False),
    ("/responses/a%2Fb", "a/b", False),
    ("/threads/thread_1/runs", "run_1", True),
    ("/threads/thread_1/runs/run_1/submit_tool_outputs", "run_1", True),
    ("/videos/video_1/remix", "video_2", True),
    ("/images/edits", None, True),
    ("/conversations/conv_1", "msg_1", True),  # Mistral's: it goes on
    ("/serving-endpoints/llama/invocations", "chatcmpl-1", True),
    ("/models/gpt2", None, True),
    ("/ocr", "ocr-1", True),
]
"""Paths of POSTs with the id of the answer, and whether it is a new one."""


@pytest.mark.parametrize(("route", "given", "is_billed"), OBJECTS)
def test_an_object_that_is_changed_by_its_id_is_not_billed_again(route, given, is_billed):
    made = exchange({**USAGE, "id": given}, route=route)
    assert decode(made).bills_separately is is_billed


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.openai.azure.com/openai/deployments/chatcmpl-1/chat/completions",
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/chatcmpl-1/invoke",
        "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/x/models/chatcmpl-1:rawPredict",
    ],
)
def test_a_model_in_the_path_is_no_object_that_is_changed(url):
    assert decode(exchange({**USAGE, "id": "chatcmpl-1"}, url=url)).bills_separately is True


@pytest.mark.parametrize(
    ("method", "is_background", "is_late"),
    [("GET", True, True), ("GET", False, False), ("POST", True, False)],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_background_response_that_is_fetched_comes_late(method, is_background, is_late, is_stream):
    usage = {"input_tokens": 3, "output_tokens": 5}
    response = {"id": "resp_1", "object": "response", "background": is_background, "usage": usage}
    how = {"route": "/responses/resp_1", "options": Options(method=method, route="/responses/resp_1")}
    events = [{"type": "response.completed", "response": response}]
    made = streamed(events_body(events, named=True), **how) if is_stream else exchange(response, **how)
    assert decode(made).is_late is is_late


@pytest.mark.parametrize("route", ["/v1/messages/count_tokens", "/responses/input_tokens"])
def test_a_count_of_tokens_uses_none(route):
    made = exchange({"input_tokens": 9, "usage": {"input_tokens": 9}}, route=route)
    assert "tokens" not in call_of(made)


@pytest.mark.parametrize("route", ["/files/f_1/content", "/containers/c_1/files/f_1/content"])
def test_a_file_that_is_fetched_is_not_read(route):
    options = Options(method="GET", route=route)
    body = {"id": "c1", "model": "m", "usage": {"prompt_tokens": 5}}
    call = call_of(exchange(body, options=options, route=route))
    assert call.keys().isdisjoint({"tokens", "response_id", "model_responded"})


# Routes


def concrete(row):
    return row.replace("{id}", "abc_123")


@pytest.mark.parametrize(("row", "operation"), OPERATIONS.items())
@pytest.mark.parametrize("prefix", ["", "/v1", "/openai/deployments/my-gpt", "/api/v2"])
def test_each_known_path_is_its_operation(row, operation, prefix):
    route = f"{prefix}/{concrete(row)}"
    call = call_of(exchange({}, url=f"https://x.example{route}?api-version=1", route=route))
    assert call["operation"] == operation


PATHS = {
    ("GET", "/chat/completions/chatcmpl-9"): ("chat.completions:get", "/chat/completions/{id}"),
    ("POST", "/chat/completions/chatcmpl-9"): ("chat.completions:post", "/chat/completions/{id}"),
    ("POST", "/threads/th_1/runs"): ("threads.runs", "/threads/{id}/runs"),
    ("GET", "/files" * 50): (f"{'.'.join(['files'] * 50)}:get", ("/files" * 50)[:200]),
    ("POST", "/threads/th_1/messages"): ("threads.messages:post", "/threads/{id}/messages"),
    ("POST", "/responses/resp_1/cancel"): ("responses.cancel:post", "/responses/{id}/cancel"),
    ("GET", "/v1/models/gpt-5"): ("models:get", "/v1/models/{id}"),
    ("DELETE", "/files/file-1"): ("files:delete", "/files/{id}"),
    ("GET", "/vector_stores/vs_1/files/f_1"): (
        "vector_stores.files:get",
        "/vector_stores/{id}/files/{id}",
    ),
    ("POST", "/custom/alice@example.com/do"): ("unknown:post", "/{id}/{id}/{id}"),
    ("GET", "/v2alice/models"): ("models:get", "/{id}/models"),
    ("GET", "/v12345678/models"): ("models:get", "/{id}/models"),
    ("GET", "/v1beta1/models"): ("models:get", "/v1beta1/models"),
    ("GET", ""): ("unknown:get", None),
}


@pytest.mark.parametrize(("sent", "told"), PATHS.items(), ids=lambda value: " ".join(map(str, value)))
def test_any_other_path_is_its_nouns_and_its_ids_are_left_out(sent, told):
    method, route = sent
    url = f"https://api.openai.com{route}?key=secret"
    call = call_of(exchange({}, url=url, options=Options(method=method, route=route)))
    assert (call["operation"], call.get("route")) == told


BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com"
VERTEX = "https://us-east5-aiplatform.googleapis.com/v1/projects/corp/locations/us-east5"
CLOUDS = {
    "azure": (
        "https://corp.openai.azure.com/openai/deployments/my-gpt/chat/completions?api-version=2025-01-01",
        ("openai", "azure.ai.openai", "chat", "my-gpt", "/openai/deployments/{id}/chat/completions"),
    ),
    "bedrock": (
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-sonnet-5%3A0/invoke",
        ("bedrock_invoke", "aws.bedrock", "invoke", "us.anthropic.claude-sonnet-5:0", "/model/{id}/invoke"),
    ),
    "bedrock by ARN": (
        f"{BEDROCK}/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fanthropic.x/invoke",
        (
            "bedrock_invoke",
            "aws.bedrock",
            "invoke",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/anthropic.x",
            "/model/{id}/invoke",
        ),
    ),
    "vertex": (
        f"{VERTEX}/publishers/anthropic/models/claude-sonnet-5@20260101:streamRawPredict",
        (
            "anthropic",
            "gcp.vertex_ai",
            "chat",
            "claude-sonnet-5@20260101",
            "/v1/projects/{id}/{id}/{id}/{id}/anthropic/models/{id}",
        ),
    ),
    "a double slash": (
        "https://api.anthropic.com//v1/messages?beta=true",
        ("anthropic", "anthropic", "chat", None, "/v1/messages"),
    ),
    "Anthropic as OpenAI": (
        "https://api.anthropic.com/v1/chat/completions",
        ("openai", "anthropic", "chat", None, "/v1/chat/completions"),
    ),
}


@pytest.mark.parametrize(("url", "told"), CLOUDS.values(), ids=CLOUDS)
def test_a_recorded_url_of_a_cloud_says_wire_provider_operation_and_model(url, told):
    made = exchange({}, url=url, options=Options(method="POST", route=""))
    made.sdk = ""
    call = call_of(made)
    names = ("wire", "provider", "operation", "model_requested", "route")
    assert tuple(call.get(name) for name in names) == told


def test_the_model_in_the_body_goes_before_the_one_in_the_path():
    url = CLOUDS["azure"][0]
    assert call_of(exchange({}, url=url, request={"model": "gpt-5"}))["model_requested"] == "gpt-5"
    assert call_of(exchange({}, url=url, request={}))["model_requested"] == "my-gpt"


def test_a_host_that_names_a_customer_is_hashed_only():
    made = exchange({}, url=CLOUDS["azure"][0])
    assert decode(made).to_hash == {"host": "corp.openai.azure.com"}
    assert "corp" not in repr(call_of(made))


INVOKED = f"{BEDROCK}/model/anthropic.claude-sonnet-5/invoke"
COUNTS = [("x-amzn-bedrock-input-token-count", "12"), ("x-amzn-bedrock-output-token-count", "7")]


def test_the_counts_in_headers_of_bedrock_are_the_usage_where_the_answer_says_none():
    tokens = call_of(exchange({}, sdk="anthropic", url=INVOKED, headers=COUNTS))["tokens"]
    assert (tokens["input_reported"], tokens["output"]) == (12, 7)
    assert "input_uncached" not in tokens
    said = call_of(exchange(MESSAGE, sdk="anthropic", url=INVOKED, headers=COUNTS))["tokens"]
    assert (said["input_reported"], said["output"]) == (10, 5)
    elsewhere = call_of(exchange({}, sdk="anthropic", headers=COUNTS))
    assert "tokens" not in elsewhere


@pytest.mark.parametrize("value", ["-1", "1.5", "", "²", "9" * 16, "9" * 5000])
def test_a_header_that_is_no_count_is_unknown(value):
    headers = [("x-amzn-bedrock-input-token-count", value)]
    assert "tokens" not in call_of(exchange({}, sdk="anthropic", url=INVOKED, headers=headers))


# Content

QUESTION = {"messages": [{"role": "user", "content": "CANARY-IN"}, {"role": "assistant", "content": "a"}]}
ANSWERS = {
    "chat": exchange(
        {"choices": [{"message": {"content": "CANARY-OUT", "tool_calls": []}}]}, request=QUESTION
    ),
    "streamed chat": streamed(
        events_body([{"choices": [{"index": 0, "delta": {"content": one}}]} for one in ("CANARY", "-OUT")]),
        request=QUESTION,
    ),
    "message": exchange(
        {"content": [{"type": "text", "text": "CANARY-OUT"}]}, sdk="anthropic", request=QUESTION
    ),
    "streamed message": streamed(
        events_body(anthropic_events({**MESSAGE, "content": [{"type": "text", "text": "CANARY-OUT"}]})),
        sdk="anthropic",
        request=QUESTION,
    ),
    "response": exchange(
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": "CANARY-OUT"}]}]},
        route="/responses",
        request={"input": "CANARY-IN"},
    ),
}


@pytest.mark.parametrize("made", ANSWERS.values(), ids=ANSWERS)
def test_text_is_read_only_if_it_is_asked_for(made):
    content = decode(made, with_content=True).content
    assert (content.input, content.output) == ("CANARY-IN", "CANARY-OUT")
    without = decode(made)
    assert without.content is None
    assert "CANARY" not in repr(without.call)
    assert "CANARY" not in repr(without.to_hash)


# Adapters of other packages


class OfAnother:
    """An adapter as another package brings it."""

    wire = "quill"

    def accepts(self, made):
        return "quill.example" in made.url

    def decode(self, made, *, with_content=False):
        return Decoded(call=LLMCall(provider="quill", wire=self.wire, operation=f"chat {with_content}"))


class Broken(OfAnother):
    """One that raises whatever it is asked."""

    def accepts(self, made):
        raise KeyError(made.url)


class BrokenLater(OfAnother):
    """One that raises when it decodes."""

    def decode(self, made, *, with_content=False):
        raise KeyError(made.url)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """`install(name=adapter)`: an installed package whose entry points name the adapters."""

    def put(**brought):
        module = ModuleType("quill_adapters")
        vars(module).update(brought)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        folder = tmp_path / "quill-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: quill\nVersion: 1.0\n", "utf-8")
        lines = "".join(f"{name} = quill_adapters:{name}\n" for name in [*brought, "missing"])
        (folder / "entry_points.txt").write_text(f"[llm_observer.adapters]\n{lines}", "utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        _registry._brought.cache_clear()
        guard.strict(False)

    _registry._brought.cache_clear()
    yield put
    _registry._brought.cache_clear()


QUILL = "https://quill.example/v9/ask"


def test_an_adapter_of_another_package_is_asked_first(install):
    install(quill=OfAnother())
    assert [one.wire for one in adapters()] == ["quill", "anthropic", "openai"]
    call = decode(exchange(DOCUMENT, url=QUILL), with_content=True).call
    assert (call.provider, call.wire, call.operation) == ("quill", "quill", "chat True")
    assert call_of(exchange(DOCUMENT))["wire"] == "openai"


@pytest.mark.parametrize(
    "broken", [Broken(), BrokenLater(), object()], ids=["asked", "decoding", "no adapter"]
)
def test_an_adapter_of_another_package_that_fails_is_counted_and_passed_over(install, broken):
    install(broken=broken)
    before = sum(guard.caught().values())
    call = call_of(exchange(DOCUMENT, url=QUILL))
    assert (call["wire"], call["response_id"]) == ("openai", "c1")
    assert sum(guard.caught().values()) >= before + 2, "one that cannot be loaded, and one that fails"


@pytest.mark.parametrize(
    ("made", "wire"),
    [
        pytest.param(exchange({}, sdk="anthropic", url=QUILL), "anthropic", id="the SDK says so"),
        pytest.param(exchange({}, route="/v1/messages"), "openai", id="whatever the path is"),
        pytest.param(
            exchange({}, sdk="anthropic", headers=[SSE_TYPE]), "anthropic", id="whatever the answer is"
        ),
    ],
)
def test_the_sdk_that_made_the_call_says_the_wire(made, wire):
    assert call_of(made)["wire"] == wire
