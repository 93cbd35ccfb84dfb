"""Do events arrive: with the right headers, in batches, once; and what happens at each kind of answer?"""

import gc
import gzip
import importlib
import json
import logging
import os
import sqlite3
import sys
import threading
import time
from base64 import b64encode
from email.utils import formatdate
from itertools import chain

import pytest

from integration.delivering import (
    KEY,
    Dripping,
    Receiver,
    Rig,
    batch_of,
    entries,
    event,
    ids_of,
    status,
    taken,
)
from integration.loopback import Cut, Wait
from llm_observer import log
from llm_observer._version import __version__
from llm_observer.sinks.http import HttpSink
from llm_observer.telemetry.batch import batch_key
from llm_observer.telemetry.spool import Spool
from llm_observer.telemetry.unseen import unseen


@pytest.fixture(autouse=True)
def _fresh_log():
    log._first.clear()


@pytest.fixture
def receive(tmp_path):
    """`receive(*answers, **settings)`: a receiver and a rig for it, both running."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(*answers, **settings):
            receiver = stack.enter_context(Receiver(*answers))
            return receiver, stack.enter_context(Rig(tmp_path / "spool", receiver.endpoint, **settings))

        yield start


@pytest.fixture
def gate():
    """A step that an answer never gets past, until the test is over."""
    wait = Wait.new()
    yield wait
    wait.go.set()


@pytest.fixture
def encrypted(tmp_path):
    """Address of a receiver over TLS whose certificate no store holds, and the file of its authority."""
    with Receiver(taken()) as receiver:
        authority = receiver.encrypt(tmp_path)
        yield receiver.endpoint.replace("http://127.0.0.1", "https://localhost"), authority


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "llm_observer"]


# What is sent ------------------------------------------------------------------------------------------


def test_a_batch_is_posted_to_the_endpoint_exactly_as_given(receive):
    receiver, rig = receive(taken())
    found = entries(3)
    assert rig.deliver(found) == ([entry.event_id for entry in found], True)
    (request,) = receiver.requests
    headers = {name.lower(): value for name, value in request.headers}
    assert (request.method, request.path) == ("POST", "/v1/events?team=a%20b")
    assert headers == {
        "host": receiver.url.removeprefix("http://"),
        "accept": "application/json",
        "authorization": f"Bearer {KEY}",
        "content-encoding": "gzip",
        "content-length": str(len(request.body)),
        "content-type": "application/json",
        "idempotency-key": batch_key(found),
        "user-agent": f"llm_observer/{__version__}",
    }
    assert batch_of(request)["events"] == [json.loads(entry.body) for entry in found]
    assert rig.left == (0, 0)


def test_no_batch_has_more_events_or_bytes_than_allowed_and_order_is_kept(receive):
    receiver, rig = receive(taken(), max_events=10, max_bytes=8000)
    sent = rig.put(entries(25)) + rig.put(entries(12, padding="x" * 1500))
    assert rig.flush()
    sizes = [len(gzip.decompress(request.body)) for request in receiver.requests]
    assert max(sizes) <= 8000
    assert max(map(len, receiver.sent_ids)) == 10
    assert [*chain(*receiver.sent_ids)] == sent


def test_a_full_batch_is_sent_at_once(receive):
    arrived = []
    _, rig = receive(lambda request: arrived.append(ids_of(request)) or taken(), max_events=5)
    rig.put(entries(4))
    assert not rig.delivery._wake.is_set()
    rig.put(entries(1))
    rig.flush()
    assert [len(one) for one in arrived] == [5]


def test_an_event_waits_no_longer_than_the_age_of_a_batch(receive):
    arrived = threading.Event()
    _, rig = receive(lambda _: arrived.set() or taken(), max_age_s=0.1)
    rig.put(entries(1))
    assert arrived.wait(20)


def test_one_connection_serves_all_batches(receive):
    receiver, rig = receive(taken(), max_events=2)
    rig.deliver(entries(8))
    assert (len(receiver.requests), receiver.connections) == (4, 1)


def test_zstd_is_used_once_the_receiver_says_that_it_takes_it(receive):
    import zstandard

    receiver, rig = receive(taken(headers=[("accept-encoding", "zstd, gzip")]), max_events=1)
    rig.deliver(entries(2))
    codings = [dict(request.headers)["Content-Encoding"] for request in receiver.requests]
    assert codings == ["gzip", "zstd"]
    second = zstandard.ZstdDecompressor().decompressobj().decompress(receiver.requests[1].body)
    assert len(json.loads(second)["events"]) == 1


def test_only_a_share_of_traces_is_sent_and_each_event_says_which(receive):
    receiver, rig = receive(taken())
    sink = HttpSink(rig.spool, rig.delivery, sample_rate=0.25, max_bytes=512 << 10)
    made = [event(trace_id=f"{number << 56:032x}") for number in range(256)]
    sink.write(made)
    assert rig.flush()
    sent = [one for batch in receiver.batches for one in batch["events"]]
    assert [one["event_id"] for one in sent] == [one.event_id for one in made[:64]]
    assert {one["sample_rate"] for one in sent} == {0.25}
    assert rig.counts["not_sampled"] == 192


def test_an_event_larger_than_a_batch_is_dropped_alone_and_counted(receive):
    receiver, rig = receive(taken())
    sink = HttpSink(rig.spool, rig.delivery, sample_rate=1.0, max_bytes=16 << 10)
    made = [event(), event(padding="x" * (16 << 10)), event()]
    sink.write(made)
    assert rig.flush()
    assert receiver.sent_ids == [[made[0].event_id, made[2].event_id]]
    assert (rig.counts["oversized"], rig.counts["spooled"]) == (1, 2)


# Answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [408, 425, 429, 500, 502, 503, 504, 529])
def test_a_passing_failure_is_tried_again_with_the_same_key(receive, number):
    receiver, rig = receive(status(number), taken())
    sent, is_done = rig.deliver(entries(2))
    assert (is_done, rig.left, receiver.sent_ids) == (True, (0, 0), [sent, sent])
    keys = [dict(request.headers)["Idempotency-Key"] for request in receiver.requests]
    assert keys[0] == keys[1]
    assert (rig.counts["attempts"], rig.counts["retries"], rig.counts["delivered"]) == (2, 1, 2)
    assert 0 <= rig.pauses[0] <= 1


def test_a_connection_that_breaks_is_tried_again(receive):
    receiver, rig = receive(taken()._replace(framing="chunked", steps=(b"{", Cut())), taken())
    sent, is_done = rig.deliver(entries(1))
    assert (is_done, receiver.sent_ids) == (True, [sent, sent])


def test_after_three_attempts_events_wait_in_the_spool_and_go_out_later(receive):
    receiver, rig = receive(status(503), status(503), status(503), taken())
    sent, is_done = rig.deliver(entries(2))
    assert (is_done, rig.left, len(receiver.requests), len(rig.pauses)) == (False, (2, 0), 3, 2)
    assert rig.flush()
    assert (receiver.sent_ids[-1], rig.left) == (sent, (0, 0))


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_a_short_retry_after_is_waited_for(receive, as_date):
    answers = iter((lambda: status(429, headers=[("retry-after", in_8_seconds(as_date=as_date))]), taken))
    _, rig = receive(lambda _: next(answers)())
    assert rig.deliver(entries(1))[1]
    assert 2 <= rig.pauses[0] <= 9  # of a date, a busy machine is later by a part


def in_8_seconds(*, as_date):
    return formatdate(time.time() + 8, usegmt=True) if as_date else "8"


def test_a_long_retry_after_leaves_the_events_and_holds_everything_until_then(receive):
    receiver, rig = receive(status(503, headers=[("retry-after", "600")]), taken())
    assert rig.deliver(entries(1))[1] is False
    assert rig.left == (1, 0)
    assert rig.delivery.stats()["circuit"] == "open"
    assert 590 < rig.circuit.wait_s <= 600
    assert rig.flush() is False
    assert len(receiver.requests) == 1


def test_after_five_failures_in_a_row_nothing_is_tried_for_a_while(receive):
    receiver, rig = receive(status(500))
    rig.put(entries(1))
    assert [rig.flush() for _ in range(4)] == [False] * 4
    assert (len(receiver.requests), rig.delivery.stats()["circuit"], rig.left) == (5, "open", (1, 0))


def test_a_probe_that_succeeds_closes_the_circuit(receive):
    receiver, rig = receive(*[status(500)] * 5, taken())
    rig.put(entries(1))
    assert [rig.flush() for _ in range(2)] == [False] * 2
    rig.circuit._open_until = 0.0
    assert rig.flush()
    assert (len(receiver.requests), rig.delivery.stats()["circuit"]) == (6, "closed")


def test_a_batch_that_is_too_large_is_split_down_to_the_event_that_is(receive):
    big = entries(1, padding="x" * 5000)
    found = [*entries(5), *big, *entries(2)]

    def respond(request):
        return status(413) if len(gzip.decompress(request.body)) > 4000 else taken()

    receiver, rig = receive(respond)
    sent, is_done = rig.deliver(found)
    assert (is_done, rig.left, rig.counts["oversized"]) == (True, (0, 1), 1)
    assert rig.counts["delivered"] == 7
    delivered = [
        ids
        for ids, request in zip(receiver.sent_ids, receiver.requests, strict=True)
        if respond(request).status == 202
    ]
    assert [*chain(*delivered)] == [one for one in sent if one != big[0].event_id]


@pytest.mark.parametrize("number", [400, 422])
def test_events_that_are_named_are_set_aside_and_the_rest_is_delivered(receive, number):
    found = entries(5)
    bad = {found[1].event_id, found[4].event_id}

    def respond(request):
        named = bad.intersection(ids_of(request))
        return taken(rejected=named)._replace(status=number) if named else taken()

    receiver, rig = receive(respond)
    sent, is_done = rig.deliver(found)
    assert (is_done, rig.left) == (True, (0, 2))
    assert receiver.sent_ids == [sent, [one for one in sent if one not in bad]]
    assert {refusal.event_id: refusal.reason for refusal in rig.spool.refusals()} == dict.fromkeys(
        bad, "not liked"
    )


@pytest.mark.parametrize("number", [400, 422])
def test_an_unnamed_bad_event_is_found_and_set_aside_and_the_rest_is_delivered(receive, number):
    found = entries(100)
    bad = found[37].event_id
    receiver, rig = receive(lambda request: status(number, b"bad") if bad in ids_of(request) else taken())
    _, is_done = rig.deliver(found)
    assert (is_done, rig.left, rig.counts["delivered"], rig.counts["refused"]) == (True, (0, 1), 99, 1)
    assert len(receiver.requests) <= 15


def test_many_unnamed_bad_events_take_no_good_one_with_them(receive):
    found = entries(100)
    bad = {entry.event_id for entry in found[::7]}
    _, rig = receive(lambda request: status(400) if bad.intersection(ids_of(request)) else taken())
    assert rig.deliver(found)[1]
    assert (rig.left, rig.counts["delivered"]) == ((0, 15), 85)


def test_a_receiver_that_refuses_everything_is_not_asked_without_end(receive):
    receiver, rig = receive(status(400, b"no"))
    rig.deliver(entries(100))
    assert len(receiver.requests) <= 72
    assert rig.left == (0, 100)


def test_what_is_rejected_with_202_is_set_aside(receive):
    found = entries(3)
    receiver, rig = receive(taken(rejected=[found[2].event_id]))
    assert rig.deliver(found)[1]
    assert (rig.left, rig.counts["delivered"], len(receiver.requests)) == ((0, 1), 2, 1)


def test_409_means_that_an_earlier_attempt_arrived(receive):
    receiver, rig = receive(status(409))
    assert rig.deliver(entries(2))[1]
    assert (rig.left, rig.counts["delivered"], len(receiver.requests)) == ((0, 0), 2, 1)


@pytest.mark.parametrize("number", [401, 403])
def test_a_refused_key_stops_the_sending_with_one_warning_and_events_wait(receive, caplog, number):
    receiver, rig = receive(status(number))
    with caplog.at_level(logging.DEBUG):
        assert rig.deliver(entries(2))[1] is False
        assert rig.deliver(entries(2))[1] is False
    assert (len(receiver.requests), rig.left, rig.delivery.stats()["stopped"]) == (1, (4, 0), "unauthorized")
    (warning,) = [text for text in warnings(caplog) if "key" in text]
    assert f"status {number}" in warning


@pytest.mark.parametrize("number", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_stops_the_sending_with_one_warning(receive, caplog, number):
    elsewhere, _ = receive(taken())
    receiver, rig = receive(status(number, headers=[("location", elsewhere.endpoint)]))
    assert rig.deliver(entries(2))[1] is False
    assert rig.flush() is False
    assert (len(receiver.requests), elsewhere.requests, rig.left) == (1, [], (2, 0))
    assert len([text for text in warnings(caplog) if "redirect" in text]) == 1


def test_another_refusal_leaves_the_events_and_is_told_once(receive, caplog):
    receiver, rig = receive(status(404))
    assert rig.deliver(entries(2))[1] is False
    assert rig.flush() is False
    assert (len(receiver.requests), rig.left) == (2, (2, 0))
    assert len([text for text in warnings(caplog) if "404" in text]) == 1


# Endpoints that do not answer --------------------------------------------------------------------------


def test_a_dead_endpoint_leaves_the_events_in_the_spool(tmp_path):
    with Receiver(taken()) as receiver:
        gone = receiver.endpoint
    with Rig(tmp_path, gone) as rig:
        assert rig.deliver(entries(1))[1] is False
        assert (rig.left, rig.counts["failed_attempts"]) == ((1, 0), 3)


def test_an_answer_that_never_comes_ends_with_the_attempt(receive, gate):
    _, rig = receive(
        taken()._replace(framing="chunked", steps=(gate,)), attempt_timeout_s=0.3, max_attempts=1
    )
    start = time.monotonic()
    assert rig.deliver(entries(1))[1] is False
    assert 0.25 < time.monotonic() - start < 20  # the answer would take half a minute
    assert rig.left == (1, 0)


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 202 Accepted\r\ncontent-length: 9999\r\n\r\n"], ids=["head", "body"]
)
def test_an_answer_that_drips_ends_with_the_attempt(tmp_path, head):
    with Dripping(head) as server, Rig(tmp_path, server.url, attempt_timeout_s=0.5, max_attempts=1) as rig:
        start = time.monotonic()
        assert rig.deliver(entries(1))[1] is False
        assert 0.4 < time.monotonic() - start < 20  # the answer has no end
        assert rig.left == (1, 0)


def test_an_answer_that_takes_its_time_is_waited_for(receive):
    receiver, rig = receive(lambda _: threading.Event().wait(0.6) or taken())
    assert rig.deliver(entries(1))[1]
    assert (len(receiver.requests), rig.left) == (1, (0, 0))


def test_closing_ends_an_attempt_that_is_under_way(receive, gate):
    _, rig = receive(taken()._replace(framing="chunked", steps=(gate,)), attempt_timeout_s=60.0)
    rig.put(entries(1))
    rig.delivery._wake.set()
    assert gate.reached.wait(20)
    start = time.monotonic()
    assert rig.delivery.close(start + 0.5) is False
    assert time.monotonic() - start < 20  # the attempt would take a minute
    rig.delivery._thread.join(20)
    assert not rig.delivery._thread.is_alive()
    assert rig.left == (1, 0)


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path, caplog, encrypted):
    with Rig(tmp_path / "spool", encrypted[0], max_attempts=1) as rig:
        assert rig.deliver(entries(1))[1] is False
        assert rig.left == (1, 0)
    assert [text for text in warnings(caplog) if "certificate is not accepted" in text]


def test_a_certificate_that_the_environment_vouches_for_is_accepted(tmp_path, monkeypatch, encrypted):
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted[1]))
    with Rig(tmp_path / "spool", encrypted[0]) as rig:
        assert rig.deliver(entries(1))[1]


# Proxies -----------------------------------------------------------------------------------------------


def test_a_proxy_of_the_environment_is_used(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Receiver(status(502)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//ann:s%3Acret@"))
        with Rig(tmp_path, "https://receiver.example/v1", max_attempts=1) as rig:
            assert rig.deliver(entries(1))[1] is False
    request = proxy.requests[0]
    headers = {name.lower(): value for name, value in request.headers}
    assert (request.method, request.path) == ("CONNECT", "receiver.example:443")
    assert headers["proxy-authorization"] == "Basic " + b64encode(b"ann:s:cret").decode()
    assert "authorization" not in headers


def test_what_is_for_this_machine_goes_through_no_proxy(receive, monkeypatch):
    proxy, _ = receive(status(502))
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    receiver, rig = receive(taken())
    assert rig.deliver(entries(1))[1]
    assert (len(receiver.requests), proxy.requests) == (1, [])


# Who sees it -------------------------------------------------------------------------------------------


def test_no_request_of_ours_is_in_the_apps_log(receive, caplog):
    _, rig = receive(status(500), taken())
    with caplog.at_level(logging.DEBUG):
        assert rig.deliver(entries(1))[1]
    assert [record.name for record in caplog.records if record.name.startswith("http")] == []
    assert KEY not in caplog.text


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_the_apps_own_requests_are_logged_as_ever(receive, caplog, name):
    receiver, rig = receive(taken())
    rig.deliver(entries(1))
    with caplog.at_level(logging.DEBUG), importlib.import_module(name).Client() as client:
        client.post(receiver.url)
    assert {record.name.partition(".")[0] for record in caplog.records} >= {name, name.replace("x", "core")}


def test_no_request_of_ours_is_a_span_of_the_app(receive):
    from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    receiver, rig = receive(taken())
    instrumentors = [HTTPXClientInstrumentor(), HTTPX2ClientInstrumentor()]
    for one in instrumentors:
        one.instrument(tracer_provider=provider)
    try:
        assert rig.deliver(entries(1))[1]
        with importlib.import_module("httpx2").Client() as client:
            client.post(receiver.url)
    finally:
        for one in instrumentors:
            one.uninstrument()
    assert [span.name for span in spans.get_finished_spans()] == ["POST"]
    assert len(receiver.requests) == 2


def test_instrumentations_below_httpx_are_told_to_look_away():
    from opentelemetry.context import get_current
    from opentelemetry.instrumentation.utils import (
        is_http_instrumentation_enabled,
        is_instrumentation_enabled,
    )

    before = get_current()
    with unseen():
        assert not is_http_instrumentation_enabled()
        assert not is_instrumentation_enabled()
    assert is_http_instrumentation_enabled()
    assert get_current() == before


def test_what_the_disk_does_not_take_is_stored_later(receive, tmp_path):
    receiver, rig = receive(taken())
    sink = HttpSink(rig.spool, rig.delivery, sample_rate=1.0, max_bytes=512 << 10)
    (tmp_path / "spool").write_text("in the way")
    made = [event(), event()]
    sink.write(made[:1])
    assert (rig.counts["spooled"], sink.stats()["waiting_in_memory"]) == (0, 1)
    (tmp_path / "spool").unlink()
    sink.write(made[1:])
    assert sink.stats()["waiting_in_memory"] == 0
    assert rig.flush()
    assert receiver.sent_ids == [[one.event_id for one in made]]


def test_what_the_disk_never_takes_is_bounded_and_counted(receive, tmp_path):
    _, rig = receive(taken())
    sink = HttpSink(rig.spool, rig.delivery, sample_rate=1.0, max_bytes=4 << 20)
    (tmp_path / "spool").write_text("in the way")
    sink.write([event(padding="x" * (1 << 20)) for _ in range(5)])
    assert (sink.stats()["not_stored"], sink.stats()["waiting_in_memory"]) == (2, 3)
    (tmp_path / "spool").unlink()


def test_what_the_disk_does_not_take_until_the_end_is_counted_and_told_once(receive, tmp_path, caplog):
    _, rig = receive(taken())
    sink = HttpSink(rig.spool, rig.delivery, sample_rate=1.0, max_bytes=512 << 10)
    (tmp_path / "spool").write_text("in the way")
    sink.write([event(), event()])
    assert sink.deliver(deadline=time.monotonic() + 20, is_last=False) is False
    assert (sink.stats()["not_stored"], sink.stats()["waiting_in_memory"]) == (0, 2)
    for _ in range(2):
        sink.deliver(deadline=time.monotonic() + 20, is_last=True)
    assert (sink.stats()["not_stored"], sink.stats()["waiting_in_memory"]) == (2, 0)
    told = "the disk took nothing until the end: 2 events are not sent"
    assert [line for line in warnings(caplog) if "until the end" in line] == [told]
    (tmp_path / "spool").unlink()


def test_a_disk_that_hangs_does_not_hold_up_the_end(receive):
    _, rig = receive(taken())
    sink = HttpSink(rig.spool, rig.delivery, sample_rate=1.0, max_bytes=512 << 10)
    with sink._storing:  # as the worker has it while it writes
        start = time.monotonic()
        assert sink.deliver(deadline=start + 0.2, is_last=True) is False
        assert time.monotonic() - start < 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_counts_its_own_and_leaves_its_parents_events_to_it(receive, tmp_path):
    _, rig = receive(taken())
    sink = HttpSink(rig.spool, rig.delivery, sample_rate=0.0, max_bytes=512 << 10)
    sink.write([event()])
    sink._unstored = entries(1)
    child = os.fork()
    if child == 0:
        found = sink.stats()
        os._exit(0 if (found["not_sampled"], found["waiting_in_memory"]) == (0, 0) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (sink.stats()["not_sampled"], sink.stats()["waiting_in_memory"]) == (1, 1)


# Numbers, threads and files ----------------------------------------------------------------------------


def test_where_the_spool_cannot_be_read_the_other_numbers_are_there_and_the_reason(receive, tmp_path):
    _, rig = receive(taken())
    assert rig.deliver(entries(1))[1]
    rig.spool.close()
    for file in (tmp_path / "spool").iterdir():
        file.unlink()
    rig.spool.path.mkdir()
    found = rig.delivery.stats()
    rig.spool.path.rmdir()
    assert (found["delivered"], found["circuit"]) == (1, "closed")
    assert found["spool"] == {"unreadable": "SpoolRefused: the spool is not a regular file"}


@pytest.fixture
def threadless(monkeypatch):
    """The system has no thread for sending until it is undone."""
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "llm_observer delivery":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as context:
        context.setattr(threading.Thread, "start", refuse)
        yield context


def test_a_thread_that_cannot_be_started_is_counted_and_tried_again_with_the_next_events(receive, threadless):
    receiver, rig = receive(taken())
    rig.put(entries(1))
    rig.put(entries(1))
    assert rig.flush() is False
    assert (rig.counts["no_thread"], receiver.requests) == (3, [])
    threadless.undo()
    assert rig.deliver(entries(1))[1]
    assert (sum(map(len, receiver.sent_ids)), rig.counts["no_thread"]) == (3, 3)


def test_where_no_thread_can_be_started_to_the_last_the_end_itself_sends(receive, threadless):
    receiver, rig = receive(taken(), max_events=2)
    sent = rig.put(entries(3))
    assert rig.delivery.close(time.monotonic() + 20) is True
    assert ([*chain(*receiver.sent_ids)], rig.left) == (sent, (0, 0))


def test_the_end_that_sends_itself_keeps_to_its_deadline(receive, threadless, gate):
    _, rig = receive(taken()._replace(framing="chunked", steps=(gate,)), attempt_timeout_s=60.0)
    rig.put(entries(1))
    start = time.monotonic()
    assert rig.delivery.close(start + 1.0) is False
    assert time.monotonic() - start < 20
    assert rig.left == (1, 0)


def test_after_the_end_no_file_is_open(receive):
    _, rig = receive(taken())
    assert rig.deliver(entries(1))[1]
    assert rig.delivery.close(time.monotonic() + 20)
    assert rig.spool._database._connection is None
    assert rig.delivery.stats()["delivered"] == 1  # an exit function of the app may look
    assert rig.spool._database._connection is None


def test_a_file_that_nobody_closed_is_closed_with_its_owner(tmp_path):
    spool = Spool(tmp_path, "https://receiver.example/v1")
    spool.put(entries(1))
    connection = spool._database._connection
    del spool
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_httpx_does_where_httpx2_is_missing(receive, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx2", None)
    _, rig = receive(taken())
    assert rig.deliver(entries(1))[1]
    assert rig.delivery._sender._client._core.__name__ == "httpcore"


@pytest.mark.parametrize("missing", [("httpx", "httpx2"), ("tenacity",)], ids=str)
def test_without_the_extra_one_warning_names_it_and_events_wait(receive, monkeypatch, caplog, missing):
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    receiver, rig = receive(taken())
    assert rig.deliver(entries(1))[1] is False
    assert rig.deliver(entries(1))[1] is False
    assert (receiver.requests, rig.left) == ([], (2, 0))
    (warning,) = warnings(caplog)
    assert "pip install 'llm-observer[http]'" in warning
