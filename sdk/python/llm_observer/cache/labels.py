"""What does the word in front of a value say of it?"""

from typing import NamedTuple

from llm_observer.cache import words

__all__ = ["LETTERS", "NO_LABEL", "Label", "has_sign", "hints_at_an_id", "label_of", "names_an_id"]

_ASCII_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LETTERS = _ASCII_LETTERS + bytes(range(128, 256))
_SIGNS = (b":", b"=", b"#", b">")
_NAMES = ("id", "some_id", "bare_id")
_LABEL_BYTES = 40
_BEFORE_VALUE = b" ,.\t\"'#:=>([*_`|\\-"
_TURNS = "turn attempt step iteration iter round retry retries try counter seq sequence"
_CALLS = "request req call message msg run loop prompt query"
_IDS = (
    "request req session sess trace thread run conversation conv span correlation message msg transaction job"
    " execution invocation chat interaction event call response resp parent"
)
_COUNTS = "number no num nr count counter index idx"
_ROLES = {
    "month": words.MONTHS,
    "weekday": words.WEEKDAYS,
    "turn": _TURNS,
    "call": _CALLS,
    "bare_id": "session trace thread conversation correlation traceparent",
    "tail": f"{_COUNTS} ms seconds secs sec s value",
    "id": "id ids",
    "is": "is ist est was",
    "seed": "seed",
    "random": "rand random sampling entropy",
    "nonce": "nonce salt",
    "uptime": "uptime elapsed",
    "counted": words.COUNTED,
    "used": "used usage left remaining spent consumed",
    "in": "in vor hace dans seit há em tra fra za před через",
    "il_y_a": "a",
    "date": "date datetime dated datum data fecha stand today heute am vom den дата от",
    "clock": "time timestamp ts now epoch unix ns nanos nanoseconds",
    "not_time": "phone tel telephone mobile cell fax isbn ean zip card account iban version sku",
}


class Label(NamedTuple):
    """The word in front of a value: what it says, where it starts, and what stands between."""

    role: str
    start: int
    gap: bytes


NO_LABEL = Label("", 0, b"")


def _labels() -> dict[bytes, str]:
    roles = reversed(_ROLES.items())  # the first role of a word counts
    labels = {form: role for role, text in roles for word in text.split() for form in _cases(word)}
    labels |= {f"{word}id".encode(): "some_id" for word in _IDS.split()}
    counts = [f"{word}{tail}" for word in f"{_TURNS} {_CALLS}".split() for tail in _COUNTS.split()]
    return labels | {word.encode(): "turn" for word in counts}


def _cases(word: str) -> tuple[bytes, bytes]:
    """As it is looked up: `bytes.lower` leaves a first letter beyond ASCII as it is."""
    return word.encode().lower(), word.capitalize().encode().lower()


_LABELS = _labels()
_IDENTIFIED = frozenset(_IDS.encode().split())


def label_of(data: bytes, at: int) -> Label:
    """The word in front of *at*, if it is one that we know."""
    head = data[max(0, at - _LABEL_BYTES) : at]
    core = head.rstrip(_BEFORE_VALUE)
    stem = core.rstrip(LETTERS)
    role = _LABELS.get(core[len(stem) :].lower(), "")
    return Label(role, at - len(head) + len(stem), head[len(core) :]) if role else NO_LABEL


def names_an_id(data: bytes, label: Label) -> bool:
    """Whether the label says: here comes the id of a request, session or trace."""
    if label.role not in _NAMES:
        return False
    if not has_sign(label) and (label.role == "bare_id" or label.gap != b" "):
        return False
    return label.role == "bare_id" or _is_id_name(data, label)


def hints_at_an_id(data: bytes, label: Label) -> bool:
    """The same for "the request id is", "Session ID -": what follows may be words about it."""
    if label.role == "is" and label.gap == b" ":
        label = label_of(data, label.start)
        return label.gap == b" " and _is_id_name(data, label)
    return label.gap == b" - " and _is_id_name(data, label)


def has_sign(label: Label) -> bool:
    """Whether it is set apart from the value: "call: 3", `call=3`, "Call #3"."""
    return any(map(label.gap.__contains__, _SIGNS))


def _is_id_name(data: bytes, label: Label) -> bool:
    """`sessionId`, or an `id` behind the name of something that is new with each call."""
    return label.role == "some_id" or (label.role == "id" and _word_before(data, label.start) in _IDENTIFIED)


def _word_before(data: bytes, at: int) -> bytes:
    """The word in front of *at*, in small letters, behind blanks, `_` or `-` at most."""
    head = data[max(0, at - _LABEL_BYTES) : at].rstrip(b" _-")
    return head[len(head.rstrip(LETTERS)) :].lower()
