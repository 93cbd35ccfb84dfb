"""About how many tokens is a text? Told by the kinds of its bytes: prose and JSON differ by a factor of two.

Only shares matter: a provider's own count of the whole is shared out by it. The weights are least squares
over 6,419 blocks of real prompts (tau-bench, and recorded calls) on the two tokenizers that are published as
files, OpenAI's cl100k_base and Anthropic's of 2023 (both in the package litellm, November 2026); here stands
their mean. A block is off by 6 % at the median and 16 % at the 90th percentile; by bytes, by 22 % and 36 %.
"""

import string
from collections.abc import Iterator, Mapping
from typing import Any

from llm_observer.cache.canonical import is_attachment, leaves, text_of

__all__ = ["ATTACHMENT", "TENTHS", "estimate_of", "estimated"]

TENTHS = 10
"""Estimates are in tenths of a token."""
_LOWER, _UPPER, _DIGIT, _BEYOND_ASCII, _SPACE, _OTHER = 1.69, 9.76, 7.68, 3.66, 2.26, 3.67
"""Tenths of a token for each byte: a line break is an _OTHER, as most stand in JSON or beside punctuation."""
ATTACHMENT = 10_000
"""Tenths of a token for an image or a file: what an image costs does not go by its bytes."""

_CLASSES = (
    (string.ascii_lowercase.encode(), _LOWER),
    (string.ascii_uppercase.encode(), _UPPER),
    (string.digits.encode(), _DIGIT),
    (bytes(range(128, 256)), _BEYOND_ASCII),
    (b" ", _SPACE),
)
_ATTACHED = frozenset({"image", "image_url", "input_image", "document", "input_file", "file", "input_audio"})


def estimate_of(value: Any, text: bytes) -> int:
    """Tenths of a token that a block is about. value: as sent. text: what it says."""
    sort = value.get("type") if isinstance(value, Mapping) else None
    if isinstance(sort, str) and sort in _ATTACHED:
        return ATTACHMENT
    attached = 0 if text_of(value) is not None else sum(map(is_attachment, _strings(value)))
    if attached:
        text = " ".join(leaf.text for leaf in leaves(value)).encode("utf-8", "surrogatepass")
    return estimated(text) + attached * ATTACHMENT


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(inner)


def estimated(text: bytes) -> int:
    """Tenths of a token that *text* is about."""
    left, total = len(text), 0.0
    for members, weight in _CLASSES:
        count = len(text) - len(text.translate(None, members))
        left -= count
        total += count * weight
    return round(total + left * _OTHER)
