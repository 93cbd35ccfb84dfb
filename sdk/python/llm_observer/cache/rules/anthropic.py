"""What does Claude's prompt cache keep, and for how long? Data, with source and date.

Where the sources conflict:
- *Minimum.* The vendor's own skill file (anthropics/skills@9d2f1ae, July 2026) says 4,096 for Opus 4.8 and
  2,048 for Fable 5, some integrators 2,048 for Sonnet 4.6; the guide says 1,024, 512 and 1,024. Recorded
  calls wrote 1,590 tokens with Opus 4.8 and 1,143 with Sonnet 4.6, so the guide is followed.
- *Runs.* "On the Claude API, a run of consecutive tool_use blocks counts as one position, and so does a run
  of consecutive tool_result blocks" (guide, September 2026). Bedrock says only "approximately 20 content
  blocks", so there, and on Google Cloud, blocks are counted one by one.
- *Lifetimes.* The guide does not say whether a 5-minute breakpoint finds what a 1-hour one wrote. A
  recorded change from 1 h to the default paid 2,822 tokens again (agent-cost-lab), and Claude Code's own
  detector lists it as a cause of breaks: so entries of different lifetimes are kept apart.
"""

from collections.abc import Mapping

from llm_observer.cache.rules._names import Version
from llm_observer.cache.rules._spec import Dated, Rule, at_date

__all__ = ["COMPATIBLE", "HOUR_S", "MINIMUM", "claude_rule", "minimum_of"]

SOURCE = "https://platform.claude.com/docs/en/build-with-claude/prompt-caching"
CHECKED = "2026-11-21"
FIVE_MINUTES_S = 300
HOUR_S = 3600
LOOK_BACK = 20

MINIMUM: Mapping[str, Mapping[Version, tuple[Dated, ...]]] = {
    "opus": {
        (3, 0): (Dated("", 1024),),
        (4, 5): (Dated("", 4096),),
        (4, 7): (Dated("", 2048),),
        (4, 8): (Dated("", 1024),),
        (5, 0): (Dated("", 512),),
    },
    "sonnet": {
        (3, 0): (Dated("", 1024),),
        (5, 5): (Dated("", 512),),  # litellm's `prompt_cache_min_tokens`; the guide's table stops at Sonnet 5
    },
    "haiku": {
        (3, 0): (Dated("", 2048),),
        (4, 5): (Dated("", 4096),),
        (5, 5): (Dated("", 512),),  # litellm's `prompt_cache_min_tokens`
    },
    "fable": {(5, 0): (Dated("", 512),)},
    "mythos": {(4, 99): (Dated("", 2048),), (5, 0): (Dated("", 512),)},
}
"""Tokens by family; a row holds for its version and the later ones up to the next row."""
MINIMUM_ELSEWHERE: Mapping[tuple[str, str, Version], int] = {
    # https://docs.litellm.ai/docs/completion/prompt_caching, 2026-10-07
    ("aws.bedrock", "opus", (4, 7)): 4096,
}
COUNTS_EACH_BLOCK = frozenset({"aws.bedrock", "gcp.vertex_ai"})

CLAUDE = Rule(
    id="anthropic",
    source=SOURCE,
    checked=CHECKED,
    minimum=1024,
    step=1,
    ttl_s=FIVE_MINUTES_S,
    ttls_s=(FIVE_MINUTES_S, HOUR_S),
    is_opt_in=True,
    max_markers=4,
    look_back=LOOK_BACK,
    merges_runs=True,
    keeps_ttls_apart=True,
)
COMPATIBLE: Mapping[str, Rule] = {
    # Four markers, 20 blocks, 5 minutes, 512 tokens; no word on runs or on another lifetime.
    "minimax": CLAUDE._replace(
        source="https://platform.minimax.io/docs/api-reference/anthropic-api-compatible-cache",
        minimum=512,
        ttls_s=(FIVE_MINUTES_S,),
        merges_runs=False,
    ),
}
"""Other vendors that take `cache_control` on Anthropic's wire with the same meaning, by provider."""


def claude_rule(provider: str, family: str, version: Version, at_s: float) -> Rule:
    """The rule for a Claude model, whoever serves it."""
    minimum = MINIMUM_ELSEWHERE.get((provider, family, version))
    if minimum is None:
        minimum = minimum_of(family, version, at_s)
    return CLAUDE._replace(minimum=minimum, merges_runs=provider not in COUNTS_EACH_BLOCK)


def minimum_of(family: str, version: Version, at_s: float) -> int:
    """Tokens below which nothing is cached; for a version that is not listed, those of the one before it."""
    rows = MINIMUM[family]
    known = [row for row in sorted(rows) if row <= version]
    return at_date(rows[known[-1] if known else min(rows)], at_s)
