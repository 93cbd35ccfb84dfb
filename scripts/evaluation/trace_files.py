"""What do public traces of prompts hold? Requests in order of time, each a list of numbered token blocks."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Request", "Trace", "by_model", "read_coding", "read_mooncake"]

MOONCAKE_BLOCK = 512
"""Tokens of a block, as its README says; a coding trace says so itself."""
CODING_BLOCK = 64


class Request(NamedTuple):
    """One call of a trace. blocks: the trace's own numbers, first to last; tokens: of its whole input."""

    started_s: float
    blocks: tuple[int, ...]
    tokens: int
    model: str = ""


class Trace(NamedTuple):
    """Requests that share a cache, in the order of their start."""

    name: str
    block_tokens: int
    requests: list[Request]


def read_mooncake(path: Path) -> Trace:
    """The trace in a file of Mooncake's form."""
    rows = (json.loads(line) for line in path.read_text().splitlines() if line.strip())
    requests = [Request(row["timestamp"] / 1000, tuple(row["hash_ids"]), row["input_length"]) for row in rows]
    return Trace(path.stem, MOONCAKE_BLOCK, sorted(requests, key=lambda request: request.started_s))


def read_coding(path: Path) -> Trace:
    """The trace in a file of a coding agent's session, the calls of its sub-agents included."""
    session = json.loads(path.read_text())
    requests = [
        Request(call["t"], tuple(call["hash_ids"]), call["in"], call.get("model", ""))
        for call in _calls(session)
    ]
    requests.sort(key=lambda request: request.started_s)
    return Trace(path.stem, session.get("block_size", CODING_BLOCK), requests)


def by_model(trace: Trace) -> list[Trace]:
    """The same with a cache for each model, in the order of their first use."""
    models = dict.fromkeys(request.model for request in trace.requests)
    return [
        trace._replace(requests=[request for request in trace.requests if request.model == model])
        for model in models
    ]


def _calls(session: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The calls of a session; a sub-agent is an entry with `requests` of its own, on the same clock."""
    for entry in session["requests"]:
        if "requests" in entry:
            yield from _calls(entry)
        elif "hash_ids" in entry:
            yield entry
