"""What did a call use that is billed by the image, the second or the character?"""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec

from llm_observer.adapters.answer import Events, is_event_stream
from llm_observer.adapters.fields import as_count, as_name, as_number, at, loads
from llm_observer.adapters.forms import form_fields
from llm_observer.decoded import Measures
from llm_observer.wire import Exchange

__all__ = ["measures_of"]

_COMPLETED = frozenset({"image_generation.completed", "image_edit.completed"})
_ONE_VIDEO = "/videos/video_"


class _Asked(msgspec.Struct):
    """Fields of a request; one of a wrong type spoils no other."""

    n: msgspec.Raw = msgspec.Raw(b"null")
    size: msgspec.Raw = msgspec.Raw(b"null")
    quality: msgspec.Raw = msgspec.Raw(b"null")
    input: msgspec.Raw = msgspec.Raw(b"null")


class _Images(msgspec.Struct):
    """The images of an answer stay bytes: they are counted only."""

    data: list[msgspec.Raw]


_asked = msgspec.json.Decoder(_Asked)
_images_in = msgspec.json.Decoder(_Images)


def measures_of(exchange: Exchange, operation: str, usage: object) -> Measures | None:
    """What *exchange* used beside tokens; None where nothing of the kind is known.

    usage: the usage object of its answer.
    """
    measure = _MEASURES.get(operation)
    measured = None if measure is None else measure(exchange, usage)
    return None if measured == Measures() else measured


def _asked_for(exchange: Exchange) -> Mapping[str, object]:
    """The settings of the request; empty where its body is not known, as that of a live upload."""
    body = exchange.request_body or b""
    if exchange.request_state != "kept":
        return {}
    if body.startswith(b"--"):
        fields = form_fields(body)
        return {**fields, "n": loads(fields.get("n", "null").encode("utf-8", "replace"))}
    try:
        asked = _asked.decode(body)
    except (ValueError, RecursionError):  # no JSON object; nested too deeply
        return {}
    return {name: loads(bytes(getattr(asked, name))) for name in _Asked.__struct_fields__}


def _image(exchange: Exchange, _: object) -> Measures:
    asked = _asked_for(exchange)
    is_known = bool(asked)
    return Measures(
        images=_image_count(exchange, asked),
        size=as_name(asked.get("size")) or (_DEFAULT_SIZE if is_known else None),
        quality=as_name(asked.get("quality")) or (_DEFAULT_QUALITY if is_known else None),
    )


_DEFAULT_SIZE, _DEFAULT_QUALITY = "1024x1024", "standard"
"""Of DALL·E 2 and 3: https://platform.openai.com/docs/api-reference/images/create (2025-03-12)."""


def _image_count(exchange: Exchange, asked: Mapping[str, object]) -> int | None:
    """The images in the answer; as many as were asked for, one by default, where it was not kept whole."""
    if is_event_stream(exchange):
        return sum(event.get("type") in _COMPLETED for event in Events(exchange.response_body))
    try:
        return len(_images_in.decode(exchange.response_body).data)
    except (ValueError, RecursionError):  # cut, or no list of images
        pass
    if not asked or exchange.response_state != "truncated":
        return None
    return 1 if asked.get("n") is None else as_count(asked["n"])


def _audio(exchange: Exchange, usage: object) -> Measures:
    """Seconds as the provider bills them (OpenAI, Mistral), else the length of the audio (`verbose_json`)."""
    for stated in (at(usage, "seconds"), at(usage, "prompt_audio_seconds")):
        seconds = as_number(stated)
        if seconds is not None and seconds >= 0:
            return Measures(audio_seconds=seconds, is_stated=True)
    document = {} if is_event_stream(exchange) else loads(exchange.response_body)
    length = as_number(at(document, "duration"))
    return Measures(audio_seconds=length if length is not None and length >= 0 else None)


def _speech(exchange: Exchange, _: object) -> Measures:
    text = _asked_for(exchange).get("input")
    if not isinstance(text, str):
        return Measures()
    return Measures(characters=len(text), is_ascii=text.isascii())


def _video(exchange: Exchange, _: object) -> Measures:
    """A finished video: its own object, not a list of them."""
    if _ONE_VIDEO not in urlsplit(exchange.url).path:
        return Measures()
    video = loads(exchange.response_body)
    if at(video, "object") != "video" or at(video, "status") != "completed":
        return Measures()
    given = at(video, "seconds")
    seconds = as_number(loads(given.encode()) if isinstance(given, str) else given)
    return Measures(video_seconds=seconds, size=as_name(at(video, "size")))


_MEASURES: Mapping[str, Callable[[Exchange, object], Measures]] = {
    "images.generations": _image,
    "images.edits": _image,
    "images.variations": _image,
    "audio.transcriptions": _audio,
    "audio.translations": _audio,
    "audio.speech": _speech,
    "videos:get": _video,
}
