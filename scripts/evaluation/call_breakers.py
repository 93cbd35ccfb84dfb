"""Which breakers stand in a call and not in its words? History, settings, breakpoints, time, size."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from drafts import Draft, Turn, encode
from providers import MODELS, simulate
from scenes import FIXED, Breaker, Scene, Spot, call_of, changed_once
from text_breakers import Maker

__all__ = ["FAMILIES", "MAKERS", "MODEL_PREFIX"]

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "message_lengthened": ("anthropic", "new"),
    "effort_changed": ("anthropic", "old", "new"),
    "verbosity_changed": ("old", "new"),
    "output_schema_changed": ("old", "new"),
    "tool_choice_changed": ("anthropic",),
    "thinking_changed": ("anthropic",),
    "beta_headers_changed": ("anthropic",),
    "service_tier_changed": ("old", "new"),
    "cache_key_changed": ("old", "new"),
    "breakpoint_missing": ("anthropic",),
    "breakpoint_moved": ("anthropic",),
    "too_many_breakpoints": ("anthropic",),
    "explicit_without_breakpoint": ("new",),
    "look_back_exceeded": ("anthropic",),
    "ttl_changed": ("anthropic",),
    "unread_writes": ("anthropic", "new"),
}
"""The caching rules under which a kind can be; all where it is not named."""
MODEL_PREFIX: Mapping[str, tuple[str, ...]] = {
    "effort_changed": ("gpt-5", "gpt-6", "claude-opus"),
    "verbosity_changed": ("gpt-5", "gpt-6"),
}
"""The models that have the setting; all where it is not named."""
_EFFORTS = ("low", "medium", "high")
_BETAS = ("context-management-2025-06-27", "interleaved-thinking-2025-05-14", "files-api-2025-04-14")
_SHORT = "You are a friendly helper of an airline. Answer in one or two sentences, and never guess a fare."


def _summary(scene: Scene, cut: int) -> str:
    said = [turn.texts[0].split("\n")[0] for turn in scene.talk.turns[:cut] if turn.is_text]
    return "Summary of the conversation so far: " + " ".join(said)[:900]


def _cutting(
    scene: Scene, kind: str, roles: Sequence[str], head: Callable[[int], list[Turn]]
) -> Breaker | None:
    """From some call on, the turns before a place are another thing."""
    versions = changed_once(scene.rng, len(scene.calls))
    at = versions[-1]
    turns = scene.talk.turns[: scene.calls[at - 1]]
    cuts = [place for place, turn in enumerate(turns) if place > 1 and turn.role in roles]
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
    places = [at for at, turn in enumerate(turns) if turn.role == "tool" and len(turn.texts[0]) > 300]  # noqa: PLR2004 -- short ones stay
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
    ends = [at for at in range(1, len(scene.calls)) if _is_user_text(scene, scene.calls[at] - 1)]
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


def _is_user_text(scene: Scene, turn: int) -> bool:
    return scene.talk.turns[turn].role == "user" and scene.talk.turns[turn].is_text


def _setting(
    kind: str, change: Callable[[Draft, Any], tuple[str, ...]], values: Callable[[Scene], Sequence[Any]]
) -> Maker:
    """A setting that has another value from some call on. change: puts it, and gives the paths."""

    def make(scene: Scene) -> Breaker | None:
        first, second = scene.rng.sample(list(values(scene)), 2)

        def apply(draft: Draft, version: int) -> Spot:
            path, *also = change(draft, second if version else first)
            return Spot(path=path, also=also)

        has_money = kind not in {"service_tier_changed"}
        return Breaker(kind, changed_once(scene.rng, len(scene.calls)), apply, has_money=has_money)

    return make


def _put_model(draft: Draft, value: str) -> tuple[str, ...]:
    draft.model = value
    return ("model",)


def _models(scene: Scene) -> list[str]:
    """Of the same family, with no larger minimum."""
    own = MODELS[scene.model]
    return [name for name, one in MODELS.items() if one.family == own.family and one.minimum <= own.minimum]


def _put_effort(draft: Draft, value: str) -> tuple[str, ...]:
    if draft.wire == "chat":
        draft.settings["reasoning_effort"] = value
        return ("reasoning_effort",)
    name = "reasoning" if draft.wire == "responses" else "output_config"
    draft.settings[name] = {"effort": value}
    return (f"{name}.effort", name)


def _put_verbosity(draft: Draft, value: str) -> tuple[str, ...]:
    if draft.wire == "chat":
        draft.settings["verbosity"] = value
        return ("verbosity",)
    draft.settings["text"] = {"verbosity": value}
    return ("text.verbosity", "text")


def _put_schema(draft: Draft, value: str) -> tuple[str, ...]:
    fields = {"answer": {"type": "string"}, value: {"type": "string"}}
    schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    if draft.wire == "chat":
        inner = {"name": "reply", "strict": True, "schema": schema}
        draft.settings["response_format"] = {"type": "json_schema", "json_schema": inner}
        return ("response_format", "response_format.json_schema", "response_format.json_schema.schema")
    form = {"type": "json_schema", "name": "reply", "strict": True, "schema": schema}
    draft.settings["text"] = {"format": form}
    return ("text.format", "text", "text.format.schema")


def _put(name: str) -> Callable[[Draft, Any], tuple[str, ...]]:
    def put(draft: Draft, value: Any) -> tuple[str, ...]:
        draft.settings[name] = value
        inner = [f"{name}.{key}" for key in value] if isinstance(value, dict) else []
        return (name, *inner)

    return put


def _put_betas(draft: Draft, value: str) -> tuple[str, ...]:
    draft.headers["anthropic-beta"] = value
    return ("anthropic-beta", "headers.anthropic-beta", "betas")


def _thinking(_scene: Scene) -> list[dict[str, Any]]:
    return [{"type": "enabled", "budget_tokens": size} for size in (1024, 2048, 8000)] + [
        {"type": "disabled"}
    ]


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


def _too_many(scene: Scene) -> Breaker:
    return _marked("too_many_breakpoints", "all", "both", measure="refused")(scene)


def _look_back_exceeded(scene: Scene) -> Breaker | None:
    """One turn brings more blocks than a read looks back over."""
    ends = [at for at in range(1, len(scene.calls)) if _is_user_text(scene, scene.calls[at] - 1)]
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
    if scene.family != "new" and scene.marking != "last" and scene.rng.random() < 0.5:
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
    scene.talk.system, scene.talk.tools = f"{_SHORT} {scene.rng.choice(scene.lines)}", scene.talk.tools[:1]
    scene.talk.turns = [Turn(turn.role, [turn.texts[0][:200]]) for turn in scene.talk.turns if turn.is_text]
    scene.talk.turns = _alternating(scene.talk.turns)
    counts = [at for at, turn in enumerate(scene.talk.turns) if turn.role == "assistant"]
    scene.calls = counts[: len(scene.calls)]
    if len(scene.calls) < 2:  # noqa: PLR2004 -- one call has nothing to read
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
    asked = Random(scene.rng.getrandbits(64)).sample(list(scene.lines), len(scene.calls))  # noqa: S311 -- test data
    scene.is_system_blocks = scene.family == "new"

    def ask(draft: Draft) -> None:
        draft.turns = [Turn("user", [asked[draft.index]])]

    scene.noise.append(ask)
    broken = "last" if scene.family == "anthropic" else "implicit"
    fixed = "both" if scene.family == "anthropic" else "developer"
    return _marked("unread_writes", broken, fixed, first=2)(scene)


MAKERS: Mapping[str, Maker] = {
    "compaction": _compaction,
    "history_truncated": _history_truncated,
    "tool_result_trimmed": _tool_result_trimmed,
    "message_lengthened": _message_lengthened,
    "model_changed": _setting("model_changed", _put_model, _models),
    "effort_changed": _setting("effort_changed", _put_effort, lambda _: _EFFORTS),
    "verbosity_changed": _setting("verbosity_changed", _put_verbosity, lambda _: _EFFORTS),
    "output_schema_changed": _setting(
        "output_schema_changed", _put_schema, lambda _: ("reason", "next_step", "language", "mood")
    ),
    "tool_choice_changed": _setting(
        "tool_choice_changed",
        _put("tool_choice"),
        lambda _: [{"type": "auto"}, {"type": "any"}, {"type": "none"}],
    ),
    "thinking_changed": _setting("thinking_changed", _put("thinking"), _thinking),
    "beta_headers_changed": _setting("beta_headers_changed", _put_betas, lambda _: _BETAS),
    "service_tier_changed": _setting(
        "service_tier_changed", _put("service_tier"), lambda _: ("default", "flex", "priority")
    ),
    "cache_key_changed": _setting(
        "cache_key_changed", _put("prompt_cache_key"), lambda _: ("agents-a", "agents-b", "tenant-blue")
    ),
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
