"""Which obstacle kept how many tokens from being read? The simulator is asked again with each one removed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llm_observer.cache.diff import Alignment, Change
from llm_observer.cache.memory import Conversation
from llm_observer.cache.prompt import Prompt
from llm_observer.cache.rules import Rule
from llm_observer.cache.simulator import CacheState, Reading

__all__ = ["Loss", "Reach", "reach"]

OBSTACLES = (
    ("ttl", "ttl_expired"),
    ("ttl_change", "ttl_changed"),
    ("concurrent", "parallel_calls"),
    ("look_back", "look_back_exceeded"),
)
MAX_STAGES = 64


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


def reach(
    state: CacheState,
    rule: Rule,
    prompt: Prompt,
    line: Conversation | None,
    alignment: Alignment | None,
    *,
    with_markers: bool,
    partials: Sequence[int] = (),
) -> Reach:
    """How far *prompt* can read, and how far without each obstacle, one after the other.

    with_markers: count the lack of breakpoints as an obstacle. partials: for each change, how many tokens of
    its piece stand before it.
    """
    changes = alignment.changes if alignment else []
    partial = partials[0] if partials else 0
    reusable = state.read(prompt, rule, partial=partial)
    obstacles = (*OBSTACLES, ("markers", "breakpoint_missing")) if with_markers else OBSTACLES
    losses, best, relax = [], reusable, []
    for name, kind in obstacles:
        relax.append(name)
        reading = state.read(prompt, rule, relax=relax, partial=partial)
        if reading.tokens > best.tokens:
            losses.append(Loss(kind, reading.tokens - best.tokens))
            best = reading
    if line is not None and alignment is not None:
        for stage, keys in enumerate(_stages(prompt, line, alignment)):
            following = partials[stage + 1] if stage + 1 < len(partials) else 0
            reading = state.read(prompt._replace(keys=keys), rule, relax=relax, partial=following)
            gained = max(reading.tokens - best.tokens, 0)
            losses.append(Loss(changes[stage].kind, gained, changes[stage]))
            best = reading if gained else best
    return Reach(reusable, best.tokens, best.is_exact, losses)


def _stages(prompt: Prompt, line: Conversation, alignment: Alignment) -> Iterator[list[int]]:
    """The prompt's keys with the first change undone, with the first two undone, and so on.

    Pieces before the next change have the keys that they had in the earlier prompt; those behind it have
    keys that nobody ever had.
    """
    changes = alignment.changes
    for stage in range(min(len(changes), MAX_STAGES)):
        is_last = stage + 1 >= min(len(changes), MAX_STAGES)
        until = len(prompt.keys) if is_last else changes[stage + 1].piece
        yield [
            line.keys[old] if place < until and old >= 0 else -1 - place
            for place, old in enumerate(alignment.to_old)
        ]
