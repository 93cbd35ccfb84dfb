"""Which obstacle kept how many tokens from being read? The simulator is asked again with each one removed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llm_observer.cache.diff import Alignment, Change
from llm_observer.cache.memory import Conversation
from llm_observer.cache.prompt import Prompt
from llm_observer.cache.rules import Rule
from llm_observer.cache.simulator import CacheState, Reading

__all__ = ["Loss", "Past", "Reach", "reach"]

OBSTACLES = (
    ("ttl", "ttl_expired"),
    ("ttl_change", "ttl_changed"),
    ("concurrent", "parallel_calls"),
    ("look_back", "look_back_exceeded"),
)
MAX_STAGES = 64


class Past(NamedTuple):
    """What a prompt goes on from. partials: for each change, how many tokens of its piece stand before it."""

    line: Conversation
    alignment: Alignment
    partials: Sequence[int]


class Loss(NamedTuple):
    """Tokens that one obstacle kept from being read. change: where it is the prompt's own doing."""

    kind: str
    tokens: int
    change: Change | None = None


class Reach(NamedTuple):
    """reusable: what could be read. ideal: tokens, with all obstacles gone. losses: the way between."""

    reusable: Reading
    ideal: int
    is_ideal_exact: bool
    losses: list[Loss]


def reach(state: CacheState, rule: Rule, prompt: Prompt, past: Past | None, *, with_markers: bool) -> Reach:
    """How far *prompt* can read, and how far without each obstacle, one after the other.

    past: what it goes on from. with_markers: count the lack of breakpoints as an obstacle.
    """
    partial = past.partials[0] if past and past.partials else 0
    reusable = state.read(prompt, rule, partial=partial)
    obstacles = (*OBSTACLES, ("markers", "breakpoint_missing")) if with_markers else OBSTACLES
    losses, best, relax = [], reusable, []
    for name, kind in obstacles:
        relax.append(name)
        reading = state.read(prompt, rule, relax=relax, partial=partial)
        if reading.tokens > best.tokens:
            losses.append(Loss(kind, reading.tokens - best.tokens))
            best = reading
    for change, keys, following in _stages(prompt, past) if past else ():
        reading = state.read(prompt._replace(keys=keys), rule, relax=relax, partial=following)
        gained = max(reading.tokens - best.tokens, 0)
        losses.append(Loss(change.kind, gained, change))
        best = reading if gained else best
    return Reach(reusable, best.tokens, best.is_exact, losses)


def _stages(prompt: Prompt, past: Past) -> Iterator[tuple[Change, list[int], int]]:
    """Each change, the prompt's keys with it and all before it undone, and the tokens before the next one.

    Pieces before the next change have the keys that they had in the earlier prompt; those behind it have
    keys that nobody ever had.
    """
    changes = past.alignment.changes[:MAX_STAGES]
    for stage, change in enumerate(changes):
        is_last = stage + 1 >= len(changes)
        until = len(prompt.keys) if is_last else changes[stage + 1].piece
        following = past.partials[stage + 1] if stage + 1 < len(past.partials) else 0
        keys = [
            past.line.keys[old] if place < until and old >= 0 else -1 - place
            for place, old in enumerate(past.alignment.to_old)
        ]
        yield change, keys, following
