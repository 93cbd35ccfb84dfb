"""What do values look like that change by themselves, and which words in front of a number say so?

Everything is bytes, so that offsets are UTF-8 offsets. Each pattern is tried at a place that a cheap search
found, and every repeat is bounded or possessive: the time is linear in the text.
"""

import functools
import re
from typing import NamedTuple

__all__ = [
    "AGO",
    "BLOB",
    "CLOCK",
    "COMMON_PAIRS",
    "COUNTED",
    "DATA_URL",
    "DATE",
    "ESCAPES",
    "HEX",
    "IDENTIFIED",
    "JWT_REST",
    "KNOWN_PREFIX",
    "KSUID",
    "LABELS",
    "MONTH_FIRST",
    "NOW",
    "NUMBER",
    "PLAIN",
    "PLAIN_FORMS",
    "PREFIXED",
    "QUERY",
    "RUN",
    "RUN_CLASSES",
    "RUN_START",
    "SIGNED",
    "TOTAL",
    "UUID",
    "VALUE",
    "WEEKDAY",
    "Span",
]


class Span(NamedTuple):
    """A part that changes by itself. offset and length: UTF-8 bytes.

    suspicion: from 0 to below 0.5, how suspicious it is before a second call confirms it; 0: only mask it.
    """

    kind: str
    offset: int
    length: int
    suspicion: float


ESCAPES = (b"\\n", b"\\r", b"\\t")
"""JSON inside JSON: the `n` of a written-out newline is no word."""


def _pattern(text: str) -> re.Pattern[bytes]:
    return re.compile(text.encode())


def _any_of(words: str) -> str:
    return "|".join(sorted(set(words.split()), key=len, reverse=True))


# Words, in English, German, French and Spanish.
_MONTHS = (
    "january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sept sep oct nov dec"
    " januar jänner februar märz mai juni juli oktober dezember mär okt dez"
    " janvier février mars avril juin juillet août aout septembre octobre novembre décembre janv févr avr juil"
    " déc enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre"
    " ene abr ago dic"
)
_WEEKDAYS = (
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun"
    " montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so"
    " lundi mardi mercredi jeudi vendredi samedi dimanche"
    " lunes martes miércoles jueves viernes sábado domingo"
)
_DAYS_IN_FULL = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_UNITS = (
    "ms millisecond milliseconds s sec secs second seconds m min mins minute minutes h hr hrs hour hours"
    " d day days w week weeks month months y yr yrs year years"
    " Sekunde Sekunden Minute Minuten Stunde Stunden Tag Tage Tagen Woche Wochen Monat Monate Monaten Jahr Jahre"
    " Jahren seconde secondes heure heures jour jours semaine semaines mois an ans"
    " segundo segundos minuto minutos hora horas día días semana semanas mes meses año años"
)
_ZONES = (
    "UTC GMT EST EDT CST CDT MST MDT PST PDT CET CEST BST IST JST KST MEZ MESZ WET WEST EET EEST AEST AEDT"
)
_TURNS = "turn attempt step iteration iter round retry retries try counter seq sequence"
_CALLS = "request req call message msg run loop prompt query"
_IDS = (
    "request req session sess trace thread run conversation conv span correlation message msg transaction job"
    " execution invocation chat interaction event call response resp parent"
)
_BARE_IDS = "session trace thread conversation correlation traceparent"
_COUNTS = "number no num nr count counter index idx"


_ROLES = {
    "month": _MONTHS,
    "weekday": _WEEKDAYS,
    "turn": _TURNS,
    "call": _CALLS,
    "bare_id": _BARE_IDS,
    "tail": f"{_COUNTS} ms seconds secs sec s value",
    "id": "id ids",
    "seed": "seed rand random",
    "nonce": "nonce salt",
    "uptime": "uptime elapsed",
    "in": "in vor hace dans seit",
    "il_y_a": "a",
    "not_time": "phone tel telephone mobile cell fax isbn ean zip card account iban version sku",
}


