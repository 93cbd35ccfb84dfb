"""Which breakers stand in the text of a prompt? Volatile values, another form, other tools, other words."""

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import volatile
from dice import chance, dice
from drafts import Draft, Place, Turn, encode
from scenes import Breaker, Maker, Scene, Spot, changed_once

__all__ = ["MAKERS", "editing", "other_line", "permutation", "seed_of", "versions_at"]

_ACCENTED = (
    "We serve São Paulo, Zürich, Málaga, Kraków and Göteborg daily; the Café Córdoba lounge is open to "
    "business passengers, and the crew says «bienvenue à bord» on flights to Genève and Montréal."
)
_MANY_LINES = 4
_PROFILE = {"name": "Noah", "tier": "gold", "city": "Denver", "seat": "aisle", "meal": "vegan", "lang": "en"}


def seed_of(scene: Scene) -> str:
    """A seed of its own, from the scene's dice."""
    return str(scene.rng.getrandbits(64))


def _text_places(scene: Scene, roles: Sequence[str] = ("user", "assistant")) -> list[Place]:
    """The places in the history that at least two calls send."""
    turns = scene.talk.turns[: scene.calls[-2]]
    return [("turn", at) for at, turn in enumerate(turns) if turn.is_text and turn.role in roles]


def _any_place(scene: Scene) -> Place:
    """The system prompt mostly, or a tool's description, the first message, the history."""
    tools: list[Place] = [("tool", at) for at, tool in enumerate(scene.talk.tools) if "raw" not in tool]
    turns = _text_places(scene)
    groups: list[list[Place]] = [[("system", 0)], [("system", 0)], tools, turns[:1], turns]
    return scene.rng.choice([scene.rng.choice(group) for group in groups if group])


def versions_at(scene: Scene, place: Place) -> list[int]:
    """Another version at each call, or one change when the place has been sent already."""
    number = len(scene.calls)
    there = next((at for at in range(number) if place[0] != "turn" or scene.calls[at] > place[1]), number)
    if chance(scene.rng, 0.6) or there + 1 >= number:
        return list(range(number))
    return changed_once(scene.rng, number, there + 1)


def _cut(text: str, rng: Random) -> int:
    """A place to put something in: the start, the end, a line's end, a sentence's end."""
    lines = [at + 1 for at, letter in enumerate(text) if letter == "\n"]
    stops = [at + 2 for at in range(len(text) - 2) if text[at : at + 2] == ". "]
    return rng.choice([rng.choice(group) for group in ([0], [len(text)], lines, stops) if group])


def _inserting(
    place: Place, at: int, value: Callable[[int], tuple[str, int, int]]
) -> Callable[..., Spot | None]:
    """Puts a value with its words into the text at *place*, at character *at*."""

    def apply(draft: Draft, version: int) -> Spot | None:
        if not draft.has(place):
            return None
        text = draft.text(place)
        snippet, start, length = value(version)
        head, tail = text[:at], text[at:]
        before = "" if not head or head.endswith(("\n", " ")) else "\n"
        after = " " if head.endswith(" ") else "\n" if tail and not tail.startswith("\n") else ""
        draft.put(place, f"{head}{before}{snippet}{after}{tail}")
        return Spot(place, snippet=snippet, start=start, length=length)

    return apply


def _volatile(kind: str) -> Maker:
    def make(scene: Scene) -> Breaker | None:
        place = _any_place(scene)
        chosen = volatile.choose(kind, scene.rng)
        at = _cut(scene.base(len(scene.calls) - 1).text(place), scene.rng)
        return Breaker(kind, versions_at(scene, place), _inserting(place, at, chosen.snippet))

    return make


def editing(
    kind: str,
    scene: Scene,
    place: Place,
    edit: Callable[[str, int], str],
    versions: Sequence[int] | None = None,
) -> Breaker:
    """Another text at *place* for each version; version 0 is as it was."""

    def apply(draft: Draft, version: int) -> Spot | None:
        if not draft.has(place):
            return None
        draft.put(place, edit(draft.text(place), version))
        return Spot(place)

    return Breaker(kind, versions or versions_at(scene, place), apply)


def _more_spaces(text: str, rng: Random) -> str:
    """One of the ways in which templates are careless."""
    spaces = [at for at, letter in enumerate(text) if letter == " "]
    breaks = [at for at, letter in enumerate(text) if letter == "\n"]
    way = rng.randrange(5)
    if way == 0 or not (spaces and breaks):
        return text + rng.choice(("\n", " ", "\n\n", " \n", "\t"))
    if way == 1:
        return text.replace("\n", "\r\n")
    at = rng.choice(spaces if way == 2 else breaks)  # noqa: PLR2004 -- the number of a way
    return text[:at] + {2: "  ", 3: "\n\n\n", 4: " \n"}[way] + text[at + 1 :]


def _whitespace(scene: Scene) -> Breaker:
    seed = seed_of(scene)

    def edit(text: str, version: int) -> str:
        return _more_spaces(text, dice(seed, version)) if version else text

    return editing("whitespace", scene, _any_place(scene), edit)


