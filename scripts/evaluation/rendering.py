"""What does a provider read of a request? Its blocks in cache order, and the tokens of a stand-in tokenizer.

The tokenizer is made for tests: the same text is always the same tokens, of about four characters, cut at
word borders. So the place of each character in tokens is known, which no provider tells.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

__all__ = ["Block", "render", "tokens_of"]

_WORD = re.compile(r" ?[^\W\d_]{1,9}|\d{1,3}| ?[^\w\s]{1,3}|\s+|_")
_OPEN_ITEMS = {"function_call": "tool_use", "function_call_output": "tool_result"}
_FIRST = {"system", "developer"}


class Block(NamedTuple):
    """A piece of the prompt. message: counted from 0, -1 for tools, schema and Anthropic's system."""

    kind: str
    text: str
    message: int
    marker: Mapping[str, Any] | None = None
    """The `cache_control` or `prompt_cache_breakpoint` that stands on it."""


@lru_cache(maxsize=200_000)
def tokens_of(text: str) -> tuple[str, ...]:
    """The tokens of *text*; a block has one more, for the role."""
    return tuple(_WORD.findall(text))


def render(wire: str, body: Mapping[str, Any]) -> list[Block]:
    """The blocks of a request body in the order in which its provider caches them."""
    return list(_RENDERERS[wire](body))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bare(value: Mapping[str, Any]) -> dict[str, Any]:
    hidden = {"cache_control", "prompt_cache_breakpoint"}
    return {key: inside for key, inside in value.items() if key not in hidden}


def _tools(body: Mapping[str, Any]) -> Iterator[Block]:
    for tool in body.get("tools") or ():
        yield Block("tool", _json(_bare(tool)), -1, tool.get("cache_control"))


def _parts(content: object) -> Sequence[Mapping[str, Any]]:
    """A string is the same to a provider as one block of text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _text(part: Mapping[str, Any]) -> str:
    """What is read of a part: its text, or all of it where it is something else."""
    return part["text"] if isinstance(part.get("text"), str) else _json(_bare(part))


def _anthropic(body: Mapping[str, Any]) -> Iterator[Block]:
    yield from _tools(body)
    for part in _parts(body.get("system")):
        yield Block("system", _text(part), -1, part.get("cache_control"))
    for number, message in enumerate(body["messages"]):
        for part in _parts(message["content"]):
            kind = part["type"] if part["type"] in {"tool_use", "tool_result"} else message["role"]
            yield Block(kind, _text(part), number, part.get("cache_control"))


def _chat(body: Mapping[str, Any]) -> Iterator[Block]:
    yield from _tools(body)
    if body.get("response_format"):
        yield Block("schema", _json(body["response_format"]), -1)
    for number, message in enumerate(body["messages"]):
        role = "tool_result" if message["role"] == "tool" else message["role"]
        for part in _parts(message.get("content")):
            yield Block(role, _text(part), number, part.get("prompt_cache_breakpoint"))
        for call in message.get("tool_calls") or ():
            yield Block("tool_use", _json(call), number)


def _responses(body: Mapping[str, Any]) -> Iterator[Block]:
    yield from _tools(body)
    if (body.get("text") or {}).get("format"):
        yield Block("schema", _json(body["text"]["format"]), -1)
    if body.get("instructions"):
        yield Block("developer", body["instructions"], 0)
    items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
    for number, item in enumerate(items, start=1):
        if "role" not in item:
            yield Block(_OPEN_ITEMS.get(item["type"], "assistant"), _json(_bare(item)), number)
            continue
        for part in _parts(item["content"]):
            yield Block(item["role"], _text(part), number, part.get("prompt_cache_breakpoint"))


_RENDERERS = {"anthropic": _anthropic, "chat": _chat, "responses": _responses}
