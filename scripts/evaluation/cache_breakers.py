"""Which breakers stand in how an app asks for the cache? Breakpoints, lifetimes, time, size and use."""

from collections.abc import Callable, Mapping, Sequence

from dice import chance
from drafts import Draft, Turn
from models import MODELS
from providers import simulate
from scenes import FIXED, Breaker, Maker, Scene, call_of, changed_once, is_user_text

__all__ = ["MAKERS"]

_MOST_BREAKPOINTS = 4
_SHORT = "You are a friendly helper of an airline. Answer in one or two sentences, and never guess a fare."


def _marked(
    kind: str, broken: str | None, fixed: str, *, measure: str = "twin", first: int = 1
) -> Callable[[Scene], Breaker]:
    """Breakpoints in the wrong place, in every call. broken: the marking; None: the scene's."""

    def make(scene: Scene) -> Breaker:
        def apply(draft: Draft, version: int) -> None:
            draft.marking = fixed if version == FIXED else broken or draft.marking

        versions = [1] * len(scene.calls)
        return Breaker(kind, versions, apply, "fixed", measure, is_lasting=True, first=first)

    return make


def _breakpoint_moved(scene: Scene) -> Breaker:
    """From the newest message to the system prompt: nothing was ever written there."""
    versions = changed_once(scene.rng, len(scene.calls))

    before = scene.rng.choice(("last", "automatic"))

    def apply(draft: Draft, version: int) -> None:
        draft.marking = "system" if version else before

    return Breaker("breakpoint_moved", versions, apply, "previous", persists=True, first=versions[-1])


def _too_many(scene: Scene) -> Breaker | None:
    """A breakpoint on each message to the model, until there are more than a request may have."""
    sent = scene.talk.turns[: scene.calls[-1]]
    if sum(turn.role != "assistant" for turn in sent) <= _MOST_BREAKPOINTS:
        return None
    return _marked("too_many_breakpoints", "all", "both", measure="refused")(scene)


def _look_back_exceeded(scene: Scene) -> Breaker | None:
    """One turn brings more blocks than a read looks back over."""
    ends = [at for at in range(1, len(scene.calls)) if is_user_text(scene, scene.calls[at] - 1)]
    if not ends:
        return None
    turn = scene.talk.turns[scene.calls[scene.rng.choice(ends)] - 1]
    turn.texts += [scene.rng.choice(scene.lines) for _ in range(scene.rng.randrange(21, 31))]
    return _marked("look_back_exceeded", None, "two_newest")(scene)


def _ttl_changed(scene: Scene) -> Breaker:
    first, second = scene.rng.choice((("1h", None), (None, "1h"), ("5m", "1h"), ("1h", "5m")))

    def apply(draft: Draft, version: int) -> None:
        draft.ttl = second if version else first

    return Breaker("ttl_changed", changed_once(scene.rng, len(scene.calls)), apply)


def _ttl_expired(scene: Scene) -> Breaker:
    """A pause that is longer than the lifetime by any reading of the rules."""
    rng = scene.rng
    if scene.family == "old":
        scene.settings["prompt_cache_retention"] = "in_memory"
    shortest = (
        305 if scene.family == "anthropic" and scene.ttl != "1h" else 3700 if scene.family != "new" else 1900
    )
    gap = shortest * rng.uniform(1, 3)
    versions = changed_once(rng, len(scene.calls))

    def apply(draft: Draft, version: int) -> None:
        if version != FIXED and draft.index >= versions[-1]:
            draft.move(gap)

    return Breaker("ttl_expired", versions, apply, "fixed")


def _parallel_calls(scene: Scene) -> Breaker:
    """The same prompt several times at once; now and then each with a question of its own."""
    number = scene.rng.randrange(3, 6)
    scene.calls = [scene.rng.choice(scene.calls)] * number
    scene.times = scene.times[:number]
    if scene.family != "new" and scene.marking != "last" and chance(scene.rng, 0.5):
        scene.marking = "both" if scene.family == "anthropic" else scene.marking
        asked = scene.rng.sample(scene.lines, number)
        scene.noise.append(lambda draft: draft.turns.append(Turn("user", [asked[draft.index]])))
    start = scene.times[0][0]

    def apply(draft: Draft, version: int) -> None:
        if version != FIXED:
            draft.move(start + 0.02 * draft.index - draft.started)

    return Breaker("parallel_calls", [1] * number, apply, "fixed", is_lasting=True)


def _below_minimum(scene: Scene) -> Breaker | None:
    """A chat so short that nothing is cached at any of its calls."""
    scene.talk.system, scene.talk.tools = (
        " ".join([_SHORT, *scene.rng.sample(scene.lines, 2)]),
        scene.talk.tools[:1],
    )
    scene.talk.turns = [Turn(turn.role, [turn.texts[0][:200]]) for turn in scene.talk.turns if turn.is_text]
    scene.talk.turns = _alternating(scene.talk.turns)
    counts = [at for at, turn in enumerate(scene.talk.turns) if turn.role == "assistant"]
    scene.calls = counts[: len(scene.calls)]
    if not scene.calls[1:]:
        return None
    calls = [call_of(scene.base(at)) for at in range(len(scene.calls))]
    fits = [reading.total < MODELS[scene.model].minimum for reading in simulate(calls)]
    scene.calls = scene.calls[: fits.index(False)] if False in fits else scene.calls
    breaker = _marked("below_minimum", None, scene.marking, measure="minimum")(scene)
    return breaker if len(scene.calls) > 1 else None


def _alternating(turns: Sequence[Turn]) -> list[Turn]:
    """Every second turn of each side, from a user's on."""
    chosen: list[Turn] = []
    for turn in turns:
        if turn.role == ("assistant" if len(chosen) % 2 else "user"):
            chosen.append(turn)
    return chosen


def _unread_writes(scene: Scene) -> Breaker:
    """One question a call behind the same long prompt; what is written ends with the question."""
    asked = scene.rng.sample(list(scene.lines), len(scene.calls))
    scene.is_system_blocks = scene.family == "new"

    def ask(draft: Draft) -> None:
        draft.turns = [Turn("user", [asked[draft.index]])]

    scene.noise.append(ask)
    broken = "last" if scene.family == "anthropic" else "implicit"
    fixed = "both" if scene.family == "anthropic" else "developer"
    return _marked("unread_writes", broken, fixed, first=2)(scene)


MAKERS: Mapping[str, Maker] = {
    "breakpoint_missing": _marked("breakpoint_missing", "none", "both"),
    "breakpoint_moved": _breakpoint_moved,
    "too_many_breakpoints": _too_many,
    "explicit_without_breakpoint": _marked("explicit_without_breakpoint", "explicit", "implicit"),
    "look_back_exceeded": _look_back_exceeded,
    "ttl_changed": _ttl_changed,
    "ttl_expired": _ttl_expired,
    "parallel_calls": _parallel_calls,
    "below_minimum": _below_minimum,
    "unread_writes": _unread_writes,
}
