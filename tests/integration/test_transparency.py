"""The app must not notice: same objects, same types, same exceptions, same arguments, no line of ours.

Tests are named after what users of such libraries suffer from.
"""

import asyncio
import contextlib
import copy
import gc
import importlib
import inspect
import logging
import pickle
import subprocess
import sys
import threading
import traceback
import weakref

import pytest

import llm_observer
from integration.exchanges import HELLO, anthropic_message, ask, failed, openai_completion, plain, streamed
from integration.loopback import Loopback, encoded, json_answer
from integration.sdks import client_on, make_client, real_client, sdk_version, transport_module

SDKS = ("openai", "anthropic")


def raw_of(client):
    """The same call on the raw-response surface."""
    return (client.chat.completions if hasattr(client, "chat") else client.messages).with_raw_response


def streaming_of(client):
    return (client.chat.completions if hasattr(client, "chat") else client.messages).with_streaming_response


def arguments(client, **more):
    if hasattr(client, "chat"):
        return {"model": "gpt-4o-mini", "messages": HELLO, **more}
    return {"model": "claude-sonnet-4-6", "messages": HELLO, "max_tokens": 64, **more}


def test_raw_response_create_does_not_crash_and_is_decoded_without_parse(sdk, events):
    client = make_client(sdk, plain(sdk))
    raw = raw_of(client).create(**arguments(client))
    assert type(raw).__module__.startswith(sdk)
    assert raw.headers["x-request-id"] == "req_7"
    assert events.calls[0]["tokens"]["input_total"] == 12
    assert raw.parse().id in {"chatcmpl-7", "msg_7"}
    assert len(events) == 1


@pytest.mark.parametrize("read", ["parse", "read", "json", "text", "iter_bytes", "iter_lines", "nothing"])
def test_streaming_response_may_be_read_in_any_way_or_not_at_all(sdk, read, events):
    client = make_client(sdk, plain(sdk))
    with streaming_of(client).create(**arguments(client)) as response:
        if read.startswith("iter"):
            assert list(getattr(response, read)())
        elif read != "nothing":
            assert getattr(response, read)()
    gc.collect()
    endings = [call["ending"] for call in events.calls]
    assert endings == (["closed_early"] if read == "nothing" else ["complete"])


def test_a_stream_is_the_sdks_own_type_and_keeps_its_protocol(sdk, events):
    module = importlib.import_module(sdk)
    stream = ask(make_client(sdk, streamed(sdk)), stream=True)
    assert type(stream) is module.Stream
    with stream as opened:
        assert opened is stream
        assert next(stream) is not None
        assert stream.response.status_code == 200
    assert len(events) == 1


def test_an_async_stream_is_the_sdks_own_type(sdk, events):
    module = importlib.import_module(sdk)

    async def main():
        stream = await ask(make_client(sdk, streamed(sdk), is_async=True), stream=True)
        assert type(stream) is module.AsyncStream
        async with stream as opened:
            return [chunk async for chunk in opened]

    assert len(asyncio.run(main())) > 3
    assert [call["ending"] for call in events.calls] == ["complete"]


def test_messages_stream_keeps_every_helper(events):
    client = make_client("anthropic", streamed("anthropic"))
    with client.messages.stream(**arguments(client)) as stream:
        assert "".join(stream.text_stream) == "w0 w1 w2 w3 w4 "
        assert stream.get_final_message().id == "msg_7"
        assert stream.get_final_text() == "w0 w1 w2 w3 w4 "
    with client.messages.stream(**arguments(client)) as stream:
        stream.until_done()
        stream.close()
    assert [call["ending"] for call in events.calls] == ["complete", "complete"]


def test_chat_completions_stream_helper_works(events):
    client = make_client("openai", streamed("openai"))
    helper = getattr(client.chat.completions, "stream", None) or client.beta.chat.completions.stream
    with helper(**arguments(client)) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().id == "chatcmpl-7"
    assert [call["tokens"]["output"] for call in events.calls] == [5]


def test_a_status_error_is_the_sdks_own_with_the_users_frames(sdk, events):
    module = importlib.import_module(sdk)
    client = make_client(sdk, failed(400))

    def users_function():
        return ask(client)

    with pytest.raises(module.BadRequestError) as caught:
        users_function()
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "users_function" in names
    assert caught.value.response.status_code == 400
    assert caught.value.__cause__ is None
    (call,) = events.calls
    assert (call["status"], call["ending"]) == (400, "error")
    assert call["error"]["exception"] == "BadRequestError"
    assert call["cost"]["status"] == "not_billed"


