"""How is a call of a conversation written for its provider, and at which path stands each text?"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Draft", "Place", "Sent", "Turn", "encode"]

Place = tuple[str, int]
"""`("system", 0)`, `("tool", 2)`: the description of the third tool, or `("turn", 4)`."""
_URLS = {
    "chat": "https://api.openai.com/v1/chat/completions",
    "responses": "https://api.openai.com/v1/responses",
    "anthropic": "https://api.anthropic.com/v1/messages",
}
_EXPLICIT = {"mode": "explicit"}


@dataclass
class Turn:
    """A message in no provider's form. raw: as recorded, sent unchanged to its own provider."""

    role: str
    texts: list[str] = field(default_factory=list)
    calls: list[Mapping[str, str]] = field(default_factory=list)
    call_id: str = ""
    raw: dict[str, Any] | None = None
    is_blocks: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the message has one text that can be changed."""
        return self.raw is None and len(self.texts) == 1 and self.texts[0] != ""


@dataclass
class Draft:
    """One call before it is written. marking: where breakpoints stand; settings: the other body fields.

    earlier: how many turns the call before had. Times in seconds.
    """

    wire: str
    model: str
    system: str
    tools: list[dict[str, Any]]
    turns: list[Turn]
    marking: str
    index: int = 0
    earlier: int = 0
    ttl: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    is_system_blocks: bool = False
    started: float = 0.0
    first_byte: float = 0.0
    ended: float = 0.0

    def text(self, place: Place) -> str:
        """The text at *place*."""
        part, number = place
        if part == "system":
            return self.system
        return self.tools[number]["description"] if part == "tool" else self.turns[number].texts[0]

    def put(self, place: Place, text: str) -> None:
        """*text* at *place*."""
        part, number = place
        if part == "system":
            self.system = text
        elif part == "tool":
            self.tools[number]["description"] = text
        else:
            self.turns[number].texts[0] = text

    def has(self, place: Place) -> bool:
        """Whether the call has come so far that it has this place."""
        return place[0] != "turn" or place[1] < len(self.turns)

    def move(self, seconds: float) -> None:
        """The call takes place that much later."""
        self.started += seconds
        self.first_byte += seconds
        self.ended += seconds


@dataclass
class Sent:
    """A request as it goes out, and the path of each place of its draft."""

    url: str
    body: dict[str, Any]
    paths: dict[Place, str]


def encode(draft: Draft) -> Sent:
    """The request of *draft* in its provider's form."""
    paths: dict[Place, str] = {}
    body: dict[str, Any] = {"model": draft.model, **copy.deepcopy(draft.settings)}
    if draft.tools:
        body["tools"] = [_tool(draft.wire, tool) for tool in draft.tools]
    inner = ".function" if draft.wire == "chat" else ""
    paths |= {("tool", at): f"tools[{at}]{inner}.description" for at in range(len(draft.tools))}
    _WRITERS[draft.wire](draft, body, paths)
    return Sent(_URLS[draft.wire], body, paths)


def _tool(wire: str, tool: Mapping[str, Any]) -> dict[str, Any]:
    if "raw" in tool:
        return dict(tool["raw"])
    head = {"name": tool["name"], "description": tool["description"]}
    if wire == "anthropic":
        return {**head, "input_schema": tool["parameters"]}
    if wire == "chat":
        return {"type": "function", "function": {**head, "parameters": tool["parameters"]}}
    return {"type": "function", **head, "parameters": tool["parameters"], "strict": False}


def _blocks(texts: Sequence[str], kind: str) -> list[dict[str, Any]]:
    return [{"type": kind, "text": text} for text in texts]


def _content(turn: Turn, kind: str) -> Any:
    """A string, or blocks where there are several texts or the app sends blocks."""
    if turn.is_blocks or len(turn.texts) > 1:
        return _blocks(turn.texts, kind)
    return turn.texts[0] if turn.texts else None


def _path(name: str, number: int, content: object) -> str:
    return f"{name}[{number}].content" + ("[0]" if isinstance(content, list) else "")


def _write_chat(draft: Draft, body: dict[str, Any], paths: dict[Place, str]) -> None:
    messages: list[dict[str, Any]] = []
    if draft.system:
        system = _content(Turn("system", [draft.system], is_blocks=draft.is_system_blocks), "text")
        messages.append({"role": "system", "content": system})
        paths["system", 0] = _path("messages", 0, system)
    for at, turn in enumerate(draft.turns):
        message = turn.raw or _chat_message(turn)
        paths["turn", at] = _path("messages", len(messages), message.get("content"))
        messages.append(copy.deepcopy(message))
    body["messages"] = messages
    _mark_openai(draft, body, messages)


def _chat_message(turn: Turn) -> dict[str, Any]:
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.call_id, "content": turn.texts[0]}
    message: dict[str, Any] = {"role": turn.role, "content": _content(turn, "text")}
    if turn.calls:
        message["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in turn.calls
        ]
    return message


