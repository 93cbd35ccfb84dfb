"""Which format is a file in? Told by how it begins, never by its name."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from json import JSONDecoder

from llm_observer.adapters.fields import loads
from llm_observer.recordings._lines import LONGEST
from llm_observer.recordings._records import inner
from llm_observer.recordings._spec import UnreadableFileError
from llm_observer.recordings.forms import FORMS

__all__ = ["format_of"]

_SIGNS: Mapping[str, frozenset[str]] = {
    "plain": frozenset({"url", "request", "request_body", "response_body"}),
    "har": frozenset({"log"}),
    "vcr_json": frozenset({"interactions", "http_interactions"}),
    "events": frozenset({"schema_version", "event_id"}),
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


def format_of(head: bytes, further: Iterable[bytes] = ()) -> str:
    """The name of the format, of which *head* is the begin. Raises UnreadableFileError where it is none.

    further: what follows the head, of which no more is taken than tells the format.
    """
    if not head.strip():
        raise UnreadableFileError("it is empty")
    if _YAML_LIST.search(head):
        return "vcr_yaml"
    form = _told_form(head) or _exchange_form(head)
    if form is None or (form in _BY_LINES and b"\n" not in head):  # what a cut line has says little
        form = _further_form(head, further) or form
    if form is None:
        raise UnreadableFileError(_EXPECTED)
    return form


def _exchange_form(head: bytes) -> str | None:
    for part in (head, *head.splitlines()):  # by lines, where a broken one hides what follows
        form = _signed(_keys(part))
        if form in _BY_LINES and head.split(b"\n", 1)[0].strip() == b"{":
            raise UnreadableFileError("each record must be on a line of its own: jq -c . FILE")
        if form is not None:
            return form
    return None


def _signed(names: Collection[str]) -> str | None:
    return next((form for form, signs in _SIGNS.items() if not signs.isdisjoint(names)), None)


def _further_form(head: bytes, further: Iterable[bytes]) -> str | None:
    """The form of the first line that ends after *head* and has one: a record may be longer than that."""
    for line in islice(_ending_after(head, further), _LOOKED_AT * 4):
        value = loads(line) if line.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")) else None
        form = _form_of(value) or _signed(value if isinstance(value, dict) else ())
        if form is not None:
            return form
    return None


def _ending_after(head: bytes, further: Iterable[bytes]) -> Iterator[bytes]:
    """The whole lines of which *head* has not the end, as far as one line may reach."""
    pieces = [head.rpartition(b"\n")[2]]
    size = len(pieces[0])
    for piece in further:
        size += len(piece)
        if size > LONGEST:
            return
        *ended, rest = piece.split(b"\n")
        for line in ended:
            yield b"".join((*pieces, line))
            pieces = []
        pieces.append(rest)
    yield b"".join(pieces)


def _told_form(head: bytes) -> str | None:
    """The form of the first record that has one."""
    return next((form for fields in _objects(head) if (form := _form_of(fields))), None)


def _form_of(value: object) -> str | None:
    for form in FORMS:
        held = islice(inner(value, form.lists), _LOOKED_AT)
        if any(isinstance(one, dict) and form.fits(one) for one in (value, *held)):
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
    outer = dict.fromkeys(_keys(text))
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


def _keys(text: bytes) -> set[str]:
    """Names of fields of the outermost objects."""
    depth, found = 0, set()
    for token in _TOKEN.finditer(text):
        depth += _DEPTHS.get(token[0], 0)
        if depth == 1 and token[2]:
            found.add(token[1].decode("utf-8", "replace"))
    return found
