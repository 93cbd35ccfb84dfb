"""Which runs of letters and digits are ids or random tokens, rather than words, paths, names or numbers?"""

from collections.abc import Iterator
from typing import NamedTuple

from llm_observer.cache import patterns as p
from llm_observer.cache.patterns import Span

__all__ = ["ID_BYTES", "LETTERS", "NO_LABEL", "Label", "label_of", "names_an_id", "runs", "token_span"]

_AHEAD = 1024
_MAX_RUN = 512
_LABEL_BYTES = 40
_ASCII_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"
LETTERS = _ASCII_LETTERS + bytes(range(128, 256))
ID_BYTES = _ASCII_LETTERS + _DIGITS + b"_-"
_BEFORE_VALUE = b" ,.\t\"'#:=>([*_`|\\-"
_RANDOM_SHARE = 0.42


class Label(NamedTuple):
    """The word in front of a value: what it says, where it starts, and what stands between."""

    role: str
    start: int
    gap: bytes


NO_LABEL = Label("", 0, b"")


def label_of(data: bytes, at: int) -> Label:
    """The word in front of *at*, if it is one that we know."""
    head = data[max(0, at - _LABEL_BYTES) : at]
    core = head.rstrip(_BEFORE_VALUE)
    stem = core.rstrip(LETTERS)
    role = p.LABELS.get(core[len(stem) :].lower(), "")
    return Label(role, at - len(head) + len(stem), head[len(core) :]) if role else NO_LABEL


def names_an_id(data: bytes, label: Label) -> bool:
    """Whether the label says: here comes the id of a request, session or trace."""
    if label.role == "id":
        head = data[max(0, label.start - _LABEL_BYTES) : label.start].rstrip(b" _-")
        return head[len(head.rstrip(LETTERS)) :].lower() in p.IDENTIFIED
    has_sign = b":" in label.gap or b"=" in label.gap
    return label.role == "some_id" or (label.role == "bare_id" and has_sign)


def runs(data: bytes, start: int, end: int) -> Iterator[Span]:
    """The ids in runs of 16 and more id characters that start between *start* and *end*."""
    lead = 1 if start else 0
    for found in p.RUN_START.finditer(data[start - lead : end + _AHEAD].translate(p.RUN_CLASSES)):
        at = found.start() + start - lead
        if start <= at < end:
            yield from _run(data, at, min(len(found[0]), _MAX_RUN))


def _run(data: bytes, start: int, length: int) -> Iterator[Span]:
    """The spans of a run; a path is read name by name, unless it is base64."""
    run = data[start : start + length]
    if not run.translate(None, LETTERS + b"_-+/") and (run.islower() or run.isupper()):
        return
    if b"/" not in run and b"+" not in run:
        span = token_span(data, start, run)
        if span:
            yield span
        return
    if _is_base64(run):
        yield _nonce(data, start, run)
        return
    for part in p.PART.finditer(run):
        span = token_span(data, start + part.start(), part[0])
        if span:
            yield span


def _is_base64(run: bytes) -> bool:
    return (
        b"-" not in run
        and b"_" not in run
        and _is_random(run)
        and not any(map(_is_word, p.ALNUM.findall(run)))
    )


def _is_word(part: bytes) -> bool:
    """Whether it is like a word: at least three small letters whose pairs are common."""
    return len(part) > p.MAX_SYLLABLE and part.isalpha() and part.islower() and not _odd_pairs(part)


def token_span(data: bytes, start: int, run: bytes) -> Span | None:
    """The id in a run of letters, digits, `_` and `-`, if there is one."""
    uuid = p.UUID.search(run)
    if uuid:
        return Span("uuid", start + uuid.start(), len(uuid[0]), 0.3)
    token = run.strip(b"-_")
    start += run.find(token)
    for kind, form, suspicion in p.PLAIN_FORMS:
        if form.fullmatch(token):
            return Span(kind, start, len(token), suspicion)
    if _is_prefixed(token):
        return Span("request_id", start, len(token), 0.3)
    if len(token) >= p.MIN_NONCE and (p.HEX.fullmatch(token) or _is_random(token)):
        return _nonce(data, start, token)
    part = p.LONG_PART.search(token)
    if part and part[0] != token:
        return token_span(data, start + part.start(), part[0])
    return None


def _is_prefixed(token: bytes) -> bool:
    known = p.KNOWN_PREFIX.match(token)
    if known:
        return _is_known_id(token[known.end() :], token[known.end() - 1 : known.end()])
    prefix = p.PREFIXED.match(token)
    rest = token[prefix.end() :] if prefix else b""
    if len(rest) < p.MIN_PREFIXED or not rest.isalnum():
        return False
    words = p.ALNUM.findall(token[: -len(rest)])
    return all(map(_is_word, words)) and (_is_random(rest) or p.HEX.fullmatch(rest) is not None)


def _is_known_id(rest: bytes, joint: bytes) -> bool:
    if rest.isdigit():
        return joint == b"_" or len(rest) >= p.MIN_PREFIXED
    return len(rest) >= p.MIN_KNOWN and _is_random(rest)


def _nonce(data: bytes, start: int, token: bytes) -> Span:
    end = start + len(token)
    if token.startswith(b"eyJ"):
        rest = p.JWT_REST.match(data, end)
        end = rest.end() if rest else end
    while data[end : end + 1] == b"=" and end - start - len(token) < 2:
        end += 1
    if names_an_id(data, label_of(data, start)):
        return Span("request_id", start, end - start, 0.4)
    kind = "ksuid" if p.KSUID.fullmatch(token) else "nonce"
    return Span(kind, start, end - start, 0.2)


def _is_random(token: bytes) -> bool:
    """Whether letters, digits and cases follow each other as in no word, identifier or number."""
    if not any(map(token.__contains__, _DIGITS)) and (token.islower() or token.isupper()):
        return False
    pairs = len(token) - 1 - 2 * len(token.translate(None, _ASCII_LETTERS + _DIGITS))
    return _odd_pairs(token) >= max(1, _RANDOM_SHARE * pairs)


def _odd_pairs(token: bytes) -> int:
    return sum(map(p.odd_pairs().__contains__, zip(token, token[1:], strict=False)))
