"""How does an answer get under an SDK's client without a socket? As the transport of its HTTP library.

The body goes through the library's own kinds of byte stream, so it is unread when the SDK gets it.
"""

from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any, NamedTuple

from integration.loopback import Cut, Received, Responder, Wait


class Delivery:
    """What a transport has handed over of one answer."""

    def __init__(self, received, answer):
        self.received = received
        self.answer = answer
        self.sent = bytearray()
        self.is_closed = False

    @property
    def is_whole(self):
        return len(self.sent) == len(self.answer.body)


class Transports(NamedTuple):
    """A sync and an async transport that ask one responder, and every delivery that they made."""

    sync: Any
    asynchronous: Any
    deliveries: list[Delivery]


def transports(module: ModuleType, respond: Responder):
    """Transports of *module* (`httpx` or `httpx2`); the body goes through its own kinds of byte stream."""
    deliveries: list[Delivery] = []
    sync_stream, async_stream = _streams(module)

    def respond_to(request, body):
        path = request.url.raw_path.decode("ascii")
        headers = tuple(request.headers.multi_items())
        received = Received(request.method, path, headers, body)
        deliveries.append(Delivery(received, respond(received)))
        return deliveries[-1]

    class Sync(module.BaseTransport):
        def handle_request(self, request):
            delivery = respond_to(request, b"".join(request.stream))
            return _response(module, delivery, sync_stream(delivery))

    class Async(module.AsyncBaseTransport):
        async def handle_async_request(self, request):
            delivery = respond_to(request, b"".join([part async for part in request.stream]))
            return _response(module, delivery, async_stream(delivery))

    return Transports(Sync(), Async(), deliveries)


def _response(module, delivery, stream):
    answer = delivery.answer
    headers = [
        (name.encode(), value.encode()) for name, value in answer.headers if name.lower() != "content-length"
    ]
    return module.Response(answer.status, headers=headers, stream=stream)


class _Steps:
    """A byte stream of one delivery; `broken` is what the transport raises when the peer goes away."""

    broken: type[Exception]

    def __init__(self, delivery):
        self.delivery = delivery

    def take(self, step):
        if isinstance(step, Cut):
            raise self.broken("peer closed connection without sending complete body")
        self.delivery.sent += step
        return step


class _SyncSteps(_Steps):
    def __iter__(self) -> Iterator[bytes]:
        for step in self.delivery.answer.steps:
            if isinstance(step, Wait):
                step()
            elif step:
                yield self.take(step)

    def close(self):
        self.delivery.is_closed = True


class _AsyncSteps(_Steps):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        import anyio

        for step in self.delivery.answer.steps:
            if isinstance(step, Wait):
                await anyio.to_thread.run_sync(step)
            elif step:
                yield self.take(step)

    async def aclose(self):
        self.delivery.is_closed = True


def _streams(module):
    broken = {"broken": module.RemoteProtocolError}
    return (
        type("SyncSteps", (_SyncSteps, module.SyncByteStream), broken),
        type("AsyncSteps", (_AsyncSteps, module.AsyncByteStream), broken),
    )
