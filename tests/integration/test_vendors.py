"""One `patch()` also observes vendors whose SDKs have the same base client: call, stream, async, error.

Each vendor's released package calls its own address, and reaches a server on this machine. What is not
installed is skipped; `scripts/sdk_matrix.py --sets vendors vendors-floor` installs them all.
"""

import asyncio
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

import llm_observer
from integration.exchanges import (
    HELLO,
    OPENAI_USAGE,
    anthropic_message,
    failed,
    openai_completion,
    openai_stream,
)
from integration.loopback import Loopback, json_answer, sse_answer
from llm_observer.capture.targets import VENDORS as TARGETS

GROQ_USAGE = {
    **OPENAI_USAGE,
    "queue_time": 0.019,
    "prompt_time": 0.001,
    "completion_time": 0.02,
    "total_time": 0.021,
}


def completions(client, **options):
    return client.chat.completions.create(messages=HELLO, **options)


def chat(client, **options):
    return client.chat.chat(messages=HELLO, **options)


class Vendor(NamedTuple):
    """client: class, with an `Async` one beside it. listed: genai-prices' id, where it knows the model.

    extra: what the vendor's own answers have beside OpenAI's. stream: pieces of its streams.
    """

    client: str
    provider: str
    model: str
    listed: str | None = None
    call: Callable[..., Any] = completions
    options: Mapping[str, Any] = {"api_key": "none", "max_retries": 0}
    extra: Mapping[str, Any] = {}
    stream: tuple[bytes, ...] = openai_stream()


def chunk(**fields):
    return (
        b"data: "
        + json.dumps({"id": "chatcmpl-7", "object": "chat.completion.chunk", **fields}).encode()
        + b"\n\n"
    )


def groq_stream():
    """The usage lies in the last chunk's `x_groq` (groq 1.7.0, types/chat/chat_completion_chunk.py)."""
    *chunks, done = openai_stream(with_usage=False)
    usage = chunk(choices=[], x_groq={"id": "req_7", "usage": GROQ_USAGE})
    return (*chunks, usage, done)


COLD = {"api_key": "none", "max_retries": 0, "warm_tcp_connection": False}
VENDORS = {
    "groq": Vendor(
        "Groq",
        "groq",
        "llama-3.3-70b-versatile",
        "groq",
        extra={"usage": GROQ_USAGE, "x_groq": {"id": "req_7"}},
        stream=groq_stream(),
    ),
    "together": Vendor("Together", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "together"),
    "cerebras.cloud.sdk": Vendor(
        "Cerebras",
        "cerebras",
        "gpt-oss-120b",
        "cerebras",
        options=COLD,
        extra={"time_info": {"queue_time": 0.1, "total_time": 0.2, "created": 1}},
    ),
    "fireworks": Vendor("Fireworks", "fireworks", "accounts/fireworks/models/gpt-oss-120b", "fireworks"),
    "writerai": Vendor("Writer", "writer", "palmyra-x5", call=chat),
    "sambanova": Vendor("SambaNova", "sambanova", "Meta-Llama-3.3-70B-Instruct"),
    "perplexity": Vendor("Perplexity", "perplexity", "sonar", "perplexity"),
    "portkey_ai": Vendor("Portkey", "portkey", "gpt-4o-mini", "openai", options={"api_key": "none"}),
}


@pytest.fixture(params=TARGETS, ids=lambda target: target.sdk)
def target(request):
    pytest.importorskip(request.param.module)
    return request.param


@pytest.fixture
def vendor(target):
    return VENDORS[target.sdk]


