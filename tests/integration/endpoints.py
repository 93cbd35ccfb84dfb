"""Which endpoints does telemetry meet? One that takes events, and dead, silent, slow and false ones."""

import gzip
import json
import socket
import ssl
import subprocess
import threading
from contextlib import closing, contextmanager
from typing import NamedTuple

from integration.loopback import Loopback, json_answer

DRIP_S = 0.05


class Endpoint(NamedTuple):
    """Where to send, and what came in there."""

    url: str
    requests: list

    @property
    def bodies(self):
        """What was in the requests, as text."""
        return [gzip.decompress(request.body).decode() for request in self.requests]

    @property
    def events(self):
        """All events, in order of arrival."""
        return [event for body in self.bodies for event in json.loads(body)["events"]]


@contextmanager
def taking(tmp_path):
    """It takes all."""
    with Loopback(json_answer(b"{}", status=202)) as server:
        yield Endpoint(f"{server.url}/v1/events", server.requests)


@contextmanager
def failing(tmp_path):
    """It answers that it is out of order."""
    with Loopback(json_answer(b"{}", status=503)) as server:
        yield Endpoint(f"{server.url}/v1/events", server.requests)


@contextmanager
def refused(tmp_path):
    """Nobody listens there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    yield Endpoint(f"http://127.0.0.1:{port}/v1/events", [])


@contextmanager
def silent(tmp_path):
    """It accepts, and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listening:
        yield Endpoint(f"http://127.0.0.1:{listening.getsockname()[1]}/v1/events", [])


@contextmanager
def dripping(tmp_path):
    """It answers, a byte now and then, without end."""
    ended = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listening:
        threading.Thread(target=_accept, args=(listening, ended), daemon=True).start()
        yield Endpoint(f"http://127.0.0.1:{listening.getsockname()[1]}/v1/events", [])
        ended.set()


def _accept(listening, ended):
    while not ended.is_set():
        try:
            connection, _ = listening.accept()
        except OSError:  # the test is over
            return
        threading.Thread(target=_drip, args=(connection, ended), daemon=True).start()


def _drip(connection, ended):
    with closing(connection):
        for byte in b"HTTP/1.1 202 Accepted\r\nx-long: " + b"a" * 10_000:
            try:
                connection.send(bytes([byte]))
            except OSError:  # the client has gone
                return
            if ended.wait(DRIP_S):
                return


@contextmanager
def unknown_host(tmp_path):
    """No such name (RFC 2606 keeps `.invalid` free)."""
    yield Endpoint("https://collector.invalid/v1/events", [])


@contextmanager
def not_tls(tmp_path):
    """It does not speak TLS."""
    with Loopback(json_answer(b"{}", status=202)) as server:
        yield Endpoint(server.url.replace("http:", "https:") + "/v1/events", [])


@contextmanager
def self_signed(tmp_path):
    """Nobody vouches for its certificate."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    extension = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*made, *extension, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Loopback(json_answer(b"{}", status=202)) as server:
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        yield Endpoint(server.url.replace("http:", "https:") + "/v1/events", server.requests)
