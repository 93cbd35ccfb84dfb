"""Responses on WebSockets: an event each, and nothing that the app could notice."""

import asyncio
import contextlib
import gc
import importlib
import inspect
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from openai.resources.responses import Responses
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

import llm_observer
from integration.loopback import sse_answer
from integration.sdks import make_client
from integration.websocket_server import (
    CANARY,
    SESSION,
    Server,
    audio,
    done,
    each,
    error,
    maybe,
    opened,
    realtime,
    realtime_of,
    response,
    started,
    until,
    wait_for,
    whole,
    whole_response,
)
from llm_observer.capture.targets import OPENAI_SOCKETS

HAS_RESPONSES = hasattr(Responses, "connect")
RECONNECTS = HAS_RESPONSES and "on_reconnecting" in inspect.signature(Responses.connect).parameters
HAS_LANES = importlib.util.find_spec("openai.lib.responses_websocket") is not None
needs_responses = pytest.mark.skipif(not HAS_RESPONSES, reason="this version has no responses.connect()")
both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
CREATE = {"type": "response.create"}
ASK = {
    "type": "response.create",
    "model": "gpt-5",
    "instructions": CANARY,
    "input": [{"role": "user", "content": CANARY}],
    "max_output_tokens": 99,
}


def answering(*answers, first=({"type": "session.created", "event_id": "s", "session": SESSION},)):
    """A talk that answers each `response.create` with the next of *answers*: frames, or what to do."""

    def talk(server):
        server.say(*first)
        waiting = iter(answers)
        for frame in server:
            if frame["type"] == "response.create":
                for step in next(waiting, ()):
                    step(server) if callable(step) else server.say(step)

    return talk


def in_realtime(is_async, talk, app):
    """*app* has a Realtime connection to *talk*."""

    async def main():
        with Server(talk) as server:
            manager = realtime_of(server.client(is_async=is_async)).connect(model="gpt-realtime")
            async with opened(manager) as connection:
                return await app(connection)

    return asyncio.run(main())


def in_responses(is_async, talk, app):
    async def main():
        with Server(talk) as server:
            async with opened(server.client(is_async=is_async).responses.connect()) as connection:
                return await app(connection)

    return asyncio.run(main())


async def ask_once(connection):
    await maybe(connection.send(CREATE))
    return await until(connection, "response.done", "error")


@both
def test_a_realtime_response_is_an_event_with_its_tokens_by_kind_and_its_cost(is_async, events):
    in_realtime(is_async, answering(whole("resp_1")), ask_once)
    (call,) = events.calls
    assert (call["operation"], call["route"], call["ending"]) == ("realtime", "/realtime", "complete")
    assert call["model_requested"] == SESSION["model"]
    assert call["client"] == ("AsyncRealtimeConnection" if is_async else "RealtimeConnection")
    assert (call["response_id"], call["status"], call["finish_reasons"]) == ("resp_1", 101, ["completed"])
    kinds = ("input_total", "input_text", "input_audio", "cache_read", "cache_read_audio", "output_audio")
    assert [call["tokens"][kind] for kind in kinds] == [200, 50, 150, 64, 64, 80]
    # 50 text at 4, 86 audio at 32, 64 cached audio at 0.4, 20 text at 16, 80 audio at 64 dollars a million
    assert call["cost"]["total_usd"] == "0.0084176"
    assert call["call_site"]["function"] == ("maybe" if is_async else "ask_once")
    assert (call["timing"]["chunk_count"], call["request"]["body_bytes"]) == (4, 0)
    assert 0 < call["timing"]["time_to_first_chunk_ms"] <= call["timing"]["duration_ms"]


def unlike(call):
    """*call* without what differs between two of the same: times, ids, place, and the way it came."""
    own = ("timing", "call_id", "status", "client", "call_site", "server", "cache", "provider", "cost")
    rest = {name: value for name, value in call.items() if name not in own}
    rest["segments"] = [(segment["path"], segment["hash"]) for segment in call["segments"]]
    rest["request"] = {name: value for name, value in rest["request"].items() if name != "body_bytes"}
    return rest


