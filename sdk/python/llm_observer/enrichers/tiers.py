"""Which tiers, regions and lifetimes have a price that genai-prices lacks? Data, each with its source.

genai-prices 0.2.3 prices what it lacks as standard, without a word. So a tier counts as priced only if
its list has a variant for it (`batch`, `flex`, `priority`, `fast` of many models), or a row stands here.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

__all__ = [
    "CLAUDE_1H_WRITE",
    "CLOSED_VENDORS",
    "LOCAL",
    "OTHER_TTL",
    "REGIONS",
    "STANDARD_TIERS",
    "TIERS",
    "VENDORS",
    "Region",
    "Tier",
    "context_of",
    "is_closed",
    "region_of",
]

VENDORS = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "meta_ai": "meta",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "ovh": "ovhcloud",
    "together_ai": "together",
    "voyage_ai": "voyageai",
    "x_ai": "x-ai",
    "z_ai": "zai",
}
"""OpenTelemetry's provider name to genai-prices' id, where they differ."""

LOCAL = frozenset({"llamacpp", "lmstudio", "local", "localhost", "ollama", "vllm"})
"""Providers that are a server of the app's own: what it costs to run is nobody's list price."""

CLOSED_VENDORS = frozenset({"anthropic", "openai"})
"""Vendors whose models nobody else runs: such a name at a local server means a proxy to them."""
OPEN_WEIGHTS = "gpt-oss"
"""How the names of those begin that anybody runs."""

STANDARD_TIERS = frozenset({"auto", "default", "on_demand", "standard", "standard_only"})
"""Names of the standard tier, in requests and answers (OpenAI, Anthropic, Groq, Bedrock)."""

OTHER_TTL = {"openai": b'"12h"'}
"""What a request holds that asks for another lifetime of cache writes than the default, by wire.

OpenAI writes for 30 minutes unless `prompt_cache_options.ttl` says 12h, and its chat wire has no field
that tells. Anthropic's answers tell; where a gateway drops that, it may have changed the request too.

openai 3.52.0, types/responses/response_create_params.py: "`30m` (the default) and `12h`", 2026-11-21.
"""

CLAUDE_1H_WRITE = Decimal(2)
"""A one-hour cache write costs twice the base input, on every Claude model.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing, 2026-11-21.
OpenAI publishes one price of cache writes, so writes of 12 hours have none (pricing page, 2026-11-21).
"""


class Tier(NamedTuple):
    """A tier priced by a factor on every token rate. is_exact: the factor is documented for all models."""

    factor: Decimal
    is_exact: bool


TIERS = {
    # "All usage is charged at 50% of the standard API prices", all models, caching multipliers stack:
    # https://platform.claude.com/docs/en/build-with-claude/batch-processing#pricing, 2026-11-21. The
    # price list has the active models since 2026-10-14; this row is for the time before, and the retired.
    ("anthropic", "batch"): Tier(Decimal("0.5"), is_exact=True),
    # "Tokens are priced at Batch API rates": https://developers.openai.com/api/docs/guides/flex-processing,
    # batch is half price: https://developers.openai.com/api/docs/guides/batch, 2026-11-21. Single models
    # differ (ft:gpt-4o, gpt-3.5-turbo-1106) and cached input is not always halved: so not exact.
    ("openai", "batch"): Tier(Decimal("0.5"), is_exact=False),
    ("openai", "flex"): Tier(Decimal("0.5"), is_exact=False),
    # "Pricing matches the on-demand tier": https://console.groq.com/docs/flex-processing, 2026-11-21.
    ("groq", "flex"): Tier(Decimal(1), is_exact=True),
}
"""Tiers that are priced by rule where the price list has no variant, by vendor and tier."""


class Region(NamedTuple):
    """A surcharge on every token rate for processing in a region. models: names that it is charged for."""

    vendor: str
    field: str
    value: re.Pattern[str]
    models: re.Pattern[str]
    factor: Decimal


REGIONS = (
    # `inference_geo: "us"` costs 1.1x on all token categories, Claude Opus 4.6 and later (older models
    # refuse the parameter): https://platform.claude.com/docs/en/manage-claude/data-residency, 2026-11-21.
    Region("anthropic", "inference_geo", re.compile("us"), re.compile(""), Decimal("1.1")),
    # Data residency endpoints: 10 % more for models released on or after 2026-03-05 (gpt-5.4 was the
    # first): https://developers.openai.com/api/docs/guides/data-residency, 2026-11-21.
    Region(
        "openai",
        "host",
        re.compile(r"[a-z]{2}\.api\.openai\.com"),
        re.compile(r"gpt-(5\.[4-9]|[6-9])"),
        Decimal("1.1"),
    ),
    # Regional and multi-region endpoints: 10 % more from Claude Sonnet 4.5 on, not before:
    # https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai, 2026-11-21.
    Region(
        "google",
        "host",
        re.compile(r".+-aiplatform\.googleapis\.com|aiplatform\.[a-z]+\.rep\.googleapis\.com"),
        re.compile(r"claude-(?!\d|v\d|(sonnet|opus)-4-[01]$)"),
        Decimal("1.1"),
    ),
)

NO_REGION = frozenset({"global", "not_available"})
"""Values of `inference_geo` that cost nothing more."""


def is_closed(vendor: str, model: str) -> bool:
    """Whether only *vendor* runs *model*."""
    return vendor in CLOSED_VENDORS and not model.startswith(OPEN_WEIGHTS)


def context_of(tier: str) -> tuple[str, str]:
    """The request context under which genai-prices lists *tier* (`speed: fast` is told apart by its name)."""
    if tier == "batch":
        return "processing", "batch"
    key, _, value = tier.rpartition(":")
    return (key or "service_tier"), value


def region_of(vendor: str, model: str, geo: str | None, host: str) -> Decimal | None:
    """The factor for where the call was processed, 1 where that costs nothing; None if it has no price."""
    seen = {"inference_geo": geo or "", "host": host}
    for region in REGIONS:
        if region.vendor == vendor and region.value.fullmatch(seen[region.field]):
            return region.factor if region.models.match(model) else Decimal(1)
    is_known = geo is None or geo in NO_REGION or vendor != "anthropic"
    return Decimal(1) if is_known else None
