"""At which places of a prompt can a developer put a breakpoint by rule? Names that follow its structure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llm_observer.cache.prompt import Marker, Mode, PieceKind, Prompt

__all__ = ["Placement", "is_slot", "places_of", "words_of"]

NOT_MARKABLE: frozenset[PieceKind] = frozenset({"thinking", "schema"})
"""Pieces that carry no marker: the one before does."""
INSTRUCTIONS: frozenset[PieceKind] = frozenset({"system", "developer"})
HEAD: frozenset[PieceKind] = INSTRUCTIONS | {"tool", "schema"}
MAX_BLOCKS, MAX_MESSAGES, MAX_BACK = 6, 4, 4
STRIDES = (15, 30, 45)
"""Blocks before the last one: less than Anthropic's look-back of 20 positions apart."""
WORDS: Mapping[str, str] = {
    "tools": "the last tool",
    "system": "the last system block",
    "last": "the last block",
}


class Placement(NamedTuple):
    """Breakpoints by rule. slots: names of places; one that a prompt does not have is left out of it."""

    slots: tuple[str, ...] = ()
    mode: Mode | None = None
    ttl_s: int | None = None

    def on(self, prompt: Prompt) -> Prompt:
        """*prompt* with these breakpoints, and no others."""
        places = places_of(prompt)
        found = sorted({places[slot] for slot in self.slots if slot in places})
        markers = tuple(Marker(place, self.ttl_s) for place in found)
        return prompt._replace(markers=markers, mode=self.mode, ttl_s=self.ttl_s)


def is_slot(name: str) -> bool:
    """Whether *name* can be the name of a place."""
    return name in NAMES


def words_of(slot: str) -> str:
    """The place in words."""
    name, _, number = slot.removesuffix("]").partition("[")
    if name == "back":
        return f"the block {number} blocks before the last"
    if name == "before":
        return (
            "the end of the message before the last"
            if number == "1"
            else f"the end of the message {number} before the last"
        )
    if name in {"system", "message"} and number:
        kind = "system block" if name == "system" else "message"
        return f"the end of {kind} {number}, counted from 0"
    return WORDS[slot]


def places_of(prompt: Prompt) -> dict[str, int]:
    """The pieces that the slots of *prompt* are."""
    if not prompt.kinds:
        return {}
    kinds, last = prompt.kinds, len(prompt.kinds) - 1
    head = next((at for at, kind in enumerate(kinds) if kind not in HEAD), len(kinds))
    tools = [at for at in range(head) if kinds[at] == "tool"]
    instructions = [at for at in range(head) if kinds[at] in INSTRUCTIONS]
    ends = [
        at for at in range(head, len(kinds)) if at == last or prompt.messages[at] != prompt.messages[at + 1]
    ]
    found = {"last": last, **{f"back[{count}]": last - count for count in STRIDES if last - count >= head}}
    found |= {"tools": tools[-1]} if tools else {}
    found |= {"system": instructions[-1]} if instructions else {}
    found |= {f"system[{number}]": at for number, at in enumerate(instructions[:MAX_BLOCKS])}
    found |= {f"message[{number}]": at for number, at in enumerate(ends[:MAX_MESSAGES])}
    found |= {f"before[{number}]": at for number, at in enumerate(ends[: -MAX_BACK - 2 : -1]) if number}
    return {slot: place for slot, at in found.items() if (place := _markable(kinds, at)) >= 0}


def _markable(kinds: Sequence[PieceKind], at: int) -> int:
    """The piece at or before *at* that can carry a marker, -1 if none can."""
    while at >= 0 and kinds[at] in NOT_MARKABLE:
        at -= 1
    return at


NAMES = frozenset(
    {
        *WORDS,
        *(f"back[{count}]" for count in STRIDES),
        *(f"system[{number}]" for number in range(MAX_BLOCKS)),
        *(f"message[{number}]" for number in range(MAX_MESSAGES)),
        *(f"before[{number}]" for number in range(1, MAX_BACK + 1)),
    }
)
"""Of all places that there can be."""
