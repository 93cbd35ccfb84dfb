"""Which format is a file in, and what is in it? Told by its content, never by its name."""

import gzip
import io
import re
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from llm_observer.adapters.providers import LOCAL, UNKNOWN, place_of
from llm_observer.adapters.routes import OPERATIONS, route_of
from llm_observer.recordings import events, har, plain, vcr
from llm_observer.recordings._spec import Item, Reader, Recorded, Unreadable, UnreadableFileError
from llm_observer.recordings._times import UNKNOWN_NS
from llm_observer.wire import Exchange

__all__ = ["FORMATS", "format_of", "read_file", "read_files"]

FORMATS: Mapping[str, Reader] = {
    "plain": plain.read,
    "har": har.read,
    "vcr_json": vcr.read_json,
    "vcr_yaml": vcr.read_yaml,
    "events": events.read,
}
_SIGNS: Mapping[str, frozenset[bytes]] = {
    "plain": frozenset({b"url", b"request", b"request_body", b"response_body"}),
    "har": frozenset({b"log"}),
    "vcr_json": frozenset({b"interactions", b"http_interactions"}),
    "events": frozenset({b"schema_version", b"event_id"}),
}
"""Fields of a file's objects that only this format has."""
_TRAFFIC = frozenset({"har", "vcr_json", "vcr_yaml"})
"""Formats that keep all of a program's HTTP, whoever it was for."""
_MODEL_CALLS = frozenset({*OPERATIONS.values(), "invoke"})
_BY_LINES = frozenset({"plain", "events"})
_HEAD = 256 << 10
_GZIP = b"\x1f\x8b"
_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*+)"(\s*:)?|[{}\[\]]', re.DOTALL)
_DEPTHS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_YAML_LIST = re.compile(rb"^(\xef\xbb\xbf)?(http_)?interactions:", re.MULTILINE)
_EXPECTED = (
    "it is neither JSON lines (our events, or exchanges with a `url`), nor a HAR file, nor a VCR cassette: "
    "docs/recordings.md shows the forms"
)


def read_files(names: Iterable[str]) -> Iterator[Item]:
    """What is in all files of *names*, one after the other; a file that cannot be read is `Unreadable`."""
    for name in names:
        try:
            yield from read_file(name)
        except UnreadableFileError as exc:
            yield Unreadable(name, str(exc))


def read_file(name: str) -> Iterator[Item]:
    """What is in the file *name*, plain or gzipped; `-` is standard input. Its name is its account.

    Raises UnreadableFileError where nothing of it can be read.
    """
    with ExitStack() as stack:
        try:
            file, head = _opened(name, stack)
            form = format_of(head)
            items = FORMATS[form](file, name)
            yield from _placed(items, name, is_traffic=form in _TRAFFIC)
        except OSError as exc:
            raise UnreadableFileError(exc.strerror or str(exc)) from exc
        except (EOFError, zlib.error) as exc:
            raise UnreadableFileError(f"the compressed file is damaged: {exc}") from exc


def format_of(head: bytes) -> str:
    """The name of the format, of which *head* is the begin. Raises UnreadableFileError where it is none."""
    if not head.strip():
        raise UnreadableFileError("it is empty")
    if _YAML_LIST.search(head):
        return "vcr_yaml"
    for part in (head, *head.splitlines()):  # by lines, where a broken one hides what follows
        keys = _keys(part)
        form = next((form for form, signs in _SIGNS.items() if keys & signs), None)
        if form in _BY_LINES and head.split(b"\n", 1)[0].strip() == b"{":
            raise UnreadableFileError("each record must be on a line of its own: jq -c . FILE")
        if form is not None:
            return form
    raise UnreadableFileError(_EXPECTED)


def _keys(text: bytes) -> set[bytes]:
    """Names of fields of the outermost objects."""
    depth, found = 0, set()
    for token in _TOKEN.finditer(text):
        depth += _DEPTHS.get(token[0], 0)
        if depth == 1 and token[2]:
            found.add(token[1])
    return found


def _opened(name: str, stack: ExitStack) -> tuple[BinaryIO, bytes]:
    """The file without compression, and how it begins."""
    raw = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - the stack closes it
    stack.enter_context(raw)
    file, head = _ahead(cast("io.RawIOBase", raw), len(_GZIP))
    if head == _GZIP:
        file = cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=file)))
    return _ahead(cast("io.RawIOBase", file), _HEAD)


def _ahead(raw: io.RawIOBase, size: int) -> tuple[BinaryIO, bytes]:
    """A file that begins with what was read of *raw*, as a pipe cannot be read again; and that begin."""
    pieces, missing = [], size
    while missing and (piece := raw.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    head = b"".join(pieces)
    return cast("BinaryIO", io.BufferedReader(_Rejoined(head, raw), _HEAD)), head


class _Rejoined(io.RawIOBase):
    """*head*, and what follows it in *rest*."""

    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # any writable buffer, as CPython calls it
        """Fill *buffer*."""
        if not self._head:
            piece = self._rest.read(len(buffer)) or b""
        else:
            piece, self._head = self._head[: len(buffer)].tobytes(), self._head[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def _placed(items: Iterable[Item], name: str, *, is_traffic: bool) -> Iterator[Item]:
    """*items* with the account of the file where they name none, and a start where they have none.

    What has no time gets the last one before it, or that of reading: no cache entry grows old in between.
    """
    latest_ns = time.time_ns()
    for item in items:
        if not isinstance(item, Recorded):
            yield item
            continue
        exchange = item.exchange
        if is_traffic and not _is_model_call(exchange):
            yield Unreadable(item.place, "is no call of a model")
            continue
        if exchange.started_ns == UNKNOWN_NS:
            exchange.started_ns = latest_ns
        latest_ns = exchange.started_ns
        exchange.account = name if item.account is None else item.account
        yield msgspec.structs.replace(item, account=exchange.account)


def _is_model_call(exchange: Exchange) -> bool:
    """To a known provider, or on a known route of any host."""
    provider = place_of(exchange.url, None).provider
    return provider not in {UNKNOWN, LOCAL} or route_of(exchange).operation in _MODEL_CALLS
