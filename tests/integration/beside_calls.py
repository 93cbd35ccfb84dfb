"""Which calls does an app make beside other instrumentations, and what does it get from them, in words?

Each way is one call of an SDK to a server on this machine: plain, streamed, left early, failed, raw, by a
helper; sync and async. What comes back is told by its type and by all that it shows.
"""

import asyncio
import gc
import itertools
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from integration.exchanges import HELLO, ask, failed, plain, streamed
from integration.loopback import Answer, Cut, Script
from integration.sdks import real_client, transport_module

BASE = {"openai": "/v1", "anthropic": ""}
MOVING = re.compile(r"0x[0-9a-f]{6,}|(?<=127\.0\.0\.1:)\d+|(?<=_x)\d+")
"""What differs between two runs of any program, and the ids of the answers."""
_numbers = itertools.count(1)


def told(value):
    """*value* in words: its type and all that it shows, without what moves."""
    return MOVING.sub("~", f"{type(value).__module__}.{type(value).__qualname__} {value!r}")


def _told_type(value):
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _told_items(stream, items):
    return [_told_type(stream), *map(told, items)]


def _call(client):
    return told(ask(client))


async def _call_async(client):
    return told(await ask(client))


def _stream(client):
    stream = ask(client, stream=True)
    return _told_items(stream, stream)


async def _stream_async(client):
    stream = await ask(client, stream=True)
    return _told_items(stream, [item async for item in stream])


def _leave(client):
    with ask(client, stream=True) as stream:
        return _told_items(stream, [next(iter(stream))])


async def _leave_async(client):
    async with await ask(client, stream=True) as stream:
        return _told_items(stream, [await anext(aiter(stream))])


def _main(client):
    return client.chat.completions if hasattr(client, "chat") else client.messages


def _asked(client):
    if hasattr(client, "chat"):
        return {"model": "gpt-4o-mini", "messages": HELLO}
    return {"model": "claude-sonnet-4-6", "messages": HELLO, "max_tokens": 64}


def _raw(client):
    raw = _main(client).with_raw_response.create(**_asked(client))
    return [_told_type(raw), raw.headers["x-request-id"], told(raw.parse())]


async def _raw_async(client):
    raw = await _main(client).with_raw_response.create(**_asked(client))
    parsed = raw.parse()
    return [_told_type(raw), raw.headers["x-request-id"], told(await parsed if _waits(parsed) else parsed)]


def _waits(value):
    return hasattr(value, "__await__")


def _streaming(client):
    with _main(client).with_streaming_response.create(**_asked(client)) as response:
        return [_told_type(response), b"".join(response.iter_bytes()).decode()]


async def _streaming_async(client):
    async with _main(client).with_streaming_response.create(**_asked(client)) as response:
        return [_told_type(response), b"".join([part async for part in response.iter_bytes()]).decode()]


def _helper(client):
    with _main(client).stream(**_asked(client)) as stream:
        items = _told_items(stream, stream)
        last = stream.get_final_completion() if hasattr(client, "chat") else stream.get_final_message()
        return [*items, told(last)]


async def _helper_async(client):
    async with _main(client).stream(**_asked(client)) as stream:
        items = _told_items(stream, [item async for item in stream])
        last = stream.get_final_completion() if hasattr(client, "chat") else stream.get_final_message()
        return [*items, told(await last)]


def hang_up(_):
    """A server that closes the connection without an answer."""
    raise ConnectionError


def _cut(sdk):
    whole = streamed(sdk)
    return whole._replace(steps=(*whole.steps[:3], Cut()))


def _retried(sdk):
    again = failed(503, "overloaded", headers=(("retry-after-ms", "1"),))
    return Script(again, plain(sdk))


class Way(NamedTuple):
    """How a call is made. answer: from the SDK's name, what the server gives; options: of the client."""

    sync: Callable[[Any], Any]
    asynchronous: Callable[[Any], Any]
    answer: Callable[[str], Answer | Callable[[Any], Answer]] = plain
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


