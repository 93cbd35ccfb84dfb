"""What do the servers with a plain prefix cache keep? A table: provider to block size, minimum and lifetime.

Steps are what recorded usage supports where there is any (in brackets), else what the vendor or the serving
software says. Lifetimes that no vendor states are an hour: caches of this kind are emptied when memory is
short. A row that is `_assumed` follows what is generally known of that server; its page was not compared.
"""

from collections.abc import Mapping

from llm_observer.cache.rules._spec import Dated, Rule, at_date

__all__ = ["GENERIC", "generic_rule"]

CHECKED = "2026-11-21"
HOUR_S = 3600
FIVE_MINUTES_S = 300


def _prefix(source: str, *, step: int, minimum: int | None = None, ttl_s: float = HOUR_S) -> Rule:
    return Rule(
        id="prefix",
        source=source,
        checked=CHECKED,
        minimum=step if minimum is None else minimum,
        step=step,
        ttl_s=ttl_s,
        ttls_s=(),
    )


def _assumed(source: str, *, step: int, minimum: int | None = None, ttl_s: float = HOUR_S) -> Rule:
    return _prefix(source, step=step, minimum=minimum, ttl_s=ttl_s)._replace(checked="")


LLAMA_CPP = _assumed("https://github.com/ggml-org/llama.cpp tools/server (cache_prompt)", step=1)
VLLM = _assumed("https://docs.vllm.ai/en/latest/design/prefix_caching/", step=16)
SGLANG = _assumed("https://docs.sglang.ai/ (RadixAttention, page size 1)", step=1)
GENERIC: Mapping[str, Rule] = {
    # [192, 320, 704]; 481 after 361 in, 26 out and 93 of reasoning. With the same tools and another system
    # text the read ends where that text differs (153 of 432), as it does with other tools (153 of 361).
    "x_ai": _prefix("https://docs.x.ai/developers/advanced-api-usage/prompt-caching", step=64)._replace(
        keeps_answers=True, is_system_first=True
    ),
    "groq": _prefix("https://console.groq.com/docs/prompt-caching", step=128, ttl_s=2 * HOUR_S),  # [256]
    "mistral_ai": _prefix(  # [112, 224]
        "https://docs.mistral.ai/studio-api/conversations/advanced/prompt-caching", step=16
    ),
    "zai": _prefix("https://docs.z.ai/guides/capabilities/cache", step=1),  # [14, 43, 173, 279]
    "moonshot_ai": _assumed("https://platform.moonshot.ai/docs", step=1),
    "alibaba": _assumed(
        "https://www.alibabacloud.com/help/en/model-studio/context-cache", step=1, minimum=256
    ),
    "minimax": _assumed(
        "https://platform.minimax.io/docs/api-reference/text-prompt-caching", step=1, minimum=512
    ),
    "cerebras": _assumed(
        "https://inference-docs.cerebras.ai/capabilities/prompt-caching", step=128, ttl_s=FIVE_MINUTES_S
    ),
    "fireworks": _assumed("https://docs.fireworks.ai/guides/prompt-caching", step=1),
    "together": VLLM,
    "deepinfra": VLLM,
    "novita": VLLM,
    "siliconflow": VLLM,
    "baseten": VLLM,
    "nebius": VLLM,
    "huggingface": VLLM,
    "openrouter": SGLANG,
    "vercel": SGLANG,
    "portkey": SGLANG,
    "pydantic-gateway": SGLANG,
    "avian": _prefix("recorded usage of kimi-k2.5", step=8)._replace(  # [8, 64, 128, 224]
        keeps_answers=True  # 128 after 76 in and 96 out
    ),
    "vllm": VLLM,
    "sglang": SGLANG,
    "lmstudio": LLAMA_CPP,
    "ollama": LLAMA_CPP,
    "local": LLAMA_CPP,  # [2, 14, 66]; a vLLM there reads at most 15 tokens less
    "unknown": LLAMA_CPP,
}
"""Providers with an automatic prefix cache. One that is not here has none that is known."""
EXACT_GROK = ("grok-2", "grok-3", "grok-4-fast", "grok-4-1-fast", "grok-4.1-fast")
"""Recorded reads of 152, 287, 400 and 602 tokens: no blocks. Later models read multiples of 64."""
VENDORS: Mapping[str, str] = {
    "x-ai": "x_ai",
    "xai": "x_ai",
    "z-ai": "zai",
    "mistralai": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "google": "gcp.gemini",
    "qwen": "alibaba",
    "minimax": "minimax",
}
ROUTERS = frozenset({"openrouter", "vercel", "portkey", "pydantic-gateway", "unknown"})
GEMINI_SOURCE = "https://ai.google.dev/gemini-api/docs/caching"
GEMINI_MINIMUM: Mapping[str, tuple[Dated, ...]] = {
    "gemini-2.0": (Dated("", 1),),  # recorded reads of 679 of 687
    "gemini-2.5-flash": (Dated("", 1024), Dated("2026-07-07", 2048)),
    "gemini-2.5-pro": (Dated("", 4096), Dated("2026-07-07", 2048)),
    "gemini-3-flash": (Dated("", 1024), Dated("2026-07-07", 4096)),
    "gemini-3.5-flash": (Dated("", 1024), Dated("2026-07-07", 4096)),
    "gemini": (Dated("", 4096),),
}
"""By the start of the name, most special first. The guide's tables of 2026-05-28 and 2026-07-07 differ: the
later holds from its day on. Google Cloud's page says 2,048 for all: the API's own guide is followed."""
GEMINI = _prefix(GEMINI_SOURCE, step=1, minimum=4096)


def generic_rule(provider: str, vendor: str, base: str, at_s: float) -> Rule | None:
    """The rule of a plain prefix cache, None where none is known."""
    served_by = VENDORS.get(vendor, provider) if provider in ROUTERS else provider
    if base.startswith("gemini"):
        return GEMINI._replace(minimum=_gemini_minimum(base, at_s))
    if base.startswith("grok"):
        served_by = "x_ai"  # Azure serves Grok too, with reads that are no multiples of anything
    rule = GENERIC.get(served_by)
    if rule is not None and (base.startswith(EXACT_GROK)):
        return rule._replace(step=1, minimum=1)
    return rule


def _gemini_minimum(base: str, at_s: float) -> int:
    return next(at_date(rows, at_s) for name, rows in GEMINI_MINIMUM.items() if base.startswith(name))
