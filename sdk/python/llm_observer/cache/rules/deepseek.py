"""What does DeepSeek's prompt cache keep? Data, with source and date.

Since V4 (2026-04-24) a cached prefix is "an independent, complete unit" that a request must match whole:
units end at the end of a request's input, at the end of its output, where two requests were seen to part,
and "at fixed token intervals" that are not named. Before, prefixes were kept in blocks of 64 tokens.

All reads of V4 recorded from May to August 2026 are multiples of 128, and 4 of 6 follow-up calls contradict
64 (297 in, 35 out, then 256 read). The multiples of 64 in older logs (7,872) are of the time before.
Entries live "a few hours to a few days" after their last use: the lower end is taken, since a miss after it
needs no other explanation.
"""

from llm_observer.cache.rules._spec import Dated, Rule, at_date

__all__ = ["BLOCKS", "UNITS", "deepseek_rule"]

SOURCE = "https://api-docs.deepseek.com/guides/kv_cache"
CHECKED = "2026-11-21"
FEW_HOURS_S = 3 * 3600
UNITS_SINCE = (Dated("", 0), Dated("2026-04-24", 1))

UNITS = Rule(
    id="deepseek_units",
    source=SOURCE,
    checked=CHECKED,
    minimum=128,
    step=128,
    ttl_s=FEW_HOURS_S,
    ttls_s=(),
)
BLOCKS = UNITS._replace(id="prefix", minimum=64, step=64)


def deepseek_rule(at_s: float) -> Rule:
    """The rule of DeepSeek's own service at that time."""
    return UNITS if at_date(UNITS_SINCE, at_s) else BLOCKS