def _unicode(scene: Scene) -> Breaker:
    """Accents composed or not, or other spaces, in a sentence that is always there."""
    seed, place, has_accents = seed_of(scene), _any_place(scene), chance(scene.rng, 0.6)

    def edit(text: str, version: int) -> str:
        rng, words = dice(seed, version), _ACCENTED.split(" ")
        if has_accents:
            chosen = {at for at in range(len(words)) if chance(rng, 0.5)}
            words = [
                unicodedata.normalize("NFD" if at in chosen else "NFC", word) for at, word in enumerate(words)
            ]
        number = rng.randrange(1, len(words)) if version and not has_accents else len(words)
        return f"{text}\n{' '.join(words[:number])}" + "".join(
            f"\N{NO-BREAK SPACE}{word}" for word in words[number:]
        )

    return editing("unicode", scene, place, edit)


def _shuffled(value: Any, rng: Random) -> Any:
    if isinstance(value, list):
        return [_shuffled(one, rng) for one in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    rng.shuffle(names)
    return {name: _shuffled(value[name], rng) for name in names}


def _key_order(scene: Scene) -> Breaker | None:
    """In a tool's schema, or in JSON that is part of a text."""
    seed = seed_of(scene)
    tools = [
        at for at, tool in enumerate(scene.talk.tools) if "raw" not in tool and len(tool["parameters"]) > 1
    ]
    if chance(scene.rng, 0.5) or not tools:
        place = _any_place(scene)
        at = _cut(scene.base(len(scene.calls) - 1).text(place), scene.rng)

        def profile(version: int) -> tuple[str, int, int]:
            text = json.dumps(_shuffled(_PROFILE, dice(seed, version)) if version else _PROFILE)
            return f"Customer profile: {text}", 0, 0

        insert = _inserting(place, at, profile)
        return Breaker("key_order", versions_at(scene, place), lambda draft, v: _bare(insert(draft, v)))
    tool = scene.rng.choice(tools)

    def apply(draft: Draft, version: int) -> Spot:
        parameters = draft.tools[tool]["parameters"]
        draft.tools[tool]["parameters"] = (
            _shuffled(parameters, dice(seed, version)) if version else parameters
        )
        return Spot(path=f"tools[{tool}]")

    return Breaker("key_order", versions_at(scene, ("tool", tool)), apply)


def _bare(spot: Spot | None) -> Spot | None:
    return None if spot is None else Spot(spot.place)


def permutation(size: int, seed: str, version: int) -> list[int]:
    """The order of *size* things in a version; version 0 is as it was."""
    order = list(range(size))
    if version:
        dice(seed, version).shuffle(order)
    return order


def other_line(scene: Scene, seed: str) -> Callable[[str, int], str]:
    """One line more, or another in place of one of many: words only, so that nothing looks like a value.

    Most of the text stays, or it would be another message and no edited one.
    """
    lines = [line for line in scene.lines if not any(letter.isdigit() for letter in line)]

    def edit(text: str, version: int) -> str:
        if not version:
            return text
        rng = dice(seed, version)
        old = text.split("\n")
        at = dice(seed, "at").randrange(len(old))
        replaced = dice(seed, "way").randrange(2) if len(old) >= _MANY_LINES else 0
        old[at : at + replaced] = [rng.choice(lines)]
        return "\n".join(old)

    return edit


def _edited(kind: str, places: Callable[[Scene], Sequence[Place]]) -> Maker:
    def make(scene: Scene) -> Breaker | None:
        found = places(scene)
        if not found:
            return None
        return editing(kind, scene, scene.rng.choice(found), other_line(scene, seed_of(scene)))

    return make


def _few_shot_order(scene: Scene) -> Breaker | None:
    """Examples in the system prompt, or as the first messages."""
    asked = [turn.texts[0] for turn in scene.talk.turns if turn.is_text and turn.role == "user"]
    size, seed = scene.rng.randrange(3, 6), seed_of(scene)
    pairs = [
        (scene.rng.choice([*asked, *scene.lines]), " ".join(scene.rng.sample(scene.lines, 2)))
        for _ in range(size)
    ]
    versions = versions_at(scene, ("system", 0))
    if chance(scene.rng, 0.6):

        def edit(text: str, version: int) -> str:
            order = permutation(size, seed, version)
            shown = "\n\n".join(f"Example:\nUser: {pairs[at][0]}\nAgent: {pairs[at][1]}" for at in order)
            return f"{text}\n\n# Examples\n\n{shown}"

        return editing("few_shot_order", scene, ("system", 0), edit, versions)

    def apply(draft: Draft, version: int) -> Spot:
        order = permutation(size, seed, version)
        before = permutation(size, seed, max((v for v in versions if v < version), default=0))
        shown = [(Turn("user", [pairs[at][0]]), Turn("assistant", [pairs[at][1]])) for at in order]
        draft.turns[:0] = [turn for pair in shown for turn in pair]
        moved = [at for at in range(size) if order[at] != before[at]] or [0]
        paths = encode(draft).paths
        return Spot(
            ("turn", 2 * moved[0]), also=[paths["turn", 2 * at + side] for at in moved for side in (0, 1)]
        )

    return Breaker("few_shot_order", versions, apply)


MAKERS: Mapping[str, Maker] = {
    **{kind: _volatile(kind) for kind in volatile.KINDS},
    "whitespace": _whitespace,
    "unicode": _unicode,
    "key_order": _key_order,
    "system_changed": _edited("system_changed", lambda _scene: [("system", 0)]),
    "first_message_edited": _edited(
        "first_message_edited",
        lambda scene: [place for place in _text_places(scene, ["user"]) if place[1] == 0],
    ),
    "history_edited": _edited(
        "history_edited", lambda scene: [place for place in _text_places(scene) if place[1] > 0]
    ),
    "few_shot_order": _few_shot_order,
}