def client_of(target, server, *, is_async=False):
    """A client of the vendor's own address, whose connections go to *server*."""
    vendor, httpx = VENDORS[target.sdk], importlib.import_module(target.module).httpx

    def here(request):
        url = httpx.URL(server.url).copy_with(raw_path=request.url.raw_path)
        return httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )

    class Sync(httpx.HTTPTransport):
        def handle_request(self, request):
            return super().handle_request(here(request))

    class Async(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            return await super().handle_async_request(here(request))

    http = httpx.AsyncClient(transport=Async()) if is_async else httpx.Client(transport=Sync())
    name = f"Async{vendor.client}" if is_async else vendor.client
    return getattr(importlib.import_module(target.sdk), name)(http_client=http, **vendor.options)


def whole(vendor):
    body = openai_completion(model=vendor.model, **vendor.extra)
    return json_answer(json.dumps(body).encode(), headers=(("x-request-id", "req_7"),))


def pieces(vendor):
    model = json.dumps(vendor.model).encode()
    return sse_answer(*(piece.replace(b'"gpt-4o-mini-2024-07-18"', model) for piece in vendor.stream))


def price_of(vendor):
    """What genai-prices says of the tokens alone, None where it does not know the model.

    Perplexity's price by request depends on a search setting that no answer tells.
    """
    if vendor.listed is None:
        return None
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=12, cache_read_tokens=4, output_tokens=5)
    found = calc_price(
        usage, vendor.model, provider_id=vendor.listed, genai_request_timestamp=datetime.now(UTC)
    )
    return found.input_price + found.output_price


def is_as_sent(call, target, *, is_stream):
    """The event says who was called, for how many tokens, and at which price."""
    vendor = VENDORS[target.sdk]
    assert (call["sdk"], call["provider"], call["operation"]) == (target.sdk, vendor.provider, "chat")
    assert call["sdk_version"]
    assert (call["model_requested"], call["model_responded"]) == (vendor.model, vendor.model)
    assert (call["is_stream"], call["ending"], call["status"]) == (is_stream, "complete", 200)
    assert (call["tokens"]["input_reported"], call["tokens"]["output"]) == (12, 5)
    assert call["call_site"]["file"].endswith("test_vendors.py")
    price = price_of(vendor)
    if price is None:
        assert call["cost"]["status"] == "unknown_model"
    else:
        assert Decimal(call["cost"]["total_usd"]) == price
    return True


def test_every_vendor_that_is_hooked_is_tested_here():
    assert VENDORS.keys() == {target.sdk for target in TARGETS}


def test_a_call_is_one_priced_event(target, vendor, events):
    with Loopback(whole(vendor)) as server, client_of(target, server) as client:
        vendor.call(client, model=vendor.model)
        (call,) = events.calls
        assert is_as_sent(call, target, is_stream=False)
        assert len(server.requests) == 1


def test_a_stream_is_one_priced_event(target, vendor, events):
    with Loopback(pieces(vendor)) as server, client_of(target, server) as client:
        assert list(vendor.call(client, model=vendor.model, stream=True))
        (call,) = events.calls
        assert is_as_sent(call, target, is_stream=True)


def test_an_async_call_is_one_priced_event(target, vendor, events):
    async def run(server):
        async with client_of(target, server, is_async=True) as client:
            await vendor.call(client, model=vendor.model)

    with Loopback(whole(vendor)) as server:
        asyncio.run(run(server))
    (call,) = events.calls
    assert is_as_sent(call, target, is_stream=False)


def test_an_async_stream_is_one_priced_event(target, vendor, events):
    async def run(server):
        async with client_of(target, server, is_async=True) as client:
            stream = await vendor.call(client, model=vendor.model, stream=True)
            return [item async for item in stream]

    with Loopback(pieces(vendor)) as server:
        assert asyncio.run(run(server))
    (call,) = events.calls
    assert is_as_sent(call, target, is_stream=True)


def test_an_error_reaches_the_app_and_is_one_event(target, vendor, events):
    errors = importlib.import_module(target.module.replace("_base_client", "_exceptions"))
    with Loopback(failed(400)) as server, client_of(target, server) as client:
        with pytest.raises(errors.BadRequestError):
            vendor.call(client, model=vendor.model)
        (call,) = events.calls
        assert (call["status"], call["ending"], call["error"]["type"]) == (
            400,
            "error",
            "invalid_request_error",
        )
        assert (call["provider"], call["cost"]["status"]) == (vendor.provider, "not_billed")