WAYS = {
    # Failures come first: what hides our hooks is not found by a call that succeeded before.
    "no connection": Way(_call, _call_async, lambda _: hang_up),
    "refused": Way(_call, _call_async, lambda _: failed(401, "authentication_error")),
    "refused stream": Way(_stream, _stream_async, lambda _: failed(429, "rate_limit_error")),
    "call": Way(_call, _call_async),
    "stream": Way(_stream, _stream_async, streamed),
    "stream left early": Way(_leave, _leave_async, streamed),
    "stream cut": Way(_stream, _stream_async, _cut),
    "retried": Way(_call, _call_async, _retried, {"max_retries": 1}),
    "raw": Way(_raw, _raw_async),
    "streaming response": Way(_streaming, _streaming_async),
    "helper": Way(_helper, _helper_async, streamed),
}


class Made(NamedTuple):
    """One call that is over. got: what the app has of it; sent: bodies of its requests."""

    name: str
    got: str
    sent: list[str]


def client_of(server, sdk, *, is_async, **options):
    """A client of *server*, which keeps no connection: it may be used on one loop after the other."""
    module = transport_module(sdk)
    http = (module.AsyncClient if is_async else module.Client)(
        verify=False, trust_env=False, limits=module.Limits(max_keepalive_connections=0)
    )
    given = {"base_url": server.url + BASE[sdk], "http_client": http, **options}
    return real_client(sdk, is_async=is_async, **given)


def clients(server, sdks):
    """A client of each kind, as an app has that made it before anything was patched."""
    kinds = itertools.product(sdks, (False, True))
    return {(sdk, is_async): client_of(server, sdk, is_async=is_async) for sdk, is_async in kinds}


def make_all(server, sdks, with_client, old):
    """Each way once with each of *sdks*, sync and async, on new clients and a few on the *old* ones."""
    return [
        made
        for (sdk, is_async), client in old.items()
        if sdk in sdks
        for made in _make_some(server, sdk, _plans(server, sdk, is_async, with_client, client), is_async)
    ]


def _make_some(server, sdk, plans, is_async):
    async def on_one_loop():
        return [await _made_async(server, sdk, *plan) for plan in plans]

    return asyncio.run(on_one_loop()) if is_async else [_made(server, sdk, *plan) for plan in plans]


def _plans(server, sdk, is_async, with_client, old):
    kind = f"{sdk}{' async' if is_async else ''}"
    for name, way in WAYS.items():
        if name in ("refused", "call", "stream"):
            yield f"{kind}: {name}, old client", way, old
        yield f"{kind}: {name}", way, with_client(client_of(server, sdk, is_async=is_async, **way.options))


def _made(server, sdk, name, way, client):
    sent = _ready(server, way, sdk)
    try:
        got = way.sync(client)
    except Exception as exc:  # noqa: BLE001 - whatever the app gets is what is compared
        got = told(exc)
    return _over(server, name, got, sent)


async def _made_async(server, sdk, name, way, client):
    sent = _ready(server, way, sdk)
    try:
        got = await way.asynchronous(client)
    except Exception as exc:  # noqa: BLE001 - whatever the app gets is what is compared
        got = told(exc)
    return _over(server, name, got, sent)


def _ready(server, way, sdk):
    answer = way.answer(sdk)
    responder = answer if callable(answer) else Script(answer)
    number = b"_x%d" % next(_numbers)

    def respond(received):
        scripted = responder(received)
        steps = (_numbered(step, number) if isinstance(step, bytes) else step for step in scripted.steps)
        return scripted._replace(steps=tuple(steps))

    server.respond = respond
    return len(server.requests)


def _numbered(step, number):
    """An id that no other answer has: the usage of a response counts once."""
    return step.replace(b"chatcmpl-7", b"chatcmpl-7" + number).replace(b"msg_7", b"msg_7" + number)


def _over(server, name, got, sent):
    if "stream" in name:
        gc.collect()  # one that somebody's wrapper did not close ends here
    bodies = [one.body.decode() for one in server.requests[sent:]]
    return Made(name, MOVING.sub("~", json.dumps(got)), bodies)
