"""Frames of a WebSocket become the calls that they tell of, whatever else is on the socket."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.adapters import decode
from llm_observer.capture.finish import finish
from llm_observer.capture.frames import kind_of
from llm_observer.capture.link import Link
from llm_observer.capture.sockets import OpenSocket
from llm_observer.capture.targets import SDKS
from llm_observer.capture.tracker import Tracker

TOTAL = 1 << 20
OPENAI = next(target for target in SDKS if target.sdk == "openai")
ROUTES = ("/responses", "/realtime", "/realtime/translations", "/live")
CREATE = {"type": "response.create"}
MINI = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


class Asked:
    """A handshake, as `websockets` shows it."""

    class headers:  # noqa: N801 - a name of theirs
        @staticmethod
        def raw_items():
            return iter(
                [("Host", "api.openai.com"), ("Authorization", "Bearer sk-none"), ("X-Request-Id", "req_1")]
            )

    def __init__(self, path):
        self.path = path
        self.request = self.response = self


class Heard:
    """A socket, and what ended on it. tracker: also what tells where calls go."""

    def __init__(self, route, path=None):
        self.ended = []
        self.tracker = Tracker(self._submit, max_exchange_bytes=TOTAL // 2, max_total_bytes=TOTAL)
        link = Link(self, self.tracker, OPENAI, route, type("RealtimeConnection", (), {}))
        self.socket = OpenSocket(link, Asked(path or f"/v1{route}"))

    def _submit(self, exchange, *, wake):
        del wake
        self.ended.append(exchange)

    def send(self, *frames):
        for frame in frames:
            self.socket.sent(json.dumps(frame))
        return self

    def get(self, *frames):
        for frame in frames:
            self.socket.received(json.dumps(frame).encode())
        return self

    @property
    def calls(self):
        return [decode(finish(exchange)).call for exchange in self.ended]


def response(key="r", status="completed", usage=MINI, **fields):
    return {"id": key, "object": "response", "status": status, "usage": usage, **fields}


def created(key="r", **fields):
    return {"type": "response.created", "response": response(key, "in_progress", None), **fields}


def done(key="r", **fields):
    return {"type": "response.completed", "response": response(key), **fields}


def shown(call):
    """What a call says of itself."""
    return call.operation, call.ending, call.model_requested or call.model_responded, call.response_id


SESSION = {"id": "sess_1", "model": "gpt-live-1", "status": "active"}


def test_a_live_session_is_one_call_with_the_seconds_that_it_lasted():
    heard = Heard("/live").get(
        {"type": "session.started", "session": SESSION},
        {"type": "session.usage.updated", "usage": {"seconds": 10.0}},
        {"type": "session.usage.updated", "usage": {"seconds": 20.0}},
        {"type": "session.closed", "session": SESSION, "usage": {"seconds": 21.5}},
    )
    (call,) = heard.calls
    assert shown(call) == ("live", "complete", "gpt-live-1", "sess_1")
    assert call.usage == {"seconds": 21.5}


def test_a_live_session_that_is_left_has_its_newest_sum():
    heard = Heard("/live").get(
        {"type": "session.started", "session": SESSION},
        {"type": "session.usage.updated", "usage": {"seconds": 10.0}},
        {"type": "session.usage.updated", "usage": {"seconds": 20.0}},
    )
    heard.socket.closed()
    (call,) = heard.calls
    assert (call.ending, call.usage) == ("closed_early", {"seconds": 20.0})


def test_what_a_live_session_asks_of_other_models_is_a_call_of_its_own():
    heard = Heard("/live").get(
        {"type": "session.started", "session": SESSION},
        {"type": "response.event", "event": created("resp_1")},
        {"type": "response.event", "event": {"type": "response.output_text.delta", "delta": "x"}},
        {
            "type": "response.event",
            "event": {**done("resp_1"), "response": response("resp_1", model="gpt-5")},
        },
        {
            "type": "decision.event",
            "event": {"type": "decision.completed", "decision": {"model": "d", "usage": MINI}},
        },
    )
    asked, decided = heard.calls
    assert shown(asked) == ("responses", "complete", "gpt-5", "resp_1")
    assert shown(decided) == ("live.decisions", "complete", "d", None)
    assert asked.tokens.total == decided.tokens.total == 10
    assert asked.timing.chunk_count == 3


def test_a_translation_session_is_one_call():
    session = {"id": "sess_2", "model": "gpt-translate"}
    heard = Heard("/realtime/translations").get(
        {"type": "session.created", "session": session}, {"type": "session.closed", "event_id": "e"}
    )
    assert [shown(call) for call in heard.calls] == [
        ("realtime.translations", "complete", "gpt-translate", "sess_2")
    ]


@pytest.mark.parametrize(
    "session",
    [
        {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}},
        {"input_audio_transcription": {"model": "gpt-4o-transcribe"}},
    ],
    ids=["today", "beta"],
)
@pytest.mark.parametrize("kind", ["session.created", "session.updated", "transcription_session.updated"])
def test_the_transcriber_is_the_one_that_the_session_names(session, kind):
    heard = Heard("/realtime").get(
        {"type": kind, "session": session},
        {"type": "conversation.item.input_audio_transcription.completed", "item_id": "i", "usage": MINI},
    )
    assert [shown(call) for call in heard.calls] == [
        ("audio.transcriptions", "complete", "gpt-4o-transcribe", None)
    ]


@pytest.mark.parametrize("path", ["/v1/realtime?model=m", "/openai/realtime?api-version=1&deployment=m"])
def test_the_model_is_that_of_the_url_until_the_session_names_one(path):
    heard = Heard("/realtime", path).get(created(), done())
    heard.get({"type": "session.created", "session": {"model": "m-2026"}}, created("s"), done("s"))
    assert [call.model_requested for call in heard.calls] == ["m", "m-2026"]


def test_the_request_is_the_frame_and_the_handshake_keeps_no_key():
    heard = Heard("/responses").send({**CREATE, "model": "gpt-5", "input": "hi", "previous_response_id": "p"})
    heard.get(created(), done())
    (exchange,) = map(finish, heard.ended)
    (call,) = heard.calls
    assert (call.model_requested, call.request.previous_response_id) == ("gpt-5", "p")
    assert (call.provider, call.server.address, call.request_id) == ("openai", "api.openai.com", "req_1")
    assert exchange.url == "wss://api.openai.com/v1/responses"
    assert "sk-none" not in repr((exchange.url, exchange.request_headers))


def test_the_settings_of_a_realtime_response_are_its_request():
    heard = Heard("/realtime").send(
        {**CREATE, "response": {"max_output_tokens": 9, "tools": [{"name": "f"}]}}
    )
    heard.get(created(), done())
    request = heard.calls[0].request
    assert (request.max_tokens, request.tool_count) == (9, 1)


def test_frames_are_read_as_text_and_as_bytes_on_one_line_and_on_many():
    frames = [created(), {"type": "response.output_text.delta", "delta": "x" * 5000}, done()]
    made = []
    for write in (
        json.dumps,
        lambda frame: json.dumps(frame).encode(),
        lambda frame: json.dumps(frame, indent=1),
    ):
        heard = Heard("/responses")
        for frame in frames:
            heard.socket.received(write(frame))
        (call,) = heard.calls
        made.append((shown(call), call.tokens, call.timing.chunk_count, call.notes))
    assert made == [(("responses", "complete", None, "r"), made[0][1], 3, ())] * 3


def test_long_deltas_are_counted_and_not_kept():
    heard = Heard("/realtime").get(created())
    delta = {"type": "response.output_audio.delta", "response_id": "r", "delta": "A" * 65_536}
    heard.get(*[delta] * 500)
    (exchange,) = heard.socket.open.values()
    assert sum(map(len, exchange.body.parts())) < 500
    heard.get(done())
    assert heard.calls[0].timing.chunk_count == 502


def test_a_last_frame_beyond_the_bound_is_an_answer_that_was_cut():
    long = {**done(), "response": response(instructions="x" * TOTAL)}
    heard = Heard("/responses").get(created(), long)
    (call,) = heard.calls
    assert "response_truncated" in call.notes


@pytest.mark.parametrize("begin", ["sent", "received"])
def test_responses_that_never_end_are_let_go_when_there_are_too_many(begin):
    heard = Heard("/realtime")
    for number in range(1000):
        heard.send(CREATE) if begin == "sent" else heard.get(created(f"r{number}"))
    assert len(heard.socket.pending) + len(heard.socket.open) <= 256
    heard.socket.end("exit")
    assert (len(heard.ended), len(heard.tracker.open)) == (1000, 0)


def test_nothing_begins_once_nobody_observes_and_what_is_open_goes_on():
    heard = Heard("/realtime").get(created("r"))
    heard.tracker, tracker = None, heard.tracker
    heard.send(CREATE).get(created("s"), done("s"), done("r"))
    assert [call.response_id for call in heard.calls] == ["r"]
    assert not tracker.open


def test_a_lane_s_answer_goes_to_the_request_of_that_lane():
    heard = Heard("/responses").send(
        {**CREATE, "model": "a", "stream_id": "1"}, {**CREATE, "model": "b", "stream_id": "2"}
    )
    heard.get(created("x", stream_id="2"), created("y", stream_id="1"))
    heard.get({"type": "response.output_text.delta", "delta": "d", "stream_id": "2"})
    heard.get(done("x", stream_id="2"), done("y", stream_id="1"))
    found = [(call.model_requested, call.response_id, call.timing.chunk_count) for call in heard.calls]
    assert found == [("b", "x", 3), ("a", "y", 2)]


def test_an_error_is_that_of_the_frame_that_it_names_and_of_no_other():
    heard = Heard("/realtime").send(
        *(
            {**CREATE, "event_id": name, "response": {"max_output_tokens": size}}
            for name, size in (("a", 1), ("b", 2))
        )
    )
    heard.get(*({"type": "error", "error": {"code": "bad", "event_id": name}} for name in ("b", "a setting")))
    heard.get(created(), done())
    assert [(call.ending, call.request.max_tokens) for call in heard.calls] == [
        ("error", 2),
        ("error", None),
        ("complete", 1),
    ]


@pytest.mark.parametrize(("after", "ending"), [((), "cancelled"), ((created(),), "closed_early")])
def test_a_connection_is_left_by_cancellation_if_that_was_the_last_that_happened(after, ending):
    heard = Heard("/realtime").send(CREATE)
    heard.socket.stopped(KeyboardInterrupt())
    heard.get(*after).socket.closed()
    assert [call.ending for call in heard.calls] == [ending]


def test_a_long_frame_is_not_read_to_its_end():
    start = '{"event_id": "e", "type": "response.output_audio.delta", "delta": "' + "A" * 9000
    assert kind_of(start) == kind_of(start.encode()) == "response.output_audio.delta"


names = st.sampled_from(["r", "s", None, ""]) | st.text(max_size=3)
numbers = st.none() | st.integers(-1, 9)
odd = st.recursive(
    st.none() | st.booleans() | numbers | names, lambda inner: st.lists(inner, max_size=2), max_leaves=3
)
kinds = st.sampled_from(
    [
        "response.create",
        "response.created",
        "response.done",
        "response.completed",
        "response.failed",
        "error",
        "session.created",
        "session.usage.updated",
        "session.closed",
        "input_audio_buffer.committed",
        "conversation.item.input_audio_transcription.completed",
        "response.event",
        "decision.event",
        "decision.completed",
        "response.output_text.delta",
    ]
)
plain = st.fixed_dictionaries(
    {"type": kinds | names},
    optional={
        "response": st.fixed_dictionaries({"id": names}, optional={"status": names, "usage": odd}) | odd,
        "session": st.fixed_dictionaries({"model": names}, optional={"audio": odd}) | odd,
        "error": st.fixed_dictionaries({"code": names}, optional={"event_id": names}) | odd,
        "usage": odd,
        "stream_id": names | odd,
        "event_id": names | odd,
        "item_id": names | odd,
        "status": numbers | odd,
        "decision": odd,
    },
)
frames = plain | st.fixed_dictionaries({"type": kinds, "event": plain | odd})
raw = (
    frames.map(json.dumps)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | frames.map(lambda f: json.dumps(f).encode())
)


@given(st.sampled_from(ROUTES), st.lists(st.tuples(st.booleans(), raw), max_size=25))
def test_whatever_comes_each_response_ends_once_and_gives_its_bytes_back(route, said):
    heard = Heard(route)
    for is_sent, frame in said:
        (heard.socket.sent if is_sent else heard.socket.received)(frame)
    heard.socket.end("closed")
    heard.socket.end("exit")
    assert not heard.tracker.open
    assert len(set(map(id, heard.ended))) == len(heard.ended)
    assert len(heard.calls) == len(heard.ended)
    for exchange in heard.ended:
        exchange.release()
    assert heard.tracker.budget.take(TOTAL)


@given(st.dictionaries(st.text(max_size=9), odd, max_size=4), st.text(), st.booleans(), st.integers(0, 3000))
def test_the_type_of_a_frame_is_the_one_that_its_json_has(fields, kind, is_first, padding):
    fields = {name: value for name, value in fields.items() if name != "type"}
    frame = {"type": kind, **fields} if is_first else {"event_id": "e", **fields, "type": kind}
    frame["pad"] = "x" * padding
    written = json.dumps(frame)
    assert kind_of(written) == kind_of(written.encode()) == kind
