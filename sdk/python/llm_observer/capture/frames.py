"""What is a WebSocket frame about? Its type and its ids; the rest stays bytes."""

import re
from typing import Any

import msgspec

__all__ = ["Frame", "Sent", "Session", "kind_of", "lane_of", "read", "read_sent", "read_session"]

_SMALL = 2048
"""Up to here a whole frame is read as fast as its start is searched."""
_NEAR = 512
_START = r'\s*\{\s*(?:"event_id"\s*:\s*"[^"\\]*"\s*,\s*)?"type"\s*:\s*"([^"\\]*)"'
_START_OF_TEXT = re.compile(_START)
_START_OF_BYTES = re.compile(_START.encode())
"""The type where it stands first or second, as the provider and the SDK write it."""
_OWNER = re.compile(rb'"(?:response_id|stream_id)"\s*:\s*"([^"\\]{1,200})"')


class _Kind(msgspec.Struct):
    type: str | None = None


class _Response(msgspec.Struct):
    id: str | None = None


class _Error(msgspec.Struct):
    event_id: str | None = None


class Frame(msgspec.Struct):
    """What a received frame says of where it belongs. event: the frame inside of a Live session's."""

    response: _Response | None = None
    stream_id: str | None = None
    item_id: str | None = None
    status: int | None = None
    error: _Error | None = None
    event: msgspec.Raw = msgspec.Raw()


class Sent(msgspec.Struct):
    """What a sent `response.create` says. response: the settings of a Realtime response."""

    event_id: str | None = None
    stream_id: str | None = None
    response: msgspec.Raw = msgspec.Raw()


class _Transcription(msgspec.Struct):
    model: str | None = None


class _Input(msgspec.Struct):
    transcription: _Transcription | None = None


class _Audio(msgspec.Struct):
    input: _Input | None = None


class Session(msgspec.Struct):
    """The models of a session, in today's form and in that of the beta."""

    model: str | None = None
    audio: _Audio | None = None
    input_audio_transcription: _Transcription | None = None

    @property
    def transcriber(self) -> str | None:
        """The model that writes down what the user says."""
        given = self.audio.input if self.audio is not None else None
        found = self.input_audio_transcription if given is None else given.transcription
        return None if found is None else found.model


class _SessionFrame(msgspec.Struct):
    session: Session | None = None


_kinds = msgspec.json.Decoder(_Kind)
_frames = msgspec.json.Decoder(Frame)
_sent = msgspec.json.Decoder(Sent)
_sessions = msgspec.json.Decoder(_SessionFrame)


def _decoded(decoder: msgspec.json.Decoder[Any], frame: bytes | str) -> Any:
    try:
        return decoder.decode(frame)
    except (ValueError, RecursionError):  # no JSON object, or another type than we know: not ours to read
        return None


def kind_of(frame: bytes | str) -> str | None:
    """The type of *frame*, None if it has none. Long ones (audio) are not read to their end."""
    if len(frame) > _SMALL and (near := _near_start(frame)) is not None:
        return near
    kind: _Kind | None = _decoded(_kinds, frame)
    return None if kind is None else kind.type


def _near_start(frame: bytes | str) -> str | None:
    if isinstance(frame, str):
        found = _START_OF_TEXT.match(frame)
        return None if found is None else found[1]
    raw = _START_OF_BYTES.match(frame)
    return None if raw is None else raw[1].decode("utf-8", "replace")


def lane_of(frame: bytes) -> str | None:
    """The id of the response or the lane that a delta belongs to, if it stands near one of its ends."""
    found = _OWNER.search(frame, 0, _NEAR) or _OWNER.search(frame, max(len(frame) - _NEAR, 0))
    return None if found is None else found[1].decode("utf-8", "replace")


def read(frame: bytes) -> Frame | None:
    """Where the received *frame* belongs; None if it cannot be told."""
    found: Frame | None = _decoded(_frames, frame)
    return found


def read_sent(frame: bytes) -> Sent | None:
    """What the sent *frame* asks for; None if it cannot be told."""
    found: Sent | None = _decoded(_sent, frame)
    return found


def read_session(frame: bytes) -> Session | None:
    """The session that *frame* describes."""
    found: _SessionFrame | None = _decoded(_sessions, frame)
    return None if found is None else found.session
