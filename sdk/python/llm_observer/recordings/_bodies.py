"""What are the bytes of a recorded body? Without the content coding that a recorder may have kept."""

import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from llm_observer.wire import BodyState, Headers

__all__ = ["decoded", "headers_of"]

_LIMIT = 64 << 20
"""Decoded bytes kept of one body: a small compressed one can hold any amount."""
_PLAIN = (b"{", b"[", b"data:", b"event:", b"id:", b"retry:", b":", b"--")
"""How JSON, event streams and forms begin."""
_Decode = Callable[[bytes], tuple[bytes, BodyState] | None]
"""Takes a coding away; None where the body does not have it, or the library for it is missing."""


def headers_of(value: object) -> Headers:
    """*value* as header pairs, names in lower case: a mapping of texts or lists, pairs, or name and value."""
    if isinstance(value, dict):
        value = [(name, one) for name, many in value.items() for one in _listed(many)]
    pairs = (_pair(entry) for entry in value) if isinstance(value, list) else ()
    return tuple((str(name).lower(), str(text)) for name, text in pairs if text is not None)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _pair(entry: object) -> tuple[object, object]:
    if isinstance(entry, Mapping):
        return entry.get("name"), entry.get("value")
    if isinstance(entry, list | tuple) and len(entry) == 2:  # noqa: PLR2004 - a pair
        return entry[0], entry[1]
    return None, None


def decoded(body: bytes | None, headers: Headers, *, absent: BodyState) -> tuple[bytes, BodyState]:
    """*body* without its content coding, and its state; *absent* where the record has none.

    Recorders keep the header and take the coding away, so what reads as text already stays as it is.
    """
    if body is None:
        return b"", absent
    coding = next((value.strip().lower() for name, value in headers if name == "content-encoding"), "")
    if not body or coding in {"", "identity"} or body.lstrip().startswith(_PLAIN):
        return body, "kept" if body else "empty"
    decode = _CODINGS.get(coding)
    found = None if decode is None else decode(body)
    if found is None:
        return (body, "kept") if _is_text(body) else (b"", "undecodable")
    return found


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _inflater(*windows: int) -> _Decode:
    def decode(body: bytes) -> tuple[bytes, BodyState] | None:
        for window in windows:
            inflater = zlib.decompressobj(window)
            with suppress(zlib.error):
                found = inflater.decompress(body, _LIMIT)
                return found, "kept" if inflater.eof else "truncated"
        return None

    return decode


def _brotli(body: bytes) -> tuple[bytes, BodyState] | None:
    try:
        brotli: Any = import_module("brotli")  # it has no types
    except ImportError:
        return None
    try:
        return brotli.decompress(body), "kept"
    except brotli.error:
        return None


def _zstd(body: bytes) -> tuple[bytes, BodyState] | None:
    try:
        import zstandard
    except ImportError:
        return None
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(body), "kept"
    except zstandard.ZstdError:
        return None


_CODINGS: Mapping[str, _Decode] = {
    "gzip": _inflater(16 + zlib.MAX_WBITS),
    "x-gzip": _inflater(16 + zlib.MAX_WBITS),
    "deflate": _inflater(zlib.MAX_WBITS, -zlib.MAX_WBITS),  # RFC 9110 means the first; some send the second
    "br": _brotli,
    "zstd": _zstd,
}