@needs_responses
@both
def test_a_response_on_a_socket_says_what_the_streamed_http_call_says(is_async, events):
    frames = whole_response("resp_1")

    async def app(connection):
        await maybe(connection.send(ASK))
        await until(connection, "response.completed")

    in_responses(is_async, answering(frames, first=()), app)
    body = [b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames]
    over_http = {name: value for name, value in ASK.items() if name != "type"}
    list(
        make_client("openai", sse_answer(*body)).responses.create(
            **over_http, extra_body={"id": 1}, stream=True
        )
    )
    on_socket, on_http = events.calls
    assert on_http.pop("stream_requested") is True
    assert unlike(on_socket) == unlike(on_http)
    assert on_socket["request"]["max_tokens"] == 99
    assert on_socket["tokens"]["cache_read"] == 800


@needs_responses
def test_the_cache_doctor_follows_the_responses_of_a_socket(events):
    answers = [whole_response(f"resp_{n}") for n in range(2)]

    async def app(connection):
        items = [{"role": "user", "content": "word " * 2000}]
        for _ in answers:
            connection.send({**ASK, "input": items})
            await until(connection, "response.completed")
            items = [*items, {"role": "user", "content": "more"}]

    in_responses(False, answering(*answers, first=()), app)
    first, second = events
    assert second["llm_call"]["cache"]["extends"] == first["event_id"]
    assert second["llm_call"]["cache"]["kept_segments"] == 2


def transcribed(usage, kind="completed", **fields):
    name = f"conversation.item.input_audio_transcription.{kind}"
    return {"type": name, "event_id": "t", "item_id": "item_1", "content_index": 0, "usage": usage, **fields}


@both
@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"type": "tokens", "input_tokens": 20, "output_tokens": 5, "total_tokens": 25}, 25),
        ({"type": "duration", "seconds": 2.5}, None),
    ],
    ids=["tokens", "seconds"],
)
def test_what_the_user_said_is_billed_by_the_model_that_wrote_it_down(is_async, usage, expected, events):
    committed = {"type": "input_audio_buffer.committed", "event_id": "c", "item_id": "item_1"}
    frames = (committed, transcribed(usage, transcript=CANARY), *whole("resp_1"))
    in_realtime(is_async, answering(frames), ask_once)
    written, spoken = events.calls
    assert (written["operation"], written["model_requested"]) == ("audio.transcriptions", "whisper-9")
    assert written["ending"] == "complete"
    assert written.get("tokens", {}).get("total") == expected
    assert written["usage"] == {name: value for name, value in usage.items() if name != "type"}
    assert spoken["operation"] == "realtime"
    assert [event["trace_id"] for event in events] == [events[0]["trace_id"]] * 2


def test_a_transcription_that_failed_is_an_error(events):
    frame = transcribed(None, "failed", error={"type": "server_error", "code": "audio", "message": CANARY})
    in_realtime(False, answering((frame, *whole("resp_1"))), ask_once)
    failed = events.calls[0]
    assert (failed["ending"], failed["error"]["code"]) == ("error", "audio")


@both
def test_responses_that_interleave_are_told_apart(is_async, events):
    keys = ("resp_1", "resp_2", "resp_3")
    frames = [started(realtime(key)) for key in keys]
    frames += [audio("resp_2"), audio("resp_1"), audio("resp_2")]
    frames += [done(realtime(key, usage={"output_tokens": place})) for place, key in enumerate(keys[::-1])]

    async def app(connection):
        for _ in keys:
            await maybe(connection.send({**CREATE, "response": {"conversation": "none"}}))
        for _ in keys:
            await until(connection, "response.done")

    in_realtime(is_async, answering((), (), frames), app)
    found = {call["response_id"]: call for call in events.calls}
    assert {key: call["tokens"]["output"] for key, call in found.items()} == {
        "resp_1": 2,
        "resp_2": 1,
        "resp_3": 0,
    }
    assert [found[key]["timing"]["chunk_count"] for key in keys] == [3, 4, 2]
    assert len({call["call_id"] for call in found.values()}) == 3


