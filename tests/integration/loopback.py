"""How does a test answer an SDK without a network? With a scripted or recorded answer, byte for byte.

`Answer` says what comes back and how: status, headers, and steps that send bytes, wait or cut.
`Loopback` is a real HTTP server on this machine that gives answers; `transports.py` has the same as a
client's transport.
"""

import gzip
import random
import threading
import zlib
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple

PATIENCE_S = 30.0
"""A step that waits gives up after this long, so that a broken test ends."""


class Wait(NamedTuple):
    """A step: say that it is reached, and go on when the test sets `go`."""

    go: threading.Event
    reached: threading.Event

    @classmethod
    def new(cls):
        return cls(threading.Event(), threading.Event())

    def __call__(self):
        self.reached.set()
        self.go.wait(PATIENCE_S)


class Cut:
    """A step: the connection breaks here."""


Step = bytes | Wait | Cut


class Answer(NamedTuple):
    """An HTTP answer as a script.

    steps: pieces of the body (each is sent on its own), waits and cuts. framing: how a server marks
    the end of the body. A `content-length` among the headers is never sent: the framing decides.
    """

    status: int = 200
    headers: Sequence[tuple[str, str]] = (("content-type", "application/json"),)
    steps: Sequence[Step] = ()
    framing: Literal["chunked", "length", "close"] = "chunked"

    @property
    def body(self):
        return b"".join(step for step in self.steps if isinstance(step, bytes))


def json_answer(body, *, status=200, headers=()):
    """An answer with a JSON body, in one piece."""
    return Answer(status, (("content-type", "application/json"), *headers), (body,), "length")


def sse_answer(*events, headers=()):
    """A stream of server-sent events, each of them one piece."""
    return Answer(200, (("content-type", "text/event-stream"), *headers), events)


def pieces(body, seed, *, most=24):
    """*body* cut at random borders: the same ones for the same *seed*."""
    rng = random.Random(seed)
    count = min(rng.randint(0, most), max(len(body) - 1, 0))
    borders = sorted(rng.sample(range(1, len(body)), count)) if count else []
    return tuple(body[start:end] for start, end in zip([0, *borders], [*borders, len(body)], strict=True))


def _brotli(body):
    import brotli

    return brotli.compress(body)


def _zstd(body):
    import zstandard

    return zstandard.compress(body)


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": _brotli,
    "zstd": _zstd,
}


def encoded(answer, coding):
    """*answer* with its body compressed as one piece."""
    headers = [pair for pair in answer.headers if pair[0].lower() != "content-encoding"]
    coded = CODINGS[coding](answer.body)
    return answer._replace(headers=(*headers, ("content-encoding", coding)), steps=(coded,))


class Received(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes


Responder = Callable[[Received], Answer]


class Script:
    """The answers in order; the last one repeats. `add` more while it is in use."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self._next = 0

    def add(self, *answers):
        self._answers.extend(answers)

    def __call__(self, received):
        answer = self._answers[min(self._next, len(self._answers) - 1)]
        self._next += 1
        return answer


class Loopback:
    """A threaded HTTP/1.1 server with keep-alive, for `with`.

    Give it answers, or one callable `Received -> Answer`. `requests` holds what came in,
    `connections` counts sockets.
    """

    def __init__(self, *answers):
        self.respond = answers[0] if len(answers) == 1 and callable(answers[0]) else Script(*answers)
        self.requests: list[Received] = []
        self.connections = 0

    def __enter__(self):
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.loopback = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_S)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    loopback: Loopback

    def handle_error(self, request, client_address):
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a piece is a packet: the client sees the borders
    server: _Server

    def setup(self):
        super().setup()
        self.server.loopback.connections += 1

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        received = Received(self.command, self.path, tuple(self.headers.items()), self._body())
        self.server.loopback.requests.append(received)
        self._send(self.server.loopback.respond(received))

    def _body(self):
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer):
        self._head(answer)
        form = "%x\r\n" if answer.framing == "chunked" else None
        for step in answer.steps:
            if isinstance(step, Cut):
                self.close_connection = True
                return
            if isinstance(step, Wait):
                step()
            elif step:
                self.wfile.write(step if form is None else (form % len(step)).encode() + step + b"\r\n")
        if form is not None:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, answer):
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        if answer.framing == "chunked":
            self.send_header("transfer-encoding", "chunked")
        elif answer.framing == "length":
            self.send_header("content-length", str(len(answer.body)))
        else:
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()
