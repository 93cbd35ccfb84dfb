"""In which order did calls begin, over several files? As far as a bounded amount of memory shows."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from llm_observer.recordings._spec import Item, Recorded

__all__ = ["WINDOW_BYTES", "WINDOW_RECORDS", "in_order"]

WINDOW_BYTES = 64 << 20
WINDOW_RECORDS = 200_000


def in_order(
    items: Iterable[Item],
    *,
    max_bytes: int = WINDOW_BYTES,
    max_records: int = WINDOW_RECORDS,
) -> Iterator[Item]:
    """*items* by their start, and those of one instant as they come.

    That many records and bytes of bodies wait for earlier ones. One that comes too late for that is given as
    soon as it comes. Whatever is no exchange waits for nothing.
    """
    waiting: list[tuple[int, int, Recorded]] = []
    size = 0
    for count, item in enumerate(items):
        if not isinstance(item, Recorded):
            yield item
            continue
        heappush(waiting, (item.exchange.started_ns, count, item))
        size += _size(item)
        while len(waiting) > max_records or (size > max_bytes and waiting):
            first = heappop(waiting)[2]
            size -= _size(first)
            yield first
    while waiting:
        yield heappop(waiting)[2]


def _size(item: Recorded) -> int:
    exchange = item.exchange
    return len(exchange.request_body or b"") + len(exchange.response_body)
