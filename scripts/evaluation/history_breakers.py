"""Which breakers stand in how an app treats what was said? Compaction, truncation, trimming, lengthening."""

from collections.abc import Callable, Mapping, Sequence

from drafts import Draft, Turn, encode
from scenes import FIXED, Breaker, Maker, Scene, Spot, changed_once, is_user_text

__all__ = ["MAKERS"]

_LONG_RESULT = 300


def _summary(scene: Scene, cut: int) -> str:
    said = [turn.texts[0].split("\n")[0] for turn in scene.talk.turns[:cut] if turn.is_text]
    return "Summary of the conversation so far: " + " ".join(said)[:900]


def _cutting(
    scene: Scene, kind: str, roles: Sequence[str], head: Callable[[int], list[Turn]]
) -> Breaker | None:
    """From some call on, the turns before a place are another thing; two turns or more are left."""
    versions = changed_once(scene.rng, len(scene.calls))
    at = versions[-1]
    turns = scene.talk.turns[: scene.calls[at - 1]]
    cuts = [place for place, turn in enumerate(turns[:-1]) if place > 1 and turn.role in roles]
    if not cuts:
        return None
    cut = scene.rng.choice(cuts)

    def apply(draft: Draft, version: int) -> Spot:
        if version:
            draft.turns[:cut] = head(cut)
        name = "input" if draft.wire == "responses" else "messages"
        first = int(draft.wire == "chat" or (draft.wire == "responses" and draft.is_system_blocks))
        return Spot(
            ("turn", 0), also=[f"{name}[{first}]", f"{name}[{first}].content", f"{name}[{first}].content[0]"]
        )

    return Breaker(kind, versions, apply, measure="survivors")


def _compaction(scene: Scene) -> Breaker | None:
    return _cutting(
        scene, "compaction", ("user", "assistant"), lambda cut: [Turn("user", [_summary(scene, cut)])]
    )


def _history_truncated(scene: Scene) -> Breaker | None:
    return _cutting(scene, "history_truncated", ("user",), lambda _cut: [])


def _tool_result_trimmed(scene: Scene) -> Breaker | None:
    """An old result is cut or replaced, once it has been sent whole."""
    turns = scene.talk.turns[: scene.calls[-2]]
    places = [
        at for at, turn in enumerate(turns) if turn.role == "tool" and len(turn.texts[0]) > _LONG_RESULT
    ]
    if not places:
        return None
    place = scene.rng.choice(places)
    there = next(at for at in range(len(scene.calls)) if scene.calls[at] > place)
    if there + 1 >= len(scene.calls):
        return None
    kept = scene.rng.choice((0, 80, 150))

    def apply(draft: Draft, version: int) -> Spot | None:
        if place >= len(draft.turns):
            return None
        text = draft.turns[place].texts[0]
        if version:
            short = text[:kept] + " … [truncated]" if kept else "[Old tool result content cleared]"
            draft.turns[place].texts[0] = short
        return Spot(("turn", place), also=_result_paths(draft, place))

    return Breaker("tool_result_trimmed", changed_once(scene.rng, len(scene.calls), there + 1), apply)


def _result_paths(draft: Draft, place: int) -> list[str]:
    """A result is a block, and its text a leaf of that."""
    path = encode(draft).paths["turn", place]
    return [path.removesuffix(".output"), f"{path}.content", f"{path}.content[0]"]


def _message_lengthened(scene: Scene) -> Breaker | None:
    """The newest message is sent again, with more at its end, in place of a message of its own."""
    ends = [at for at in range(1, len(scene.calls)) if is_user_text(scene, scene.calls[at] - 1)]
    if not ends:
        return None
    at = scene.rng.choice(ends) + 1
    scene.calls.insert(at, scene.calls[at - 1])
    place, more = scene.calls[at] - 1, " ".join(scene.rng.sample(scene.lines, 2))

    def apply(draft: Draft, version: int) -> Spot | None:
        if draft.index < at:
            return None
        turn = draft.turns[place]
        if version == FIXED and draft.wire == "anthropic":
            turn.texts.append(more)
        elif version == FIXED:
            draft.turns.insert(place + 1, Turn("user", [more]))
        else:
            turn.texts[0] += f"\n\n{more}"
        return Spot(("turn", place))

    return Breaker("message_lengthened", [0] * at + [at] * (len(scene.calls) - at), apply, "fixed")


MAKERS: Mapping[str, Maker] = {
    "compaction": _compaction,
    "history_truncated": _history_truncated,
    "tool_result_trimmed": _tool_result_trimmed,
    "message_lengthened": _message_lengthened,
}
