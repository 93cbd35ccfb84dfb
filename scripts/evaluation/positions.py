"""How well does the doctor know where in the tokens a place in the prompt is? Held-out counts tell.

The whole session tells the anchors. Every second call left out: where one of those ended lies inside the
newest segments of the next call, and its own count says where. Every second usage left out: the doctor's
total of such a prompt is its own guess.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pi_session import new_doctor, session_calls

from llm_observer.call import LLMCall

__all__ = ["Positions", "positions"]

CALIBRATION = 20
"""Calls after which the doctor should know the model's tokens."""
Line = Mapping[str, Any]


class Positions(NamedTuple):
    """Errors in tokens: at ends that were counted, and inside segments. totals: shares of the true total."""

    anchors: list[int]
    inside: list[int]
    totals: list[float]


def positions(lines: Sequence[Line]) -> Positions:
    """The errors over the session of *lines*."""
    inside = [error for first in (0, 1) for error in _inside(lines, first)]
    return Positions(list(_anchors(lines)), inside, list(_totals(lines)))


def total_of(line: Line) -> int:
    """The input tokens that the provider counted, 0 for a call that was broken off."""
    usage = line["response"]["usage"]
    return sum(usage[f"{name}input_tokens"] for name in ("", "cache_read_", "cache_creation_"))


def _anchors(lines: Sequence[Line]) -> Iterator[int]:
    for number, ends, _ in _ends(session_calls(lines, new_doctor())):
        if total_of(lines[number]):
            yield abs(ends[-1] - total_of(lines[number]))


def _inside(lines: Sequence[Line], first: int) -> Iterator[int]:
    """Errors where the calls that are left out ended. A call has a piece for each block of its messages."""
    for number, ends, kept in _ends(session_calls(lines[first::2], new_doctor())):
        left_out = lines[number * 2 + first - 1]
        if number * 2 + first == 0 or not total_of(lines[number * 2 + first]) or not total_of(left_out):
            continue
        place = sum(len(message["content"]) for message in _messages(left_out))
        if 0 < kept < place < len(ends):
            yield abs(ends[place - 1] - total_of(left_out))


def _messages(line: Line) -> list[Any]:
    messages: list[Any] = json.loads(line["request"]["body"])["messages"]
    return messages


def _totals(lines: Sequence[Line]) -> Iterator[float]:
    held = [
        {**line, "response": {}} if place % 2 and total_of(line) else line for place, line in enumerate(lines)
    ]
    for number, ends, _ in _ends(session_calls(held, new_doctor())):
        if number % 2 and number > CALIBRATION and total_of(lines[number]):
            yield abs(ends[-1] - total_of(lines[number])) / total_of(lines[number])


def _ends(calls: Iterable[LLMCall]) -> Iterator[tuple[int, list[int], int]]:
    """Each call's number, the ends of its pieces as the events tell them, and how many pieces it kept."""
    known: dict[str, list[int]] = {}
    for number, call in enumerate(calls):
        if call.cache is None or not call.segment_count:
            continue
        kept = call.cache.kept_segments or 0
        ends = known.get(call.cache.extends or "", [])[:kept]
        for segment in call.segments:
            ends.append((ends[-1] if ends else 0) + (segment.tokens or 0))
        known[f"{number}"] = ends
        yield number, ends, kept
