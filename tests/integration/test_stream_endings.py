"""However a stream ends, it is one event, with what was received, and nothing of ours is in the way."""

import asyncio
import contextlib
import gc
import logging
import threading
import time

import pytest

import llm_observer
from integration.exchanges import anthropic_stream, ask, openai_stream, plain, streamed
from integration.loopback import Answer, Cut, Loopback, Wait, sse_answer
from integration.sdks import make_client, real_client

SDKS = ("openai", "anthropic")


def stop_early(stream):
    for _ in stream:
        break


def close(stream):
    next(iter(stream))
    stream.close()


def leave_with(stream):
    with stream as opened:
        next(iter(opened))


def drop_reference(stream):
    next(iter(stream))
    del stream


def never_read(stream):
    del stream


@pytest.mark.parametrize("sdk", SDKS)
def test_a_stream_read_to_its_end_is_complete(sdk, events):
    client = make_client(sdk, streamed(sdk))
    assert len(list(ask(client, stream=True))) > 3
    (event,) = events
    call = event["llm_call"]
    assert (call["ending"], call["is_stream"], call["tokens"]["output"]) == ("complete", True, 5)


@pytest.mark.parametrize("leave", [stop_early, close, leave_with, drop_reference], ids=lambda f: f.__name__)
@pytest.mark.parametrize("sdk", SDKS)
def test_an_abandoned_stream_ends_once(sdk, leave, events):
    leave(ask(make_client(sdk, streamed(sdk)), stream=True))
    gc.collect()
    assert [e["llm_call"]["ending"] for e in events] == ["closed_early"]


@pytest.mark.parametrize("sdk", SDKS)
def test_a_stream_that_nobody_reads_ends_when_it_is_collected(sdk, events):
    never_read(ask(make_client(sdk, streamed(sdk)), stream=True))
    gc.collect()
    assert [e["llm_call"]["ending"] for e in events] == ["closed_early"]


def test_what_was_received_before_an_early_end_is_counted(events):
    """Anthropic tells the input side first: leaving early must not lose it."""
    stop_early(ask(make_client("anthropic", streamed("anthropic")), stream=True))
    gc.collect()
    tokens = events[0]["llm_call"]["tokens"]
    assert (tokens["input_total"], tokens["cache_read"]) == (12, 4)


@pytest.mark.parametrize("sdk", SDKS)
def test_a_consumer_that_raises_gets_its_own_exception_and_one_event(sdk, events):
    class MineError(Exception):
        pass

    with pytest.raises(MineError):
        for _ in ask(make_client(sdk, streamed(sdk)), stream=True):
            raise MineError
    gc.collect()
    assert [e["llm_call"]["ending"] for e in events] == ["closed_early"]


@pytest.mark.parametrize("sdk", SDKS)
def test_a_stream_that_breaks_off_is_an_error_with_what_was_received(sdk, events):
    steps = streamed(sdk).steps
    client = make_client(sdk, sse_answer(*steps[:3], Cut()))
    with pytest.raises(Exception, match=r".") as caught:
        list(ask(client, stream=True))
    (event,) = events
    call = event["llm_call"]
    assert (call["ending"], call["response_id"]) == ("error", "chatcmpl-7" if sdk == "openai" else "msg_7")
    assert type(caught.value).__module__.partition(".")[0] in {"openai", "anthropic", "httpx", "httpx2"}


@pytest.mark.parametrize(("sdk", "steps"), [("openai", openai_stream()), ("anthropic", anthropic_stream())])
def test_a_stream_without_its_last_event_is_truncated(sdk, steps, events):
    with contextlib.suppress(Exception):
        list(ask(make_client(sdk, sse_answer(*steps[:3])), stream=True))
    assert [e["llm_call"]["ending"] for e in events] == ["truncated"]


async def _next_of(stream):
    return await anext(aiter(stream))


def run(main):
    return asyncio.run(main())


@pytest.mark.parametrize("sdk", SDKS)
def test_an_async_stream_cancelled_by_a_timeout_is_cancelled_and_the_timeout_is_raised(sdk, events):
    wait = Wait.new()
    steps = streamed(sdk).steps

    async def main():
        client = make_client(sdk, sse_answer(steps[0], wait, *steps[1:]), is_async=True)
        async with asyncio.timeout(0.05):
            async for _ in await ask(client, stream=True):
                pass

    with pytest.raises(TimeoutError):
        try:
            run(main)
        finally:
            wait.go.set()
    assert [e["llm_call"]["ending"] for e in events] == ["cancelled"]


@pytest.mark.parametrize("sdk", SDKS)
def test_a_cancelled_task_sees_its_cancellation_and_leaves_one_event(sdk, events):
    wait = Wait.new()

    async def main():
        client = make_client(sdk, Answer(steps=(wait, b"{}")), is_async=True)
        task = asyncio.create_task(ask(client))
        while not wait.reached.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0)
        task.cancel()
        wait.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert [e["llm_call"]["ending"] for e in events] == ["cancelled"]


