"""When are two pieces the same but for noise? A ladder of forms, each of which leaves one kind of noise out.

Every form is a function from a block's value to bytes; equal bytes in a form and unequal ones below it prove
that only that noise differs.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from llm_observer.cache.volatile import Span, find_spans, masked

__all__ = ["Forms", "Leaf", "exact", "forms_of", "is_attachment", "leaves", "text_of"]

MAX_EMBEDDED = 64
"""JSON documents that are looked for in one text."""
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_TYPOGRAPHY = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"}
)
_OPENING = re.compile(r"[\[{]\s*[\"\[{\]}]")
_decoder = json.JSONDecoder()
_exact = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="sorted")
CONTENT = ("file_id", "file_data", "signature", "encrypted_content")
"""Fields whose value stands for content: another one is another prompt, and no volatile id."""
_DATA = frozenset({"input", "arguments", "output", "metadata"})
"""Fields that hold what a model called a tool with, or what came back."""
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}")
UNTOUCHED = 4096
"""Characters from which on a text without white space is taken for an attachment."""

Breathe = Callable[[], object]


class Leaf(NamedTuple):
    """A text inside a block. path: below the block; empty for the text of a text block."""

    path: str
    text: str


class Forms(NamedTuple):
    """A block in its forms, and the volatile spans of each of its leaves."""

    exact: bytes
    masked: bytes
    spaced: bytes
    unified: bytes
    ordered: bytes
    stable: bytes
    spans: tuple[tuple[Leaf, tuple[Span, ...]], ...]


def exact(value: Any) -> bytes:
    """The block as one JSON text, keys as sent."""
    return _exact.encode(value)


def text_of(value: Any) -> str | None:
    """The text of a plain text block, None for any other."""
    if isinstance(value, dict) and set(value) == {"type", "text"} and isinstance(value["text"], str):
        return value["text"]
    return None


def leaves(value: Any, path: str = "", *, is_data: bool = False) -> Iterator[Leaf]:
    """Every text in *value*, in wire order, but attachments and names of types.

    is_data: the value is what a model or a tool wrote, whose names are not shown in paths.
    """
    if isinstance(value, str):
        if not is_attachment(value):
            yield Leaf(path, value)
    elif isinstance(value, dict):
        is_text = text_of(value) is not None
        for name, inner in value.items():
            if name != "type" or not isinstance(inner, str):
                below = path if is_text or not name else f"{path}.{_shown(name, is_data=is_data)}"
                yield from leaves(inner, below, is_data=is_data or name in _DATA)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]", is_data=is_data)


def _shown(name: str, *, is_data: bool) -> str:
    """*name* as a path shows it: a key of data may be anything, an address of a customer too."""
    return name if not is_data and _NAME.fullmatch(name) else "*"


def forms_of(value: Any, breathe: Breathe | None = None) -> Forms:
    """All forms of a block."""
    spans = tuple(
        (leaf, find_spans(leaf.text, breathe=breathe))
        for leaf in leaves(value)
        if not leaf.path.endswith(CONTENT)
    )
    changed = {leaf.text: masked(leaf.text, found) for leaf, found in spans if found}
    hidden = _mapped(value, lambda text: changed.get(text, text)) if changed else value
    ordered = _mapped(value, _ordered)
    return Forms(
        exact=_exact.encode(value),
        masked=_exact.encode(hidden),
        spaced=_exact.encode(_mapped(value, _spaced)),
        unified=_exact.encode(_mapped(value, _unified)),
        ordered=_sorted.encode(ordered),
        stable=_sorted.encode(_mapped(hidden, lambda text: _unified(_ordered(text)))),
        spans=tuple((leaf, found) for leaf, found in spans if found),
    )


def is_attachment(text: str) -> bool:
    """Whether *text* is a file's data rather than words."""
    return text.startswith("data:") or (len(text) > UNTOUCHED and not _SPACE.search(text, 0, UNTOUCHED))


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return value if is_attachment(value) else change(value)
    if isinstance(value, Mapping):
        return {name: _mapped(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change) for inner in value]
    return value


def _spaced(text: str) -> str:
    """White space of ASCII as one blank, none at the ends; any other is a matter of Unicode."""
    return _SPACE.sub(" ", text).strip(" ")


def _unified(text: str) -> str:
    """Unicode in one spelling, typographic signs plain, invisible ones gone, white space folded."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY).translate(_INVISIBLE)
    return _spaced(text)


def _ordered(text: str) -> str:
    """*text* with the keys of every JSON object in it sorted."""
    parts: list[str] = []
    done = 0
    for _ in range(MAX_EMBEDDED):
        found = _OPENING.search(text, done)
        if found is None:
            break
        start = found.start()
        try:
            document, end = _decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            document, end = None, found.end() - 1
        parts.append(text[done:start])
        parts.append(text[start:end] if document is None else _dumped(document))
        done = end
    return "".join((*parts, text[done:])) if parts else text


def _dumped(document: Any) -> str:
    """In plain letters, but for halves of characters: text cannot have them."""
    dumped = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return dumped.encode("utf-8", "backslashreplace").decode()
