"""Which events does a body of binary AWS event-stream frames hold?

A frame is a prelude (length, length of the headers, their CRC-32), headers, a payload and a CRC-32 of
it all, numbers big-endian: https://smithy.io/2.0/aws/amazon-eventstream.html (2026-11-21). The payload
of a `chunk` is JSON with the model's own event as base64 in `bytes`, and padding in `p`:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html (2026-11-21).
"""

import re
import struct
import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from typing import NamedTuple

from llm_observer.adapters.fields import loads

__all__ = ["Frame", "frames", "looks_like_frames", "model_event"]

_PRELUDE = 12
_LEAST = _PRELUDE + 4
_MOST = 16 * 1024 * 1024
"""A message is at most 16 MiB."""
_FIRST_HEADER = re.compile(
    rb"\x0b:event-type\x07|\x0d:(?:message|content)-type\x07|\x0f:exception-type\x07|\x0b:error-code\x07"
)
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by its type; types 6 (bytes) and 7 (string) carry their own length."""


class Frame(NamedTuple):
    """One message of the stream."""

    headers: dict[str, str]
    payload: bytes


def looks_like_frames(body: bytes) -> bool:
    """Whether *body* starts with a valid prelude."""
    return _length_at(body, 0) is not None


def frames(body: bytes) -> Iterator[Frame]:
    """The whole, undamaged frames of *body*; a gap is skipped."""
    start = 0
    while 0 <= start < len(body):
        length = _length_at(body, start)
        if length is None or not _is_sound(body[start : start + length], length):
            start = _next_start(body, start + 1)
            continue
        yield _frame(body[start : start + length])
        start += length


def model_event(frame: Frame) -> dict[str, object] | None:
    """The model's own event in *frame*, or an `error` event where the frame is an exception."""
    payload = loads(frame.payload)
    fields = payload if isinstance(payload, dict) else {}
    name = frame.headers.get(":exception-type") or frame.headers.get(":error-code")
    if name is not None:
        message = fields.get("message") or frame.headers.get(":error-message")
        return {"type": "error", "error": {"type": name, "message": message}}
    inner = loads(_unpacked(fields.get("bytes")))
    return inner if isinstance(inner, dict) else None


def _unpacked(text: object) -> bytes:
    try:
        return b64decode(text) if isinstance(text, str) else b""
    except (Base64Error, ValueError):
        return b""


def _length_at(body: bytes, start: int) -> int | None:
    prelude = body[start : start + _PRELUDE]
    if len(prelude) < _PRELUDE:
        return None
    length, headers, check = struct.unpack(">III", prelude)
    fits = _LEAST + headers <= length <= _MOST
    return int(length) if fits and zlib.crc32(prelude[:8]) == check else None


def _is_sound(message: bytes, length: int) -> bool:
    return len(message) == length and zlib.crc32(message[:-4]) == int.from_bytes(message[-4:], "big")


def _next_start(body: bytes, start: int) -> int:
    """Where the next frame may start, told by the name of its first header; -1 if nowhere."""
    found = _FIRST_HEADER.search(body, start + _PRELUDE)
    return -1 if found is None else found.start() - _PRELUDE


def _frame(message: bytes) -> Frame:
    end = _PRELUDE + int.from_bytes(message[4:8], "big")
    return Frame(_headers(message[_PRELUDE:end]), message[end:-4])


def _headers(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    place = 0
    while place < len(block):
        name_end = place + 1 + block[place]
        name, kind = block[place + 1 : name_end], block[name_end : name_end + 1]
        place = name_end + 1
        size = _SIZES.get(kind[0]) if kind else None
        if size is None:
            size = int.from_bytes(block[place : place + 2], "big")
            place += 2
        if kind == b"\x07":
            headers[name.decode("utf-8", "replace")] = block[place : place + size].decode("utf-8", "replace")
        place += size
    return headers
