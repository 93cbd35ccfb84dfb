"""Describe a field of the event: its text, its privacy class and its limits, for types and schema alike."""

from typing import Any

import msgspec

__all__ = ["hashed", "opt_in_content", "public", "written"]


def public(text: str, *, is_open: bool = False, **limits: Any) -> msgspec.Meta:
    """A field that holds nothing a user or a model wrote; *is_open*: a later minor may add values."""
    return _meta("public", text, limits, is_open=is_open)


def hashed(text: str, **limits: Any) -> msgspec.Meta:
    """A field that holds a keyed hash."""
    return _meta("hashed", text, limits)


def opt_in_content(text: str, **limits: Any) -> msgspec.Meta:
    """A field that holds text, and stays absent unless the app asked for it."""
    return _meta("opt_in_content", text, limits)


def written(default: Any) -> Any:
    """A default that is written into every event all the same: readers need not know it."""
    return msgspec.field(default_factory=lambda: default)


def _meta(privacy: str, text: str, limits: dict[str, Any], *, is_open: bool = False) -> msgspec.Meta:
    extra = {"x-privacy": privacy} | ({"x-open": True} if is_open else {})
    return msgspec.Meta(description=text, extra_json_schema=extra, **limits)