def test_the_app_gets_the_same_with_and_without_us(target, vendor, unpatched):
    with Loopback(whole(vendor)) as server, client_of(target, server) as client:
        before = vendor.call(client, model=vendor.model)
        unpatched.patch()
        after = vendor.call(client, model=vendor.model)
    assert (type(after), after) == (type(before), before)


def test_unpatching_puts_the_vendors_functions_back(target, unpatched):
    def functions():
        owners = [getattr(importlib.import_module(target.module), name) for name in target.clients]
        return [(name, id(value)) for owner in owners for name, value in vars(owner).items()]

    before = functions()
    unpatched.patch()
    assert functions() != before
    llm_observer.unpatch()
    assert functions() == before


def test_groqs_times_are_kept_with_its_tokens(events):
    target = next(one for one in TARGETS if one.sdk == "groq")
    pytest.importorskip(target.module)
    vendor = VENDORS["groq"]
    with Loopback(whole(vendor), pieces(vendor)) as server, client_of(target, server) as client:
        vendor.call(client, model=vendor.model)
        list(vendor.call(client, model=vendor.model, stream=True))
    assert [call["usage"]["queue_time"] for call in events.calls] == [0.019, 0.019]


@pytest.mark.parametrize("sdk", ["fireworks", "sambanova"])
def test_a_vendor_that_speaks_anthropics_wire_too_is_read_as_such(sdk, events):
    target = next(one for one in TARGETS if one.sdk == sdk)
    pytest.importorskip(target.module)
    body = json.dumps(anthropic_message(model=VENDORS[sdk].model)).encode()
    with Loopback(json_answer(body)) as server, client_of(target, server) as client:
        if not hasattr(client, "messages"):
            pytest.skip("this version has no messages")
        client.messages.create(model=VENDORS[sdk].model, messages=HELLO, max_tokens=64)
    (call,) = events.calls
    assert (call["wire"], call["operation"], call["provider"]) == ("anthropic", "chat", VENDORS[sdk].provider)
    assert (call["tokens"]["input_total"], call["tokens"]["cache_read"]) == (12, 4)


def test_no_vendor_is_imported_that_the_app_does_not_use():
    roots = sorted({target.module.partition(".")[0] for target in TARGETS})
    program = (
        "import llm_observer, sys\n"
        "report = llm_observer.patch()\n"
        "import openai\n"
        f"assert not set({roots}) & set(sys.modules)\n"
        "print(sorted(hook.sdk for hook in report.hooks))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "['anthropic', 'openai']\n", done.stderr


def test_a_vendor_imported_later_is_observed_and_named(target, tmp_path):
    program = (
        "import llm_observer\n"
        "llm_observer.patch()\n"
        f"import {target.module}\n"
        f"print(llm_observer.stats()['hooks']['{target.sdk}'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "placed\n", done.stderr


def test_the_doctor_names_a_vendor_that_is_installed(target):
    from llm_observer.cli._diagnosis import diagnose
    from llm_observer.config import load

    found = {sdk.name: sdk for sdk in diagnose(load({})).sdks}
    assert (found[target.sdk].state, found[target.sdk].reason) == ("observable", None)
    assert found[target.sdk].version


def test_the_doctor_leaves_out_another_package_of_a_vendors_name(tmp_path, monkeypatch):
    from llm_observer.cli._diagnosis import diagnose
    from llm_observer.config import load

    (tmp_path / "fireworks").mkdir()
    (tmp_path / "fireworks" / "__init__.py").touch()
    for name in [name for name in sys.modules if name.partition(".")[0] == "fireworks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "fireworks" not in {sdk.name for sdk in diagnose(load({})).sdks}
