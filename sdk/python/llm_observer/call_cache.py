"""What did the provider's prompt cache do for a call, what should it have done, and what stood in its way?"""

from typing import Annotated, Literal

import msgspec

from llm_observer._fields import public

__all__ = ["Breakpoint", "CacheUse", "Cause", "Diagnosis", "Finding", "Label", "Verdict"]

Count = Annotated[int, msgspec.Meta(ge=0)]
Money = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]

Verdict = Literal[
    "first",
    "hit",
    "partial",
    "breaker",
    "ttl",
    "too_short",
    "not_enabled",
    "look_back",
    "concurrent",
    "compaction",
    "harmless",
    "key_accounting",
    "unexplained",
    "unknown",
]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Label = Literal["exact", "calibrated", "prior"]


class _Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of the parts."""


class Breakpoint(_Part, frozen=True, kw_only=True):
    """A place in the prompt up to which the provider was asked to cache, or does by itself."""

    segment: Annotated[Count, public("Place of the prompt's segment that it stands behind, from 0.")]
    ttl_s: Annotated[Count | None, public("Lifetime asked for, seconds.")] = None


class Cause(_Part, frozen=True, kw_only=True):
    """One reason for missed tokens. The causes of a call add up to its `missed_tokens`."""

    kind: Annotated[
        str, public("Kind of a finding, or `routing` where nothing of the prompt's explains the miss.")
    ]
    tokens: Annotated[Count, public("Tokens that were not read from the cache because of it.")]
    usd: Annotated[Money | None, public("What these tokens cost beyond the price of a cache read.")] = None


class Finding(_Part, frozen=True, kw_only=True):
    """What stood in the way, and where. Never the text itself."""

    kind: Annotated[str, public("`timestamp`, `uuid`, `tool_order` …: docs/cache-breakers.md has them all.")]
    path: Annotated[str | None, public("JSON path in the request, such as `system[0]`.")] = None
    offset: Annotated[Count | None, public("UTF-8 bytes before it in the decoded text at `path`.")] = None
    line: Annotated[Count | None, public("Line of that text, from 1.")] = None
    length: Annotated[Count | None, public("Its length, UTF-8 bytes.")] = None
    shape: Annotated[
        str | None, public("Its shape: `9` for a digit, `a` and `A` for a letter, `x` for any other.")
    ] = None
    confidence: Annotated[Share, public("From 0 to 1: below 0.5 suspected, above confirmed.")]
    tokens: Annotated[Count | None, public("Tokens that this call paid again because of it.")] = None
    usd: Annotated[Money | None, public("What that cost beyond the price of a cache read.")] = None
    advice: Annotated[str | None, public("What to change.")] = None
    docs: Annotated[str | None, public("Where it is explained.")] = None


class Diagnosis(_Part, frozen=True, kw_only=True):
    """What the provider itself says about the cache, if the app asked it."""

    reason: Annotated[str, public("Its reason, as given.")]
    tokens: Annotated[Count | None, public("Missed tokens, as given.")] = None
    agrees: Annotated[bool | None, public("Whether our verdict names the same part of the request.")] = None


class CacheUse(_Part, frozen=True, kw_only=True):
    """Three counts of one prompt: what a stable one would have reused, what this one could, what it did."""

    verdict: Annotated[Verdict, public("What happened.", is_open=True)]
    source: Annotated[
        Literal["elsewhere"] | None,
        public(
            "`elsewhere`: filled by calls that this process did not see, or by passes of a hosted tool.",
            is_open=True,
        ),
    ] = None
    rule: Annotated[str | None, public("The provider's caching rule that was applied.")] = None
    ideal_tokens: Annotated[Count | None, public("Input that a stable prompt would have reused.")] = None
    reusable_tokens: Annotated[Count | None, public("Input that this prompt could have reused.")] = None
    actual_tokens: Annotated[Count | None, public("Input read from the cache, by the provider.")] = None
    ideal_label: Annotated[Label | None, public("How sure `ideal_tokens` is.", is_open=True)] = None
    reusable_label: Annotated[Label | None, public("How sure `reusable_tokens` is.", is_open=True)] = None
    actual_label: Annotated[Label | None, public("How sure `actual_tokens` is.", is_open=True)] = None
    missed_tokens: Annotated[Count | None, public("`ideal_tokens` less `actual_tokens`, or 0.")] = None
    missed_usd: Annotated[Money | None, public("What they cost beyond the price of a cache read.")] = None
    causes: Annotated[tuple[Cause, ...], public("Where the missed tokens went.")] = ()
    findings: Annotated[tuple[Finding, ...], public("What to fix, in the order of the prompt.")] = ()
    similarity: Annotated[
        Share | None,
        public("Share of the prompt, from its start, that the call which it extends had too."),
    ] = None
    conversation: Annotated[
        str | None, public("Random id of the conversation; its calls are linked by their prefixes.")
    ] = None
    extends: Annotated[str | None, public("`event_id` of the call whose prompt this one extends.")] = None
    kept_segments: Annotated[Count | None, public("Leading segments that it has from that call.")] = None
    breakpoints: Annotated[tuple[Breakpoint, ...], public("Where the cache was asked to stop.")] = ()
    provider_diagnosis: Annotated[Diagnosis | None, public("What the provider itself says.")] = None