@both
def test_a_response_that_nobody_asked_for_belongs_where_the_connection_was_made(is_async, events):
    """The provider answers when it hears the end of speech."""
    talk = answering(first=({"type": "session.created", "session": SESSION}, *whole("resp_1")))

    async def app(connection):
        await until(connection, "response.done")

    in_realtime(is_async, talk, app)
    (call,) = events.calls
    assert (call["ending"], call["call_site"]["function"]) == ("complete", "opened")


@both
def test_a_cancelled_response_says_who_cancelled_it_and_what_it_cost(is_async, events):
    def talk(server):
        for frame in server:
            if frame["type"] == "response.create":
                server.say(started(realtime("resp_1")), audio("resp_1"))
            else:
                server.say(done(realtime("resp_1", "cancelled")))

    async def app(connection):
        await maybe(connection.send(CREATE))
        await until(connection, "response.audio.delta")
        await maybe(connection.send({"type": "response.cancel"}))
        await until(connection, "response.done")

    in_realtime(is_async, talk, app)
    (call,) = events.calls
    assert (call["ending"], call["finish_reasons"]) == ("cancelled", ["client_cancelled"])
    assert call["cost"]["total_usd"] == "0.0084176"


@pytest.mark.parametrize(
    ("status", "ending", "reason"),
    [("incomplete", "complete", "max_output_tokens"), ("failed", "error", "failed")],
)
def test_a_response_ends_as_its_last_frame_says(status, ending, reason, events):
    in_realtime(False, answering(whole("resp_1", status)), ask_once)
    (call,) = events.calls
    assert (call["ending"], call["finish_reasons"]) == (ending, [reason])
    assert call.get("error", {}).get("code") == ("overloaded" if status == "failed" else None)


@needs_responses
@both
@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled"])
def test_each_last_event_of_the_responses_api_ends_the_response(is_async, status, events):
    async def app(connection):
        await maybe(connection.send(ASK))
        await until(connection, f"response.{status}")

    in_responses(is_async, answering(whole_response("resp_1", status), first=()), app)
    assert [call["finish_reasons"] for call in events.calls] == [[status]]


@both
def test_an_error_ends_the_response_that_was_asked_for(is_async, events):
    in_realtime(is_async, answering((error(),)), ask_once)
    (call,) = events.calls
    assert (call["ending"], call["error"]["code"]) == ("error", "invalid_value")
    assert (call["operation"], call["cost"]["status"]) == ("realtime", "not_billed")


def test_an_error_ends_the_response_that_it_names(events):
    async def app(connection):
        for name in ("one", "two"):
            connection.send({**CREATE, "event_id": name})
        await until(connection, "response.done")

    in_realtime(False, answering((), (error(event_id="two"), *whole("resp_1"))), app)
    failed, answered = events.calls
    assert (failed["ending"], answered["ending"]) == ("error", "complete")


def test_an_error_that_is_no_response_s_is_an_event_of_its_own(events):
    frames = (started(realtime("resp_1")), error(event_id="a setting"), done(realtime("resp_1", "completed")))

    async def app(connection):
        connection.send(CREATE)
        await until(connection, "response.done")

    in_realtime(False, answering(frames), app)
    assert [call["ending"] for call in events.calls] == ["error", "complete"]


@needs_responses
def test_an_error_of_the_responses_api_ends_what_is_running_with_its_status(events):
    async def app(connection):
        connection.send(ASK)
        await until(connection, "error")

    frames = (started(response("resp_1")), {**error("rate_limit"), "status": 429})
    in_responses(False, answering(frames, first=()), app)
    (call,) = events.calls
    assert (call["ending"], call["status"], call["error"]["code"]) == ("error", 429, "rate_limit")
    assert (call["response_id"], call["cost"]["status"]) == ("resp_1", "not_billed")


ENDS = {
    "cut": (None, "error", ConnectionClosedError),
    "failed": (1011, "error", ConnectionClosedError),
    "closed": (1000, "truncated", ConnectionClosedOK),
}


