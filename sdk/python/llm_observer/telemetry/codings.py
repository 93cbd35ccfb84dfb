"""How is a body compressed? With gzip; with zstd where the receiver said so and Python can."""

from __future__ import annotations

import gzip
import importlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["encode_body", "takes_zstd"]

_GZIP_LEVEL = 6
_ZSTD_MODULES = ("compression.zstd", "zstandard")
"""Python's own from 3.14 on (PEP 784); both have `compress(data, level)`."""
_UNSUPPORTED = 415


def encode_body(body: bytes, *, zstd: bool) -> tuple[bytes, str]:
    """*body* compressed, and the name of the coding."""
    compress = _zstd() if zstd else None
    if compress is not None:
        return compress(body), "zstd"
    return gzip.compress(body, _GZIP_LEVEL, mtime=0), "gzip"


def takes_zstd(accept_encoding: str | None, status: int, used: str) -> bool:
    """Whether the next body may be zstd: an answer may say what a request may be (RFC 9110, 12.5.3)."""
    if used == "zstd" and (status == _UNSUPPORTED or accept_encoding is None):
        return status != _UNSUPPORTED
    words = (part.partition(";") for part in (accept_encoding or "").lower().split(","))
    return any(name.strip() == "zstd" and not _is_zero(weight) for name, _, weight in words)


def _is_zero(weight: str) -> bool:
    """`q=0`, `q=0.0` and so on mean: not this one."""
    name, _, value = weight.replace(" ", "").partition("=")
    return name == "q" and value.strip("0") in {"", "."} and value != ""


@cache
def _zstd() -> Callable[[bytes], bytes] | None:
    for name in _ZSTD_MODULES:
        try:
            compress: Callable[[bytes], bytes] = importlib.import_module(name).compress
        except ImportError:
            continue
        return compress
    return None
