"""What do values look like that change by themselves, and which words in front of a number say so?

Everything is bytes, so that offsets are UTF-8 offsets. Each pattern is tried at a place that a cheap search
found, and every repeat is bounded or possessive: the time is linear in the text.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

from llm_observer.cache import words as w

__all__ = [
    "AFTER_CLOCK",
    "AGO",
    "ALNUM_REST",
    "A_WHILE",
    "CLOCK",
    "CLOCK_STARTS",
    "COUNT",
    "COUNTED",
    "DATE",
    "DATE_CALL",
    "DULL",
    "EPOCHS",
    "FIGURE",
    "FIRST_DIGIT",
    "HEADING_END",
    "HEDGE",
    "LEFT",
    "MONEY",
    "MONTH_FIRST",
    "NANOSECONDS",
    "NANOSECONDS_NOW",
    "NOT_EPOCHS",
    "NOW",
    "NUMBER",
    "PLAIN",
    "TODAY",
    "TOTAL",
    "WEEKDAY",
    "Span",
    "any_of",
    "pattern",
]


class Span(NamedTuple):
    """A part that changes by itself. offset and length: UTF-8 bytes.

    suspicion: from 0 to below 0.5, how suspicious it is before a second call confirms it; 0: only mask it.
    """

    kind: str
    offset: int
    length: int
    suspicion: float


def pattern(text: str) -> re.Pattern[bytes]:
    """Compiled for bytes; what is beyond ASCII stands as UTF-8."""
    return re.compile(text.encode())


def any_of(words: str) -> str:
    """An alternation, the longest first; common starts stand once, so that a miss is seen at a letter."""
    return _branch(frozenset(words.split()))


def _branch(words: Collection[str]) -> str:
    tails: dict[str, list[str]] = {}
    for word in sorted(filter(None, words)):
        tails.setdefault(word[0], []).append(word[1:])
    parts = [re.escape(first) + (_branch(rest) if any(rest) else "") for first, rest in tails.items()]
    return f"(?:{'|'.join(parts)}){'?' if '' in words else ''}"


# Dates and times.
_MONTH = f"(?i:{any_of(w.MONTHS)})"
_ANY_MONTH = f"(?i:{any_of(f'{w.MONTHS} {w.DAY_FIRST_MONTHS}')})"
_YEARED_MONTH = f"(?i:{any_of(w.YEARED_MONTHS)})"
_YEAR = r"(?:19|20)\d\d"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_MON = r"(?:1[0-2]|0?[1-9])"
_DAY_2, _MON_2 = r"(?:3[01]|[12]\d|0[1-9])", r"(?:1[0-2]|0[1-9])"
_ORDINAL = r"(?:st|nd|rd|th|er|\.|º|ª)?"
_HOUR = r"(?:2[0-3]|[01]?\d)"
_BLANK = "(?: |\N{NO-BREAK SPACE}|\N{NARROW NO-BREAK SPACE}|\\\\u202f|\\\\u00a0)"
_HALF = rf"(?:{_BLANK}?[AaPp](?:\.{_BLANK}?[Mm]\.|[Mm](?![A-Za-z])))"
_HALF_BEFORE = "(?:上午|下午|中午|凌晨|早上|晚上|午前|午後|오전|오후) ?"
_MINUTES = (
    rf"{_HOUR}(?::[0-5]\d(?::[0-6]\d(?:[.,]\d{{1,9}})?)?{_HALF}?(?: ?Uhr)?|h[0-5]\d"
    r"|(?:時|时|点|點)[0-5]?\d分(?:[0-5]?\d秒)?|시 ?[0-5]?\d분(?: ?[0-5]?\d초)?)"
)
_OFFSET = r"[+-](?:0\d|1[0-4]):?[0-5]\d(?!\d)(?: UTC)?(?: m=[+-]\d{1,9}\.\d{1,9})?"
"""The last is what Go adds: seconds since the start of the process."""
_NAMED = rf"{any_of(w.ZONES)}(?:[+-]\d{{1,2}}(?::?\d\d)?)?(?![A-Za-z\d])"
_NAME = r"(?: \([A-Z][A-Za-z /_-]{2,40}\)|\[[A-Z][A-Za-z/_-]{2,40}\])?"
_ZONE = rf"(?: ?(?:[Zz](?![A-Za-z\d])|{_OFFSET}|{_NAMED}){_NAME})"
_JOINED = (
    rf"(?:{_HALF_BEFORE})?{_MINUTES}|\d\d-[0-5]\d-[0-5]\d(?:-\d{{3}})?(?!\d)|{_HOUR}{_HALF}"
    rf"|{_HOUR} h [0-5]\d(?!\d)"
)
_COMPACT = r"[0-2]\d[0-5]\d(?:[0-6]\d(?:[.,]\d{1,9})?)?(?!\d)"
_JOIN_WORDS = "at |@ ?|um |à |às |a las |alle (?:ore )?|om |kl[.] |в |v |o (?:godz[.] )?"
_JOIN = f"(?:[Tt_:]|,? ?(?:{_JOIN_WORDS}|(?:-|\N{EN DASH}|\N{EM DASH}|[|]) )?)"
_CJK_NAMES = "日|月|火|水|木|金|土|일|월|화|수|목|금|토"
_OPEN, _CLOSE = "(?:[(]|\N{FULLWIDTH LEFT PARENTHESIS})", "(?:[)]|\N{FULLWIDTH RIGHT PARENTHESIS})"
_ZH_DAY = "(?:星期|周|週|礼拜)(?:一|二|三|四|五|六|日|天)"
_CJK_DAY = (
    rf"(?: ?{_OPEN}(?:(?:{_CJK_NAMES})(?:曜日?|요일)?|{_ZH_DAY}){_CLOSE}"
    rf"| ?(?:(?:{_CJK_NAMES})(?:曜日|요일)|{_ZH_DAY}))?"
)
_DATES = (
    rf"{_YEAR}-{_MON}-{_DAY}(?!\d)|{_YEAR}/{_MON}/{_DAY}(?!\d)"
    rf"|{_YEAR}\.{_MON_2}\.{_DAY_2}(?!\d)|{_YEAR}\. {_MON}\. {_DAY}\."
    rf"|(?:{_DAY}/{_MON}|{_MON}/{_DAY})/(?:{_YEAR}|\d\d)(?!\d)"
    rf"|{_DAY}\. ?{_MON}\. ?{_YEAR}(?!\d)|(?:{_DAY}-{_MON}|{_MON}-{_DAY})-{_YEAR}(?!\d)"
    rf"|(?P<short>{_DAY_2}\.{_MON_2}\.[2-4]\d(?!\d))"
    rf"|{_YEAR}-{_MONTH}-{_DAY}(?!\d)|{_YEAR}-W[0-5]\d(?:-[1-7])?(?!\d)"
    rf"|{_YEAR} ?(?:年|년) ?{_MON} ?(?:月|월) ?{_DAY} ?(?:日|일){_CJK_DAY}"
    rf"|{_DAY}{_ORDINAL}(?:-(?P<m1>{_MONTH})-(?P<y1>{_YEAR}|\d\d)(?!\d)"
    rf"|(?: of| de)?[ /](?:(?P<m2>{_ANY_MONTH})(?![A-Za-z])\.?(?:(?:,| de| del)?[ /](?P<y2>{_YEAR})(?!\d))?"
    rf"|{_YEARED_MONTH}(?![A-Za-z])\.?(?: de)?[ /]{_YEAR}(?!\d))(?: (?:{w.YEAR_SIGNS})\.)?)"
)
_EDGE = r"(?!\d|[-/.:,]\d|-?[A-Za-z])"
_TIME = rf"(?P<time>{_JOIN}(?:{_JOINED})|[Tt]{_COMPACT})"
DATE = pattern(
    rf"(?:(?>(?:{_DATES})(?:{_TIME}{_ZONE}?(?: (?P<y3>{_YEAR})(?!\d))?)?)"
    rf"|(?P<basic>20\d\d{_MON_2}{_DAY_2})(?P<compact>[Tt_-]?{_COMPACT}{_ZONE}?)?){_EDGE}"
)
"""A date, with the time of day that belongs to it; tried where a number starts."""
MONTH_FIRST = pattern(
    rf"(?>(?P<m1>{_MONTH})\.?[ -]{_DAY}(?:st|nd|rd|th)?(?![\d])(?:,? (?P<y1>{_YEAR})(?!\d))?"
    rf"(?:{_TIME}{_ZONE}?(?: (?P<y2>{_YEAR})(?!\d))?)?){_EDGE}"
)
_TZ = r"(?:<[^<>\n]{1,60}+>|[A-Za-z_.]{1,40}+(?:\((?:[^()\n]|\([^()\n]{0,60}+\)){0,60}+\))?)"
DATE_CALL = pattern(
    rf"{_YEAR}, ?{_MON}, ?{_DAY}(?P<time>(?:, ?\d{{1,6}}){{1,4}})?"
    rf"(?:, ?(?:tzinfo=)?{_TZ})?(?:, fold=1)?\)"
)
"""The rest of `datetime.datetime(2026, 11, 21, 14, 3)`, which is how Python shows one inside a list."""
CLOCK = pattern(rf"(?>{_MINUTES}(?:(?<=:\d\d:\d\d){_ZONE}| ?{_NAMED})?|{_HOUR}{_HALF})(?![A-Za-z\d]|[:.,]\d)")
CLOCK_STARTS = pattern(rf"{_HALF_BEFORE}\Z")
AFTER_CLOCK = re.compile(rb":[0-5][0-9]-")
"""Where the second half of 09:00-17:00 starts."""
WEEKDAY = pattern("day(?![A-Za-z])(?:" + "|".join(f"(?<={day})" for day in sorted(w.FULL_DAYS.split())) + ")")
_TODAY = (
    r"\b(?:today|heute|hoy|oggi|hoje|vandaag|dnes|dzi(?:ś|siaj))\b|aujourd|сегодня|сьогодні"
    r"|今日|本日|今天|오늘"
)
TODAY = pattern(_TODAY)
NOW = pattern(
    rf"{_TODAY}|\b(?:(?:now|as of|generated|jetzt|actual)\b|current|aktuell|the (?:date|time) is)|timestamp"
    r"|現在|现在|当前|현재|сейчас|(?:\A|[*#>([-] ?)(?:date|time)[:*]"
)
"""Words on the same line, in small letters, that say: this is the time of the call."""
_AMOUNT = rf"\d{{1,9}}(?:[.,]\d{{1,6}})? ?{any_of(w.UNITS)}(?![A-Za-z\d])"
_AGO_WORDS = (
    r" (?:(?:ago|from now|fa|geleden|temu|atrás|önce|sedan)(?![A-Za-z])|назад|тому"
    r"|(?:ha(?:s|ve) )?(?:passed|elapsed)(?![A-Za-z]))|(?= since (?:the |your |our )?last )"
)
AGO = pattern(
    rf"(?:{_AMOUNT}(?:(?:,? and |, ?| ){_AMOUNT}){{0,4}}(?P<ago>{_AGO_WORDS})?"
    rf"|\d{{1,3}} ?{any_of(w.CJK_UNITS)} ?(?P<before>之前|以前|前|전))"
)
HEDGE = pattern(r"(?i:(?<![A-Za-z])(?:about|almost|over) )\Z")
A_WHILE = pattern(
    r"(?i:(?<![A-Za-z])(?:(?:about|almost|over|less than|half) )?"
    r"(?:(?:an?|one) (?:second|sec|moment|minute|min|hour|day|week|month|year)"
    r"|(?:(?:a )?few )?(?:seconds|moments)|a (?:few|couple of) (?:minutes|hours|days)))\Z"
)
"""What stands before "ago" without a digit: such as `humanize` writes it."""

# Numbers.
NUMBER = pattern(
    r"(?:(?P<snowflake>[1-9]\d{16,19})|(?P<epoch>\d{10}(?:\d{3}|\d{6})?(?:\.\d{1,9})?)"
    r"|(?P<fraction>\d{1,3}\.\d{6,20}(?:[eE][+-]?\d{1,3})?|\d\.\d{1,20}[eE]-\d{1,3}))(?![A-Za-z\d]|[.,:/-]\d)"
)
EPOCHS = {10: (978307200, 2556144000), 13: (978307200000, 2556144000000), 16: (10**15, 2221 * 10**12)}
"""By digits: from 2001 to 2050 in s, ms and µs; the last until the first card number of 16 digits."""
NANOSECONDS = (978307200 * 10**9, 2556144000 * 10**9)
NANOSECONDS_NOW = (1767225600 * 10**9, 1893456000 * 10**9)
"""From 2026 to 2029. So are ids of X of March 2024 to February 2025, and those of Discord from 2028 on."""
NOT_EPOCHS = (b"1234567890", b"2147483647")  # constants
MONEY = tuple(sign.encode() for sign in ("$", "€", "£", "¥", "₹"))
FIRST_DIGIT = re.compile(rb"[0-9]")
ALNUM_REST = re.compile(rb"[0-9A-Za-z]*+")
FIGURE = pattern(r"\d{1,20}(?:\.\d{1,20})?(?![A-Za-z\d%]|[.,:]\d)")
DULL = pattern(r"\d{1,7}(?:\.\d{1,5})?(?:[,;)\]}\"'<>\r\n%\\`*|]|[ ,]+[\d(\[|]|\Z)")
"""A number that is nothing by itself."""
PLAIN = pattern(r"\d{1,12}(?![A-Za-z\d%]|[.,:_-]\d)")
_COUNT = r"(?:\d{1,3}(?:,\d{3}){1,4}|\d{1,12})"
_COUNT_END = r"(?![A-Za-z\d%]|[.,:/-]\d)"
COUNT = pattern(rf"{_COUNT}(?![A-Za-z\d%]|[.,:_-]\d)")
TOTAL = pattern(rf"(?:/| ?/ | of | out of )({_COUNT}){_COUNT_END}")
LEFT = pattern(rf"({_COUNT}) (?:more )?(?:[a-z]{{2,12}} )?{any_of(w.COUNTED)} (?:left|remaining)(?![A-Za-z])")
COUNTED = pattern(rf" (?:[a-z]{{2,12}} )?{any_of(w.COUNTED)}(?![A-Za-z])")
HEADING_END = pattern(r"[ \t]*(?:[\r\n.:)\]*<]|\Z)")
"""What stands behind the 7 of a line "Request 7"."""