@both
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("answer", [(), (started(realtime("resp_1")), audio("resp_1"))], ids=["none", "some"])
def test_a_connection_that_ends_ends_its_responses(is_async, how, answer, events):
    code, ending, raised = ENDS[how]

    def leave(server):
        server.cut() if how == "cut" else server.close(code)

    with pytest.raises(raised):
        in_realtime(is_async, answering((*answer, leave)), ask_once)
    (call,) = events.calls
    assert call["ending"] == ending
    assert call.get("error", {}).get("exception") == ("ConnectionClosedError" if ending == "error" else None)
    assert call["cost"]["status"] == "usage_absent"


@both
def test_a_frame_that_cannot_be_sent_is_an_error_of_its_response(is_async, events):
    async def app(connection):
        with pytest.raises(ConnectionClosed):
            await until(connection, "nothing")
        await maybe(connection.send(CREATE))

    with pytest.raises(ConnectionClosed):
        in_realtime(is_async, lambda server: server.close(1000), app)
    assert events.calls == []  # the app knew that the connection was over


@both
def test_a_frame_sent_into_a_closing_connection_is_an_error(is_async, events):
    async def app(connection):
        while True:
            await maybe(connection.send(CREATE))
            await asyncio.sleep(0)

    with pytest.raises(ConnectionClosed) as caught:
        in_realtime(is_async, lambda server: server.close(1011), app)
    assert {call["ending"] for call in events.calls} == {"error"}
    assert events.calls[-1]["error"] == {"exception": type(caught.value).__name__}


async def leave_by_break(connection):
    async for event in each(connection):
        if event.type == "response.audio.delta":
            break


async def leave_by_close(connection):
    await until(connection, "response.audio.delta")
    await maybe(connection.close())


async def leave_by_exception(connection):
    with contextlib.suppress(ZeroDivisionError):
        await until(connection, "response.audio.delta")
        raise ZeroDivisionError


@both
@pytest.mark.parametrize("leave", [leave_by_break, leave_by_close, leave_by_exception])
def test_a_response_that_the_app_leaves_is_closed_early(is_async, leave, events):
    async def app(connection):
        await maybe(connection.send(CREATE))
        await leave(connection)

    in_realtime(is_async, answering((started(realtime("resp_1")), audio("resp_1"))), app)
    (call,) = events.calls
    assert (call["ending"], call["response_id"], call["timing"]["chunk_count"]) == (
        "closed_early",
        "resp_1",
        2,
    )


def test_a_cancelled_task_sees_its_cancellation_and_its_response_is_cancelled(events):
    async def app(connection):
        async with asyncio.timeout(0.05):
            await connection.send(CREATE)
            await until(connection, "response.done")

    with pytest.raises(TimeoutError):
        in_realtime(True, answering((started(realtime("resp_1")),)), lambda c: _cancelled(c, app))
    assert [call["ending"] for call in events.calls] == ["cancelled"]


async def _cancelled(connection, app):
    await app(connection)


