"""Load the price book: from this user's state folder if it is there, else from the package, once.

The file is JSON that holds nothing but names and prices, so reading it runs no code. It is bound to
the very package file that it was made from, is written whole or not at all, and is refused if
another user owns it or could have written it.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from llm_observer._version import __version__
from llm_observer.enrichers.price_source import PriceBook, Vendor, book_of, newest_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

__all__ = ["load_book", "price_data_age"]

FORMAT = 1
"""Raised whenever the structs of the price book change."""

MAX_AGE_S = 30 * 24 * 3600
"""Files of other price data go after so long: another environment of this user may still read them."""

MAX_BYTES = 16 * 1024 * 1024
_OTHERS_WRITE = 0o022
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def load_book(state_dir: str | os.PathLike[str] | None) -> PriceBook:
    """All prices. With *state_dir*, a file there spares later processes the import of the package."""
    path = None if state_dir is None else _path(Path(state_dir))
    vendors = None if path is None else _read(path)
    if vendors is not None:
        return PriceBook(vendors=vendors)
    book = book_of(_package_providers())
    if path is not None:
        with suppress(
            OSError, ValueError
        ):  # a name that no file can have, a full or read-only disk: the next process imports the package too
            _write(path, msgspec.json.encode(book.vendors))
    return book


def price_data_age(state_dir: str | os.PathLike[str] | None = None) -> tuple[str, date | None]:
    """Version of the price data, and the newest day that a price in it starts on."""
    return version("genai-prices"), newest_day(load_book(state_dir), datetime.now(UTC).date())


def _package_providers() -> Sequence[object]:
    from genai_prices.data import providers

    return providers


def _path(folder: Path) -> Path | None:
    """The file for exactly the installed price data; None where that is not a plain file."""
    spec = find_spec("genai_prices")
    if spec is None or spec.origin is None:
        return None
    data = Path(spec.origin).with_name("data.py")
    try:
        status, installed = data.stat(), version("genai-prices")
    except (OSError, PackageNotFoundError):  # in an archive, or without its metadata
        return None
    origin = f"{FORMAT} {__version__} {data} {status.st_size} {status.st_mtime_ns}".encode(
        "utf-8", "surrogatepass"
    )
    mark = blake2b(origin, digest_size=6).hexdigest()
    return folder / f"prices-{installed}-{mark}.json"


def _read(path: Path) -> tuple[Vendor, ...] | None:
    """What the file holds; None if it is absent, not this user's own, or not whole."""
    try:
        handle = os.open(path, _READ)
    except (OSError, ValueError):
        return None
    with os.fdopen(handle, "rb") as file:
        if not _is_trusted(os.fstat(file.fileno())):
            return None
        digest, _, content = file.read(MAX_BYTES).partition(b"\n")
    if digest != _digest(content):
        return None
    try:
        return msgspec.json.decode(content, type=tuple[Vendor, ...])
    except msgspec.DecodeError:  # other structs
        return None


def _digest(content: bytes) -> bytes:
    """What shows that a file is whole; against ill will stands its owner."""
    return blake2b(content, digest_size=16).hexdigest().encode()


def _is_trusted(status: os.stat_result) -> bool:
    """Whether nobody else can have written the file. Windows guards the profile folder itself."""
    if not stat.S_ISREG(status.st_mode):
        return False
    if os.name == "nt":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE


def _write(path: Path, content: bytes) -> None:
    """Put *content* in place in one step, and take away what older price data left."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, _CREATE, 0o600), "wb") as file:
            file.write(_digest(content) + b"\n" + content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sweep(path)


def _sweep(path: Path) -> None:
    """Take away the files of price data that is gone."""
    for pattern in ("prices-*.json", ".prices-*"):
        for old in path.parent.glob(pattern):
            if old != path and old.stat().st_mtime < time.time() - MAX_AGE_S:
                old.unlink(missing_ok=True)
