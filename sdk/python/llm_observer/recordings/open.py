"""What is in a file? Its records by the reader of its format, each with an account and a time."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial

import msgspec

from llm_observer.recordings import events, har, plain, vcr
from llm_observer.recordings._compressed import OnRead, Opened, damage, opened
from llm_observer.recordings._detect import format_of
from llm_observer.recordings._form import read
from llm_observer.recordings._model_calls import is_model_call
from llm_observer.recordings._spec import Aside, Item, Reader, Recorded, Unreadable, UnreadableFileError
from llm_observer.recordings._times import UNKNOWN_NS
from llm_observer.recordings.forms import FORMS

__all__ = ["READERS", "read_file", "read_files"]

READERS: Mapping[str, Reader] = {
    "plain": plain.read,
    "har": har.read,
    "vcr_json": vcr.read_json,
    "vcr_yaml": vcr.read_yaml,
    "events": events.read,
    **{form.name: partial(read, form) for form in FORMS},
}
_TRAFFIC = frozenset({"har", "vcr_json", "vcr_yaml"})
"""Formats that keep all of a program's HTTP, whoever it was for."""


def read_files(names: Iterable[str], *, on_read: OnRead | None = None) -> Iterator[Item]:
    """What is in all files of *names*, one after the other; a file that cannot be read is `Unreadable`.

    on_read: told of the bytes of each piece that was read.
    """
    for name in names:
        try:
            yield from read_file(name, on_read=on_read)
        except UnreadableFileError as exc:
            yield Unreadable(name, str(exc))


def read_file(name: str, *, on_read: OnRead | None = None) -> Iterator[Item]:
    """What is in the file *name*, compressed or not; `-` is standard input. Its name is its account.

    Raises UnreadableFileError where nothing of it can be read.
    """
    with ExitStack() as stack:
        try:
            yield from _read(opened(name, stack, on_read), name)
        except damage() as exc:
            raise UnreadableFileError(f"the compressed file is damaged: {exc}") from exc
        except OSError as exc:
            raise UnreadableFileError(exc.strerror or str(exc)) from exc


def _read(found: Opened, name: str) -> Iterator[Item]:
    """What is in *found*; damage follows what stands before it, and is why that cannot be read."""
    try:
        form = format_of(found.head, found.further)
        yield from _placed(READERS[form](found.file, name), name, is_traffic=form in _TRAFFIC)
    except UnreadableFileError:
        found.check()
        raise
    found.check()


def _placed(items: Iterable[Item | Aside], name: str, *, is_traffic: bool) -> Iterator[Item]:
    """*items* with the account of the file where they name none, and a start where they have none.

    What has no time gets the last one before it, or that of reading: no cache entry grows old in between.
    """
    latest_ns = time.time_ns()
    for item in items:
        if isinstance(item, Aside):
            continue
        if not isinstance(item, Recorded):
            yield item
            continue
        exchange = item.exchange
        if is_traffic and not is_model_call(exchange):
            yield Unreadable(item.place, "is no call of a model")
            continue
        if exchange.started_ns == UNKNOWN_NS:
            exchange.started_ns = latest_ns
        latest_ns = exchange.started_ns
        exchange.account = name if item.account is None else item.account
        yield msgspec.structs.replace(item, account=exchange.account)
