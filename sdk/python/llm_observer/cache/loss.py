"""Which obstacle kept how many tokens from being read? The simulator is asked again with each one removed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llm_observer.cache.diff import Alignment, Change
from llm_observer.cache.kinds import KINDS
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
NOISE = frozenset({"volatile", "form", "settings"})
"""Families of changes that leave a prompt as long as it was."""
MAX_MARKERS = 4
"""Breakpoints that any provider takes."""


class Past(NamedTuple):
    """What a prompt goes on from. partials: for each change, how many tokens of its piece stand before it."""

    line: Conversation
    alignment: Alignment
    partials: Sequence[int]


class Loss(NamedTuple):
    """Tokens that one obstacle kept from being read. change: where it is the prompt's own doing.

    is_paid: it took part in a loss: of several changes that had to go for one, the first has all the tokens.
    """

    kind: str
    tokens: int
    change: Change | None = None
    is_paid: bool = False


class Reach(NamedTuple):
    """reusable: what could be read. ideal: tokens, with all obstacles gone. losses: the way between."""

    reusable: Reading
    ideal: int
    is_ideal_exact: bool
    losses: list[Loss]


def reach(state: CacheState, rule: Rule, prompt: Prompt, past: Past | None, *, missing: str | None) -> Reach:
    """How far *prompt* can read, and how far without each obstacle, one after the other.

    past: what it goes on from. missing: kind of finding where the request has no breakpoint at all.
    """
    partial = past.partials[0] if past and past.partials else 0
    reusable = state.read(prompt, rule, partial=partial)
    obstacles = (*OBSTACLES, ("markers", missing)) if missing else OBSTACLES
    losses, best, relax = [], reusable, []
    for name, kind in obstacles:
        relax.append(name)
        reading = state.read(prompt, rule, relax=relax, partial=partial)
        if reading.tokens > best.tokens:
            losses.append(Loss(kind, reading.tokens - best.tokens, is_paid=True))
            best = reading
    moved = _as_before(prompt, past)
    if moved is not None:
        reading = state.read(moved, rule, relax=relax, partial=partial)
        if reading.tokens > best.tokens:
            losses.append(Loss("breakpoint_moved", reading.tokens - best.tokens, is_paid=True))
            best = reading
    first, is_noise = len(losses), True
    for change, undone, following in _stages(prompt, past) if past else ():
        losses.append(Loss(change.kind, 0, change))
        reading = state.read(undone, rule, relax=relax, partial=following)
        is_noise = is_noise and (KINDS[change.kind].family in NOISE or change.kind == "message_lengthened")
        if (
            not is_noise and rule.step == 1 and reading.position >= 0
        ):  # the earlier prompt was of another size
            reading = reading._replace(tokens=max(undone.ends[reading.position], best.tokens), is_exact=False)
        gained = reading.tokens - best.tokens
        if gained > 0:
            losses[first:] = [loss._replace(is_paid=True) for loss in losses[first:]]
            losses[first] = losses[first]._replace(tokens=gained)
            first, best = len(losses), reading
    return Reach(reusable, best.tokens, best.is_exact, losses)


def _as_before(prompt: Prompt, past: Past | None) -> Prompt | None:
    """The prompt with the breakpoints of the call that it goes on from as well; None if it has them all."""
    if past is None or past.line.last is None or not prompt.markers:
        return None
    here = {marker.position for marker in prompt.markers}
    more = [marker for marker in past.line.last.markers if marker.position not in here]
    kept = [marker for marker in more if marker.position < len(prompt.keys)][-1:]
    own = prompt.markers[len(kept) - MAX_MARKERS :]
    return prompt._replace(markers=tuple(sorted((*kept, *own)))) if kept else None


def _stages(prompt: Prompt, past: Past) -> Iterator[tuple[Change, Prompt, int]]:
    """Each change, the prompt with it and all before it undone, and the tokens before the next one."""
    changes = past.alignment.changes[:MAX_STAGES]
    for stage, change in enumerate(changes):
        is_last = stage + 1 >= len(changes)
        until = len(prompt.keys) if is_last else changes[stage + 1].piece
        following = past.partials[stage + 1] if stage + 1 < len(past.partials) else 0
        yield change, _undone(prompt, past, until), following


def _undone(prompt: Prompt, past: Past, until: int) -> Prompt:
    """The prompt as if its pieces before *until* had not changed.

    They have the keys that they had in the earlier prompt, and those which that one had not are left out;
    pieces behind have keys that nobody ever had. Tokens stay those of the prompt itself.
    """
    to_old = past.alignment.to_old
    until = min(until, 1 + max((place for place, old in enumerate(to_old) if old >= 0), default=-1))
    left = [place for place in range(len(prompt.keys)) if place >= until or to_old[place] >= 0]
    where = {place: number for number, place in enumerate(left)}
    return prompt._replace(
        keys=[past.line.keys[to_old[place]] if place < until else -1 - place for place in left],
        ends=[prompt.ends[place] for place in left],
        kinds=[prompt.kinds[place] for place in left],
        messages=[prompt.messages[place] for place in left],
        markers=tuple(
            marker._replace(position=where[marker.position])
            for marker in prompt.markers
            if marker.position in where
        ),
    )
