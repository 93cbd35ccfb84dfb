"""What does an Anthropic answer say? Messages, the old completions, and Claude on Bedrock and Vertex.

The fold turns a stream into the message that the unstreamed call would give.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from llm_observer.adapters.answer import Answer, Events, Format
from llm_observer.adapters.fields import Notes, Reader, as_name, dicts, loads
from llm_observer.adapters.text import plain
from llm_observer.adapters.usage import ANTHROPIC
from llm_observer.call import ToolUse

__all__ = ["ANTHROPIC_FORMAT"]

_APP = "tool_use"
_HOSTED = {"server_tool_use": "server", "mcp_tool_use": "mcp"}
_METRICS = "amazon-bedrock-invocationMetrics"
_LAST = "message_stop"


def read(document: Mapping[str, object], notes: Notes, with_text: bool) -> Answer:  # noqa: FBT001 - the shape of `Format.read`
    """The answer that *document* is."""
    reader = Reader(document, notes, "response")
    reason = reader.text("stop_reason")
    blocks = list(dicts(document.get("content")))
    return Answer(
        model=reader.text("model"),
        response_id=reader.text("id"),
        finish_reasons=() if reason is None else (reason,),
        usage=document.get("usage") or document.get(_METRICS),
        service_tier=reader.text("usage.service_tier", "service_tier"),
        speed=reader.text("usage.speed"),
        inference_geo=reader.text("usage.inference_geo"),
        tool_calls=tuple(_tool(block, "function") for block in blocks if block.get("type") == _APP),
        other_tools=tuple(_hosted(blocks)),
        error=document.get("error"),
        diagnosis=_diagnosis(reader),
        hosted=Counter(
            tool.name for tool in _hosted(blocks) if tool.name is not None and tool.kind == "server"
        ),
        text=plain(document.get("content")) or plain(document.get("completion")) if with_text else None,
    )


def _diagnosis(reader: Reader) -> tuple[str, int | None] | None:
    """`diagnostics.cache_miss_reason` (anthropic 2.11 types, November 2026); null while it is pending."""
    reason = reader.text("diagnostics.cache_miss_reason.type")
    tokens = reader.count("diagnostics.cache_miss_reason.cache_missed_input_tokens")
    return None if reason is None else (reason, tokens)


def _hosted(blocks: list[dict[str, object]]) -> Iterator[ToolUse]:
    for block in blocks:
        kind = _HOSTED.get(str(block.get("type")))
        if kind is not None:
            yield _tool(block, kind)


def _tool(block: Mapping[str, object], kind: str) -> ToolUse:
    return ToolUse(
        name=as_name(block.get("name")),
        kind="function" if kind == "function" else "mcp" if kind == "mcp" else "server",
        arguments_bytes=_size(block.get("input")),
    )


def _size(arguments: object) -> int | None:
    """Bytes of *arguments* as JSON without spaces: a stream and a document space them differently."""
    return None if arguments is None else len(msgspec.json.encode(arguments))


def _place(event: Mapping[str, object]) -> int | None:
    """Index of the block that *event* is of."""
    index = event.get("index")
    return index if isinstance(index, int) else None


def fold(events: Events, with_text: bool) -> tuple[dict[str, object], bool]:  # noqa: FBT001 - the shape of `Format.fold`
    """The message, and whether the stream's last event was in it."""
    stream = _Stream(with_text=with_text)
    for event in events:
        stream.add(event)
    return stream.document(), stream.is_ended or events.is_done


class _Stream:
    """What the events so far amount to."""

    def __init__(self, *, with_text: bool) -> None:
        self._with_text = with_text
        self._message: dict[str, object] = {}
        self._usage: dict[str, object] = {}
        self._blocks: dict[object, dict[str, object]] = {}
        self._pieces: dict[object, list[str]] = {}
        self.is_ended = False

    def add(self, event: Mapping[str, object]) -> None:
        step = _STEPS.get(str(event.get("type")))
        if step is not None:
            step(self, event)
        elif "completion" in event:
            self._complete(event)
        if _METRICS in event:
            self._message[_METRICS] = event[_METRICS]
        if event.get("error"):
            self._message["error"] = event["error"]

    def _start(self, event: Mapping[str, object]) -> None:
        message = event.get("message")
        if isinstance(message, dict):
            self._message.update({name: value for name, value in message.items() if name != "usage"})
            self._count(message.get("usage"))
            self._blocks.update(enumerate(dicts(message.get("content"))))

    def _delta(self, event: Mapping[str, object]) -> None:
        delta = event.get("delta")
        if isinstance(delta, dict):
            self._message.update({name: value for name, value in delta.items() if value is not None})
        self._count(event.get("usage"))

    def _block(self, event: Mapping[str, object]) -> None:
        block = event.get("content_block")
        if isinstance(block, dict):
            self._blocks[_place(event)] = dict(block)

    def _piece(self, event: Mapping[str, object]) -> None:
        delta = event.get("delta")
        if not isinstance(delta, dict):
            return
        piece = delta.get("partial_json")
        if piece is None and self._with_text:
            piece = delta.get("text")
        if isinstance(piece, str):
            self._pieces.setdefault(_place(event), []).append(piece)

    def _stop(self, _: Mapping[str, object]) -> None:
        self.is_ended = True

    def _complete(self, event: Mapping[str, object]) -> None:
        """The old completions: each event is the whole of what is known, but its text is a piece."""
        self._message.update({name: value for name, value in event.items() if value is not None})
        if self._with_text and isinstance(event.get("completion"), str):
            self._pieces.setdefault("completion", []).append(str(event["completion"]))
            self._message["completion"] = "".join(self._pieces["completion"])
        self.is_ended |= event.get("stop_reason") is not None

    def _count(self, usage: object) -> None:
        """A count that comes again replaces the earlier one, unless it is null."""
        if isinstance(usage, dict):
            self._usage.update({name: value for name, value in usage.items() if value is not None})

    def document(self) -> dict[str, object]:
        blocks = [self._whole(place, block) for place, block in self._blocks.items()]
        return {**self._message, "content": blocks, **({"usage": self._usage} if self._usage else {})}

    def _whole(self, place: object, block: dict[str, object]) -> dict[str, object]:
        """*block* with the pieces that followed it; arguments that were cut are unknown."""
        pieces = "".join(self._pieces.get(place, ()))
        if not pieces:
            return block
        if block.get("type") == "text":
            return {**block, "text": f"{block.get('text') or ''}{pieces}"}
        return {**block, "input": loads(pieces.encode("utf-8", "replace"))}


_STEPS = {
    "message_start": _Stream._start,  # noqa: SLF001 - the class's own module
    "message_delta": _Stream._delta,  # noqa: SLF001
    "content_block_start": _Stream._block,  # noqa: SLF001
    "content_block_delta": _Stream._piece,  # noqa: SLF001
    "completion": _Stream._complete,  # noqa: SLF001
    _LAST: _Stream._stop,  # noqa: SLF001
}

ANTHROPIC_FORMAT = Format(
    wire="anthropic",
    usage=ANTHROPIC,
    request_id=("request-id", "x-amzn-requestid", "x-request-id"),
    read=read,
    fold=fold,
)
