"""What document does an OpenAI-compatible stream amount to? The one that the unstreamed call would give.

Chat and text completions send pieces of it, Responses send it whole in their last event, transcriptions,
speech, images and runs say their usage in their last event. Frames of a WebSocket are such events.
"""

from collections.abc import Mapping

from llm_observer.adapters.answer import Events
from llm_observer.adapters.fields import dicts

__all__ = ["fold"]

LAST = frozenset(
    {
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
        "response.done",
        "conversation.item.input_audio_transcription.completed",
        "decision.completed",
        "session.closed",
        "transcript.text.done",
        "speech.audio.done",
        "image_generation.completed",
        "image_edit.completed",
        "thread.run.completed",
    }
)
"""Types of the events after which no other comes."""
_KEPT = (
    "service_tier",
    "usage",
    "x_groq",
    "error",
    "object",
    "status",
    "incomplete_details",
    "status_details",
    "tool_usage",
    "svg_usage",
    "background",
)
_FIRST = ("id", "model")
_WHOLE = ("session", "decision")
"""Objects of a WebSocket's events that are answers as a whole."""
_CODES = ("type", "code", "message")


def fold(events: Events, with_text: bool) -> tuple[dict[str, object], bool]:  # noqa: FBT001 - the shape of `Format.fold`
    """The document, and whether the stream's last event was in it."""
    stream = _Stream(with_text=with_text)
    for event in events:
        stream.add(event)
    return stream.document(), events.is_done or stream.is_ended


class _Stream:
    """What the events so far amount to."""

    def __init__(self, *, with_text: bool) -> None:
        self._with_text = with_text
        self._fields: dict[str, object] = {}
        self._choices: dict[int, _Choice] = {}
        self._items: dict[str, dict[str, object]] = {}
        self.is_ended = False

    def add(self, event: Mapping[str, object]) -> None:
        kind = str(event.get("type"))
        self.is_ended |= kind in LAST
        response = event.get("response")
        self._take_session(event)
        if isinstance(response, dict):
            self._take(response)
            self._fields["output"] = response.get("output")
        elif kind == "error" and not event.get("error"):
            self._fields["error"] = {name: event.get(name) for name in _CODES if name != "type"}
        else:
            self._take(event)
        item = event.get("item")
        if isinstance(item, dict):
            self._items[str(event.get("output_index"))] = item
        for choice in dicts(event.get("choices")):
            self._choice(choice).add(choice)

    def _take(self, fields: Mapping[str, object]) -> None:
        for name in _FIRST:
            if fields.get(name) and not self._fields.get(name):
                self._fields[name] = fields[name]
        for name in _KEPT:
            if fields.get(name) not in (None, {}):
                self._fields[name] = fields[name]

    def _take_session(self, event: Mapping[str, object]) -> None:
        """What a Realtime or Live session says of itself, and a decision in it."""
        for name in _WHOLE:
            whole = event.get(name)
            if isinstance(whole, dict):
                self._take(whole)

    def _choice(self, choice: Mapping[str, object]) -> "_Choice":
        place = choice.get("index")
        key = place if isinstance(place, int) else 0
        if key not in self._choices:
            self._choices[key] = _Choice(with_text=self._with_text)
        return self._choices[key]

    def document(self) -> dict[str, object]:
        document = dict(self._fields)
        if self._choices:
            document["choices"] = [self._choices[key].document() for key in sorted(self._choices)]
            self.is_ended |= all(choice.finish_reason is not None for choice in self._choices.values())
        if not document.get("output"):
            document["output"] = list(self._items.values())
        return document


class _Choice:
    """One choice of a streamed chat or text completion."""

    def __init__(self, *, with_text: bool) -> None:
        self._with_text = with_text
        self._texts: list[object] = []
        self._calls: list[_Call] = []
        self._legacy: _Call | None = None
        self._usage: object = None
        self.finish_reason: object = None

    def add(self, choice: Mapping[str, object]) -> None:
        if choice.get("finish_reason") is not None:
            self.finish_reason = choice["finish_reason"]
        self._usage = choice.get("usage") or self._usage
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = {}
        if self._with_text:
            self._texts.append(delta.get("content") or choice.get("text"))
        for part in dicts(delta.get("tool_calls")):
            self._call(part).add(part)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            self._legacy = self._legacy or _Call(None, None)
            self._legacy.add({"function": legacy})

    def _call(self, part: Mapping[str, object]) -> "_Call":
        """The call that *part* goes on with: the newest one with its index and without another id."""
        place, given = part.get("index"), part.get("id") or None
        for call in reversed(self._calls):
            is_same_id = given == call.id or (place is not None and call.id is None)
            if (given is None or is_same_id) and place in (None, call.place):
                return call
        self._calls.append(_Call(place, given))
        return self._calls[-1]

    def document(self) -> dict[str, object]:
        message: dict[str, object] = {"content": _flat(self._texts)}
        if self._calls:
            message["tool_calls"] = [call.document() for call in self._calls]
        if self._legacy is not None:
            message["function_call"] = self._legacy.document()["function"]
        return {"finish_reason": self.finish_reason, "message": message, "usage": self._usage}


class _Call:
    """One tool call whose arguments arrive in pieces."""

    def __init__(self, place: object, given: object) -> None:
        self.place = place
        self.id = given
        self._kind = "function"
        self._name: object = None
        self._pieces: list[str] = []

    def add(self, part: Mapping[str, object]) -> None:
        self.id = self.id or part.get("id")
        if isinstance(part.get("custom"), dict) and not isinstance(part.get("function"), dict):
            self._kind = "custom"
        body = part.get(self._kind)
        if not isinstance(body, dict):
            return
        self._name = self._name or body.get("name")
        piece = body.get("input" if self._kind == "custom" else "arguments")
        if isinstance(piece, str):
            self._pieces.append(piece)

    def document(self) -> dict[str, object]:
        given = "input" if self._kind == "custom" else "arguments"
        arguments = "".join(self._pieces) if self._pieces else None
        return {"id": self.id, self._kind: {"name": self._name, given: arguments}}


def _flat(texts: list[object]) -> list[object]:
    """Pieces of text, or of lists of parts (Mistral), as one list of parts."""
    parts: list[object] = []
    for text in texts:
        parts.extend(text if isinstance(text, list) else [text])
    return parts
