"""How is one value read out of decoded JSON? By dotted path; a wrong type is unknown, with a note."""

import json
import re
from collections.abc import Iterator

import msgspec

__all__ = ["Notes", "Reader", "as_count", "as_name", "as_number", "at", "clean", "dicts", "loads"]

MAX_TEXT = 512
"""Longest name or id that is kept; a longer one is no name."""
MAX_COUNT = 2**53
"""Above this a JSON number is not exact everywhere (RFC 8259, section 6)."""
_LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_LONGEST_INTEGER = 300
"""Digits of an integer that is still a finite number."""


class Notes(dict[str, None]):
    """Short codes of what could not be read, each once, in order."""

    def add(self, code: str) -> None:
        """Note *code*."""
        self[code] = None


def loads(data: bytes) -> object:
    """*data* as JSON; None if it is none. Bytes that are not UTF-8 are replaced, not refused."""
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):  # not JSON; nested too deeply
        return _loads_as_sdks_do(data.decode("utf-8", "replace"))


def _loads_as_sdks_do(text: str) -> object:
    """*text* by the rules that the SDKs read by: NaN, 1e999, half a surrogate and a byte order mark pass."""
    whole = _LONE_SURROGATE.sub(r"\\ufffd", text.removeprefix("\ufeff"))
    try:
        return json.loads(whole, parse_int=_integer, strict=False)
    except (ValueError, RecursionError):
        return None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def at(value: object, path: str) -> object:
    """What stands in *value* at the dotted *path*; None where nothing does."""
    if "." not in path:
        return value.get(path) if isinstance(value, dict) else None
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def dicts(value: object) -> Iterator[dict[str, object]]:
    """The objects in *value*, if that is a list."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def clean(text: str) -> str:
    """*text* without what no UTF-8 can hold (a lone surrogate)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def as_name(value: object) -> str | None:
    """*value* as a name or an id: a text that is neither empty nor too long to be one."""
    return clean(value) if isinstance(value, str) and 0 < len(value) <= MAX_TEXT else None


def as_count(value: object) -> int | None:
    """*value* as a count. An integral float is one (Titan sends such); a bool, NaN or -1 is not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MAX_COUNT or (isinstance(value, float) and not value.is_integer()):
        return None
    return int(value)


def as_number(value: object) -> int | float | None:
    """*value* as a finite number that JSON can hold exactly enough."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= MAX_COUNT else None


class Reader:
    """Reads typed values out of one document by path.

    document: decoded JSON. notes: where a value of a wrong type is noted, as `<name>_wrong_type`.
    """

    def __init__(self, document: object, notes: Notes, name: str) -> None:
        self.document = document
        self._notes = notes
        self._code = f"{name}_wrong_type"

    def text(self, *paths: str) -> str | None:
        """The first non-empty text at *paths*."""
        for path in paths:
            value = at(self.document, path)
            if isinstance(value, str) and len(value) <= MAX_TEXT:
                if value:
                    return clean(value)
            elif value is not None:
                self._notes.add(self._code)
        return None

    def count(self, *paths: str) -> int | None:
        """The first count at *paths*."""
        for path in paths:
            value = at(self.document, path)
            if value is None:
                continue
            count = as_count(value)
            if count is not None:
                return count
            self._notes.add(self._code)
        return None

    def flag(self, *paths: str) -> bool | None:
        """The first true or false at *paths*."""
        for path in paths:
            value = at(self.document, path)
            if value is None:
                continue
            if isinstance(value, bool):
                return value
            self._notes.add(self._code)
        return None

    def number(self, *paths: str) -> int | float | None:
        """The first finite number at *paths*."""
        for path in paths:
            value = at(self.document, path)
            if value is None:
                continue
            number = as_number(value)
            if number is not None:
                return number
            self._notes.add(self._code)
        return None
