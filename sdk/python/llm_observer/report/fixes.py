"""What should be fixed first? Findings of many calls, put together by kind, place and call site."""

from llm_observer.sinks.cache_sums import (
    CONFIRMED,
    MAX_FIXES,
    Fix,
    FixKey,
    FixSums,
    fix_key,
    general_path,
    ranked_fixes,
    title_of,
)

__all__ = [
    "CONFIRMED",
    "MAX_FIXES",
    "Fix",
    "FixKey",
    "FixSums",
    "fix_key",
    "general_path",
    "ranked_fixes",
    "title_of",
]