def _labels() -> dict[bytes, str]:
    roles = reversed(_ROLES.items())  # the first role of a word counts
    labels = {word.encode(): role for role, words in roles for word in words.split()}
    labels |= {f"{word}id".encode(): "some_id" for word in _IDS.split()}
    counts = [f"{word}{tail}" for word in f"{_TURNS} {_CALLS}".split() for tail in _COUNTS.split()]
    return labels | {word.encode(): "turn" for word in counts}


LABELS = _labels()
"""What a word in front of a value says of it."""
IDENTIFIED = frozenset(_IDS.encode().split())

# Dates and times.
_MONTH = f"(?i:{_any_of(_MONTHS)})"
_YEAR = r"(?:19|20)\d\d"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_MON = r"(?:1[0-2]|0?[1-9])"
_ORDINAL = r"(?:st|nd|rd|th|er|\.|º|ª)?"
_HOUR = r"(?:2[0-3]|[01]?\d)"
_HALF = r"(?: ?[AaPp](?:\.[Mm]\.|[Mm](?![A-Za-z])))"
_MINUTES = (
    rf"{_HOUR}(?::[0-5]\d(?::[0-6]\d(?:[.,]\d{{1,9}})?)?{_HALF}?(?: ?Uhr)?|h[0-5]\d"
    r"|時[0-5]?\d分(?:[0-5]?\d秒)?|시 ?[0-5]?\d분(?: ?[0-5]?\d초)?)"
)
_OFFSET = r"[+-](?:0\d|1[0-4]):?[0-5]\d(?!\d)"
_NAMED = rf"(?:{_any_of(_ZONES)})(?:[+-]\d{{1,2}}(?::?\d\d)?)?(?![A-Za-z\d])"
_NAME = r"(?: \([A-Z][A-Za-z /_-]{2,40}\)|\[[A-Z][A-Za-z/_-]{2,40}\])?"
_ZONE = rf"(?: ?(?:[Zz](?![A-Za-z\d])|{_OFFSET}|{_NAMED}){_NAME})"
_JOINED = rf"{_MINUTES}|\d\d-[0-5]\d-[0-5]\d(?!\d)|{_HOUR}{_HALF}"
_COMPACT = r"[0-2]\d[0-5]\d(?:[0-6]\d(?:[.,]\d{1,9})?)?(?!\d)"
_JOIN = r"(?:[Tt_:]|,? ?(?:at |@ ?|um |à |a las |kl\. |(?:-|–|—|\|) )?)"
_CJK_NAMES = "日|月|火|水|木|金|土|일|월|화|수|목|금|토"
_CJK_DAY = rf"(?: ?(?:\(|（)(?:{_CJK_NAMES})(?:曜日?|요일)?(?:\)|）)| ?(?:{_CJK_NAMES})(?:曜日|요일))?"
_DATES = (
    rf"{_YEAR}-{_MON}-{_DAY}(?!\d)|{_YEAR}/{_MON}/{_DAY}(?!\d)|{_YEAR}\.(?:0[1-9]|1[0-2])\.(?:0[1-9]|[12]\d|3[01])(?!\d)"
    rf"|(?:{_DAY}/{_MON}|{_MON}/{_DAY})/(?:{_YEAR}|\d\d)(?!\d)"
    rf"|{_DAY}\. ?{_MON}\. ?{_YEAR}(?!\d)|(?:{_DAY}-{_MON}|{_MON}-{_DAY})-{_YEAR}(?!\d)"
    rf"|{_YEAR}-(?i:{_any_of(_MONTHS)})-{_DAY}(?!\d)|{_YEAR}-W[0-5]\d(?:-[1-7])?(?!\d)"
    rf"|{_YEAR} ?(?:年|년) ?{_MON} ?(?:月|월) ?{_DAY} ?(?:日|일){_CJK_DAY}"
    rf"|{_DAY}{_ORDINAL}(?:-(?P<m1>{_MONTH})-(?P<y1>{_YEAR}|\d\d)(?!\d)"
    rf"|(?: of| de)?[ /](?P<m2>{_MONTH})(?![A-Za-z])\.?(?:(?:,| de| del)?[ /](?P<y2>{_YEAR})(?!\d))?)"
)
_EDGE = r"(?!\d|[-/.:,]\d|-?[A-Za-z])"
_TIME = rf"(?P<time>{_JOIN}(?:{_JOINED})|[Tt]{_COMPACT})"
DATE = _pattern(
    rf"(?:(?>(?:{_DATES})(?:{_TIME}{_ZONE}?(?: (?P<y3>{_YEAR})(?!\d))?)?)"
    rf"|(?P<basic>20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?P<compact>[Tt]?{_COMPACT}{_ZONE}?)?){_EDGE}"
)
"""A date, with the time of day that belongs to it; tried where a number starts."""
MONTH_FIRST = _pattern(
    rf"(?>(?P<m1>{_MONTH})\.?[ -]{_DAY}(?:st|nd|rd|th)?(?![\d])(?:,? (?P<y1>{_YEAR})(?!\d))?"
    rf"(?:{_TIME}{_ZONE}?(?: (?P<y2>{_YEAR})(?!\d))?)?){_EDGE}"
)
CLOCK = _pattern(
    rf"(?>{_MINUTES}(?:(?<=:\d\d:\d\d){_ZONE}| ?{_NAMED})?|{_HOUR}{_HALF})(?![A-Za-z\d]|[:.,]\d)"
)
WEEKDAY = _pattern(
    "day(?![A-Za-z])(?:" + "|".join(f"(?<={day})" for day in sorted(_DAYS_IN_FULL.split())) + ")"
)
NOW = _pattern(
    r"(?i)(?:\btoday\b|\bnow\b|\bcurrent|\bas of\b|timestamp|\bgenerated\b|\bheute\b|\bjetzt\b|\baktuell|aujourd|\bhoy\b"
    r"|\bactual|今日|本日|現在|\b(?:date|time)(?: is|\W{1,5}\Z))"
)
"""Words on the same line that say: this is the time of the call."""
_AMOUNT = rf"\d{{1,9}}(?:[.,]\d{{1,6}})? ?(?:{_any_of(_UNITS)})(?![A-Za-z\d])"
AGO = _pattern(rf"(?P<amount>{_AMOUNT}(?:(?:,? and |, ?| ){_AMOUNT}){{0,4}})(?P<ago> (?:ago|from now)\b)?")

