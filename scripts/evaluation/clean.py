"""What do apps do to their calls that breaks no cache? Forks, side calls, and noise in the form."""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import volatile
from dice import chance, dice
from drafts import Draft, Turn
from scenes import Scene

__all__ = ["Clean", "clean_account"]

_NEAR_MISSES = ("timestamp", "date", "uuid", "ulid", "request_id", "nonce", "signed_url", "counter")
_TITLE = "Write a title of at most six words for the conversation. Reply with the title only."


class Clean(NamedTuple):
    """A call without a breaker. is_side: not part of a conversation; is_first: nothing to read yet."""

    draft: Draft
    is_side: bool
    is_first: bool


def clean_account(scenes: Sequence[Scene]) -> list[Clean]:
    """The calls of one account, in order of time. The scenes have the same system prompt and tools."""
    rng = scenes[0].rng
    _add_near_misses(scenes, rng)
    for scene in scenes:
        _add_noise(scene, rng)
        if chance(rng, 0.3):
            _rewind(scene, rng)
    calls = [
        Clean(scene.base(at), is_side=False, is_first=scene is scenes[0] and at == 0)
        for scene, at in _interleaved(scenes, rng)
    ]
    if chance(rng, 0.4):
        calls.insert(rng.randrange(1, len(calls) + 1), _side_call(scenes[0]))
    _put_clock(calls, rng, scenes[0].times[0][0])
    return calls


def _interleaved(scenes: Sequence[Scene], rng: Random) -> list[tuple[Scene, int]]:
    """The first scene begins; then any of them goes on."""
    left = {at: list(range(len(scene.calls))) for at, scene in enumerate(scenes)}
    order = [(scenes[0], left[0].pop(0))]
    while any(left.values()):
        chosen = rng.choice([at for at, calls in left.items() if calls])
        order.append((scenes[chosen], left[chosen].pop(0)))
    return order


def _put_clock(calls: Sequence[Clean], rng: Random, start: float) -> None:
    """One call after the other; no pause comes near to a lifetime, but a few are long."""
    at, longest = start, 260 / max(1, len(calls)) if chance(rng, 0.5) else 20
    for call in calls:
        call.draft.started = round(at, 3)
        call.draft.first_byte = round(at + rng.uniform(0.3, 3), 3)
        call.draft.ended = round(call.draft.first_byte + rng.uniform(0.5, 6), 3)
        at = call.draft.ended + rng.uniform(0.05, longest)


def _add_near_misses(scenes: Sequence[Scene], rng: Random) -> None:
    """Values that look volatile and stay: in the system prompt, and in front of each message."""
    if chance(rng, 0.5):
        value = volatile.choose(rng.choice(_NEAR_MISSES), rng).snippet(0)[0]
        for scene in scenes:
            scene.talk.system += f"\n{value}"
    if chance(rng, 0.4):
        stamp = volatile.choose("timestamp", rng)
        for scene in scenes:
            for at, turn in enumerate(scene.talk.turns):
                if turn.is_text and turn.role == "user":
                    turn.texts[0] = f"[{stamp.value(at)}] {turn.texts[0]}"


def _add_noise(scene: Scene, rng: Random) -> None:
    """What differs from call to call outside of the prompt."""
    seed = rng.getrandbits(64)
    for disturb in (_flip, _rename, _move_marker):
        if chance(rng, 0.6):
            scene.noise.append(_seeded(disturb, seed))


def _seeded(disturb: Callable[[Draft, Random], None], seed: int) -> Callable[[Draft], None]:
    return lambda draft: disturb(draft, dice(seed, draft.index))


def _flip(draft: Draft, rng: Random) -> None:
    """A string is sent as one text block, and the other way round."""
    for turn in draft.turns:
        turn.is_blocks = chance(rng, 0.5) and bool(turn.texts)
    if draft.wire != "responses":
        draft.is_system_blocks = chance(rng, 0.5)


def _rename(draft: Draft, rng: Random) -> None:
    """Fields that are no part of a cache key."""
    if draft.wire == "anthropic":
        draft.settings["metadata"] = {"user_id": f"user-{rng.getrandbits(48):012x}"}
        draft.settings["max_tokens"] = rng.choice((512, 1024, 2048))
        return
    draft.settings["metadata"] = {"request": f"{rng.getrandbits(64):016x}"}
    draft.settings["user"] = f"user-{rng.getrandbits(24)}"


def _move_marker(draft: Draft, rng: Random) -> None:
    """The newest message can be marked itself, or by the request as a whole."""
    if draft.marking in {"last", "automatic"}:
        draft.marking = rng.choice(("last", "automatic"))


def _rewind(scene: Scene, rng: Random) -> None:
    """The user goes back to an earlier message, says it in another way, and goes on from there."""
    ends = [at for at, count in enumerate(scene.calls) if scene.talk.turns[count - 1].is_text]
    ends = [at for at in ends if at > 0 and scene.talk.turns[scene.calls[at] - 1].role == "user"]
    if not ends:
        return
    back, number = rng.choice(ends), len(scene.calls)
    place, words = scene.calls[back] - 1, rng.choice(scene.lines)
    scene.calls += scene.calls[back:]
    scene.set_clock(scene.times[0][0])

    def say_it_again(draft: Draft) -> None:
        if draft.index >= number:
            draft.turns[place].texts[0] = words

    scene.noise.append(say_it_again)


def _side_call(scene: Scene) -> Clean:
    """A title, asked of the same model with a short prompt of its own."""
    draft = scene.base(0)
    first = next((turn.texts[0] for turn in scene.talk.turns if turn.is_text), "Hello")
    marking = "none" if draft.wire == "anthropic" else "implicit"
    system = f"{_TITLE} Do not repeat this: {scene.rng.choice(scene.lines)}"
    side = Draft(
        draft.wire, draft.model, system, [], [Turn("user", [f"Conversation: {first}"[:600]])], marking
    )
    return Clean(side, is_side=True, is_first=True)
