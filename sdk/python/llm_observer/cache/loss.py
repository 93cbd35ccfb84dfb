"""Which obstacle kept how many tokens from being read? The simulator is asked again with each one removed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llm_observer.cache.diff import Alignment, Change
from llm_observer.cache.kinds import KINDS
from llm_observer.cache.memory import Conversation
from llm_observer.cache.prompt import Prompt
from llm_observer.cache.rules import Rule
from llm_observer.cache.simulator import PREFIX_RULES, CacheState, Reading
from llm_observer.cache.tokens import weight

__all__ = ["Loss", "Past", "Reach", "reach", "width"]

OBSTACLES = (
    ("ttl", "ttl_expired"),
    ("ttl_change", "ttl_changed"),
    ("concurrent", "parallel_calls"),
    ("look_back", "look_back_exceeded"),
)
MAX_STAGES = 64
AS_LONG = frozenset({"volatile", "form", "settings"})
"""Families of changes that leave a prompt as long as it was."""
ORDERS = frozenset({"tool_order", "few_shot_order", "message_lengthened"})
"""Other changes that do, up to the place that was cached."""
MAX_MARKERS = 4
"""Breakpoints that any provider takes."""


class Past(NamedTuple):
    """What a prompt goes on from. partials: for each change, how many tokens of its piece stand before it.

    new_shares: for each change, the share of its piece that the earlier prompt had nowhere.
    estimates: of the pieces of the prompt itself.
    """

    line: Conversation
    alignment: Alignment
    partials: Sequence[int]
    new_shares: Sequence[float]
    estimates: Sequence[int]


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


class _Reader(NamedTuple):
    """Asks the simulator, with some obstacles left out."""

    state: CacheState
    rule: Rule
    relax: tuple[str, ...]

    def read(self, prompt: Prompt, partial: int) -> Reading:
        return self.state.read(prompt, self.rule, relax=self.relax, partial=partial)


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
    if past is not None:
        best = _undo(_Reader(state, rule, tuple(relax)), prompt, past, losses, best)
    return Reach(reusable, best.tokens, best.is_exact, losses)


def _undo(reader: _Reader, prompt: Prompt, past: Past, losses: list[Loss], best: Reading) -> Reading:
    """The reading with all changes undone, one after the other; adds the loss of each."""
    first, is_as_long = len(losses), True
    for change, left, following in _stages(prompt, past):
        if change.kind == "message_lengthened" and reader.rule.id in PREFIX_RULES:
            continue  # up to where it grew, all is read: that is no loss
        losses.append(Loss(change.kind, 0, change))
        reading = reader.read(_undone(prompt, past, left), following)
        is_as_long = is_as_long and (KINDS[change.kind].family in AS_LONG or change.kind in ORDERS)
        if not is_as_long and reader.rule.step == 1 and reading.position >= 0:
            reading = _resized(reading, prompt, past, left[reading.position])
        if reading.position >= 0:
            reading = _without_news(reading, reader.rule, prompt, past, left[reading.position])
        gained = reading.tokens - best.tokens
        if gained > 0:
            losses[first:] = [loss._replace(is_paid=True) for loss in losses[first:]]
            losses[first] = losses[first]._replace(tokens=gained)
            first, best = len(losses), reading
    return best


def _as_before(prompt: Prompt, past: Past | None) -> Prompt | None:
    """The prompt with the breakpoints of the call that it goes on from as well; None if it has them all."""
    if past is None or past.line.last is None or not prompt.markers:
        return None
    here = {marker.position for marker in prompt.markers}
    more = [marker for marker in past.line.last.markers if marker.position not in here]
    kept = [marker for marker in more if marker.position < len(prompt.keys)][-1:]
    own = prompt.markers[len(kept) - MAX_MARKERS :]
    return prompt._replace(markers=tuple(sorted((*kept, *own)))) if kept else None


def _stages(prompt: Prompt, past: Past) -> Iterator[tuple[Change, list[int], int]]:
    """Each change, the pieces that are left with it and all before it undone, and the tokens before the next.

    What the earlier prompt did not have is left out.
    """
    changes, to_old = past.alignment.changes[:MAX_STAGES], past.alignment.to_old
    known = 1 + max((place for place, old in enumerate(to_old) if old >= 0), default=-1)
    for stage, change in enumerate(changes):
        is_last = stage + 1 >= len(changes)
        until = known if is_last else min(known, changes[stage + 1].piece)
        following = past.partials[stage + 1] if stage + 1 < len(past.partials) else 0
        left = [place for place in range(until) if to_old[place] >= 0]
        yield change, [*left, *(-1 - place for place in range(until, len(prompt.keys)))], following


def _undone(prompt: Prompt, past: Past, left: Sequence[int]) -> Prompt:
    """The prompt as if the pieces *left* had not changed: they have the keys of the earlier prompt.

    Negative ones, as `-1 - place`, stay under keys that nobody ever had. Tokens are those of the prompt.
    """
    to_old, places = past.alignment.to_old, [place if place >= 0 else -1 - place for place in left]
    grown = [change.piece for change in past.alignment.changes if change.kind == "message_lengthened"]
    where = {place: number for number, place in enumerate(places)}
    return prompt._replace(
        keys=[past.line.keys[to_old[place]] if place >= 0 else place for place in left],
        ends=[
            min(prompt.ends[place], past.line.ends[to_old[place]]) if place in grown else prompt.ends[place]
            for place in places
        ],
        kinds=[prompt.kinds[place] for place in places],
        messages=[prompt.messages[place] for place in places],
        markers=tuple(
            marker._replace(position=where[marker.position])
            for marker in prompt.markers
            if marker.position in where
        ),
    )


def _resized(reading: Reading, prompt: Prompt, past: Past, place: int) -> Reading:
    """*reading* in the tokens of the prompt itself: the earlier one was longer or shorter up to *place*.

    An edited piece has as many tokens for its estimate as before; a piece that was put in counts as placed.
    """
    line, total = past.line, 0.0
    for here, old in enumerate(past.alignment.to_old[: place + 1]):
        if old < 0:
            total += width(prompt.ends, here)
        else:
            total += width(line.ends, old) * weight(past.estimates[here]) / weight(line.facts[old].estimate)
    return reading._replace(tokens=min(round(total), prompt.ends[-1]), is_exact=False)


def _without_news(reading: Reading, rule: Rule, prompt: Prompt, past: Past, place: int) -> Reading:
    """*reading* without what no earlier prompt had: a summary of turns that were left out, new text."""
    new = sum(
        round(width(prompt.ends, change.piece) * share)
        for change, share in zip(past.alignment.changes, past.new_shares, strict=True)
        if change.piece <= place
    )
    if not new:
        return reading
    tokens = max((reading.tokens if rule.step == 1 else prompt.ends[place]) - new, 0)
    return reading._replace(tokens=tokens - tokens % rule.step, is_exact=False)


def width(ends: Sequence[int], place: int) -> int:
    """Tokens of the piece at *place*, of pieces that end at *ends*."""
    return ends[place] - (ends[place - 1] if place else 0)
