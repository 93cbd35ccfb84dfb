"""What does the app get from a call? Every type, value, header and exception, as lines of text.

One program for sync and async clients: it awaits what can be awaited. `run_plainly` runs it where
nothing is.
"""

import inspect
import re
from typing import NamedTuple

from integration.sending import send

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
READERS = ("parse", "read", "json", "text", "iter_bytes", "iter_text", "iter_lines", "nothing")
LEAVES = ("break", "close", "with", "drop")


class Play(NamedTuple):
    """How the app goes about one call.

    surface: `plain`, `raw`, `streaming`. reader: how a streaming response is read. leave: how a stream is
    left early, None where it is read to its end. after: items read before that.
    """

    surface: str = "plain"
    reader: str = "parse"
    leave: str | None = None
    after: int = 1


def run_plainly(coroutine):
    """The result of *coroutine*, which never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a call of a sync client was awaited")


async def play(client, plan, play, arguments):
    """Make the call of *plan* as *play* says; what the app got, in lines."""
    lines: list[str] = []
    try:
        result = await _now(send(client, plan, play.surface, arguments))
        await _SURFACES[play.surface](result, play, lines)
    except Exception as exc:  # noqa: BLE001 - whatever the app would get is what is compared
        lines.append(told_error(exc))
    return lines


async def _plain(result, play, lines):
    await (_stream if _is_stream(result) else _value)(result, play, lines)


async def _raw(result, play, lines):
    _answer(result, lines)
    await _plain(await _now(result.parse()), play, lines)


async def _streaming(result, play, lines):
    """*result* is the context manager of a typed method, or the response that a general call gives."""
    response = await _entered(result)
    _answer(response, lines)
    try:
        await _read(response, play, lines)
    finally:
        await _now(response.close())
    lines.append(f"closed {response.is_closed} {type(response.elapsed).__name__}")


_SURFACES = {"plain": _plain, "raw": _raw, "streaming": _streaming}


async def _entered(result):
    if hasattr(result, "http_response"):
        return result
    return await result.__aenter__() if hasattr(result, "__aenter__") else result.__enter__()


async def _read(response, play, lines):
    if play.reader == "nothing":
        return
    result = await _now(getattr(response, play.reader)())
    if play.reader == "parse":
        await _plain(result, play, lines)
    elif play.reader.startswith("iter_"):
        await _each(result, lines)
    else:
        lines.append(told(result))


async def _value(result, play, lines):
    lines.append(told(result))


def _is_stream(result):
    return hasattr(result, "__stream__")


async def _stream(stream, play, lines):
    lines.append(f"{_name(stream)} {stream.response.status_code} {_headers(stream.response.headers)}")
    if play.leave is None:
        await _each(stream, lines)
        lines.append(f"closed {stream.response.is_closed}")
    else:
        await _left(stream, play, lines)


async def _each(stream, lines, most=None):
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            lines.append(told(item))
            if len(lines) == most:
                break
        return
    for item in stream:
        lines.append(told(item))
        if len(lines) == most:
            break


async def _left(stream, play, lines):
    most = len(lines) + play.after
    if play.leave == "with":
        entered = await stream.__aenter__() if hasattr(stream, "__aenter__") else stream.__enter__()
        assert entered is stream
    await _each(stream, lines, most)
    if play.leave == "close":
        await _now(stream.close())
    elif play.leave == "with":
        leaving = stream.__aexit__ if hasattr(stream, "__aexit__") else stream.__exit__
        await _now(leaving(None, None, None))


async def _now(value):
    return await value if inspect.isawaitable(value) else value


def _answer(response, lines):
    lines.append(
        f"{_name(response)} {response.status_code} {response.http_version} {response.method} {response.url} "
        f"{response.retries_taken} {getattr(response, 'request_id', None)} {_headers(response.headers)}"
    )


def _headers(headers):
    return sorted(headers.multi_items())


def told(value):
    """*value* in one line: its type and all that it shows."""
    shown = value.content if hasattr(value, "aiter_bytes") and hasattr(value, "content") else value
    request_id = getattr(value, "_request_id", None)
    return _ADDRESS.sub("0x", f"{_name(value)} {shown!r} {request_id}")


def told_error(exc):
    """*exc* in one line: type, text, status, headers, and what caused it."""
    response = getattr(exc, "response", None)
    extras = [
        getattr(exc, name, None) for name in ("body", "code", "param", "type", "request_id", "status_code")
    ]
    headers = None if response is None else _headers(response.headers)
    cause = type(exc.__cause__).__name__
    return _ADDRESS.sub("0x", f"{_name(exc)} {exc!s} {extras!r} {headers} {cause}")


def _name(value):
    return f"{type(value).__module__}.{type(value).__qualname__}"
