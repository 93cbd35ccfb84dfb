"""What a setting is, and how its values are read from arguments, the environment and TOML."""

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

__all__ = [
    "PREFIX",
    "SDK_NAMES",
    "Setting",
    "finite",
    "flag",
    "function",
    "hidden",
    "names",
    "number",
    "path",
    "refusal",
    "text",
    "token",
    "url",
    "vintage",
    "whole",
]

PREFIX = "LLM_OBSERVER_"
SDK_NAMES = frozenset(
    {
        "anthropic",
        "cerebras.cloud.sdk",
        "fireworks",
        "groq",
        "openai",
        "perplexity",
        "portkey_ai",
        "sambanova",
        "together",
        "writerai",
    }
)
"""What can be observed: the targets of the capture, which this layer knows by name only."""

Found = Literal["taken", "ignored", "only_off", "inside"]
Parse = Callable[[Any], Any]

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_MAX_TEXT = 1024


class Setting(NamedTuple):
    """One row of the table of settings.

    text: one line on what it does. parse: makes a value of what was given, or raises ValueError with
    the reason. env: variables that hold it; () for `LLM_OBSERVER_<NAME>`, None for no variable.
    found: what a config file may do that was found rather than named: a cloned repository can hold one.
    decisive: this value in the environment beats arguments.
    """

    text: str
    parse: Parse
    env: tuple[str, ...] | None = ()
    is_secret: bool = False
    is_path: bool = False
    found: Found = "taken"
    decisive: bool | None = None

    def variables(self, name: str) -> tuple[str, ...]:
        """Environment variables of this setting, called *name*, first one first."""
        if self.env is None:
            return ()
        return self.env or (PREFIX + name.upper(),)


def flag(value: object) -> bool:
    """Yes or no."""
    word = str(value).strip().lower() if isinstance(value, (bool, int, str)) else ""
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError("it takes 1 or 0")


def refusal(value: object) -> bool:
    """Yes unless it clearly says no: doubt falls on the private side."""
    return str(value).strip().lower() not in _NO


def whole(low: int, high: int) -> Parse:
    """A whole number from *low* to *high*."""

    def parse(value: object) -> int:
        if isinstance(value, str) and value.strip().isdecimal() and len(value) <= len(str(high)):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise ValueError(f"it takes a whole number from {low} to {high}")

    return parse


def number(low: float, high: float) -> Parse:
    """A number from *low* to *high*."""

    def parse(value: object) -> float:
        found = finite(value)
        if found is not None and low <= found <= high:
            return found
        raise ValueError(f"it takes a number from {low:g} to {high:g}")

    return parse


def finite(value: object) -> float | None:
    """*value* as a finite number, None if it is none."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)  # type: ignore[arg-type] # whatever float() refuses is refused
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def text(value: object) -> str:
    """A line of printable text."""
    if isinstance(value, str) and value.strip() and len(value) <= _MAX_TEXT and value.isprintable():
        return value.strip()
    raise ValueError(f"it takes a line of text, up to {_MAX_TEXT} characters")


def hidden(value: object) -> str:
    """Any text, as it is."""
    if isinstance(value, str) and value:
        return value
    raise ValueError("it takes a text")


def token(value: object) -> str:
    """A text that can stand in an HTTP header."""
    found = value.strip() if isinstance(value, str) else ""
    if found and found.isascii() and found.isprintable() and " " not in found:
        return found
    raise ValueError("it takes printable ASCII characters without spaces")


def path(value: object) -> str:
    """A path, not yet made absolute."""
    found = os.fspath(value) if isinstance(value, (str, os.PathLike)) else ""
    if isinstance(found, str) and found.strip() and "\0" not in found:
        return found
    raise ValueError("it takes a path")


def url(value: object) -> str:
    """An HTTP address without credentials."""
    from urllib.parse import urlsplit

    wrong = ValueError("it takes an https:// address without user name and password")
    found = text(value)
    try:
        parts = urlsplit(found)
        is_whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # its text may hold what was given
        raise wrong from None
    if not is_whole or parts.username is not None or " " in found:
        raise wrong
    return found


def function(value: object) -> Any:
    """What is called with an event. Nobody would await a coroutine."""
    from inspect import iscoroutinefunction

    call = getattr(value, "__call__", None)  # noqa: B004 - that of an object, which may be async
    if callable(value) and not iscoroutinefunction(value) and not iscoroutinefunction(call):
        return value
    raise ValueError("it takes a function, not async, that is called with an event")


def vintage(value: object) -> str:
    """Which names of OpenTelemetry's conventions."""
    known = ("1.41", "latest", "both")
    if str(value).strip().lower() in known:
        return str(value).strip().lower()
    raise ValueError(f"it takes {', '.join(known[:-1])} or {known[-1]}")


def names(value: object) -> tuple[str, ...]:
    """Names, as a list or separated by commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, (Sequence, set, frozenset)) and all(isinstance(part, str) for part in parts):
        found = tuple(part.strip() for part in parts if part.strip())
        if found:
            return found
    raise ValueError("it takes names, separated by commas")