# Numbers.
NUMBER = _pattern(
    r"(?:(?P<snowflake>[1-9]\d{16,19})|(?P<epoch>\d{10}(?:\d{3}|\d{6})?(?:\.\d{1,9})?)"
    r"|(?P<fraction>\d{1,3}\.\d{6,20}(?:[eE][+-]?\d{1,3})?|\d\.\d{1,20}[eE]-\d{1,3}))(?![A-Za-z\d]|[.,:/-]\d)"
)
EPOCHS = {10: (978307200, 2556144000), 13: (978307200000, 2556144000000), 16: (10**15, 2221 * 10**12)}
"""By digits: from 2001 to 2050 in s, ms and µs; the last until the first card number of 16 digits."""
MONEY = ("$", "€", "£", "¥", "₹")
FIRST_DIGIT = re.compile(rb"[0-9]")
ALNUM_REST = re.compile(rb"[0-9A-Za-z]*+")
FIGURE = _pattern(r"\d{1,20}(?:\.\d{1,20})?(?![A-Za-z\d%]|[.,:]\d)")
PLAIN = _pattern(r"\d{1,12}(?![A-Za-z\d%]|[.,:-]\d)")
TOTAL = _pattern(r"(?:/| ?/ | of | out of )(\d{1,9})(?![A-Za-z\d%]|[.,:/-]\d)")

