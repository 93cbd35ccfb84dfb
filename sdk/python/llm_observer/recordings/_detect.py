"""Which format is a file in? Told by how it begins, never by its name."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from json import JSONDecoder

from llm_observer.adapters.fields import loads
from llm_observer.recordings._records import inner
from llm_observer.recordings._spec import UnreadableFileError
from llm_observer.recordings.forms import FORMS

__all__ = ["format_of"]

_SIGNS: Mapping[str, frozenset[bytes]] = {
    "plain": frozenset({b"url", b"request", b"request_body", b"response_body"}),
    "har": frozenset({b"log"}),
    "vcr_json": frozenset({b"interactions", b"http_interactions"}),
    "events": frozenset({b"schema_version", b"event_id"}),
}
"""Fields of a file's objects that only this format has."""
_BY_LINES = frozenset({"plain", "events"})
_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*+)"(\s*:)?|[{}\[\]]', re.DOTALL)
_DEPTHS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_YAML_LIST = re.compile(rb"^(\xef\xbb\xbf)?(http_)?interactions:", re.MULTILINE)
_LIST = re.compile(r"\[\s*(?=\{)")
_NEXT = re.compile(r"\s*,\s*(?=\{)")
_LOOKED_AT = 64
"""Records of a file, and of a list in it, that are asked for their form."""
_EXPECTED = (
    "it is neither JSON lines (our events, or exchanges with a `url`), nor a HAR file, nor a VCR cassette, "
    "nor the output of a batch, nor the log of a gateway or a coding agent that is known: "
    "docs/recordings.md shows the forms"
)


def format_of(head: bytes) -> str:
    """The name of the format, of which *head* is the begin. Raises UnreadableFileError where it is none."""
    if not head.strip():
        raise UnreadableFileError("it is empty")
    if _YAML_LIST.search(head):
        return "vcr_yaml"
    return _told_form(head) or _exchange_form(head)


def _exchange_form(head: bytes) -> str:
    for part in (head, *head.splitlines()):  # by lines, where a broken one hides what follows
        keys = _keys(part)
        form = next((form for form, signs in _SIGNS.items() if keys & signs), None)
        if form in _BY_LINES and head.split(b"\n", 1)[0].strip() == b"{":
            raise UnreadableFileError("each record must be on a line of its own: jq -c . FILE")
        if form is not None:
            return form
    raise UnreadableFileError(_EXPECTED)


def _told_form(head: bytes) -> str | None:
    """The form of the first record that has one."""
    return next((form for fields in _objects(head) if (form := _form_of(fields))), None)


def _form_of(fields: Mapping[str, object]) -> str | None:
    for form in FORMS:
        held = islice(inner(fields, form.lists), _LOOKED_AT)
        if form.fits(fields) or any(isinstance(one, dict) and form.fits(one) for one in held):
            return form.name
    return None


def _objects(head: bytes) -> Iterator[Mapping[str, object]]:
    """Objects at the begin of a file: those of its lines, or what is there of one document."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    found = False
    for line in islice(text.splitlines(), _LOOKED_AT * 4):
        value = loads(line) if line.lstrip().startswith(b"{") else None
        if isinstance(value, dict):
            found = True
            yield value
    if not found:
        yield from _of_document(text)


def _of_document(text: bytes) -> Iterator[Mapping[str, object]]:
    whole = loads(text)
    if isinstance(whole, dict):
        yield whole
    outer = dict.fromkeys(key.decode("utf-8", "replace") for key in _keys(text))
    if outer:
        yield outer
    yield from _listed(text.decode("utf-8", "replace"))


def _listed(text: str) -> Iterator[Mapping[str, object]]:
    """The first whole objects of the first list of objects in *text*, which may be cut anywhere."""
    begin, decoder = _LIST.search(text), JSONDecoder()
    for _ in range(_LOOKED_AT):
        if begin is None:
            return
        try:
            value, end = decoder.raw_decode(text, begin.end())
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value
        begin = _NEXT.match(text, end)


def _keys(text: bytes) -> set[bytes]:
    """Names of fields of the outermost objects."""
    depth, found = 0, set()
    for token in _TOKEN.finditer(text):
        depth += _DEPTHS.get(token[0], 0)
        if depth == 1 and token[2]:
            found.add(token[1])
    return found
