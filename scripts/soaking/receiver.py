"""What does a bad receiver do to a sender? It takes batches, and fails at random: a program of its own.

Prints its port. `GET /tally` tells what it took; whoever started it ends it.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import time
import zlib
from collections import Counter
from collections.abc import Sequence

NUMBER = re.compile(rb'"event_id":"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-([0-9a-f]{12})"')
"""The last part of an id is the event's number."""
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
GZIP = 16 + zlib.MAX_WBITS
STALL_S = 6.0
"""Longer than the sender waits for an answer."""
LARGE = 25
"""Only batches of more events are refused as too large, so that halves of them pass."""
FAULTS = {
    "500": 0.01,
    "429": 0.003,
    "reset": 0.005,
    "reset after": 0.005,
    "slow": 0.005,
    "stall": 0.001,
    "413": 0.01,
}
"""Shares of all requests."""
TAKEN = frozenset({"", "slow", "reset after", "stall"})
UNANSWERED = frozenset({"reset after", "stall"})


class Receiver:
    """Knows each of *events* events by its number."""

    def __init__(self, events: int, seed: int) -> None:
        self._taken = bytearray(events)
        self._random = random.Random(seed)  # noqa: S311 - a test's
        self._counts: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept until one side ends it."""
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self._counts["hung up"] += 1
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        if head.startswith(b"GET /tally"):
            return await _send(writer, 200, json.dumps(self._tally()).encode())
        length = LENGTH.search(head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        numbers = [int(number, 16) for number in NUMBER.findall(zlib.decompress(body, GZIP))]
        return await self._take(numbers, len(body), writer)

    async def _take(self, numbers: Sequence[int], size: int, writer: asyncio.StreamWriter) -> bool:
        fault = self._fault(len(numbers))
        self._counts.update({"requests": 1, "bytes": size, f"fault {fault}": bool(fault)})
        again = self._store(numbers) if fault in TAKEN else 0
        if fault in UNANSWERED:
            self._counts["unanswered"] += len(numbers)
        return await self._reply(fault, again, writer)

    def _fault(self, events: int) -> str:
        chance = self._random.random()
        for fault, share in FAULTS.items():
            if chance < share:
                return "" if fault == "413" and events <= LARGE else fault
            chance -= share
        return ""

    def _store(self, numbers: Sequence[int]) -> int:
        """How many of them it had before."""
        again = 0
        for number in numbers:
            again += self._taken[number]
            self._taken[number] = 1
        self._counts["again"] += again
        return again

    async def _reply(self, fault: str, again: int, writer: asyncio.StreamWriter) -> bool:
        if fault.startswith("reset"):
            writer.transport.abort()
            return False
        if fault in {"slow", "stall"}:
            await asyncio.sleep(STALL_S if fault == "stall" else self._random.uniform(0.1, 2))
        if not fault.isdecimal():
            return await _send(writer, 200, json.dumps({"duplicates": again}).encode())
        return await _send(writer, int(fault), b"{}", "Retry-After: 1\r\n" if fault == "429" else "")

    def _tally(self) -> dict[str, float]:
        return {**self._counts, "taken": self._taken.count(1), "cpu_s": time.process_time()}


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes, more: str = "") -> bool:
    head = (
        f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    return True


async def _serve(events: int, seed: int) -> None:
    receiver = Receiver(events, seed)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(_serve(options.events, options.seed))