# Ids and random tokens.
_RUN = "[A-Za-z0-9+/_-]"
RUN_CLASSES = bytes(
    119 if re.match(_RUN.encode(), bytes([code])) else 10 if code in b"\r\n" else 32 for code in range(256)
)
"""`w` for a byte of a run, a newline, or a blank: a search for 16 `w` is a search for a literal."""
RUN = re.compile(rb"[A-Za-z0-9+/_-]{16,512}+")
RUN_START = re.compile(b"w" * 16 + b"w*+")
BLOB = re.compile(b"w" * 60 + b"w*+(?:\n{1,2}" + b"w" * 60 + b"w*+)*+")
"""One long run, or lines as MIME wraps them."""
DATA_URL = re.compile(rb"data:[a-z]{2,20}/[A-Za-z0-9.+;=-]{1,60},[A-Za-z0-9+/=_%.-]*+")
BLOB_REST = re.compile(
    rb"[A-Za-z0-9+/_=%.-]++|\r?\n(?=[A-Za-z0-9+/]{60})|\r?\n(?=[A-Za-z0-9+/]{1,76}={0,2}(?:[\s\"']|\Z))"
)
ALNUM = re.compile(rb"[A-Za-z0-9]++")
PART = re.compile(rb"[A-Za-z0-9_-]{16,}+")
ID_WORD = re.compile(rb"[A-Za-z0-9_-]{1,512}+")
MIN_NONCE = 16
MIN_PREFIXED = 10
"""Of an id behind a prefix that is not known to us, and of digits behind one that is."""
MIN_KNOWN = 6
MAX_SYLLABLE = 2
LONG_PART = re.compile(rb"[A-Za-z0-9]{16,}+")
UUID = _pattern(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12})"
    r"(?![0-9A-Za-z])"
)
PLAIN_FORMS: tuple[tuple[str, re.Pattern[bytes], float], ...] = (
    ("request_id", _pattern(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"), 0.4),  # W3C traceparent
    ("ulid", _pattern(r"[0-7](?:[0-9A-HJKMNP-TV-Z]{25}|[0-9a-hjkmnp-tv-z]{25})"), 0.3),
    ("object_id", _pattern(r"(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{24}"), 0.2),
)
HEX = _pattern(r"(?=[A-Fa-f]*\d)(?=\d*[A-Fa-f])(?:[0-9a-f]{16,}|[0-9A-F]{16,})")
JWT_REST = _pattern(r"(?:\.[A-Za-z0-9_-]{4,4096}+){1,2}")
KSUID = _pattern(r"[0-3][0-9A-Za-z]{26}")
_KNOWN = (
    "req request call toolu srvtoolu toolu_bdrk toolu_vrtx msg msg_bdrk msg_vrtx resp chatcmpl cmpl gen run thread"
    " asst sess session trace span conv conversation fc rs ws batch step evt event job task corr rid ctx mcp exec"
)
KNOWN_PREFIX = _pattern(f"(?:{_any_of(_KNOWN)})[_-]")
PREFIXED = _pattern(r"(?:[a-z]{2,16}[_-]){1,2}(?=[0-9A-Za-z])")
VALUE = _pattern(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?(?![A-Za-z0-9])")
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


@functools.cache
def odd_pairs() -> frozenset[tuple[int, int]]:
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


# Signed URLs.
QUERY = re.compile(
    rb"\?[A-Za-z0-9_.~%+\[\]-]{1,80}=[^\s\"'<>()\\^`{|}?]*+(?:\\u0026[^\s\"'<>()\\^`{|}?]*+)*+"
)
SIGNED = _pattern(
    r"(?i)(?:\?|&|&amp;|\\u0026)(?P<name>x-amz-[a-z-]+|x-goog-[a-z-]+|x-oss-[a-z-]+|x-cos-[a-z-]+|signature|sig|expires?"
    r"|exp|token|access_token|hmac|hash|auth|policy|key-pair-id|googleaccessid|awsaccesskeyid|se|sv|st|hdnts)="
)