def _write_responses(draft: Draft, body: dict[str, Any], paths: dict[Place, str]) -> None:
    items: list[dict[str, Any]] = []
    if draft.system and not draft.is_system_blocks:
        body["instructions"] = draft.system
        paths["system", 0] = "instructions"
    elif draft.system:
        items.append({"role": "developer", "content": _blocks([draft.system], "input_text")})
        paths["system", 0] = "input[0].content[0]"
    for at, turn in enumerate(draft.turns):
        for item in [turn.raw] if turn.raw else _response_items(turn):
            end = _path("input", len(items), item.get("content")) if "role" in item else None
            paths.setdefault(("turn", at), end or f"input[{len(items)}].output")
            items.append(copy.deepcopy(item))
    body["input"] = items
    _mark_openai(draft, body, items)


def _response_items(turn: Turn) -> Iterator[dict[str, Any]]:
    if turn.role == "tool":
        yield {"type": "function_call_output", "call_id": turn.call_id, "output": turn.texts[0]}
        return
    if turn.texts:
        kind = "output_text" if turn.role == "assistant" else "input_text"
        yield {"role": turn.role, "content": _content(turn, kind)}
    for call in turn.calls:
        head = {"type": "function_call", "call_id": call["id"]}
        yield {**head, "name": call["name"], "arguments": call["arguments"]}


def _mark_openai(draft: Draft, body: dict[str, Any], messages: Sequence[dict[str, Any]]) -> None:
    """`explicit`: the mode alone; `developer`: a breakpoint behind the first message."""
    if draft.marking == "explicit":
        body["prompt_cache_options"] = dict(_EXPLICIT)
    if draft.marking == "developer":
        content = messages[0]["content"]
        blocks = content if isinstance(content, list) else _blocks([content], "text")
        blocks[-1]["prompt_cache_breakpoint"] = dict(_EXPLICIT)
        messages[0]["content"] = blocks


def _write_anthropic(draft: Draft, body: dict[str, Any], paths: dict[Place, str]) -> None:
    body.setdefault("max_tokens", 1024)
    messages: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    for at, turn in enumerate(draft.turns):
        message = turn.raw or _anthropic_message(turn)
        _append(messages, copy.deepcopy(message), turn.role == "tool")
        content = messages[-1]["content"]
        first = len(content) - len(message["content"]) if isinstance(content, list) else None
        paths["turn", at] = f"messages[{len(messages) - 1}].content" + ("" if first is None else f"[{first}]")
        ends.append(messages[-1])
    body["messages"] = messages
    _put_system(draft, body, paths)
    _mark_anthropic(draft, body, ends, paths)


def _append(messages: list[dict[str, Any]], message: dict[str, Any], is_result: bool) -> None:  # noqa: FBT001
    """Results of tools called at once go into one message."""
    last = messages[-1]["content"] if messages else None
    is_run = is_result and isinstance(last, list) and last and last[-1]["type"] == "tool_result"
    if is_run and isinstance(last, list):
        last.extend(message["content"])
        return
    messages.append(message)


def _anthropic_message(turn: Turn) -> dict[str, Any]:
    if turn.role == "tool":
        result = {"type": "tool_result", "tool_use_id": turn.call_id, "content": turn.texts[0]}
        return {"role": "user", "content": [result]}
    if not turn.calls:
        return {"role": turn.role, "content": _content(turn, "text")}
    uses = [
        {"type": "tool_use", "id": call["id"], "name": call["name"], "input": json.loads(call["arguments"])}
        for call in turn.calls
    ]
    return {"role": turn.role, "content": [*_blocks(turn.texts, "text"), *uses]}


_SYSTEM_MARKED = {"both", "system", "two_newest"}
_ENDS_MARKED = {"both": 1, "last": 1, "two_newest": 1, "all": 1000}


def _put_system(draft: Draft, body: dict[str, Any], paths: dict[Place, str]) -> None:
    if not draft.system:
        return
    is_blocks = draft.is_system_blocks or draft.marking in _SYSTEM_MARKED
    body["system"] = _blocks([draft.system], "text") if is_blocks else draft.system
    paths["system", 0] = "system[0]" if is_blocks else "system"


def _mark_anthropic(
    draft: Draft, body: dict[str, Any], ends: Sequence[dict[str, Any]], paths: dict[Place, str]
) -> None:
    """`automatic`: on the request; else on the system prompt, the newest message, both, or all users'."""
    marker = {"type": "ephemeral"} | ({"ttl": draft.ttl} if draft.ttl else {})
    if draft.marking == "automatic":
        body["cache_control"] = marker
    if draft.marking in _SYSTEM_MARKED and draft.system:
        body["system"][-1]["cache_control"] = marker
    of_user = [at for at, turn in enumerate(draft.turns) if turn.role != "assistant"]
    marked = of_user[-_ENDS_MARKED[draft.marking] :] if draft.marking in _ENDS_MARKED else []
    if draft.marking == "two_newest" and draft.earlier:
        marked.append(draft.earlier - 1)
    for at in marked:
        message = ends[at]
        if isinstance(message["content"], str):
            message["content"] = _blocks([message["content"]], "text")
            paths["turn", at] += "[0]"
        message["content"][-1]["cache_control"] = marker


_WRITERS = {"chat": _write_chat, "responses": _write_responses, "anthropic": _write_anthropic}
