"""Into which conversations are breakers put? Public agent traces, and request bodies of public recordings."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from airline import EXTRA_TOOLS, TOOLS
from drafts import Turn
from rendering import tokens_of

__all__ = ["Host", "Hosts", "Talk", "load_hosts"]

_PATHS = {"/chat/completions": "chat", "/responses": "responses", "/v1/messages": "anthropic"}
_KEPT = ("temperature", "max_tokens", "max_output_tokens", "top_p", "tool_choice", "parallel_tool_calls")
_LARGEST = 60_000
_LINE_SIZES = range(60, 300)
_NAMES = (
    "Blue",
    "Northern",
    "Harbor",
    "Summit",
    "Delta River",
    "Pacific",
    "Aurora",
    "Maple",
    "Cedar",
    "Lakeside",
)
_ASKED = ("Go on, please.", "And what follows from that?", "Could you say more about the second point?")


@dataclass
class Talk:
    """A conversation to be sent call by call. counts: of each call, how many of the turns it sends."""

    name: str
    system: str
    tools: list[dict[str, Any]]
    turns: list[Turn]
    counts: list[int]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    """Where a talk comes from. wire: the only one that it can be sent by, or None."""

    name: str
    wire: str | None
    talk: Talk


@dataclass(frozen=True)
class Hosts:
    """All that there is to choose from. lines: sentences to fill up with."""

    traces: Sequence[Host]
    cassettes: Sequence[Host]
    lines: Sequence[str]

    def talk(self, host: Host, rng: Random, minimum: int) -> Talk:
        """A talk of *host* as no other seed has it, whose tools and system are *minimum* tokens or more."""
        talk = copy.deepcopy(host.talk)
        if host.wire is None:
            talk.system = _shuffled_system(talk.system, rng)
            talk.tools = _some_tools(rng)
        else:
            _go_on(talk, self.lines, rng)
        size = len(tokens_of(talk.system)) + len(tokens_of(json.dumps(talk.tools))) * 0.8
        filling: list[str] = [
            f"You work for {rng.choice(_NAMES)} {rng.choice(('Airlines', 'Travel', 'Air'))}."
        ]
        while size + sum(len(tokens_of(line)) for line in filling) < minimum * 1.1 + 150:
            filling.append(rng.choice(self.lines))
        talk.system = "\n".join([talk.system, *filling]).strip()
        return talk


def load_hosts(traces: Path, cassettes: Path) -> Hosts:
    """The conversations below *traces* and the requests below *cassettes*."""
    trajectories = json.loads((traces / "tau-bench/gpt-4o-airline-first100.json").read_text("utf-8"))
    airline = [_from_trajectory(one) for one in trajectories]
    texts = {
        turn.texts[0]
        for host in airline
        for turn in host.talk.turns
        if turn.role == "assistant" and turn.texts
    }
    lines = sorted({line.strip() for text in texts for line in text.split("\n") if len(line) in _LINE_SIZES})
    recorded = [
        host for path in sorted((cassettes / "open").glob("*.jsonl")) for host in _from_cassette(path)
    ]
    return Hosts(airline, recorded, lines)


def _from_trajectory(record: Mapping[str, Any]) -> Host:
    messages = record["traj"]
    turns = [_turn(message) for message in messages[1:]]
    counts = [at for at, turn in enumerate(turns) if turn.role == "assistant"]
    name = f"tau-bench/{record['task_id']}"
    return Host(name, None, Talk(name, messages[0]["content"], [], turns, counts))


def _turn(message: Mapping[str, Any]) -> Turn:
    """A chat message as a turn."""
    calls: list[Mapping[str, str]] = [
        {"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        for call in message.get("tool_calls") or ()
    ]
    texts = [message["content"]] if message.get("content") else []
    if message["role"] == "tool":
        return Turn("tool", texts or ["(empty)"], call_id=message["tool_call_id"])
    return Turn(message["role"], texts, calls)


def _shuffled_system(system: str, rng: Random) -> str:
    """The sections of the policy in another order, up to two left out."""
    head, *sections = system.split("\n\n")
    rng.shuffle(sections)
    return "\n\n".join([head, *sections[: len(sections) - rng.randrange(3)]])


def _some_tools(rng: Random) -> list[dict[str, Any]]:
    chosen = rng.sample(TOOLS, rng.randrange(7, len(TOOLS) + 1)) + rng.sample(EXTRA_TOOLS, rng.randrange(3))
    rng.shuffle(chosen)
    return [copy.deepcopy(dict(tool)) for tool in chosen]


def _go_on(talk: Talk, lines: Sequence[str], rng: Random) -> None:
    """Two or three calls more, each with an answer and another question."""
    for _ in range(rng.randrange(2, 4)):
        talk.turns.append(Turn("assistant", [" ".join(rng.sample(lines, 3))]))
        talk.turns.append(Turn("user", [f"{rng.choice(_ASKED)} {rng.choice(lines)}"]))
        talk.counts.append(len(talk.turns))


def _from_cassette(path: Path) -> Iterator[Host]:
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        request = record["request"]
        wire = next(
            (wire for end, wire in _PATHS.items() if request["url"].split("?")[0].endswith(end)), None
        )
        text = request.get("body_text") or ""
        if wire is None or record["vendor"] not in {"openai", "anthropic"} or not text.startswith("{"):
            continue
        talk = (
            _recorded(f"{path.stem}/{record['id']}", wire, json.loads(text)) if len(text) < _LARGEST else None
        )
        if talk is not None:
            yield Host(talk.name, wire, talk)


def _recorded(name: str, wire: str, body: Mapping[str, Any]) -> Talk | None:
    """A talk of one call; None where the request is not plain enough to be continued."""
    messages = body.get("input") if wire == "responses" else body.get("messages")
    messages = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        return None
    system = _plain(body.get("instructions") or body.get("system") or "")
    if messages[0].get("role") in {"system", "developer"}:
        system = _plain(messages[0].get("content") or "")
        messages = messages[1:]
    is_plain = bool(messages) and all(_is_plain(message) for message in messages)
    is_asked = bool(messages) and (messages[-1].get("role") == "user")
    tools = [_neutral(wire, tool) for tool in body.get("tools") or ()]
    if system is None or not is_plain or not is_asked or not (system or tools):
        return None
    turns = [_recorded_turn(message) for message in messages]
    settings = {name: body[name] for name in _KEPT if name in body}
    return Talk(name, system, tools, turns, [len(turns)], settings)


def _plain(content: object) -> str | None:
    if isinstance(content, str):
        return content
    texts = (
        [part.get("text") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    )
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else None


def _is_plain(message: Mapping[str, Any]) -> bool:
    is_role = message.get("role") in {"user", "assistant"} and bool(message.get("content"))
    return is_role and "cache_control" not in json.dumps(message)


def _recorded_turn(message: Mapping[str, Any]) -> Turn:
    """A message that is one text can be changed; any other is sent as it was recorded."""
    content = message["content"]
    text = _plain(content)
    if text and set(message) == {"role", "content"} and _is_text_only(content):
        return Turn(message["role"], [text], is_blocks=isinstance(content, list))
    return Turn(message["role"], raw=dict(message))


def _is_text_only(content: object) -> bool:
    return isinstance(content, str) or (
        isinstance(content, list) and all(set(part) == {"type", "text"} for part in content)
    )


def _neutral(wire: str, tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function in no provider's form; any other tool as it was recorded."""
    shown = tool.get("function", {}) if wire == "chat" else tool
    parameters = shown.get("input_schema" if wire == "anthropic" else "parameters")
    if not isinstance(parameters, dict) or not shown.get("description") or not shown.get("name"):
        raw = {key: value for key, value in tool.items() if key != "cache_control"}
        return {"raw": raw, "name": str(shown.get("name") or tool.get("type"))}
    return {"name": shown["name"], "description": shown["description"], "parameters": parameters}
