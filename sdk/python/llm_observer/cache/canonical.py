r"""When are two pieces the same but for noise? A ladder of forms, each of which leaves one kind of noise out.

Every form is a function from a block's value to bytes; equal bytes in a form and unequal ones below it prove
that only that noise differs. JSON inside a text is part of it: what stands between its tokens is white space,
`\u00e9` is a spelling of `é`, and the order of its keys is form, at any depth.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from llm_observer.cache.volatile import Span, find_spans, masked

__all__ = ["Forms", "Leaf", "exact", "forms_of", "is_attachment", "leaves", "text_of"]

MAX_EMBEDDED = 64
"""JSON documents that are looked for in one text."""
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_SIGNS = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"}
_SIGNS |= dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", "")
_SIGN = re.compile(f"[{''.join(_SIGNS)}]")
"""Typographic signs and their plain ones, and those that are invisible."""
_OPENING = re.compile(r"[\[{]\s*[\"\[{\]}]")
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^"\s]++', re.DOTALL)
_PLACEHOLDER = re.compile("\0([a-z_]+)\0")
_exact = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="sorted")
CONTENT = ("file_id", "file_data", "signature", "encrypted_content")
"""Fields whose value stands for content: another one is another prompt, and no volatile id."""
_DATA = frozenset({"input", "arguments", "output", "metadata"})
"""Fields that hold what a model called a tool with, or what came back."""
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}")
UNTOUCHED = 4096
"""Characters from which on a text without white space is taken for an attachment, unless it is JSON."""

_T = TypeVar("_T")
Breathe = Callable[[], object]


class Leaf(NamedTuple):
    """A text inside a block. path: below the block; empty for the text of a text block."""

    path: str
    text: str


class Forms(NamedTuple):
    """A block in its forms, and the volatile spans of each of its leaves.

    Each of `exact`, `spaced`, `unified` and `ordered` leaves out what the one before it does, and one noise
    more; `masked` is `exact` without the spans, and `stable` leaves out all.
    """

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
    hidden = {leaf.text: masked(leaf.text, found) for leaf, found in spans if found}
    spelled, unified = _resting(_spelled, breathe), _resting(_unified, breathe)
    ordered = _sorted.encode(_mapped(value, lambda text: unified(spelled(text).ordered)))
    return Forms(
        exact=_exact.encode(value),
        masked=_exact.encode(_mapped(value, lambda text: hidden.get(text, text))),
        spaced=_exact.encode(_mapped(value, lambda text: _folded(spelled(text).packed))),
        unified=_exact.encode(_mapped(value, lambda text: unified(spelled(text).plain))),
        ordered=ordered,
        stable=_sorted.encode(
            _mapped(value, lambda text: unified(spelled(_numbered(hidden.get(text, text))).ordered))
        )
        if hidden
        else ordered,
        spans=tuple((leaf, found) for leaf, found in spans if found),
    )


def is_attachment(text: str) -> bool:
    """Whether *text* is a file's data rather than words."""
    if len(text) <= UNTOUCHED or _SPACE.search(text, 0, UNTOUCHED):
        return text.startswith("data:")
    return _OPENING.match(text) is None


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return value if is_attachment(value) else change(value)
    if isinstance(value, Mapping):
        return {name: _mapped(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change) for inner in value]
    return value


# Forms of a text


def _resting(change: Callable[[str], _T], breathe: Breathe | None) -> Callable[[str], _T]:
    """*change*, done once for each text; *breathe* is called before a long one."""

    @cache
    def changed(text: str) -> _T:
        if breathe is not None and len(text) > UNTOUCHED:
            breathe()
        return change(text)

    return changed


class _Spelling(NamedTuple):
    """A text with the JSON in it spelled without white space between tokens, in plain letters, and sorted."""

    packed: str
    plain: str
    ordered: str


def _spelled(text: str) -> _Spelling:
    stretches: list[_Spelling] = []
    done = 0
    for _ in range(MAX_EMBEDDED):
        found = _OPENING.search(text, done)
        if found is None:
            break
        start = found.start()
        try:
            document, end = _decoder.raw_decode(text, start)
            packed = "".join(_TOKENS.findall(text, start, end))
            stretch = _Spelling(packed, _dumped(document), _dumped(document, sort_keys=True))
        except (ValueError, RecursionError):
            end = found.end() - 1
            stretch = _as_sent(text[start:end])
        stretches += (_as_sent(text[done:start]), stretch)
        done = end
    return _Spelling(*map("".join, zip(*stretches, _as_sent(text[done:]), strict=True)))


def _as_sent(text: str) -> _Spelling:
    return _Spelling(text, text, text)


def _folded(text: str) -> str:
    """White space of ASCII as one blank, none at the ends; any other is a matter of Unicode."""
    return _SPACE.sub(" ", text).strip(" ")


def _unified(text: str) -> str:
    """Unicode in one spelling, typographic signs plain, invisible ones gone, white space folded."""
    if not text.isascii():
        text = _SIGN.sub(lambda sign: _SIGNS[sign[0]], unicodedata.normalize("NFKC", text))
    return _folded(text)


def _numbered(hidden: str) -> str:
    """A number for each placeholder, which is JSON in a string and beside one: it is sorted as ever."""
    return _PLACEHOLDER.sub(lambda found: str(int.from_bytes(found[1].encode())), hidden)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """All members of an object: hidden ids make equal names, which are numbered."""
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: Counter[str] = Counter()
    members.clear()
    for name, inner in pairs:
        members[f"{name}\0{seen[name]}"] = inner
        seen[name] += 1
    return members


_decoder = json.JSONDecoder(object_pairs_hook=_members, parse_float="\0".__add__)
"""A number with a fraction stays as it is spelled."""


def _dumped(document: Any, *, sort_keys: bool = False) -> str:
    """In plain letters, but for halves of characters: text cannot have them."""
    dumped = json.dumps(document, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False)
    return dumped.encode("utf-8", "backslashreplace").decode()
