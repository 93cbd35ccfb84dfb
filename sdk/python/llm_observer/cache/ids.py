"""Which runs of letters and digits are ids or random tokens, rather than words, paths, names or numbers?"""

import functools
import itertools
import re
from collections.abc import Iterator

from llm_observer.cache import patterns as p
from llm_observer.cache.labels import LETTERS, hints_at_an_id, label_of, names_an_id
from llm_observer.cache.patterns import Span

__all__ = [
    "ID_BYTES",
    "ID_WORD",
    "KNOWN_PREFIX",
    "RUN_CLASSES",
    "is_like_an_id",
    "named",
    "runs",
    "token_span",
    "value_at",
]

_AHEAD = 1024
_MAX_RUN = 512
_ASCII_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"
_ALNUM_BYTES = _ASCII_LETTERS + _DIGITS
ID_BYTES = _ALNUM_BYTES + b"_-"
_SHARE, _SHARE_OF_LONG, _SHARE_OF_NAMED, _SHARE_OF_KNOWN, _CLEAR_SHARE = 0.42, 0.36, 0.34, 0.28, 0.5
"""Of odd pairs in a random token. Measured: base62 has 0.8; below 0.4 is one in a thousand of 16 characters,
below 0.36 one in ten thousand of 20 and more. Of 15,000 identifiers of 16 and more, 97 % are below 0.36."""
_LONG = 20
_MAX_PADS = 2
_RUN = "[A-Za-z0-9+/_-]"
RUN_CLASSES = bytes(
    119 if re.match(_RUN.encode(), bytes([code])) else 10 if code in b"\r\n" else 32 for code in range(256)
)
"""`w` for a byte of a run, a newline, or a blank: a search for 16 `w` is a search for a literal."""
_RUN_START = re.compile(b"w" * 16 + b"w*+")
_ALNUM = re.compile(rb"[A-Za-z0-9]++")
_PART = re.compile(rb"[A-Za-z0-9_-]{16,}+")
ID_WORD = re.compile(rb"[A-Za-z0-9_-]{1,512}+")
_MIN_NONCE = 16
_MIN_PREFIXED = 10
"""Of an id behind a prefix that is not known to us."""
_MIN_KNOWN = 6
_MIN_DIGITS = 5
_MIN_LETTERS = 8
"""Of an id without a digit."""
_MAX_SYLLABLE = 2
_LONG_PART = re.compile(rb"[A-Za-z0-9]{16,}+")
_FRAMED = re.compile(rb"([-_])\1.*|.*([-_])\2|([-_]).*\3")
"""`__token__`, `_token_`, `--token`: other `-` and `_` at the ends are those of URL-safe base64."""
_UUID = p.pattern(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12})(?![0-9A-Za-z])"
)
_UUID_LENGTH = 36
_PLAIN_FORMS: tuple[tuple[str, re.Pattern[bytes], float], ...] = (
    ("request_id", p.pattern(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"), 0.4),  # W3C traceparent
    ("request_id", p.pattern(r"[0-9]-[0-9a-f]{8}-[0-9a-f]{24}"), 0.4),  # X-Amzn-Trace-Id
    ("ulid", p.pattern(r"[0-7](?:[0-9A-HJKMNP-TV-Z]{25}|[0-9a-hjkmnp-tv-z]{25})"), 0.3),
    ("object_id", p.pattern(r"(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{24}"), 0.2),
)
_HEX = p.pattern(r"(?=[A-Fa-f]*\d)(?=\d*[A-Fa-f])(?:[0-9a-f]{16,}|[0-9A-F]{16,})")
_SHORT_HEX = p.pattern(r"[0-9a-f]{8,}|[0-9A-F]{8,}|(?=[a-f]*\d)[0-9a-f]{6,7}")
"""Eight letters from `a` to `f` are no word."""
_JWT_REST = p.pattern(r"(?:\.[A-Za-z0-9_-]{4,4096}+){1,2}")
_KSUID = p.pattern(r"[0-3][0-9A-Za-z]{26}")
_KNOWN = (
    "req request call toolu srvtoolu toolu_bdrk toolu_vrtx msg msg_bdrk msg_vrtx resp chatcmpl cmpl gen run"
    " thread asst sess session trace span conv conversation fc rs ws batch step evt event job task"
    " corr rid ctx mcp exec"
)
KNOWN_PREFIX = p.pattern(f"(?:{p.any_of(_KNOWN)})[_-]")
_PREFIXED = p.pattern(r"(?:[a-z]{2,16}[_-]){1,2}(?=[0-9A-Za-z])")
_VALUE = p.pattern(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?(?![A-Za-z0-9])")
_VALUE_TAIL = re.compile(rb"[_-]{0,2}(?!>)")
_BEFORE_TAIL = frozenset(b"=:\"'`>")
_NAMED = re.compile(
    rb"id[ \t\"'#:=>*`|\\_-]{1,8}+(?:is |ist |was )?(?=[a-z_-]{%d,64}+(?![a-z0-9(]|\.[a-z]))" % _MIN_LETTERS
)
"""A label and a value without a digit, all in small letters: a search for `id` is one for a literal."""
_COMMON_PAIRS = frozenset(
    (
        b" ab ac ad ag ai ak al am an ap ar as at au av ay ba be bi bj bl bo br bu ca cc ce ch ci ck cl co cr"
        b" cs ct cu da dd de di do ds du ea eb ec ed ee ef eg ei el em en ep eq er es et ev ew ex ey fa fe ff"
        b" fi fl fo fr ft fu ga ge gh gi gn gr gs gu ha he hi ho hr ht hu ia ib ic id ie if ig il im in io ip"
        b" ir is it iv ix iz je ke ki ks la ld le li ll lo ls lt lu ly ma mb me mi mm mo mp ms mu na nc nd ne"
        b" nf ng ni nl nn no ns nt nu nv oa ob oc od of og oi ok ol om on oo op or os ot ou ov ow pa pe pi pl"
        b" po pp pr ps pt pu py qu ra rc rd re rg ri rk rl rm rn ro rr rs rt ru ry sa sc se sh si so sp ss st"
        b" su sy ta tc te th ti tl to tp tr ts tt tu tw ty ua ub uc ud ue ug ui ul um un up ur us ut va ve vi"
        b" wa we wh wi wn wo ws xp xt yn yo yp ys yt ze"
    ).split()
)
"""Pairs of letters that make up 96 % of words and identifiers, and 36 % of random letters."""


def runs(data: bytes, start: int, end: int) -> Iterator[Span]:
    """The ids in runs of 16 and more id characters that start between *start* and *end*."""
    lead = 1 if start else 0
    for found in _RUN_START.finditer(data[start - lead : end + _AHEAD].translate(RUN_CLASSES)):
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
    for part in _PART.finditer(run):
        span = token_span(data, start + part.start(), part[0])
        if span:
            yield span


def value_at(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the value starts and ends that begins at *at*, or with `_` and `-` as URL-safe base64 does."""
    at += len(data[at : at + 2]) - len(data[at : at + 2].lstrip(b"_-"))
    value = _VALUE.match(data, at)
    if not value:
        return None
    head = data[max(0, at - 2) : at].rstrip(b"_-")
    start = max(0, at - 2) + len(head)
    if start < at and not (start and data[start - 1] in _BEFORE_TAIL):
        return at, value.end()
    tail = _VALUE_TAIL.match(data, value.end())
    return start, tail.end() if tail else value.end()


def named(data: bytes, start: int, end: int) -> Iterator[Span]:
    """The ids without a digit behind a name that says so, whose `id` starts between *start* and *end*."""
    for found in _NAMED.finditer(data[start : end + _AHEAD].lower()):
        at = start + found.end()
        if start + found.start() >= end:
            return
        word = ID_WORD.match(data, at)
        if not word or not _is_random_word(word[0]):
            continue
        label = label_of(data, at)
        if names_an_id(data, label) or hints_at_an_id(data, label):
            first, last = value_at(data, at) or word.span()
            yield Span("request_id", first, last - first, 0.4)


def _is_random_word(word: bytes) -> bool:
    """Whether it is random without a digit; in one case only where every other pair is odd."""
    if word.islower() or word.isupper():
        return _odd_pairs(word) >= _CLEAR_SHARE * (len(word) - 1)
    return _is_random(word, _SHARE_OF_NAMED)


def is_like_an_id(value: bytes) -> bool:
    """Whether a value is an id by itself, where the words in front of it may tell something else."""
    if value.isdigit():
        return len(value) >= _MIN_DIGITS
    if _SHORT_HEX.fullmatch(value):
        return True
    return len(value) >= _MIN_LETTERS and value.isalnum() and _is_random(value, _SHARE)


def _is_base64(run: bytes) -> bool:
    return (
        b"-" not in run
        and b"_" not in run
        and _is_random(run)
        and not any(map(_is_word, _ALNUM.findall(run)))
    )


def _is_word(part: bytes) -> bool:
    """Whether it is like a word: at least three small letters whose pairs are common."""
    return len(part) > _MAX_SYLLABLE and part.isalpha() and part.islower() and not _odd_pairs(part)


def _is_name(part: bytes) -> bool:
    """The same, with an odd pair in every five letters: `widget`."""
    return len(part) > _MAX_SYLLABLE and _odd_pairs(part) * 5 < len(part)


def token_span(data: bytes, start: int, run: bytes) -> Span | None:
    """The id in a run of letters, digits, `_` and `-`, if there is one."""
    uuid = _UUID.search(run) if len(run) >= _UUID_LENGTH else None
    if uuid:
        return Span("uuid", start + uuid.start(), len(uuid[0]), 0.3)
    token = run.strip(b"-_")
    at = start + run.find(token)
    for kind, form, suspicion in _PLAIN_FORMS:
        if form.fullmatch(token):
            return Span(kind, at, len(token), suspicion)
    if _is_prefixed(token):
        return Span("request_id", at, len(token), 0.3)
    nonce = _nonce_in(run, token)
    return _nonce(data, start + run.find(nonce), nonce) if nonce else None


def _nonce_in(run: bytes, token: bytes) -> bytes | None:
    """The random part of a run."""
    if _HEX.fullmatch(token):
        return token
    whole = token if _FRAMED.fullmatch(run) else run
    if len(whole) >= _MIN_NONCE and _is_random(whole):
        return whole
    parts = (part for part in _LONG_PART.findall(token) if _HEX.fullmatch(part) or _is_random(part))
    return next(parts, None)


def _is_prefixed(token: bytes) -> bool:
    known = KNOWN_PREFIX.match(token)
    if known:
        return _is_known_id(token[known.end() :], token[known.end() - 1 : known.end()])
    prefix = _PREFIXED.match(token)
    rest = token[prefix.end() :] if prefix else b""
    if len(rest) < _MIN_PREFIXED or not rest.isalnum():
        return False
    words = _ALNUM.findall(token[: -len(rest)])
    return all(map(_is_name, words)) and (_is_random(rest) or _HEX.fullmatch(rest) is not None)


def _is_known_id(rest: bytes, joint: bytes) -> bool:
    """A known prefix and six hex digits are one, whatever they look like."""
    if rest.isdigit():
        return joint == b"_" or len(rest) >= _MIN_KNOWN
    if _SHORT_HEX.fullmatch(rest):
        return True
    return len(rest) >= _MIN_KNOWN and _is_random(
        rest, _SHARE_OF_KNOWN if len(rest) >= _MIN_NONCE else _SHARE
    )


def _nonce(data: bytes, start: int, token: bytes) -> Span:
    end = start + len(token)
    if token.startswith(b"eyJ"):
        rest = _JWT_REST.match(data, end)
        end = rest.end() if rest else end
    while data[end : end + 1] == b"=" and end - start - len(token) < _MAX_PADS:
        end += 1
    if names_an_id(data, label_of(data, start)):
        return Span("request_id", start, end - start, 0.4)
    kind = "ksuid" if _KSUID.fullmatch(token) else "nonce"
    is_clear = bool(_HEX.fullmatch(token)) or _is_random(token, _CLEAR_SHARE)
    return Span(kind, start, end - start, 0.2 if is_clear else 0.0)


def _is_random(token: bytes, share: float | None = None) -> bool:
    """Whether letters, digits and cases follow each other as in no word, identifier or number."""
    if (token.islower() or token.isupper()) and not any(map(token.__contains__, _DIGITS)):
        return False
    if share is None:
        share = _SHARE_OF_LONG if len(token) >= _LONG else _SHARE
    pairs = len(token) - 1 - 2 * len(token.translate(None, _ALNUM_BYTES))
    return _odd_pairs(token) >= max(1, share * pairs)


def _odd_pairs(token: bytes) -> int:
    return sum(map(_all_odd_pairs().__contains__, itertools.pairwise(token)))


@functools.cache
def _all_odd_pairs() -> frozenset[tuple[int, int]]:
    """Pairs of letters and digits, as bytes, that are rare in words, identifiers and numbers."""
    letters = b"abcdefghijklmnopqrstuvwxyz"
    digits, upper = b"0123456789", letters.upper()
    odd = {(a, b) for a in digits for b in letters + upper} | {
        (a, b) for a in letters + upper for b in digits
    }
    odd |= {(a, b) for a in letters for b in upper}
    for a, b in ((a, b) for a in letters for b in letters if bytes((a, b)) not in _COMMON_PAIRS):
        odd |= {(a, b), (a - 32, b), (a - 32, b - 32)}
    return frozenset(odd)