def test_a_connection_error_is_the_sdks_own_and_one_event(sdk, events):
    with Loopback(json_answer(b"{}")) as gone:
        url = gone.url
    client = real_client(sdk, base_url=url)
    with pytest.raises(sys.modules[sdk].APIConnectionError):
        ask(client)
    client.close()
    (call,) = events.calls
    assert (call.get("status"), call["ending"], call["error"]["exception"]) == (
        None,
        "error",
        "APIConnectionError",
    )


def test_retries_are_seen_once_with_their_number(sdk, events):
    answers = [failed(500, headers=(("retry-after-ms", "1"),))] * 2
    client = make_client(sdk, *answers, plain(sdk), max_retries=2)
    ask(client)
    (call,) = events.calls
    assert (call["retries"], call["status"], call["ending"]) == (2, 200, "complete")


def test_retries_that_all_fail_are_one_failed_call(sdk, events):
    client = make_client(sdk, failed(503, headers=(("retry-after-ms", "1"),)), max_retries=2)
    with pytest.raises(sys.modules[sdk].InternalServerError):
        ask(client)
    (call,) = events.calls
    assert (call["retries"], call["status"]) == (2, 503)


def test_the_apps_arguments_are_not_changed(sdk, events):
    client = make_client(sdk, plain(sdk))
    given = arguments(client, tools=None) if sdk == "never" else arguments(client)
    before = copy.deepcopy(given)
    raw_of(client).create(**given)
    assert given == before
    assert len(events) == 1


def test_a_generator_of_messages_is_left_for_the_sdk(events):
    """The app's own iterator reaches the SDK unread: what was sent is taken from the wire."""
    if sdk_version("anthropic") < (1, 0):
        pytest.skip("this SDK takes no iterators")
    received = []

    def respond(request):
        received.append(request.body)
        return plain("anthropic")

    client = make_client("anthropic", respond)
    client.messages.create(model="claude-sonnet-4-6", max_tokens=8, messages=(m for m in HELLO))
    assert b'"hello"' in received[0]
    assert events.calls[0]["request"]["message_count"] == 1


def test_no_sentinel_leaks_into_an_event(sdk, events):
    ask(make_client(sdk, plain(sdk)))
    assert not any(word in str(list(events)) for word in ("NOT_GIVEN", "NotGiven", "Omit", "omit object"))


def test_signatures_and_inspect_see_the_original(sdk, events):
    module = importlib.import_module(f"{sdk}._base_client")
    for name in ("SyncAPIClient", "AsyncAPIClient"):
        owner = getattr(module, name)
        for method in ("request", "_process_response"):
            placed = getattr(owner, method)
            assert inspect.signature(placed) == inspect.signature(placed.__wrapped__)
            assert inspect.iscoroutinefunction(placed) == name.startswith("Async")
            assert (placed.__name__, placed.__doc__) == (method, placed.__wrapped__.__doc__)
    assert len(events) == 0


def test_clients_can_be_copied_and_subclassed_as_before(sdk, events):
    client = make_client(sdk, plain(sdk))
    assert ask(client.with_options(timeout=5)).id
    assert ask(copy.copy(client)).id

    class Mine(type(client)):
        def request(self, *args, **kwargs):
            return super().request(*args, **kwargs)

    mine = Mine(api_key="k", http_client=client._client)
    assert ask(mine).id
    assert [call["client"] for call in events.calls] == [type(client).__name__] * 2 + ["Mine"]


def test_answers_can_be_pickled_as_before(sdk, events):
    answer = ask(make_client(sdk, plain(sdk)))
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert len(events) == 1


def test_many_threads_and_two_clients_do_not_mix(events):
    clients = {
        "openai": make_client("openai", plain("openai")),
        "anthropic": make_client("anthropic", plain("anthropic")),
    }

    def work(n):
        with llm_observer.observe(n=n):
            ask(clients[SDKS[n % 2]])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = {event["attributes"]["n"]: event["llm_call"]["sdk"] for event in events}
    assert got == {n: SDKS[n % 2] for n in range(40)}


