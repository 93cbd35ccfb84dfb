"""Who answers on a WebSocket in the tests? A real server on this machine, and frames like the provider's.

A test gives a function that talks: it gets the server's side of one connection. `frames_of` reads what
the client sends as JSON; `say` sends JSON.
"""

import contextlib
import inspect
import json
import socket
import threading
import time

import openai
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

CANARY = "canary-5f2d"
RESPONSE_USAGE = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 800},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 10},
    "total_tokens": 1050,
}
REALTIME_USAGE = {
    "total_tokens": 300,
    "input_tokens": 200,
    "output_tokens": 100,
    "input_token_details": {
        "text_tokens": 50,
        "audio_tokens": 150,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 64},
    },
    "output_token_details": {"text_tokens": 20, "audio_tokens": 80},
}
SESSION = {"model": "gpt-realtime-2025-08-28", "audio": {"input": {"transcription": {"model": "whisper-9"}}}}


class Server:
    """A WebSocket server that lets *talk* have each connection. received: all frames, as they came."""

    def __init__(self, talk, **how):
        self._talk = talk
        self.received = []
        self._server = serve(self._serve, "127.0.0.1", 0, **how)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def _serve(self, connection):
        with contextlib.suppress(ConnectionClosed, OSError):
            self._talk(Talk(connection, self.received))

    def __enter__(self):
        self._thread.start()
        port = self._server.socket.getsockname()[1]
        self.urls = {
            "base_url": f"http://127.0.0.1:{port}/v1",
            "websocket_base_url": f"ws://127.0.0.1:{port}/v1",
        }
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()

    def client(self, *, is_async=False):
        kind = openai.AsyncOpenAI if is_async else openai.OpenAI
        return kind(api_key="sk-none", max_retries=0, **self.urls)


class Talk:
    """The server's side of one connection."""

    def __init__(self, connection, received):
        self.connection = connection
        self.path = connection.request.path
        self._received = received

    def __iter__(self):
        """The frames of the client, as JSON."""
        for message in self.connection:
            self._received.append(message)
            yield json.loads(message)

    def say(self, *frames):
        for frame in frames:
            self.connection.send(json.dumps(frame))

    def cut(self):
        """The connection is gone, without a closing handshake."""
        self.connection.socket.shutdown(socket.SHUT_RDWR)

    def close(self, code):
        self.connection.close(code, CANARY)


def realtime(key, status="in_progress", **fields):
    """A Realtime response."""
    details = {"cancelled": "client_cancelled", "incomplete": "max_output_tokens"}.get(status)
    how = {"type": status} | ({"reason": details} if details else {})
    if status == "failed":
        how["error"] = {"type": "server_error", "code": "overloaded", "message": CANARY}
    is_over = status != "in_progress"
    return {
        "object": "realtime.response",
        "id": key,
        "status": status,
        "status_details": how if is_over else None,
        "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "audio", "transcript": CANARY}]}
        ]
        if is_over
        else [],
        "usage": REALTIME_USAGE if is_over else None,
        **fields,
    }


def response(key, status="in_progress", **fields):
    """A response of the Responses API."""
    return {
        "id": key,
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "gpt-5-2025-08-07",
        "output": [{"type": "message", "id": "m", "content": [{"type": "output_text", "text": CANARY}]}]
        if status != "in_progress"
        else [],
        "usage": RESPONSE_USAGE if status != "in_progress" else None,
        **fields,
    }


def started(made, **fields):
    return {"type": "response.created", "event_id": f"e-{made['id']}", "response": made, **fields}


def audio(key, size=90):
    return {
        "type": "response.audio.delta",
        "event_id": "e",
        "response_id": key,
        "delta": "QUJD" * (size // 4),
    }


def text(delta=CANARY, **fields):
    return {"type": "response.output_text.delta", "sequence_number": 1, "delta": delta, **fields}


def done(made, kind="response.done", **fields):
    return {"type": kind, "event_id": f"d-{made['id']}", "response": made, **fields}


def whole(key, status="completed"):
    """All frames of a Realtime response."""
    return started(realtime(key)), audio(key), audio(key), done(realtime(key, status))


def whole_response(key, status="completed", **fields):
    """All frames of a response of the Responses API."""
    frames = (started(response(key)), text(), text(), done(response(key, status), f"response.{status}"))
    return tuple({**frame, **fields} for frame in frames)


def error(code="invalid_value", **fields):
    return {
        "type": "error",
        "event_id": "e",
        "error": {"type": "invalid_request_error", "code": code, "message": CANARY, **fields},
    }


def realtime_of(client):
    """The resource of the Realtime API: in older versions it is the beta's."""
    return client.realtime if hasattr(client, "realtime") else client.beta.realtime


async def maybe(value):
    """*value*, awaited where a client is async."""
    return await value if inspect.isawaitable(value) else value


@contextlib.asynccontextmanager
async def opened(manager):
    """The connection of *manager*, sync or async, closed as its own context manager closes it."""
    if hasattr(manager, "__aenter__"):
        async with manager as connection:
            yield connection
    else:
        with manager as connection:
            yield connection


async def each(connection):
    """The events of *connection*, by its own iteration."""
    if hasattr(connection, "__aiter__"):
        async for event in connection:
            yield event
    else:
        for event in connection:
            yield event


async def until(connection, *kinds):
    """The events up to the first of one of *kinds*, received one by one."""
    seen = []
    while not seen or seen[-1].type not in kinds:
        seen.append(await maybe(connection.recv()))
    return seen


def wait_for(condition, seconds=60.0):
    """Poll *condition*: what happens in another thread has no other sign."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)
