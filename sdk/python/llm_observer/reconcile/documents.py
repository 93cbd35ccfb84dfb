"""Which records are in an export file? JSON pages and CSV rows, flattened to columns; plain or gzipped."""

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, NoReturn, cast

from llm_observer.recordings import UnreadableFileError

__all__ = ["Record", "records_of"]

_GZIP = b"\x1f\x8b"
_LISTS = ("data", "results")
"""Where a page holds its buckets, and a bucket its results."""
_MOST_FIELDS = 64
"""Of a page and its bucket: more of them, or deeper ones, are no export."""
_DELIMITERS = ",;\t"
Value = object


State = Literal["row", "header", "empty"]


class Record(NamedTuple):
    """One row of CSV, or one result of a page with the fields of its bucket.

    place: `file:line`, or `file#number`. within: the list that it stands in, one of a CSV, a bucket's of a
    page. state: `header` is that of CSV, `empty` a bucket without results. problem: why it cannot be read.
    """

    place: str
    columns: Mapping[str, Value]
    within: str
    state: State = "row"
    problem: str | None = None


def records_of(name: str) -> Iterator[Record]:
    """The records of the file *name*, plain or gzipped; `-` is standard input.

    Raises UnreadableFileError where the file cannot be read.
    """
    with ExitStack() as stack:
        try:
            yield from _records(_opened(name, stack), name)
        except OSError as exc:
            raise UnreadableFileError(exc.strerror or str(exc)) from exc
        except (EOFError, zlib.error) as exc:
            raise UnreadableFileError(f"the compressed file is damaged: {exc}") from exc
        except UnicodeDecodeError as exc:
            raise UnreadableFileError(f"it is no text in UTF-8: byte {exc.start}") from exc
        except csv.Error as exc:
            raise UnreadableFileError(f"it is no CSV: {exc}") from exc
        except RecursionError as exc:
            raise UnreadableFileError("it is nested too deeply") from exc


def _opened(name: str, stack: ExitStack) -> io.TextIOWrapper:
    """The text of the file, without compression."""
    raw = sys.stdin.buffer if name == "-" else Path(name).open("rb", buffering=0)  # noqa: SIM115 - the stack closes it
    file = stack.enter_context(io.BufferedReader(cast("io.RawIOBase", raw)))
    is_packed = file.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
    plain = stack.enter_context(gzip.GzipFile(fileobj=file)) if is_packed else file
    text = io.TextIOWrapper(cast("BinaryIO", plain), "utf-8-sig", newline="")
    stack.callback(text.detach)
    return text


def _records(text: io.TextIOWrapper, name: str) -> Iterator[Record]:
    first = next((line for line in text if line.strip()), None)
    if first is None:
        raise UnreadableFileError("it is empty")
    if first.lstrip()[0] in "{[":
        return _json_records(first + text.read(), name)
    return _csv_records(first, text, name)


def _csv_records(first: str, text: io.TextIOWrapper, name: str) -> Iterator[Record]:
    delimiter = max(_DELIMITERS, key=first.count)
    header = next(csv.reader([first], delimiter=delimiter, strict=True))
    names = [column.strip() for column in header]
    rows = csv.reader(text, delimiter=delimiter, strict=True)
    yield Record(f"{name}:1", dict.fromkeys(names), name, "header")
    for row in filter(None, rows):
        place = f"{name}:{rows.line_num + 1}"
        if len(row) == len(names):
            yield Record(place, dict(zip(names, row, strict=True)), name)
        else:
            yield Record(place, {}, name, problem=f"has {len(row)} cells, the header {len(names)}")


def _json_records(text: str, name: str) -> Iterator[Record]:
    """Of one document or several behind each other."""
    lists = count()
    pages = chain.from_iterable(map(_pages, _documents(text)))
    results = chain.from_iterable(_results(page, next(lists), lists) for page in pages)
    for number, (columns, within, is_empty) in enumerate(results):
        yield Record(f"{name}#{number}", columns, f"{name}#{within}", "empty" if is_empty else "row")


def _documents(text: str) -> Iterator[Value]:
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in " \t\r\n,":
            at += 1
        if at == end:
            return
        try:
            document, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as exc:
            line = text.count("\n", 0, at) + 1
            raise UnreadableFileError(f"the JSON that begins in line {line} is damaged") from exc
        yield document


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _pages(document: Value) -> Iterator[Value]:
    """Pages, buckets or results: *document* itself, or its items where a program collected them."""
    yield from document if isinstance(document, list) else [document]


def _results(
    page: Value, within: int, lists: Iterator[int], *above: tuple[str, Value]
) -> Iterator[tuple[dict[str, Value], int, bool]]:
    """The results below *page*, each with the fields of its bucket; its list, and whether that is empty.

    within: the number of the list that *page* stands in. lists: numbers for those in it.
    """
    if not isinstance(page, dict) or len(above) > _MOST_FIELDS:
        raise UnreadableFileError("it is JSON, but no page of an export: an object with `data` is expected")
    inner = next((page[key] for key in _LISTS if isinstance(page.get(key), list)), None)
    own = (*above, *_flat(page))
    if not inner:
        yield dict(own), within, inner is not None
        return
    here = next(lists)
    for item in inner:
        yield from _results(item, here, lists, *own)


def _flat(item: Mapping[str, Value], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Fields of *item* by path, those of objects in it too; what lies deeper is no figure of a form."""
    for key, value in item.items():
        if isinstance(value, dict) and not prefix:
            yield from _flat(value, f"{key}.")
        elif not isinstance(value, (list, dict)):
            yield f"{prefix}{key}", value