@pytest.mark.parametrize("sdk", SDKS)
def test_an_async_stream_left_by_break_and_collected_in_another_task_logs_nothing(sdk, events, caplog):
    """The symptom: `Failed to detach context … created in a different Context` on every abandoned stream."""

    async def leave(client):
        async for _ in await ask(client, stream=True):
            break

    async def main():
        client = make_client(sdk, streamed(sdk), is_async=True)
        await asyncio.create_task(leave(client))
        await asyncio.create_task(asyncio.to_thread(gc.collect))
        await asyncio.sleep(0)

    with caplog.at_level(logging.INFO, logger="llm_observer"):
        run(main)
        gc.collect()
        assert [e["llm_call"]["ending"] for e in events] == ["closed_early"]
    assert [r.getMessage() for r in caplog.records if r.name.startswith("llm_observer")] == []


@pytest.mark.parametrize("sdk", SDKS)
def test_keyboard_interrupt_passes_and_ends_the_call_as_cancelled(sdk, events):
    def interrupted(_received):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(make_client(sdk, interrupted))
    assert [e["llm_call"]["ending"] for e in events] == ["cancelled"]


def test_a_stream_open_at_exit_is_not_lost(events):
    stream = ask(make_client("openai", streamed("openai")), stream=True)
    next(iter(stream))
    llm_observer.shutdown()
    assert [e["llm_call"]["ending"] for e in events] == ["open_at_exit"]
    stream.close()


def test_the_first_chunk_arrives_while_the_rest_is_still_to_come(events):
    """Nothing of ours reads ahead: the app has the first word before the provider sends the second."""
    wait = Wait.new()
    steps = openai_stream()
    with Loopback(sse_answer(steps[0], wait, *steps[1:])) as provider:
        client = real_client("openai", base_url=f"{provider.url}/v1")
        stream = ask(client, stream=True)
        assert next(iter(stream)).choices[0].delta.content == "w0 "
        assert not wait.go.is_set()
        wait.go.set()
        list(stream)
        client.close()
    call = events[0]["llm_call"]
    assert call["timing"]["time_to_first_chunk_ms"] <= call["timing"]["duration_ms"]


def test_the_largest_gap_and_the_first_chunk_are_measured_in_streams_only(events):
    wait, has_first = Wait.new(), threading.Event()
    steps = openai_stream()

    def let_go():
        has_first.wait(30)
        time.sleep(0.08)
        wait.go.set()

    thread = threading.Thread(target=let_go)
    thread.start()
    with Loopback(sse_answer(steps[0], wait, *steps[1:])) as provider:
        client = real_client("openai", base_url=f"{provider.url}/v1")
        for _ in ask(client, stream=True):
            has_first.set()
        client.close()
    thread.join()
    ask(make_client("openai", _plain()))
    streamed_call, plain_call = (e["llm_call"]["timing"] for e in events)
    assert streamed_call["largest_gap_ms"] >= 60
    assert not {"time_to_first_chunk_ms", "largest_gap_ms"} & set(plain_call)


def _plain():
    return plain("openai")


def test_a_thousand_abandoned_streams_leave_nothing_open(events):
    client = make_client("openai", streamed("openai"))
    for _ in range(1000):
        stop_early(ask(client, stream=True))
    gc.collect()
    assert len(events) == 1000
    assert llm_observer.stats()["open_exchanges"] == 0


def test_a_stream_that_is_collected_on_our_own_thread_is_told(events):
    """The tap is older than the SDK's generator: that one is collected first, and closes the answer."""
    events.patch(on_event=lambda _: gc.collect(1))
    client = make_client("openai", streamed("openai"))

    def leave():
        create = client.chat.completions.with_raw_response.create
        raw = create(model="m", messages=[], stream=True)
        gc.collect()
        stop_early(raw.parse())

    gc.disable()
    try:
        leave()
        ask(make_client("openai", plain("openai")))
        assert len(events) >= 1  # the collection comes with the first event
        assert sorted(e["llm_call"]["ending"] for e in events) == ["closed_early", "complete"]
    finally:
        gc.enable()


def test_two_hundred_tasks_do_not_mix_their_calls(events):
    async def one(client, n):
        async with llm_observer.observe(n=n):
            chunks = [c async for c in await ask(client, stream=True)]
            await asyncio.sleep(0)
            return len(chunks)

    async def main():
        client = make_client("openai", streamed("openai"), is_async=True)
        await asyncio.gather(*(one(client, n) for n in range(200)))

    run(main)
    got = list(events)
    assert sorted(e["attributes"]["n"] for e in got) == list(range(200))
    assert len({e["span_id"] for e in got}) == len({e["trace_id"] for e in got}) == 200
