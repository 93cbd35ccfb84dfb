"""The same small conversation as each provider puts it on the wire: answers, streams, errors."""

import json

from integration.loopback import json_answer, sse_answer

HELLO = [{"role": "user", "content": "hello"}]
OPENAI_USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 5,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4},
}


def _data(payload):
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def _event(payload):
    return f"event: {payload['type']}\n".encode() + _data(payload)


def openai_completion(**changes):
    message = {"role": "assistant", "content": "Hi there"}
    return {
        "id": "chatcmpl-7",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": OPENAI_USAGE,
        **changes,
    }


def openai_chunk(delta, finish=None, **changes):
    return {
        "id": "chatcmpl-7",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **changes,
    }


def openai_stream(*, with_usage=True, words=5):
    """Chat chunks, one piece each; the usage in a last chunk of its own, then `[DONE]`."""
    chunks = [openai_chunk({"content": f"w{n} "}) for n in range(words)]
    chunks.append(openai_chunk({}, "stop"))
    if with_usage:
        chunks.append(openai_chunk({}, choices=[], usage=OPENAI_USAGE))
    return (*map(_data, chunks), b"data: [DONE]\n\n")


def anthropic_message(**changes):
    return {
        "id": "msg_7",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6-20250929",
        "content": [{"type": "text", "text": "Hi there"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 8,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 5,
        },
        **changes,
    }


def anthropic_stream(words=5):
    """The events of a message, one piece each."""
    start = anthropic_message(content=[], stop_reason=None)
    start["usage"] = {**start["usage"], "output_tokens": 1}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"w{n} "}}
        for n in range(words)
    ]
    stop = {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
    }
    return tuple(
        map(
            _event,
            [
                {"type": "message_start", "message": start},
                block,
                *deltas,
                {"type": "content_block_stop", "index": 0},
                stop,
                {"type": "message_stop"},
            ],
        )
    )


def plain(sdk, **changes):
    """An unstreamed answer of *sdk*."""
    body = openai_completion(**changes) if sdk == "openai" else anthropic_message(**changes)
    return json_answer(json.dumps(body).encode(), headers=(("x-request-id", "req_7"),))


def streamed(sdk, **options):
    """A streamed answer of *sdk*."""
    return sse_answer(*(openai_stream if sdk == "openai" else anthropic_stream)(**options))


def failed(status=400, kind="invalid_request_error", headers=()):
    """A provider's error."""
    body = {"type": "error", "error": {"type": kind, "message": "no", "code": "bad"}}
    return json_answer(json.dumps(body).encode(), status=status, headers=headers)


def ask(client, **options):
    """One call of the SDK's main method, on whichever client it is; a coroutine on an async one."""
    if hasattr(client, "chat"):
        return client.chat.completions.create(**{"model": "gpt-4o-mini", "messages": HELLO, **options})
    options = {"model": "claude-sonnet-4-6", "messages": HELLO, "max_tokens": 64, **options}
    return client.messages.create(**options)
