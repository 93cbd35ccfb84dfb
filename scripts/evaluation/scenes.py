"""What does a breaker cost? The same calls with it and without it, and the difference of what they read."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from drafts import Draft, Place, encode
from hosts import Talk
from models import MODELS, Reading, money
from providers import STEP, Call, simulate
from rendering import render, tokens_of

__all__ = ["FIXED", "Breaker", "Maker", "Scene", "Spot", "call_of", "changed_once", "is_user_text", "located"]

FIXED = -1
"""The version of a breaker that is none."""


class Spot(NamedTuple):
    """Where a breaker stands: at a place of the draft, or at a path. also: paths that say the same.

    snippet: text that holds the value, from character `start` on, `length` long.
    """

    place: Place | None = None
    path: str | None = None
    also: Sequence[str] = ()
    snippet: str | None = None
    start: int = 0
    length: int = 0


@dataclass
class Breaker:
    """Something that changes between calls. versions: of each call; the same version is the same text.

    against: what it is measured against: `frozen` (all calls as this one has it), `previous` (as the one
    before had it) or `fixed` (all without it). survivors: count what is still there behind the change.
    is_lasting: it is there at each call from `first` on, and need not change to cost.
    """

    kind: str
    versions: Sequence[int]
    apply: Callable[[Draft, int], Spot | None]
    against: str = "frozen"
    measure: str = "twin"
    is_lasting: bool = False
    persists: bool = False
    has_money: bool = True
    first: int = 1

    def counterpart(self, call: int) -> int:
        """The version of all calls that *call* is measured against."""
        if self.against == "fixed":
            return FIXED
        return self.versions[call - 1 if self.against == "previous" else call]

    def is_at(self, call: int) -> bool:
        """Whether it may be found at *call*; it must be only where it costs."""
        if self.is_lasting or call == 0:
            return self.is_lasting
        if self.persists:
            return call >= self.first
        return self.versions[call] != self.versions[call - 1]


@dataclass
class Scene:
    """A conversation with its provider and its breakers. calls: of each call, how many turns it sends.

    noise: what the app does to each call besides, and which breaks nothing.
    """

    rng: Random
    wire: str
    model: str
    talk: Talk
    marking: str
    calls: list[int]
    lines: Sequence[str]
    ttl: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    is_system_blocks: bool = False
    times: list[tuple[float, float, float]] = field(default_factory=list)
    breakers: list[Breaker] = field(default_factory=list)
    noise: list[Callable[[Draft], None]] = field(default_factory=list)

    @property
    def family(self) -> str:
        """The caching rule: anthropic, old or new."""
        return MODELS[self.model].family

    def set_clock(self, start: float) -> None:
        """A time for each call and one to spare: after the one before has ended and the app has thought."""
        at, rng = start, self.rng
        self.times = []
        for _ in range(len(self.calls) + 1):
            first_byte = at + rng.uniform(0.3, 3)
            ended = first_byte + rng.uniform(0.5, 9)
            self.times.append((round(at, 3), round(first_byte, 3), round(ended, 3)))
            at = ended + rng.choice((rng.uniform(0.05, 4), rng.uniform(2, 45)))

    def base(self, call: int) -> Draft:
        """The call before any breaker."""
        draft = Draft(
            self.wire, self.model, self.talk.system, copy.deepcopy(self.talk.tools),
            copy.deepcopy(self.talk.turns[: self.calls[call]]), self.marking, call,
            self.calls[call - 1] if call else 0, self.ttl, {**self.talk.settings, **self.settings},
            dict(self.headers), self.is_system_blocks, *self.times[call],
        )  # fmt: skip
        for disturb in self.noise:
            disturb(draft)
        return draft

    def draft(self, call: int, versions: Sequence[int]) -> tuple[Draft, list[Spot | None]]:
        """The call with a version of each breaker, and where each stands."""
        draft = self.base(call)
        spots = [
            breaker.apply(draft, version) for breaker, version in zip(self.breakers, versions, strict=True)
        ]
        return draft, spots

    def sent(self) -> list[tuple[Draft, list[Spot | None]]]:
        """All calls as they go out."""
        return [self.draft(at, self._as_sent(at)) for at in range(len(self.calls))]

    def truth(self) -> list[dict[str, Any]]:
        """Of each call: what was read, what would have been, and which breakers stand where."""
        drafts = self.sent()
        readings = simulate([call_of(draft) for draft, _ in drafts])
        return [self._record(at, drafts[at], readings) for at in range(len(self.calls))]

    def _as_sent(self, call: int) -> list[int]:
        return [breaker.versions[call] for breaker in self.breakers]

    def _record(
        self, call: int, sent: tuple[Draft, list[Spot | None]], readings: Sequence[Reading]
    ) -> dict[str, Any]:
        here = [breaker for breaker in self.breakers if breaker.is_at(call)]
        reading = readings[call]
        is_known = all(breaker.measure == "twin" for breaker in here) and not reading.is_refused
        ideal = self._read(call, here) if here else reading.read
        record: dict[str, Any] = {"call": call, "total": reading.total, "actual": reading.read}
        record["ideal"] = max(ideal, reading.read) if is_known else None
        record["breakers"] = [self._injected(breaker, call, sent, readings, here, ideal) for breaker in here]
        return record

    def _read(self, call: int, fixed: Sequence[Breaker]) -> int:
        """What *call* would have read, had the *fixed* breakers not been."""
        calls = []
        for at in range(call + 1):
            pairs = zip(self.breakers, self._as_sent(at), strict=True)
            versions = [one.counterpart(call) if one in fixed else version for one, version in pairs]
            calls.append(call_of(self.draft(at, versions)[0]))
        has_minimum = all(breaker.measure != "minimum" for breaker in fixed)
        return simulate(calls, has_minimum=has_minimum)[-1].read

    def _injected(
        self,
        breaker: Breaker,
        call: int,
        sent: tuple[Draft, list[Spot | None]],
        readings: Sequence[Reading],
        here: Sequence[Breaker],
        ideal: int,
    ) -> dict[str, Any]:
        reading = readings[call]
        lost = ideal - (
            reading.read if len(here) == 1 else self._read(call, [b for b in here if b is not breaker])
        )
        if breaker.measure == "survivors":
            lost = self._survivors(call, reading)
        is_required = lost > 0 and not (
            breaker.persists and breaker.versions[call] == breaker.versions[call - 1]
        )
        if breaker.measure == "refused":
            is_required = reading.is_refused and not (call and readings[call - 1].is_refused)
        tokens = lost if len(here) == 1 and breaker.measure in {"twin", "survivors"} else None
        usd = money(MODELS[sent[0].model], reading, tokens) if tokens and breaker.has_money else None
        return {
            "kind": breaker.kind,
            **located(sent[0], sent[1][self.breakers.index(breaker)]),
            "tokens": tokens,
            "money": usd,
            "measure": breaker.measure,
            "required": is_required and (call >= breaker.first or breaker.measure == "refused"),
        }

    def _survivors(self, call: int, reading: Reading) -> int:
        """Tokens behind the read ones that the call before had sent too."""
        before, now = ([*self._blocks(at)] for at in (call - 1, call))
        left, end, lost = Counter(before), 0, 0
        for kind, text in now:
            size = 1 + len(tokens_of(text))
            end += size
            if left[kind, text] > 0:
                left[kind, text] -= 1
                lost += min(size, max(0, end - reading.read))
        step = STEP if self.family == "old" else 1
        return lost - lost % step

    def _blocks(self, call: int) -> Iterator[tuple[str, str]]:
        sent = call_of(self.draft(call, self._as_sent(call))[0])
        return ((block.kind, block.text) for block in render(sent.wire, sent.body))


def call_of(draft: Draft) -> Call:
    """What the provider sees of *draft*."""
    return Call(draft.wire, encode(draft).body, draft.headers, draft.started, draft.first_byte)


def located(draft: Draft, spot: Spot | None) -> dict[str, Any]:
    """The path, and the offset and length in UTF-8 bytes where there is a value."""
    where: dict[str, Any] = {"path": None, "also": [], "offset": None, "length": None, "spans": []}
    if spot is None:
        return where
    where |= {"path": spot.path, "also": list(spot.also)}
    if spot.place is None:
        return where
    where["path"] = encode(draft).paths[spot.place]
    if spot.snippet is not None:
        text = draft.text(spot.place)
        start = text.index(spot.snippet) + spot.start
        where["offset"], where["length"] = _bytes(text, start, start + spot.length)
        where["spans"] = list(_spans(text, start, start + spot.length))
    return where


def _bytes(text: str, start: int, end: int) -> tuple[int, int]:
    return len(text[:start].encode()), len(text[start:end].encode())


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The value; of a URL also its query, with its question mark and without, for the rest never changes."""
    yield _bytes(text, start, end)
    query = text.find("?", start, end)
    if query > 0:
        yield _bytes(text, query, end)
        yield _bytes(text, query + 1, end)


def changed_once(rng: Random, calls: int, earliest: int = 1) -> list[int]:
    """Versions that change once, at *earliest* or later; the version is the number of the call."""
    at = rng.randrange(earliest, calls)
    return [0] * at + [at] * (calls - at)


def is_user_text(scene: Scene, turn: int) -> bool:
    """Whether the turn is the user's, of one text."""
    return scene.talk.turns[turn].role == "user" and scene.talk.turns[turn].is_text


Maker = Callable[[Scene], Breaker | None]
"""A breaker for a scene; None where the scene has no room for it."""
