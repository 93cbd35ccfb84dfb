"""Answer the SDKs without a network: a loopback server that plays recorded answers back.

It takes the recording whose request is the same; for a request of your own, the nearest one to it, by
path, streaming and model. Streams are sent event by event, with small pauses.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from llm_observer.demo.recordings import Recording, recordings

__all__ = ["Provider", "choose"]

_NOT_FOUND = Recording(
    "", "", {}, 404, (("content-type", "application/json"),), '{"error": {"type": "not_found_error"}}'
)


class Provider:
    """A provider on 127.0.0.1, for `with`.

    url: where it listens; the SDKs' `base_url` is `openai_url` and `anthropic_url`.
    """

    def __init__(self, *, pause_s: float = 0.004) -> None:
        self.pause_s = pause_s
        self._recordings = recordings()
        self._played: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """`base_url` for the OpenAI SDK."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """`base_url` for the Anthropic SDK."""
        return self.url

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, request: Mapping[str, Any]) -> Recording:
        """The recording to play for *request*; of several that fit, the one played least."""
        with self._lock:
            fitting = choose(self._recordings, path, request) or [_NOT_FOUND]
            recording = min(fitting, key=lambda each: self._played[each.body])
            self._played[recording.body] += 1
            return recording


def choose(among: Sequence[Recording], path: str, request: Mapping[str, Any]) -> list[Recording]:
    """The recordings that answer *request*: its own ones in order, else the nearest successful ones."""
    at_path = [each for each in among if each.path == path]
    same = [each for each in at_path if each.request == request]
    if same:
        return same
    good = [each for each in at_path if each.status == 200]  # noqa: PLR2004 - HTTP's own number
    best = max((_nearness(each, request) for each in good), default=(False, False))
    return [each for each in good if _nearness(each, request) == best]


def _nearness(recording: Recording, request: Mapping[str, Any]) -> tuple[bool, bool]:
    return (
        recording.is_stream == bool(request.get("stream")),
        recording.request["model"] == request.get("model"),
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    provider: Provider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, as one that leaves a stream early does, is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        provider = self.server.provider
        recording = provider.answer(self.path.partition("?")[0], json.loads(body))
        self._head(recording)
        if not recording.is_stream:
            self.wfile.write(recording.body.encode())
            return
        for event in recording.body.encode().splitlines(keepends=True):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            if event == b"\n":
                time.sleep(provider.pause_s)
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, recording: Recording) -> None:
        self.send_response_only(recording.status)
        for name, value in recording.headers:
            self.send_header(name, value)
        if recording.is_stream:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(recording.body.encode())))
        self.end_headers()
