"""Does the provider's own diagnosis of a cache miss name what we name?

Reasons: `diagnostics.cache_miss_reason` (anthropic 2.11 types) and `prompt_cache_diagnostics` (openai 3.52
types), November 2026. Each names the first part of a request that differs from one earlier call; ours is
against the best one, so that both may be right and differ.
"""

from collections.abc import Callable, Mapping

from llm_observer.call_cache import CacheUse, Diagnosis, Finding

__all__ = ["diagnosis_of"]

_CONFIRMED = 0.5
_UNDECIDED = frozenset({"unavailable", "previous_message_not_found", "comparison_response_not_found"})
_SYSTEM = ("system", "instructions", "messages[0]", "input[0]")
_MESSAGES = ("messages", "input")


def _at(*starts: str) -> Callable[[Finding], bool]:
    return lambda finding: (finding.path or "").startswith(starts)


def _of(*kinds: str) -> Callable[[Finding], bool]:
    return lambda finding: finding.kind in kinds


_NAMES: Mapping[str, Callable[[Finding], bool]] = {
    "model_changed": _of("model_changed"),
    "tools_changed": _at("tools", "functions"),
    "system_changed": _at(*_SYSTEM),
    "messages_changed": _at(*_MESSAGES),
    "input_changed": _at(*_MESSAGES, "instructions"),
    "prompt_cache_key_changed": _of("cache_key_changed"),
    "text_format_changed": _of("output_schema_changed"),
    "reasoning_effort_changed": _of("effort_changed"),
    "verbosity_changed": _of("verbosity_changed"),
    "context_compacted": _of("compaction", "history_truncated"),
    "service_tier_changed": _of("service_tier_changed"),
}


def diagnosis_of(said: tuple[str, int | None] | None, cache: CacheUse) -> Diagnosis | None:
    """What the provider *said*, and whether *cache* names the same; None where it was not asked."""
    if said is None:
        return None
    reason, tokens = said
    return Diagnosis(reason=reason, tokens=tokens, agrees=_agrees(reason, cache))


def _agrees(reason: str, cache: CacheUse) -> bool | None:
    if reason in _UNDECIDED:
        return None
    if reason == "cache_hit":
        return cache.verdict in {"hit", "harmless", "partial"}
    names = _NAMES.get(reason)
    if names is None:
        return None
    return any(names(finding) for finding in cache.findings if finding.confidence >= _CONFIRMED)