def test_a_call_inside_a_call_is_its_child(events):
    inner = make_client("anthropic", plain("anthropic"))

    def respond(_received):
        ask(inner)
        return plain("openai")

    ask(make_client("openai", respond))
    child, parent = list(events)
    assert (child["parent_span_id"], child["trace_id"]) == (parent["span_id"], parent["trace_id"])
    assert parent["llm_call"]["sdk"] == "openai"


def test_the_call_site_is_the_apps_own_line(sdk, events):
    client = make_client(sdk, plain(sdk))
    line = inspect.currentframe().f_lineno + 1
    ask(client)
    site = events.calls[0]["call_site"]
    assert site["file"].endswith("exchanges.py")
    assert site["function"] == "ask"
    raw_of(client).create(**arguments(client))
    site = events.calls[1]["call_site"]
    assert (site["file"].rpartition("/")[2], site["line"]) == ("test_transparency.py", line + 4)


def test_a_task_of_its_own_has_no_call_site_rather_than_a_wrong_one(events):
    async def main():
        client = make_client("openai", plain("openai"), is_async=True)
        await asyncio.create_task(client.chat.completions.create(**arguments(client)))

    asyncio.run(main())
    assert "call_site" not in events.calls[0]


def test_a_missing_target_warns_once_and_leaves_the_app_alone():
    program = """
import logging, sys, types
logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
import openai._base_client as base
keep = base.SyncAPIClient._process_response
base.SyncAPIClient._process_response = "moved in a later version"
import llm_observer
report = llm_observer.patch()
llm_observer.patch()
base.SyncAPIClient._process_response = keep
print([h.state for h in report.hooks if h.sdk == "openai"], type(base.SyncAPIClient.request).__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[-1] == "['failed'] function"
    assert sum("openai is not observed" in line for line in lines) == 1


def test_a_frameworks_own_cache_answers_and_no_cost_is_booked(events):
    """No wire exchange, no event: a cache above the SDK never calls it."""
    cache = {}
    client = make_client("openai", plain("openai"))
    for _ in range(3):
        if "answer" not in cache:
            cache["answer"] = ask(client)
    assert len(events) == 1


def test_a_transport_may_return_responses_of_a_class_of_its_own(events):
    module = transport_module("openai")

    class Traced(module.Response):
        def __init__(self, trace_id, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.trace_id = trace_id

    answer = encoded(streamed("openai"), "gzip")

    def respond(_):
        return Traced("t", 200, headers=answer.headers, stream=module.ByteStream(answer.body))

    stream = ask(client_on("openai", module.MockTransport(respond)), stream=True)
    assert len(list(stream)) > 1
    assert [call["ending"] for call in events.calls] == ["complete"]
    assert events.calls[0]["tokens"]["output"] > 0


@pytest.fixture
def held_worker(events):
    """Our worker stands still at the first event, so that all that is queued stays queued."""
    may_go = threading.Event()
    events.patch(on_event=lambda _: may_go.wait(60), max_total_bytes=1_000_000)
    yield
    may_go.set()


@pytest.mark.parametrize("status", [200, 400])
def test_what_is_queued_holds_no_object_of_the_apps(status, held_worker):
    """Such as the transport's request, which has the prompt, and an error's answer."""
    module, seen = transport_module("openai"), []
    answer = plain("openai") if status < 400 else failed(status)

    def respond(request):
        response = module.Response(status, headers=answer.headers, content=answer.body)
        seen.extend([weakref.ref(request), weakref.ref(response)])
        return response

    client = client_on("openai", module.MockTransport(respond), max_retries=0)
    for _ in range(3):
        with contextlib.suppress(Exception):
            ask(client, messages=[{"role": "user", "content": "x" * 1_000_000}])
    gc.collect()
    assert [ref() for ref in seen] == [None] * 6


def test_nothing_of_ours_is_logged_or_warned_at_call_time(sdk, events, caplog, recwarn):
    with caplog.at_level(logging.DEBUG):
        ask(make_client(sdk, plain(sdk)))
        list(ask(make_client(sdk, streamed(sdk)), stream=True))
    assert len(events) == 2
    assert [record for record in caplog.records if record.name.startswith("llm_observer")] == []
    assert len(recwarn) == 0


def test_the_same_answer_comes_back(sdk, unpatched):
    bodies = {"openai": openai_completion, "anthropic": anthropic_message}

    def both():
        client = make_client(sdk, plain(sdk))
        return type(ask(client)), ask(client).model_dump(), bodies[sdk]()["id"]

    before = both()
    unpatched.patch()
    assert both() == before
    assert len(unpatched) == 2
