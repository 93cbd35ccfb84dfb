"""How does a test see what is sent? A receiver on this machine, and all parts of the sending, real ones.

`Receiver` gives scripted answers and checks each batch by its contract. `Rig` is spool, sender and delivery
for it; pauses between attempts are noted and not waited for.
"""

import gzip
import json
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path

import jsonschema
import trustme

from integration.loopback import Loopback, json_answer
from llm_observer import schema
from llm_observer.event import (
    SCHEMA_VERSION,
    Diagnostic,
    Event,
    Sdk,
    encode,
    new_event_id,
    new_span_id,
    rfc3339,
)
from llm_observer.telemetry.client import Client
from llm_observer.telemetry.delivery import Delivery, Limits
from llm_observer.telemetry.sender import Sender
from llm_observer.telemetry.spool import Entry, Spool

KEY = "sk-of-the-tests-0123456789abcdef"
PATIENCE_S = 20.0
_CONTRACT = Path(__file__).parents[2] / "shared/schema/telemetry_batch_v1.json"
_BATCH = jsonschema.Draft202012Validator(json.loads(_CONTRACT.read_text("utf-8")))


def taken(*, rejected=(), headers=()):
    """202, as docs/telemetry-opt-in.md has it."""
    listed = [{"event_id": event_id, "reason": "not liked"} for event_id in rejected]
    return json_answer(
        json.dumps({"accepted": 1, "duplicates": 0, "rejected": listed}).encode(), status=202, headers=headers
    )


def status(number, body=b"{}", *, headers=()):
    return json_answer(body, status=number, headers=headers)


class Receiver(Loopback):
    """A server that takes batches. Its address has a path and a query, which must arrive as they are."""

    @property
    def endpoint(self):
        return f"{self.url}/v1/events?team=a%20b"

    def encrypt(self, folder):
        """From now on over TLS, for `localhost`; the file of the authority that vouches for it."""
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        authority.cert_pem.write_to_path(str(folder / "authority.pem"))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        return folder / "authority.pem"

    @property
    def batches(self):
        """Every batch that came, checked, without its compression."""
        return [batch_of(request) for request in self.requests]

    @property
    def sent_ids(self):
        """Ids of the events of each request."""
        return [[event["event_id"] for event in batch["events"]] for batch in self.batches]


def batch_of(request):
    headers = {name.lower(): value for name, value in request.headers}
    assert headers["content-encoding"] == "gzip"
    batch = json.loads(gzip.decompress(request.body))
    _BATCH.validate(batch)
    assert [problem for event in batch["events"] for problem in schema.validate(event)] == []
    return batch


def ids_of(received):
    """For a receiver that decides by what it gets."""
    return [event["event_id"] for event in batch_of(received)["events"]]


def event(*, padding="", trace_id="0" * 31 + "1"):
    return Event(
        schema_version=SCHEMA_VERSION,
        event_id=new_event_id(),
        type="diagnostic",
        time=rfc3339(time.time_ns()),
        trace_id=trace_id,
        span_id=new_span_id(),
        sdk=Sdk(name="llm_observer", version="0"),
        attributes={"padding": padding} if padding else {},
        diagnostic=Diagnostic(kind="test"),
    )


def entries(number, **settings):
    made = [event(**settings) for _ in range(number)]
    return [Entry(one.event_id, encode(one)) for one in made]


class Dripping:
    """A server that sends *head*, then a byte of an answer now and then, without end; for `with`."""

    def __init__(self, head=b""):
        self._head = head

    def __enter__(self):
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        return self

    def _serve(self):
        with suppress(OSError):
            while True:
                accepted, _ = self._listening.accept()
                self._drip(accepted)

    def _drip(self, accepted):
        with suppress(OSError), accepted:
            accepted.recv(1 << 16)
            accepted.sendall(self._head)
            for byte in chain(b"HTTP/1.1 202 A\r\n", repeat(ord("x"))):
                if self._over.wait(0.1):
                    return
                accepted.sendall(bytes([byte]))

    def __exit__(self, *exc):
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(PATIENCE_S)


class Rig:
    """Spool and delivery to *endpoint*. pauses: seconds that would have been waited between attempts."""

    def __init__(self, folder, endpoint, *, attempt_timeout_s=5.0, max_attempts=3, **limits):
        self.spool = Spool(folder, endpoint)
        self.pauses = []
        self._endpoint = endpoint
        self._attempt_timeout_s = attempt_timeout_s
        self._max_attempts = max_attempts
        self.delivery = Delivery(self.spool, self._sender, Limits(**{"max_age_s": 3600.0, **limits}))

    def _sender(self, circuit, counts):
        self.circuit = circuit
        client = Client(self._endpoint, KEY, attempt_timeout_s=self._attempt_timeout_s)
        return Sender(
            client, circuit, counts=counts, max_attempts=self._max_attempts, sleep=self.pauses.append
        )

    def put(self, found):
        """Store entries as the sink does; their ids."""
        self.spool.put(found)
        self.delivery.notice(len(found), sum(len(entry.body) for entry in found))
        return [entry.event_id for entry in found]

    def flush(self, timeout_s=PATIENCE_S):
        return self.delivery.flush(time.monotonic() + timeout_s)

    def deliver(self, found):
        """Put, flush; the ids and whether all is gone."""
        return self.put(found), self.flush()

    @property
    def counts(self):
        return Counter(self.delivery.counts)

    @property
    def left(self):
        """Events that wait, and events in quarantine."""
        stats = self.spool.stats()
        assert stats.leased == 0
        return stats.waiting, stats.quarantined

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.delivery.close(time.monotonic() + PATIENCE_S)
        thread = self.delivery._thread
        assert thread is None or not thread.is_alive()
