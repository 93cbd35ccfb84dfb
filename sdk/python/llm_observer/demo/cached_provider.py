"""Answer an agent with the usage that the providers' documented caches would report. Simulated, not recorded.

A token is four bytes. Claude's cache keeps what ends at a `cache_control`, of 1,024 tokens or more, and a
breakpoint finds what ends at most 20 blocks before it (https://platform.claude.com/docs/en/build-with-claude/
prompt-caching, 2026-11). OpenAI's, before GPT-5.6, keeps every prompt, and reads the longest beginning that
one of them shares, in steps of 128 tokens from 1,024 on (https://developers.openai.com/api/docs/guides/
prompt-caching, 2026-09). Nothing expires: the demo takes seconds.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from llm_observer.demo.provider import Provider
from llm_observer.demo.recordings import Recording

__all__ = ["TURNS", "BreakpointCache", "CachedProvider", "PrefixCache"]

TURNS = 8
"""The answer to this turn is text, those before are calls of a tool."""
MINIMUM = 1024
LOOK_BACK = 20
STEP = 128
BYTES_PER_TOKEN = 4
OUTPUT_TOKENS = 40
_JSON = (("content-type", "application/json"),)
_DONE = "Done: the order is on its way."


class CachedProvider(Provider):
    """A provider on 127.0.0.1 with empty caches, for `with`."""

    def __init__(self) -> None:
        super().__init__(pause_s=0)
        self._claude = BreakpointCache()
        self._gpt = PrefixCache()

    def answer(self, path: str, request: Mapping[str, Any]) -> Recording:
        """A tool call, or the last answer, with simulated usage."""
        with self._lock:
            is_claude = path.endswith("/messages")
            body = _message(request, self._claude) if is_claude else _completion(request, self._gpt)
        return Recording("agent", path, request, 200, _JSON, json.dumps(body))


class BreakpointCache:
    """Claude's: ends of prompts that were marked."""

    def __init__(self) -> None:
        self._written: set[bytes] = set()

    def usage(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What the answer to *request* says of its tokens; the cache then has its breakpoints."""
        keys, ends, marks = _chain(request)
        found = (at for mark in marks for at in range(mark, max(mark - LOOK_BACK, -1), -1))
        read = max((ends[at] for at in found if keys[at] in self._written), default=0)
        valid = [mark for mark in marks if ends[mark] >= MINIMUM]
        written = max(ends[valid[-1]] - read, 0) if valid else 0
        self._written.update(keys[mark] for mark in valid)
        return {
            "input_tokens": ends[-1] - read - written,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": OUTPUT_TOKENS,
        }


class PrefixCache:
    """OpenAI's before GPT-5.6: whatever prompts begin alike."""

    def __init__(self) -> None:
        self._seen: list[str] = []

    def usage(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What the answer to *request* says of its tokens; the cache then has all of it."""
        prompt = json.dumps([request["model"], request.get("tools"), request["messages"]])
        shared = max((_shared(prompt, seen) for seen in self._seen), default=0)
        self._seen.append(prompt)
        cached = shared // BYTES_PER_TOKEN // STEP * STEP
        total = len(prompt) // BYTES_PER_TOKEN
        return {
            "prompt_tokens": total,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": total + OUTPUT_TOKENS,
            "prompt_tokens_details": {"cached_tokens": cached if cached >= MINIMUM else 0},
        }


def _shared(one: str, other: str) -> int:
    """How many characters they have in common from the start."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one.startswith(other[:middle]):
            least = middle
        else:
            most = middle - 1
    return least


def _chain(request: Mapping[str, Any]) -> tuple[list[bytes], list[int], list[int]]:
    """For each block its key, which holds all before it, and the tokens up to its end; and marked blocks."""
    keys, ends, marks = [], [], []
    digest, size = hashlib.sha256(request["model"].encode()), 0
    for place, block in enumerate(_blocks(request)):
        text = json.dumps({name: value for name, value in block.items() if name != "cache_control"}).encode()
        digest.update(text)
        size += len(text)
        keys.append(digest.digest())
        ends.append(size // BYTES_PER_TOKEN)
        if "cache_control" in block:
            marks.append(place)
    return keys, ends, marks


def _blocks(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Tools, system, messages: the order in which they are cached."""
    yield from request.get("tools", ())
    yield from request.get("system", ())
    for message in request["messages"]:
        for block in message["content"]:
            yield {"role": message["role"], **block}


def _tool(request: Mapping[str, Any], turn: int) -> tuple[str, str]:
    """The tool that the model calls in *turn*, whatever order they came in, and an id."""
    names = sorted(tool.get("name") or tool["function"]["name"] for tool in request["tools"])
    return names[turn % len(names)], f"call_{turn:02}"


def _message(request: Mapping[str, Any], cache: BreakpointCache) -> dict[str, Any]:
    turn = sum(message["role"] == "assistant" for message in request["messages"])
    name, call_id = _tool(request, turn)
    is_last = turn + 1 >= TURNS
    call = {"type": "tool_use", "id": call_id, "name": name, "input": {"turn": turn}}
    return {
        "id": f"msg_{turn:02}",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": [{"type": "text", "text": _DONE} if is_last else call],
        "stop_reason": "end_turn" if is_last else "tool_use",
        "stop_sequence": None,
        "usage": cache.usage(request),
    }


def _completion(request: Mapping[str, Any], cache: PrefixCache) -> dict[str, Any]:
    turn = sum(message["role"] == "assistant" for message in request["messages"])
    name, call_id = _tool(request, turn)
    is_last = turn + 1 >= TURNS
    function = {"name": name, "arguments": json.dumps({"turn": turn})}
    calls = [{"id": call_id, "type": "function", "function": function}]
    said = {"content": _DONE} if is_last else {"content": None, "tool_calls": calls}
    return {
        "id": f"chatcmpl-{turn:02}",
        "object": "chat.completion",
        "created": 0,
        "model": request["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", **said},
                "finish_reason": "stop" if is_last else "tool_calls",
            }
        ],
        "usage": cache.usage(request),
    }
