"""Which settings of a request are part of the cache key, and from which part of the prompt on?

Anthropic: table "what invalidates the cache" of its prompt-caching guide (platform.claude.com, November
2026): model and beta headers from the tools on, output format and speed from the system text on, tool choice,
thinking and effort from the messages on. OpenAI: "cache-affecting settings" of its guide (2026-09-20): from
the start. Of any other provider only the model is known to matter.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from llm_observer.cache.rules._names import Version, claude_of, parse
from llm_observer.privacy import Hasher
from llm_observer.wire import Exchange

__all__ = ["Level", "Setting", "Settings", "differs_in_order", "settings_of"]

Level = Literal["tools", "system", "messages"]
_DEFAULTS: Mapping[str, frozenset[bytes]] = {
    # OpenAI: openapi.yaml and the types of openai 3.54.0, November 2026
    "parallel_tool_calls": frozenset({b"true"}),
    "response_format": frozenset({b'{"type":"text"}'}),
    "service_tier": frozenset({b'"auto"'}),
    "text.format": frozenset({b'{"type":"text"}'}),
    "text.verbosity": frozenset({b'"medium"'}),
    "verbosity": frozenset({b'"medium"'}),
    # Anthropic: "auto […] is the default value when tools are provided" (platform.claude.com, guide "Define
    # tools", November 2026); disable_parallel_tool_use "defaults to false" (types of anthropic 2.12.0)
    "tool_choice": frozenset({b'{"type":"auto"}', b'{"disable_parallel_tool_use":false,"type":"auto"}'}),
}
"""Values that say the same as leaving the setting out, keys sorted.

"Setting a parameter explicitly to its default is equivalent to omitting it and does not invalidate"
(Anthropic, guide "Troubleshooting thinking", November 2026).
"""
_THINKS: Version = (4, 99)
"""Claude models from this one on think unless told otherwise, adaptively (table of the same guide; of 5.5 the
vendor's migration guides). Earlier ones do not."""
_LOW, _HIGH = 0xFFFFFFFF, 0xFFFFFFFF00000000


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
    """values: 64-bit hash by name, 0 where it is not set; its upper half is of the form with sorted keys.

    salts: what enters the chain at each level.

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
        *_rows(_TABLES.get(rule_id, ()), given, exchange, number, model),
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
    model: str,
) -> Iterator[tuple[str, str, Any, int, str]]:
    for setting in table:
        name, value = setting.paths[0], 0
        shown = name
        for path in setting.paths:
            exact, ordered = _betas(given, exchange) if path == "anthropic-beta" else _value(given, path)
            if exact:
                is_default = ordered in _defaults(path, model)
                shown, value = path, 0 if is_default else number(ordered) & _HIGH | number(exact) & _LOW
                break
        yield name, setting.kind, setting.level, value, shown


def differs_in_order(old: int, new: int) -> bool:
    """Whether two values of a setting are the same but for the order of their keys."""
    return old != new and bool(old and new) and old & _HIGH == new & _HIGH


def _defaults(path: str, model: str) -> Collection[bytes]:
    """The values of a setting that *model* has anyway."""
    if path != "thinking":
        return _DEFAULTS.get(path, ())
    claude = claude_of(parse(model).base)
    if claude is None:
        return ()
    return (b'{"type":"adaptive"}',) if claude[1] >= _THINKS else (b'{"type":"disabled"}',)


def _value(given: Mapping[str, msgspec.Raw], path: str) -> tuple[bytes, bytes]:
    """The setting at *path* as compact JSON, keys as sent and keys sorted; empty where it is not said."""
    first, *inner = path.split(".")
    raw = given.get(first)
    if raw is None:
        return b"", b""
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return bytes(raw), bytes(raw)
    for name in inner:
        value = value.get(name) if isinstance(value, dict) else None
    if value is None:
        return b"", b""
    value = _without_markers(value)
    return msgspec.json.encode(value), msgspec.json.encode(value, order="sorted")


def _without_markers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name != "cache_control"}
    return value


def _betas(given: Mapping[str, msgspec.Raw], exchange: Exchange) -> tuple[bytes, bytes]:
    """The set of beta features, of header and body, in both forms."""
    names = {name.strip() for name in (exchange.request_header("anthropic-beta") or "").split(",")}
    for field in ("anthropic_beta", "betas"):
        raw = given.get(field)
        if raw is not None:
            names |= {str(name) for name in _list(raw)}
    found = ",".join(sorted(names - {""})).encode("utf-8", "surrogatepass")
    return found, found


def _list(raw: msgspec.Raw) -> list[Any]:
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else [value]