def test_a_wait_that_is_cancelled_does_not_end_a_response_that_goes_on(events):
    async def app(connection):
        await connection.send(CREATE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await until(connection, "response.done")
        await connection.send({"type": "response.cancel"})
        await until(connection, "response.done")

    def talk(server):
        for frame in server:
            server.say(*(whole("resp_1")[3:] if frame["type"] == "response.cancel" else whole("resp_1")[:2]))

    in_realtime(True, talk, app)
    assert [call["ending"] for call in events.calls] == ["complete"]


def test_a_connection_that_is_dropped_leaves_one_event(events):
    with Server(answering((started(realtime("resp_1")), audio("resp_1")))) as server:
        connection = realtime_of(server.client()).connect(model="m").enter()
        ws = connection._connection
        connection.send(CREATE)
        for _ in range(3):
            connection.recv()
        del connection
        assert events.calls == []
        ws.socket.shutdown(socket.SHUT_RDWR)  # its thread holds it
        ws.recv_events_thread.join()
        del ws
        gc.collect()
    assert [call["ending"] for call in events.calls] == ["closed_early"]


async def outcome_of(act, *given):
    """What the app gets: an event, or an exception with all that it says."""
    try:
        event = await maybe(act(*given))
    except Exception as exc:  # noqa: BLE001 - whatever the app sees
        close = getattr(exc, "rcvd", None)
        return type(exc), str(exc), close and (close.code, close.reason), type(exc.__cause__)
    return type(event), event.model_dump(warnings=False) if hasattr(event, "model_dump") else event


async def use_all(connection):
    """Everything that an app may do, and what comes of it."""
    seen = []
    await maybe(connection.send({"type": "input_audio_buffer.append", "audio": "QUJD" * 900}))
    await maybe(connection.send(CREATE))
    seen += [await outcome_of(connection.recv) for _ in range(3)]
    seen.append(await outcome_of(connection.recv_bytes))
    await maybe(connection.send(CREATE))
    async for event in each(connection):
        seen.append(event.model_dump(warnings=False))
        if event.type == "error":
            break
    seen.append(await outcome_of(connection.send, {"type": "response.cancel"}))
    seen += [await outcome_of(connection.recv) for _ in range(4)]
    seen.append(await outcome_of(connection.send, CREATE))
    await maybe(connection.close())
    return seen


SECOND = (started(realtime("resp_2")), {"type": "of no known kind", "x": [1]}, error())
LAST = {
    "cut": (lambda server: server.connection.send("no json"), lambda server: server.cut()),
    "failed": (lambda server: server.close(1011),),
    "closed": (lambda server: server.say({"a": "frame without a type"}), lambda server: server.close(1000)),
}


@both
@pytest.mark.parametrize("how", LAST)
def test_the_app_gets_the_same_events_and_exceptions_as_without_us(is_async, how, unpatched):
    def talk(server):
        server.say({"type": "session.created", "event_id": "s", "session": SESSION})
        answers = iter((whole("resp_1"), SECOND, LAST[how]))
        for frame in server:
            if frame["type"] in {"response.create", "response.cancel"}:
                for step in next(answers, ()):
                    step(server) if callable(step) else server.say(step)

    without = in_realtime(is_async, talk, use_all)
    unpatched.patch()
    assert in_realtime(is_async, talk, use_all) == without
    assert unpatched.calls[0]["ending"] == "complete"


@both
def test_the_server_gets_the_same_bytes_as_without_us(is_async, unpatched):
    def sent():
        async def main():
            with Server(answering(whole("resp_1"))) as server:
                connect = realtime_of(server.client(is_async=is_async)).connect
                async with opened(connect(model="m")) as connection:
                    await maybe(connection.send({"type": "input_audio_buffer.append", "audio": "QUJD" * 900}))
                    await ask_once(connection)
                return server.received

        return asyncio.run(main())

    without = sent()
    unpatched.patch()
    assert sent() == without


def test_one_thread_sends_while_others_receive(events):
    names = [f"resp_{number}" for number in range(40)]
    left, one_at_a_time = set(names), threading.Lock()

    def receive(connection):
        while left:
            with one_at_a_time:  # to the end: nobody waits for a frame after the last one
                event = connection.recv() if left else None
                if event is not None and event.type == "response.done":
                    left.remove(event.response.id)

    talk = answering(*map(whole, names))
    with Server(talk) as server, realtime_of(server.client()).connect(model="m") as connection:
        readers = [threading.Thread(target=receive, args=(connection,)) for _ in range(3)]
        for reader in readers:
            reader.start()
        for _ in names:
            connection.send(CREATE)
        for reader in readers:
            reader.join()
    assert sorted(call["response_id"] for call in events.calls) == sorted(names)
    assert {call["ending"] for call in events.calls} == {"complete"}


def test_all_responses_of_a_connection_are_one_trace_and_observe_is_heeded(events):
    async def app(connection):
        await ask_once(connection)
        with llm_observer.observe(turn=2):
            await ask_once(connection)
        await ask_once(connection)

    in_realtime(False, answering(*(whole(f"resp_{n}") for n in range(3))), app)
    first, second, third = events
    assert first["trace_id"] == third["trace_id"] != second["trace_id"]
    assert [event.get("attributes") for event in (first, second, third)] == [None, {"turn": 2}, None]
    assert len({event["span_id"] for event in events}) == 3


def sockets_of_openai():
    """All attributes of each class that makes a connection."""
    found = {}
    for sockets in OPENAI_SOCKETS:
        with contextlib.suppress(ImportError):
            module = importlib.import_module(sockets.module)
            for name in sockets.connections:
                for owner in (getattr(module, name, None), getattr(module, f"{name}Manager", None)):
                    if owner is not None:
                        found[owner] = dict(vars(owner))
    return found


def test_every_attribute_is_the_same_object_after_unpatch(unpatched):
    before = sockets_of_openai()
    unpatched.patch()
    placed = sockets_of_openai()
    llm_observer.unpatch()
    after = sockets_of_openai()
    changed = {
        (owner, name)
        for owner in placed
        for name in placed[owner]
        if placed[owner][name] is not before[owner][name]
    }
    assert {name for _, name in changed} == {"__init__", "__enter__", "__aenter__", "enter"}
    assert {owner for owner, _ in changed} == set(before)
    assert before.keys() == after.keys()
    for owner in before:
        assert before[owner].keys() == after[owner].keys()
        assert all(value is after[owner][name] for name, value in before[owner].items())


def test_a_connection_outlives_unpatch_and_is_quiet(events):
    async def app(connection):
        await ask_once(connection)
        llm_observer.unpatch()
        return await ask_once(connection)

    seen = in_realtime(False, answering(whole("resp_1"), whole("resp_2")), app)
    assert seen[-1].response.id == "resp_2"
    events.patch()
    assert [call["response_id"] for call in events.calls] == ["resp_1"]


@both
def test_a_handshake_that_is_refused_is_an_event_and_the_same_exception(is_async, unpatched):
    def refuse(connection, request):
        del request
        return connection.respond(401, json.dumps(error("invalid_api_key")))

    def attempt():
        async def main():
            with Server(answering(), process_request=refuse) as server:
                async with opened(realtime_of(server.client(is_async=is_async)).connect(model="m")):
                    pass

        return asyncio.run(outcome_of(main))

    without = attempt()
    unpatched.patch()
    assert attempt() == without
    (call,) = unpatched.calls
    assert (call["operation"], call["status"], call["ending"]) == ("realtime", 401, "error")
    assert call["error"]["exception"] == without[0].__name__
    assert call["cost"]["status"] == "not_billed"


@both
def test_a_server_that_is_not_there_is_an_event_and_the_same_exception(is_async, unpatched):
    with Server(answering()) as server:
        pass

    async def main():
        async with opened(realtime_of(server.client(is_async=is_async)).connect(model="m")):
            pass

    without = asyncio.run(outcome_of(main))
    unpatched.patch()
    assert asyncio.run(outcome_of(main)) == without
    assert [(call["ending"], call["cost"]["status"]) for call in unpatched.calls] == [("error", "not_billed")]


@pytest.mark.skipif(not RECONNECTS, reason="this version does not connect again")
@both
def test_a_connection_that_is_made_again_is_observed_too(is_async, events):
    turns = iter((lambda server: server.cut(), lambda server: server.say(*whole_response("resp_2"))))

    def talk(server):
        for _ in server:
            next(turns)(server)

    async def main():
        with Server(talk) as server:
            connect = server.client(is_async=is_async).responses.connect
            async with opened(connect(on_reconnecting=_again, initial_delay=0.001)) as connection:
                await maybe(connection.send(ASK))
                threading.Thread(target=_ask_again, args=(connection, asyncio.get_running_loop())).start()
                async for event in each(connection):
                    if event.type == "response.completed":
                        break

    asyncio.run(main())
    assert [call["ending"] for call in events.calls] == ["error", "complete"]


def _again(event):
    """Connect again, as before."""


def _ask_again(connection, loop):
    """After the first socket was cut the app asks again, on the second one."""
    first = connection._connection
    wait_for(lambda: connection._connection is not first)
    asked = connection.send(ASK)
    if inspect.isawaitable(asked):
        asyncio.run_coroutine_threadsafe(asked, loop).result(60)


@pytest.mark.skipif(not HAS_LANES, reason="this version has no lanes")
def test_lanes_of_one_socket_are_told_apart(events):
    from openai.lib.responses_websocket import ResponsesWebSocketLimits, ResponsesWebSocketSession

    def talk(server):
        asked = []
        for frame in server:
            asked.append(frame["stream_id"])
            if len(asked) == 2:
                one, two = (whole_response(f"resp_{lane}", stream_id=lane) for lane in asked)
                server.say(*(frame for pair in zip(two, one, strict=True) for frame in pair))

    with Server(talk) as server, server.client().responses.connect() as connection:
        limits = ResponsesWebSocketLimits(4, 99, 999, 10**6, 10**7)
        with ResponsesWebSocketSession(connection, limits=limits) as session:
            lanes = [session.lane("a"), session.lane("b")]
            for lane in lanes:
                lane.send({**ASK, "input": f"for {lane}"})
            assert [lane.get_final_response(timeout=60).id for lane in lanes] == ["resp_a", "resp_b"]
    calls = events.calls
    assert sorted(call["response_id"] for call in calls) == ["resp_a", "resp_b"]
    assert [call["timing"]["chunk_count"] for call in calls] == [4, 4]


def test_no_word_of_a_frame_is_in_any_event_or_log(events, caplog):
    logging.getLogger("llm_observer").setLevel(logging.DEBUG)

    async def app(connection):
        await maybe(connection.send({"type": "session.update", "session": {"instructions": CANARY}}))
        message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": CANARY}]}
        await maybe(connection.send({"type": "conversation.item.create", "item": message}))
        await maybe(
            connection.send({**CREATE, "response": {"instructions": CANARY, "metadata": {"k": CANARY}}})
        )
        await until(connection, "response.done")
        await maybe(connection.send({**CREATE, "event_id": CANARY}))
        await until(connection, "error")
        await maybe(connection.send({**CREATE, "response": {"input": [message]}}))
        await until(connection, "nothing")

    said = {"type": "session.updated", "session": {**SESSION, "instructions": CANARY}}
    frames = [
        (said, transcribed({"type": "tokens"}, transcript=CANARY), *whole("resp_1", "failed")),
        (error(event_id=CANARY, param=CANARY),),
        (started(realtime("resp_2")), lambda server: server.close(1011)),
    ]
    with caplog.at_level(logging.DEBUG, "llm_observer"), pytest.raises(ConnectionClosed):
        in_realtime(False, answering(*frames), app)
    assert len(events) == 4
    assert CANARY not in json.dumps(list(events))
    assert CANARY not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("llm_observer"))
    assert "sk-none" not in json.dumps(list(events))


PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from integration.websocket_server import *
import llm_observer

def talk(server):
    for _ in server:
        server.say(started(realtime("resp_1")), audio("resp_1"))

llm_observer.patch()
server = Server(talk)
server.__enter__()
connection = realtime_of(server.client()).connect(model="m").enter()
connection.send({{"type": "response.create"}})
connection.recv()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(
    "fork", ["", "child = os.fork()\nif child: os.waitpid(child, 0)\n"], ids=["plain", "forked"]
)
def test_a_response_that_is_open_at_exit_is_one_event_of_the_process_that_reads_it(fork, tmp_path):
    file = tmp_path / "events.jsonl"
    env = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path),
        "LLM_OBSERVER_FILE": str(file),
        "LLM_OBSERVER_EXIT_TIMEOUT_S": "40",  # a machine that is busy with other tests takes its time
    }
    program = PROGRAM + fork + "import threading; threading._shutdown = lambda: None\n"
    done_ = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=env, timeout=60
    )
    assert done_.returncode == 0, done_.stderr
    calls = [json.loads(line)["llm_call"] for line in file.read_text().splitlines()]
    assert [(call["ending"], call["response_id"]) for call in calls] == [("open_at_exit", "resp_1")]
