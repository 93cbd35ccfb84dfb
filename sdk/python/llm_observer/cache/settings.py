"""Which settings of a request are part of the cache key, and from which part of the prompt on?

Anthropic: table "what invalidates the cache" of its prompt-caching guide (platform.claude.com, November
2026): model and beta headers from the tools on, output format and speed from the system text on, tool choice,
thinking and effort from the messages on. OpenAI: "cache-affecting settings" of its guide (2026-09-20): from
the start. Of any other provider only the model is known to matter.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from llm_observer.privacy import Hasher
from llm_observer.wire import Exchange

__all__ = ["Level", "Setting", "Settings", "settings_of"]

Level = Literal["tools", "system", "messages"]
_DEFAULTS = {"service_tier": {b'"auto"'}}
"""Values that say the same as leaving the setting out (API references, November 2026)."""


class Setting(NamedTuple):
    """kind: of the finding where it changes. paths: where the wires have it. level: None, not in the key."""

    kind: str
    paths: tuple[str, ...]
    level: Level | None = "tools"


_OPENAI = (
    Setting("settings_changed", ("parallel_tool_calls",)),
    Setting("output_schema_changed", ("text.format", "response_format")),
    Setting("effort_changed", ("reasoning.effort", "reasoning_effort")),
    Setting("verbosity_changed", ("text.verbosity", "verbosity")),
    Setting("service_tier_changed", ("service_tier",)),
    Setting("settings_changed", ("context_management",)),
    Setting("cache_key_changed", ("prompt_cache_key",), None),
)
_ANTHROPIC = (
    Setting("beta_headers_changed", ("anthropic-beta",)),
    Setting("settings_changed", ("context_management",)),
    Setting("output_schema_changed", ("output_config.format", "output_format"), "system"),
    Setting("settings_changed", ("speed",), "system"),
    Setting("tool_choice_changed", ("tool_choice",), "messages"),
    Setting("thinking_changed", ("thinking",), "messages"),
    Setting("effort_changed", ("output_config.effort",), "messages"),
)
_TABLES: Mapping[str, tuple[Setting, ...]] = {
    "anthropic": _ANTHROPIC,
    "openai_increments": _OPENAI,
    "openai_breakpoints": (
        *_OPENAI[:-1],
        Setting("cache_key_changed", ("prompt_cache_key",)),
    ),
}


class Settings(NamedTuple):
    """values: 64-bit hash by name, 0 where it is not set. salts: what enters the chain at each level.

    kinds, levels, paths: finding kind, level and wire path by name.
    """

    values: Mapping[str, int]
    salts: Mapping[Level, int]
    kinds: Mapping[str, str]
    levels: Mapping[str, Level | None]
    paths: Mapping[str, str]


def settings_of(
    rule_id: str, model: str, scope: str, given: Mapping[str, msgspec.Raw], exchange: Exchange, hasher: Hasher
) -> Settings:
    """The cache-affecting settings of a request. scope: whose cache, so that two never meet."""
    number = hasher.number
    rows = [
        ("model", "model_changed", "tools", number(model.encode()), "model"),
        *_rows(_TABLES.get(rule_id, ()), given, exchange, number),
    ]
    salts: dict[Level, int] = {}
    for level in ("tools", "system", "messages"):
        parts = [f"{name}={value:x}" for name, _, place, value, _ in rows if place == level]
        salts[level] = number("\n".join((scope, level, *parts)).encode("utf-8", "surrogatepass"))
    return Settings(
        values={row[0]: row[3] for row in rows},
        salts=salts,
        kinds={row[0]: row[1] for row in rows},
        levels={row[0]: row[2] for row in rows},
        paths={row[0]: row[4] for row in rows},
    )


def _rows(
    table: tuple[Setting, ...],
    given: Mapping[str, msgspec.Raw],
    exchange: Exchange,
    number: Callable[[bytes], int],
) -> Iterator[tuple[str, str, Any, int, str]]:
    for setting in table:
        name, value = setting.paths[0], b""
        shown = name
        for path in setting.paths:
            found = _betas(given, exchange) if path == "anthropic-beta" else _value(given, path)
            if found and found not in _DEFAULTS.get(path, ()):
                shown, value = path, found
                break
        yield name, setting.kind, setting.level, number(value) if value else 0, shown


def _value(given: Mapping[str, msgspec.Raw], path: str) -> bytes:
    """The setting at *path* as compact JSON, keys as sent; empty where it is not said."""
    first, *inner = path.split(".")
    raw = given.get(first)
    if raw is None:
        return b""
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return bytes(raw)
    for name in inner:
        value = value.get(name) if isinstance(value, dict) else None
    return b"" if value is None else msgspec.json.encode(_without_markers(value))


def _without_markers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name != "cache_control"}
    return value


def _betas(given: Mapping[str, msgspec.Raw], exchange: Exchange) -> bytes:
    """The set of beta features, of header and body."""
    names = {name.strip() for name in (exchange.request_header("anthropic-beta") or "").split(",")}
    for field in ("anthropic_beta", "betas"):
        raw = given.get(field)
        if raw is not None:
            names |= {str(name) for name in _list(raw)}
    return ",".join(sorted(names - {""})).encode("utf-8", "surrogatepass")


def _list(raw: msgspec.Raw) -> list[Any]:
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else [value]
