"""Which breakers stand in the list of tools? Another order, one more, one less, other words."""

import copy
from collections.abc import Mapping

from airline import EXTRA_TOOLS
from drafts import Draft
from scenes import Breaker, Maker, Scene, Spot, changed_once
from text_breakers import editing, other_line, permutation, seed_of, versions_at

__all__ = ["MAKERS"]

_FEWEST = 3


def _tool_order(scene: Scene) -> Breaker | None:
    size, seed = len(scene.talk.tools), seed_of(scene)
    if size < _FEWEST:
        return None
    versions = versions_at(scene, ("tool", 0))

    def apply(draft: Draft, version: int) -> Spot:
        order = permutation(size, seed, version)
        before = permutation(size, seed, max((v for v in versions if v < version), default=0))
        draft.tools = [draft.tools[at] for at in order]
        moved = [at for at in range(size) if order[at] != before[at]] or [0]
        return Spot(path=f"tools[{moved[0]}]", also=["tools", *(f"tools[{at}]" for at in moved)])

    return Breaker("tool_order", versions, apply)


def _tool_added(scene: Scene) -> Breaker | None:
    at = scene.rng.randrange(len(scene.talk.tools) + 1)
    names = {tool["name"] for tool in scene.talk.tools}
    new = scene.rng.choice([tool for tool in EXTRA_TOOLS if tool["name"] not in names])

    def apply(draft: Draft, version: int) -> Spot:
        if version:
            draft.tools.insert(at, copy.deepcopy(dict(new)))
        return Spot(path=f"tools[{at}]", also=["tools"])

    return Breaker("tool_added", changed_once(scene.rng, len(scene.calls)), apply)


def _tool_removed(scene: Scene) -> Breaker | None:
    if not scene.talk.tools[1:]:
        return None
    at = scene.rng.randrange(len(scene.talk.tools))

    def apply(draft: Draft, version: int) -> Spot:
        if version:
            del draft.tools[at]
        return Spot(path=f"tools[{at}]", also=["tools"])

    return Breaker("tool_removed", changed_once(scene.rng, len(scene.calls)), apply)


def _tool_edited(scene: Scene) -> Breaker | None:
    """Another line in the description."""
    tools = [at for at, tool in enumerate(scene.talk.tools) if "raw" not in tool]
    if not tools:
        return None
    tool = scene.rng.choice(tools)
    breaker = editing("tool_edited", scene, ("tool", tool), other_line(scene, seed_of(scene)))
    edit = breaker.apply

    def apply(draft: Draft, version: int) -> Spot:
        edit(draft, version)
        return Spot(path=f"tools[{tool}]")

    breaker.apply = apply
    return breaker


MAKERS: Mapping[str, Maker] = {
    "tool_order": _tool_order,
    "tool_added": _tool_added,
    "tool_removed": _tool_removed,
    "tool_edited": _tool_edited,
}
