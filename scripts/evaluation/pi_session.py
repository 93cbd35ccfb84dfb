"""Does the doctor foresee the cache reads of a real coding session? A session file becomes exchanges.

The file has the messages' text and each call's usage, but no system prompt and no tools: what stands in front
of the first message is one hidden, constant stretch of tokens.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from llm_observer.adapters import decode
from llm_observer.cache.doctor import CacheDoctor
from llm_observer.call import LLMCall
from llm_observer.enrichers.cost import CostEnricher
from llm_observer.privacy import Hasher
from llm_observer.recordings.plain import exchange_of

URL = "https://api.anthropic.com/v1/messages"
BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384}


class Step(NamedTuple):
    """One transition from a call with usage to the next one. previous: what the plain recurrence foresees."""

    call: int
    recurrence: int
    predicted: int
    actual: int
    verdict: str
    kinds: tuple[str, ...]
    after_abort: bool


def exchanges(path: Path) -> Iterator[dict[str, Any]]:
    """The calls of a session in the plain form, each with the whole prompt that it sent."""
    state = _Session()
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for place, row in enumerate(rows):
        if row["type"] == "message" and row["message"]["role"] == "assistant":
            yield state.call(row)
        state.take(row, place)


class _Session:
    def __init__(self) -> None:
        self.entries: list[tuple[int, dict[str, Any]]] = []
        self.summary: str | None = None
        self.thinking, self.model = "off", None

    def take(self, row: dict[str, Any], place: int) -> None:
        if row["type"] == "session":
            self.model, self.thinking = row["modelId"], row["thinkingLevel"]
        elif row["type"] == "thinking_level_change":
            self.thinking = row["thinkingLevel"]
        elif row["type"] == "model_change":
            self.model = row["modelId"]
        elif row["type"] == "compaction":
            self.summary = row["summary"]
            self.entries = [entry for entry in self.entries if entry[0] >= row["firstKeptEntryIndex"]]
        elif row["type"] == "message" and row["message"].get("stopReason") not in {"aborted", "error"}:
            self.entries.append((place, row["message"]))

    def call(self, row: dict[str, Any]) -> dict[str, Any]:
        message = row["message"]
        usage = message["usage"]
        body: dict[str, Any] = {"model": self.model, "max_tokens": 32000, "stream": True}
        if self.thinking != "off":
            body["thinking"] = {"type": "enabled", "budget_tokens": BUDGETS[self.thinking]}
        body["messages"] = _marked(self._messages())
        ended = datetime.fromisoformat(row["timestamp"]).timestamp()
        return {
            "url": URL,
            "request": {"body": json.dumps(body)},
            "status": 200,
            "response": {
                "usage": {
                    "input_tokens": usage["input"],
                    "output_tokens": usage["output"],
                    "cache_read_input_tokens": usage["cacheRead"],
                    "cache_creation_input_tokens": usage["cacheWrite"],
                }
            },
            "started_at": message["timestamp"] / 1000,
            "ended_at": max(ended, message["timestamp"] / 1000),
        }

    def _messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        if self.summary is not None:
            messages.append({"role": "user", "content": [{"type": "text", "text": self.summary}]})
        for _, message in self.entries:
            role, blocks = _blocks(message)
            if not blocks:
                continue
            if message["role"] == "toolResult" and _is_of_results(messages):
                messages[-1]["content"] += blocks
                continue
            messages.append({"role": role, "content": list(blocks)})
        return messages


def _is_of_results(messages: list[dict[str, Any]]) -> bool:
    """Whether the last message holds tool results: those of one turn go into one message."""
    return bool(messages) and messages[-1]["content"][0]["type"] == "tool_result"


def _blocks(message: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    role = message["role"]
    if role == "toolResult":
        content = [{"type": "text", "text": block.get("text", "")} for block in message["content"]]
        return "user", [{"type": "tool_result", "tool_use_id": message["toolCallId"], "content": content}]
    if role == "bashExecution":
        return "user", [{"type": "text", "text": f"$ {message['command']}\n{message['output']}"}]
    if role == "user" and isinstance(message["content"], str):
        return "user", [{"type": "text", "text": message["content"]}]
    return role, [_block(block) for block in message["content"] if block["type"] in _BLOCKS]


_BLOCKS = {
    "text": lambda block: {"type": "text", "text": block["text"]},
    "thinking": lambda block: {"type": "thinking", "thinking": block["thinking"], "signature": "s"},
    "toolCall": lambda block: {
        "type": "tool_use",
        "id": block["id"],
        "name": block["name"],
        "input": block["arguments"],
    },
    "image": lambda block: {"type": "image", "source": {"type": "base64", "data": block.get("data", "")}},
}


def _block(block: dict[str, Any]) -> dict[str, Any]:
    return _BLOCKS[block["type"]](block)


def _marked(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The breakpoint stands on the newest message, as the client of the session puts it."""
    last = messages[-1]
    marked = [*last["content"][:-1], {**last["content"][-1], "cache_control": {"type": "ephemeral"}}]
    return [*messages[:-1], {**last, "content": marked}]


def session_calls(lines: Iterable[Mapping[str, Any]], doctor: CacheDoctor) -> Iterator[LLMCall]:
    """The calls of *lines*, exchanges in the plain form, as *doctor* sees them."""
    cost = CostEnricher()
    for number, line in enumerate(lines):
        exchange = exchange_of(json.dumps(line).encode())
        exchange.event_id = f"{number}"
        decoded = decode(exchange, with_content=False)
        call = cost(decoded.call, decoded, exchange)
        yield doctor.examine(call, decoded, exchange, cost.per_token(call, exchange))


def new_doctor() -> CacheDoctor:
    """One that knows of no call yet; its hashes are the same in each run."""
    return CacheDoctor(Hasher("evaluation-key-0123456789abcdef", None))


def steps(calls: Iterable[LLMCall]) -> list[Step]:
    """Every transition between two calls that have usage."""
    found, before, aborted = [], None, False
    for number, call in enumerate(calls):
        tokens = call.tokens
        if tokens is None or not tokens.input_total:
            aborted = True
            continue
        if before is not None and call.cache is not None:
            found.append(
                Step(
                    call=number,
                    recurrence=before,
                    predicted=call.cache.reusable_tokens or 0,
                    actual=tokens.cache_read or 0,
                    verdict=call.cache.verdict,
                    kinds=tuple(cause.kind for cause in call.cache.causes),
                    after_abort=aborted,
                )
            )
        before, aborted = (tokens.cache_read or 0) + (tokens.cache_write or 0), False
    return found


def main() -> None:
    """Prints the transitions that the plain recurrence, or the doctor, foresees wrongly."""
    rows = steps(session_calls(exchanges(Path(sys.argv[1])), new_doctor()))
    exact = sum(row.predicted == row.actual for row in rows)
    plain = sum(row.recurrence == row.actual for row in rows)
    print(f"{len(rows)} transitions, recurrence exact {plain}, predicted exact {exact}")
    print(Counter(row.verdict for row in rows))
    for row in rows:
        if row.predicted != row.actual:
            print(row)


if __name__ == "__main__":
    main()
