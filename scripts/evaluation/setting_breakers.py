"""Which breakers stand in the settings of a call? The model, effort, schema, headers and the like."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drafts import Draft
from models import MODELS
from scenes import Breaker, Maker, Scene, Spot, changed_once

__all__ = ["MAKERS"]

_EFFORTS = ("low", "medium", "high")
_BETAS = ("context-management-2025-06-27", "interleaved-thinking-2025-05-14", "files-api-2025-04-14")


def _setting(
    kind: str, change: Callable[[Draft, Any], tuple[str, ...]], values: Callable[[Scene], Sequence[Any]]
) -> Maker:
    """A setting that has another value from some call on. change: puts it, and gives the paths."""

    def make(scene: Scene) -> Breaker | None:
        possible = values(scene)
        if not possible[1:]:
            return None
        first, second = scene.rng.sample(list(possible), 2)

        def apply(draft: Draft, version: int) -> Spot:
            path, *also = change(draft, second if version else first)
            return Spot(path=path, also=also)

        # A tier has prices of its own, so that the difference is not the cache's alone.
        has_money = kind != "service_tier_changed"
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


MAKERS: Mapping[str, Maker] = {
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
}
