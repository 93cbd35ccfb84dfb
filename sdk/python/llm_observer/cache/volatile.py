"""Which parts of a text change by themselves: times, ids, counters, random tokens? Their place and kind.

The text is read once, in pieces, as UTF-8 bytes. Cheap searches find candidates: a digit that starts a
number, a run of 16 or more id characters, a `?` that starts a query, a weekday, an "id" or "ago" without a
digit. What stands there, and the word in front of it, decide. Attachments (long base64 runs, `data:` URLs)
are passed over.

- The span of a signed URL is its query, from the `?` on.
- "turn 7 of 20" is two counters: 7, and 20 with no suspicion.
- A date with a time of day, a zone and a weekday is one timestamp.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from llm_observer.cache import patterns as p
from llm_observer.cache.ids import RUN_CLASSES, named, runs
from llm_observer.cache.numbers import numbers, weekdays, whiles
from llm_observer.cache.patterns import Span

__all__ = ["Span", "find_spans", "masked", "shape"]

_PIECE = 8192
_MAX_RUN = 512
_AHEAD = 1024
_MAX_URL = 16384
_MAX_HOST = 2048
_MAX_SHAPE = 40
_LINE_END = re.compile(rb"\\[nr]")
_BLOB = re.compile(b"w" * 60 + b"w*+(?:\n{1,4}" + b"w" * 60 + b"w*+)*+")
"""One long run, or lines as MIME wraps them."""
_DATA_URL = re.compile(rb"data:[a-z]{2,20}/[A-Za-z0-9.+;=-]{1,60},[A-Za-z0-9+/=_%.-]*+")
_BLOB_REST = re.compile(
    rb"[A-Za-z0-9+/_=%.-]++|[\r\n]{1,4}(?=[A-Za-z0-9+/]{60}|[A-Za-z0-9+/]{1,76}={0,2}(?:[\s\"']|\Z))"
)
"""How an attachment goes on: the run, its next line, or its last and shorter line."""
_QUERY_REST = r"[^\s\"'<>()\\^`{|}?]*+"
_ADDRESS = re.compile(rb"""https?://[^\s"'<>()\[\]{}\\]*\Z""")
_QUERY = p.pattern(rf"\?[A-Za-z0-9_.~%+\[\]-]{{1,80}}={_QUERY_REST}(?:\\u0026{_QUERY_REST})*+")
_SIGNED = p.pattern(
    r"(?i)(?:\?|&|&amp;|\\u0026)(?P<name>x-(?:amz|goog|oss|cos)-[a-z-]+|signature|sig|expires?|exp|token"
    r"|access_token|hmac|hash|auth|policy|key-pair-id|googleaccessid|awsaccesskeyid|se|sv|st|hdnts)="
)
"""Parameters of AWS, Google, Alibaba, Tencent, Azure, CloudFront and Akamai, and the plain ones."""


def find_spans(text: str, *, breathe: Callable[[], object] | None = None) -> tuple[Span, ...]:
    """The spans of *text*, in order, never overlapping. *breathe* is called between pieces of 8 KiB."""
    data = _unescaped(text.encode("utf-8", "surrogatepass"))
    found: list[tuple[int, int, Span]] = []
    resume = 0
    for start, end in _pieces(data, breathe):
        timed, resume = numbers(data, max(start, resume), end)
        others = (search(data, start, end) for search in (named, weekdays, whiles))
        searches = (_signed_urls(data, start, end), runs(data, start, end), timed, *others)
        found += ((span.offset, rank, span) for rank, spans in enumerate(searches) for span in spans)
    return tuple(_without_overlaps(found))


def _unescaped(data: bytes) -> bytes:
    """JSON inside JSON: the `n` of a written-out newline is no letter. The length stays."""
    return _LINE_END.sub(b"\n\n", data).replace(b"\\t", b"  ") if b"\\" in data else data


def masked(text: str, spans: Sequence[Span]) -> str:
    """*text* with a placeholder of its kind for each span: equal for texts that differ only in the spans."""
    data = text.encode("utf-8", "surrogatepass")
    parts, done = [], 0
    for span in spans:
        parts += [data[done : span.offset], b"\0" + span.kind.encode() + b"\0"]
        done = span.offset + span.length
    return b"".join([*parts, data[done:]]).decode("utf-8", "surrogatepass")


def shape(text: str) -> str:
    """The first 40 characters as `9` digit, `a` and `A` letter, `x` beyond ASCII; punctuation stays."""
    return "".join(map(_shape_of, text[:_MAX_SHAPE]))


def _shape_of(mark: str) -> str:
    if not mark.isascii():
        return "x"
    if mark.isdigit():
        return "9"
    if mark.isalpha():
        return "A" if mark.isupper() else "a"
    return mark if mark.isprintable() else " "


def _without_overlaps(found: list[tuple[int, int, Span]]) -> Iterator[Span]:
    """The leftmost wins, then the surest search."""
    done = 0
    for offset, _, span in sorted(found):
        if offset >= done:
            yield span
            done = offset + span.length


# The text in pieces


def _pieces(data: bytes, breathe: Callable[[], object] | None) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(data):
        end, after = _next_attachment(data, start, min(start + _PIECE, len(data)))
        yield start, end
        if breathe is not None:
            breathe()
        start = _end_of_attachment(data, end, after, breathe)


def _next_attachment(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the first attachment in the piece starts, and how far we know it; else the piece's end, twice."""
    url = _DATA_URL.search(data, start, end + _AHEAD)
    first = (url.start(), url.end()) if url and url.start() < end else (end, end)
    lead = 1 if start else 0
    classes = data[start - lead : first[0] + _AHEAD].translate(RUN_CLASSES)
    for blob in _BLOB.finditer(classes):
        at = blob.start() + start - lead
        if start <= at < first[0] and len(blob[0]) > _MAX_RUN:
            return at, at + len(blob[0])
    return first


def _end_of_attachment(data: bytes, start: int, known: int, breathe: Callable[[], object] | None) -> int:
    """The end of an attachment that is known up to *known*, read in pieces."""
    while known > start:
        start = known
        rest = _BLOB_REST.match(data, start, start + 8 * _PIECE)
        known = rest.end() if rest else start
        if breathe is not None:
            breathe()
    return start


# Signed URLs


def _signed_urls(data: bytes, start: int, end: int) -> Iterator[Span]:
    for found in _QUERY.finditer(data, start, end + _AHEAD):
        if found.start() >= end:
            return
        query = _QUERY.match(data, found.start(), found.start() + _MAX_URL)
        text = (query or found)[0].rstrip(b".,;:!*_")
        signed = _SIGNED.search(text)
        if signed:
            address = _ADDRESS.search(data, max(found.start() - _MAX_HOST, 0), found.start())
            first = address.start() if address else found.start()
            length = found.start() + len(text) - first
            yield Span("signed_url", first, length, 0.4 if b"-" in signed["name"] else 0.3)
