"""What is billed by another unit than tokens is priced as the SDKs really send and read it."""

import asyncio
import io
import json

import pytest

from integration.loopback import Answer, Cut, json_answer
from integration.sdks import make_client

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-5-20251101",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 1000,
        "output_tokens": 100,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "service_tier": "batch",
    },
}
BATCH = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "ended",
    "request_counts": {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 0},
    "ended_at": "2026-11-20T10:00:00Z",
    "created_at": "2026-11-20T09:00:00Z",
    "expires_at": "2026-11-21T09:00:00Z",
    "archived_at": None,
    "cancel_initiated_at": None,
    "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results",
}
REQUEST = {
    "custom_id": "a",
    "params": {"model": "claude-opus-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
}
WAV = ("a.wav", io.BytesIO(b"RIFF"))
IMAGES = {"created": 1, "data": [{"url": "https://images.test/1"}, {"url": "https://images.test/2"}]}


def batches(client):
    """The resource, which was a beta in older SDKs."""
    return client.messages.batches if hasattr(client.messages, "batches") else client.beta.messages.batches


def succeeded(name, **changes):
    return {"custom_id": name, "result": {"type": "succeeded", "message": {**MESSAGE, **changes}}}


RESULTS = [
    succeeded("a"),
    succeeded("b", id="msg_2"),
    {"custom_id": "c", "result": {"type": "errored", "error": {"type": "error", "error": {}}}},
]
ONE_RESULT = "0.00375"  # 1,000 at 2.50 and 100 at 12.50 a million: half of Claude Opus 4.5's price


def jsonl(rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def results_answer(*steps):
    return Answer(headers=(("content-type", "application/x-jsonl"),), steps=steps or (jsonl(RESULTS),))


def body(value):
    return json_answer(json.dumps(value).encode())


def priced(events):
    """Status, figure and repetition of each call that is not free."""
    shown = [(call["cost"]["status"], call["cost"].get("total_usd")) for call in events.calls]
    return [row for row in shown if row != ("not_billed", "0")]


def test_batch_results_are_priced_when_they_are_read_and_nothing_else_of_the_batch_is(events):
    client = make_client("anthropic", body(BATCH), body(BATCH), results_answer())
    batches(client).create(requests=[REQUEST])
    assert len(list(batches(client).results("msgbatch_1"))) == 3
    assert events.calls[0]["operation"] == "messages.batches:post"
    assert priced(events) == [("exact", "0.0075")]
    assert events.calls[-1]["cost"]["tier"] == "batch"


def test_the_same_results_read_twice_are_priced_once(events):
    client = make_client("anthropic", body(BATCH), results_answer(), body(BATCH), results_answer())
    for _ in range(2):
        list(batches(client).results("msgbatch_1"))
    assert priced(events) == [("exact", "0.0075")]
    assert events.calls[-1]["is_usage_repeated"]


def test_async_results_are_priced_too(events):
    async def read():
        client = make_client("anthropic", body(BATCH), results_answer(), is_async=True)
        return [one async for one in await batches(client).results("msgbatch_1")]

    assert len(asyncio.run(read())) == 3
    assert priced(events) == [("exact", "0.0075")]


def test_results_that_were_cut_bound_the_cost_and_the_rest_is_added_later(events):
    lines = [json.dumps(row).encode() + b"\n" for row in RESULTS]
    cut = results_answer(lines[0], lines[1][:30], Cut())
    client = make_client("anthropic", body(BATCH), cut, body(BATCH), results_answer())
    with pytest.raises(Exception):  # noqa: B017, PT011 - another class in each HTTP library
        list(batches(client).results("msgbatch_1"))
    list(batches(client).results("msgbatch_1"))
    assert priced(events) == [("bound", ONE_RESULT), ("exact", ONE_RESULT)]


def test_an_openai_batch_output_is_priced_at_the_batch_rate_and_another_file_is_free(events):
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-5-nano-2025-08-07"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    line = {"id": "batch_req_1", "custom_id": "a", "error": None}
    line["response"] = {"status_code": 200, "request_id": "r", "body": {**answer, "usage": usage}}
    failed = {"id": "batch_req_2", "custom_id": "b", "error": {"code": "batch_expired"}, "response": None}
    request = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}}
    client = make_client("openai", *(json_answer(jsonl(rows)) for rows in ([line, failed], [request])))
    assert client.files.content("file-out").text.startswith('{"id": "batch_req_1"')
    client.files.content("file-in")
    # gpt-5-nano in a batch: 1,000 at 0.025 and 100 at 0.20 a million
    assert priced(events) == [("exact", "0.000045")]


def batch_output(count):
    """An OpenAI file of so many results: GPT-5 nano, 1,000 tokens in and 100 out each."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-5-nano-2025-08-07"}
    response = {"status_code": 200, "request_id": "r", "body": {**answer, "usage": usage}}
    return jsonl({"id": f"batch_req_{n}", "custom_id": f"{n}", "response": response} for n in range(count))


def test_a_file_of_results_larger_than_an_exchange_may_be_is_priced_whole(events):
    events.patch(max_exchange_bytes=2048)
    client = make_client("openai", json_answer(batch_output(100)))
    assert client.files.content("file-out").text.count("\n") == 100
    assert priced(events) == [("exact", "0.0045")]


def test_a_file_of_results_larger_than_all_that_may_be_kept_bounds_the_cost(events):
    events.patch(max_exchange_bytes=2048, max_total_bytes=4096)
    client = make_client("openai", json_answer(batch_output(2000)))
    assert client.files.content("file-out").text.count("\n") == 2000
    cost = events.calls[-1]["cost"]
    assert cost["status"] == "bound"
    assert 0 < float(cost["total_usd"]) < 2000 * 0.000045
    note = cost["note"].partition("; ")
    assert note[0].startswith("at least this much: the file of results was larger than what is kept")
    assert float(cost["total_usd"]) == pytest.approx(
        int(note[2].rpartition(" ")[2].replace(",", "")) * 0.000045
    )


def test_an_upload_whose_size_nobody_kept_bounds_the_cost_of_its_images(events):
    client = make_client("openai", body(IMAGES))
    client.images.edit(image=WAV, prompt="a hat", model="dall-e-2", n=2, size="512x512")
    assert priced(events) == [("bound", "0.032")]  # two at 0.016 or more


def test_images_are_priced_by_size_and_number(events):
    client = make_client("openai", body(IMAGES))
    client.images.generate(model="dall-e-2", prompt="a cat", n=2, size="512x512")
    assert priced(events) == [("exact", "0.036")]


def test_audio_is_priced_by_the_second(events):
    answer = {"text": "hi", "usage": {"type": "duration", "seconds": 90}}
    client = make_client("openai", body(answer))
    client.audio.transcriptions.create(model="whisper-1", file=WAV)
    assert priced(events) == [("exact", "0.009")]  # 1.5 minutes at 0.006


def test_speech_is_priced_by_the_character(events):
    client = make_client("openai", json_answer(b"ID3", headers=()))
    client.audio.speech.create(model="tts-1-hd", voice="alloy", input="Hello, world")
    assert priced(events) == [("exact", "0.00036")]  # 12 characters at 30.00 a million
