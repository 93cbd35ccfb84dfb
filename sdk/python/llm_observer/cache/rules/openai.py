"""What does OpenAI's prompt cache keep, and for how long? Data, with source and date.

Where the sources conflict:
- *Look-up.* The guide (read 2026-09-20, the same on 2026-10-08) looks up "the first 2 and latest 50
  explicit breakpoints, the implicit breakpoint, up to 20 earlier eligible message endings, and the endpoint
  of the initial consecutive block of developer messages"; the types of the SDK (3.52.0) say "up to the
  latest 80 breakpoints". No recorded prompt has so many, so usage can't tell; the guide is the more
  detailed one and is followed.
- *Rounding.* Models before GPT-5.6 report multiples of 128 (recorded: 1,024 … 8,576), except that hidden
  tokens of OpenAI's own are taken off after rounding (recorded: 1,390, which is 1,408 - 18). They are
  unknown, so the multiple itself is predicted, at most 127 too high.
- *Lifetime before GPT-5.6.* `in_memory` is "around 5 to 10 minutes of inactivity, up to one hour", `24h`
  "typically around 30 minutes, up to 24 hours". The lower bounds are used: within them a miss needs another
  explanation, after them it needs none, and a read that still happens is a hit all the same.
- *Lifetimes asked for.* The guide of September 2026 knows `30m` only; the SDK of November takes `12h` too.
"""

from llm_observer.cache.rules._names import Version
from llm_observer.cache.rules._spec import Rule

__all__ = ["BREAKPOINTS", "INCREMENTS", "gpt_rule"]

SOURCE = "https://developers.openai.com/api/docs/guides/prompt-caching"
CHECKED = "2026-11-21"
MINUTE_S = 60
DAY_S = 86400

BREAKPOINTS = Rule(
    id="openai_breakpoints",
    source=f"{SOURCE}; openai 3.52.0 types/responses/response_create_params.py",
    checked=CHECKED,
    minimum=1024,
    step=1,
    ttl_s=30 * MINUTE_S,
    ttls_s=(30 * MINUTE_S, 12 * 60 * MINUTE_S),
    max_markers=4,
    first_markers=2,
    latest_markers=50,
    message_ends=20,
)
INCREMENTS = Rule(
    id="openai_increments",
    source=SOURCE,
    checked=CHECKED,
    minimum=1024,
    step=128,
    ttl_s=5 * MINUTE_S,
    ttls_s=(5 * MINUTE_S, DAY_S),
    lives_s=(5 * MINUTE_S, 30 * MINUTE_S),
)
KEPT_LONG = INCREMENTS._replace(ttl_s=30 * MINUTE_S)
"""Models with `24h` retention, the default of organisations without zero data retention."""
GPT_5_5 = KEPT_LONG._replace(step=2048, minimum=2048, ttls_s=(DAY_S,), lives_s=(30 * MINUTE_S,))
"""Implicit breakpoints at every 2,048 tokens; `24h` only."""

FIRST_WITH_BREAKPOINTS: Version = (5, 6)
LONG_KEPT = ("gpt-4.1", "gpt-5", "gpt-5-codex")
"""GPT-5 without a minor version, of which mini and nano are not on the guide's list, and 4.1."""


def gpt_rule(base: str, version: Version) -> Rule:
    """The rule for a model of OpenAI's, whoever serves it (Azure and Bedrock have the same ones)."""
    if version >= FIRST_WITH_BREAKPOINTS:
        return BREAKPOINTS
    if version == (5, 5):
        return GPT_5_5
    return KEPT_LONG if _is_kept_long(base, version) else INCREMENTS


def _is_kept_long(base: str, version: Version) -> bool:
    """The guide's list: gpt-5.4, 5.2, 5.1 and its codex models, gpt-5, gpt-5-codex, gpt-4.1."""
    if any(size in base for size in ("-mini", "-nano", "-pro")):
        return base.startswith("gpt-5.1-codex-mini")
    return version >= (5, 0) or version == (4, 1)
