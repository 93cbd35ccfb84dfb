"""What does a received frame do? One step for each type that matters; the others are only counted.

Of a response its first frame and its last one are kept, as the events of a stream, so that the adapters read
them as those of an HTTP stream.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING

from llm_observer.capture.frames import read, read_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_observer.capture.frames import Frame
    from llm_observer.capture.link import SocketExchange
    from llm_observer.capture.sockets import OpenSocket

__all__ = ["STEPS"]

_RESPONSES = "/responses"
_TRANSCRIPTIONS = "/realtime/transcriptions"
_DECISIONS = "/live/decisions"
_BY_SESSION = frozenset({"/live", "/realtime/translations"})
"""Billed by the length of the session: there the session itself is one answer."""
_MOST_COMMITS = 256


def _created(socket: OpenSocket, frame: bytes) -> None:
    found = read(frame)
    if found is None or found.response is None:
        return
    key = found.response.id or ""
    exchange = socket.open.get(key) or socket.asked_by(found) or socket.begin(socket.response_route)
    if exchange is not None:
        exchange.stream_id = found.stream_id
        exchange.keep(frame)
        socket.keep_open(key, exchange)


def _done(socket: OpenSocket, frame: bytes) -> None:
    found = read(frame)
    if found is None or found.response is None:
        return
    exchange = socket.open.pop(found.response.id or "", None) or socket.asked_by(found)
    socket.say(exchange or socket.begin(socket.response_route), frame)


def _failed(socket: OpenSocket, frame: bytes) -> None:
    """An `error`: of the response that it names, of the oldest that waits, else an event of its own."""
    found = read(frame)
    if found is None:
        return
    exchange = _blamed(socket, found) or socket.begin(socket.link.route)
    if exchange is not None and found.status is not None:
        exchange.head = socket.head._replace(status=found.status)
    socket.say(exchange, frame)


def _blamed(socket: OpenSocket, frame: Frame) -> SocketExchange | None:
    named = frame.error.event_id if frame.error is not None else None
    if named is not None:
        return socket.named_by(named)
    asked = socket.asked_by(frame)
    if asked is not None or socket.link.route != _RESPONSES:
        return asked
    of_lane = [key for key, one in socket.open.items() if frame.stream_id in {None, one.stream_id}]
    return socket.open.pop(of_lane[0]) if len(of_lane) == 1 else None


def _configured(socket: OpenSocket, frame: bytes) -> None:
    """The session says which models it uses."""
    found = read_session(frame)
    if found is None:
        return
    socket.model = found.model or socket.model
    socket.transcriber = found.transcriber or socket.transcriber
    if socket.session is None and socket.link.route in _BY_SESSION:
        socket.session = socket.begin(socket.link.route)
        if socket.session is not None:
            socket.session.keep(frame)


def _summed(socket: OpenSocket, frame: bytes) -> None:
    if socket.session is not None:
        socket.session.latest = frame


def _session_closed(socket: OpenSocket, frame: bytes) -> None:
    session, socket.session = socket.session, None
    socket.say(session, frame)


def _committed(socket: OpenSocket, frame: bytes) -> None:
    """The user has spoken: the writing down begins."""
    found = read(frame)
    if found is not None and found.item_id is not None:
        socket.commits[found.item_id] = time_ns(), perf_counter_ns()
        if len(socket.commits) > _MOST_COMMITS:
            del socket.commits[next(iter(socket.commits))]


def _transcribed(socket: OpenSocket, frame: bytes) -> None:
    """What the user said was written down by another model, which is billed for itself."""
    found, exchange = read(frame), socket.begin(_TRANSCRIPTIONS)
    if exchange is not None and found is not None:
        call = exchange.call
        call.model = socket.transcriber
        began = socket.commits.pop(found.item_id or "", None)
        call.started_ns, call.started = began or (call.started_ns, call.started)
    socket.say(exchange, frame)


def _decided(socket: OpenSocket, frame: bytes) -> None:
    socket.say(socket.begin(_DECISIONS), frame)


def _unpacked(socket: OpenSocket, frame: bytes) -> None:
    """A Live session passes on the events of the calls that it makes."""
    found = read(frame)
    if found is not None:
        socket.received(bytes(found.event))


STEPS: Mapping[str, Callable[[OpenSocket, bytes], None]] = {
    "response.created": _created,
    "response.done": _done,
    "response.completed": _done,
    "response.failed": _done,
    "response.incomplete": _done,
    "response.cancelled": _done,
    "error": _failed,
    "session.created": _configured,
    "session.started": _configured,
    "session.updated": _configured,
    "transcription_session.created": _configured,
    "transcription_session.updated": _configured,
    "session.usage.updated": _summed,
    "session.closed": _session_closed,
    "input_audio_buffer.committed": _committed,
    "conversation.item.input_audio_transcription.completed": _transcribed,
    "conversation.item.input_audio_transcription.failed": _transcribed,
    "response.event": _unpacked,
    "decision.event": _unpacked,
    "decision.completed": _decided,
}
