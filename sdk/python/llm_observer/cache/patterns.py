"""What do values look like that change by themselves, and which words in front of a number say so?

Everything is bytes, so that offsets are UTF-8 offsets. Each pattern is tried at a place that a cheap search
found, and every repeat is bounded or possessive: the time is linear in the text.
"""

import re
from typing import NamedTuple

__all__ = [
    "AFTER_CLOCK",
    "AGO",
    "ALNUM_REST",
    "CLOCK",
    "DATE",
    "DULL",
    "EPOCHS",
    "FIGURE",
    "FIRST_DIGIT",
    "IDENTIFIED",
    "LABELS",
    "MONEY",
    "MONTH_FIRST",
    "NOT_EPOCHS",
    "NOW",
    "NUMBER",
    "PLAIN",
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
    """An alternation, the longest first."""
    return "|".join(sorted(set(words.split()), key=len, reverse=True))


# Words, in English, German, French and Spanish.
_MONTHS = (
    "january february march april may june july august september october november december"
    " jan feb mar apr jun jul aug sept sep oct nov dec"
    " januar jänner februar märz mai juni juli oktober dezember mär okt dez"
    " janvier février mars avril mai juin juillet août aout septembre octobre novembre décembre"
    " janv févr avr juil déc enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre"
    " noviembre diciembre ene abr ago dic"
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
    " Sekunde Sekunden Minute Minuten Stunde Stunden Tag Tage Tagen Woche Wochen Monat Monate Monaten Jahr"
    " Jahre Jahren seconde secondes heure heures jour jours semaine semaines mois an ans"
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
    "seed": "seed",
    "random": "rand random sampling entropy",
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
_MONTH = f"(?i:{any_of(_MONTHS)})"
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
_NAMED = rf"(?:{any_of(_ZONES)})(?:[+-]\d{{1,2}}(?::?\d\d)?)?(?![A-Za-z\d])"
_NAME = r"(?: \([A-Z][A-Za-z /_-]{2,40}\)|\[[A-Z][A-Za-z/_-]{2,40}\])?"
_ZONE = rf"(?: ?(?:[Zz](?![A-Za-z\d])|{_OFFSET}|{_NAMED}){_NAME})"
_JOINED = rf"{_MINUTES}|\d\d-[0-5]\d-[0-5]\d(?:-\d{{3}})?(?!\d)|{_HOUR}{_HALF}"
_COMPACT = r"[0-2]\d[0-5]\d(?:[0-6]\d(?:[.,]\d{1,9})?)?(?!\d)"
_JOIN = "(?:[Tt_:]|,? ?(?:at |@ ?|um |à |a las |kl[.] |(?:-|\N{EN DASH}|\N{EM DASH}|[|]) )?)"
_CJK_NAMES = "日|月|火|水|木|金|土|일|월|화|수|목|금|토"
_OPEN, _CLOSE = "(?:[(]|\N{FULLWIDTH LEFT PARENTHESIS})", "(?:[)]|\N{FULLWIDTH RIGHT PARENTHESIS})"
_CJK_DAY = rf"(?: ?{_OPEN}(?:{_CJK_NAMES})(?:曜日?|요일)?{_CLOSE}| ?(?:{_CJK_NAMES})(?:曜日|요일))?"
_DATES = (
    rf"{_YEAR}-{_MON}-{_DAY}(?!\d)|{_YEAR}/{_MON}/{_DAY}(?!\d)"
    rf"|{_YEAR}\.(?:0[1-9]|1[0-2])\.(?:0[1-9]|[12]\d|3[01])(?!\d)"
    rf"|(?:{_DAY}/{_MON}|{_MON}/{_DAY})/(?:{_YEAR}|\d\d)(?!\d)"
    rf"|{_DAY}\. ?{_MON}\. ?{_YEAR}(?!\d)|(?:{_DAY}-{_MON}|{_MON}-{_DAY})-{_YEAR}(?!\d)"
    rf"|{_YEAR}-(?i:{any_of(_MONTHS)})-{_DAY}(?!\d)|{_YEAR}-W[0-5]\d(?:-[1-7])?(?!\d)"
    rf"|{_YEAR} ?(?:年|년) ?{_MON} ?(?:月|월) ?{_DAY} ?(?:日|일){_CJK_DAY}"
    rf"|{_DAY}{_ORDINAL}(?:-(?P<m1>{_MONTH})-(?P<y1>{_YEAR}|\d\d)(?!\d)"
    rf"|(?: of| de)?[ /](?P<m2>{_MONTH})(?![A-Za-z])\.?(?:(?:,| de| del)?[ /](?P<y2>{_YEAR})(?!\d))?)"
)
_EDGE = r"(?!\d|[-/.:,]\d|-?[A-Za-z])"
_TIME = rf"(?P<time>{_JOIN}(?:{_JOINED})|[Tt]{_COMPACT})"
DATE = pattern(
    rf"(?:(?>(?:{_DATES})(?:{_TIME}{_ZONE}?(?: (?P<y3>{_YEAR})(?!\d))?)?)"
    rf"|(?P<basic>20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?P<compact>[Tt]?{_COMPACT}{_ZONE}?)?){_EDGE}"
)
"""A date, with the time of day that belongs to it; tried where a number starts."""
MONTH_FIRST = pattern(
    rf"(?>(?P<m1>{_MONTH})\.?[ -]{_DAY}(?:st|nd|rd|th)?(?![\d])(?:,? (?P<y1>{_YEAR})(?!\d))?"
    rf"(?:{_TIME}{_ZONE}?(?: (?P<y2>{_YEAR})(?!\d))?)?){_EDGE}"
)
CLOCK = pattern(rf"(?>{_MINUTES}(?:(?<=:\d\d:\d\d){_ZONE}| ?{_NAMED})?|{_HOUR}{_HALF})(?![A-Za-z\d]|[:.,]\d)")
AFTER_CLOCK = re.compile(rb":[0-5][0-9]-")
"""Where the second half of 09:00-17:00 starts."""
WEEKDAY = pattern(
    "day(?![A-Za-z])(?:" + "|".join(f"(?<={day})" for day in sorted(_DAYS_IN_FULL.split())) + ")"
)
NOW = pattern(
    r"(?i)(?:\btoday\b|\bnow\b|\bcurrent|\bas of\b|timestamp|\bgenerated\b|\bheute\b|\bjetzt\b|\baktuell"
    r"|aujourd|\bhoy\b|\bactual\b|今日|本日|現在|\bthe (?:date|time) is|(?:\A|[*#>([-] ?)(?:date|time)[:*])"
)
"""Words on the same line that say: this is the time of the call."""
_AMOUNT = rf"\d{{1,9}}(?:[.,]\d{{1,6}})? ?(?:{any_of(_UNITS)})(?![A-Za-z\d])"
AGO = pattern(rf"(?P<amount>{_AMOUNT}(?:(?:,? and |, ?| ){_AMOUNT}){{0,4}})(?P<ago> (?:ago|from now)\b)?")

# Numbers.
NUMBER = pattern(
    r"(?:(?P<snowflake>[1-9]\d{16,19})|(?P<epoch>\d{10}(?:\d{3}|\d{6})?(?:\.\d{1,9})?)"
    r"|(?P<fraction>\d{1,3}\.\d{6,20}(?:[eE][+-]?\d{1,3})?|\d\.\d{1,20}[eE]-\d{1,3}))(?![A-Za-z\d]|[.,:/-]\d)"
)
EPOCHS = {10: (978307200, 2556144000), 13: (978307200000, 2556144000000), 16: (10**15, 2221 * 10**12)}
"""By digits: from 2001 to 2050 in s, ms and µs; the last until the first card number of 16 digits."""
NOT_EPOCHS = (b"1234567890", b"2147483647")  # constants
MONEY = tuple(sign.encode() for sign in ("$", "€", "£", "¥", "₹"))
FIRST_DIGIT = re.compile(rb"[0-9]")
ALNUM_REST = re.compile(rb"[0-9A-Za-z]*+")
FIGURE = pattern(r"\d{1,20}(?:\.\d{1,20})?(?![A-Za-z\d%]|[.,:]\d)")
DULL = pattern(r"\d{1,7}(?:\.\d{1,5})?(?:[,;)\]}\"'<>\r\n%\\]|[ ,]+[\d(\[]|\Z)")
"""A number that is nothing by itself."""
PLAIN = pattern(r"\d{1,12}(?![A-Za-z\d%]|[.,:-]\d)")
TOTAL = pattern(r"(?:/| ?/ | of | out of )(\d{1,9})(?![A-Za-z\d%]|[.,:/-]\d)")
