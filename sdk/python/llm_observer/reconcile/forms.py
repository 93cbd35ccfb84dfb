"""Which exports of which providers are known, and what does each column mean? A row of data per form.

A column stands here only where the named source has it. Columns of JSON are dotted paths of one result and of
its bucket; those of CSV are the header's names.
"""

from decimal import Decimal

from llm_observer.enrichers.tiers import STANDARD_TIERS
from llm_observer.reconcile.form import Form

__all__ = ["FORMS", "NOT_COMPARED"]

_TIERS = STANDARD_TIERS | {"message"}
_CENT = Decimal("0.01")
_GENERATING = frozenset({"chat", "responses", "responses.compact", "text_completion", "threads.runs"})
"""Operations of ours that OpenAI counts as completions."""
_MESSAGES = frozenset({"chat", "text_completion"})

_OPENAI_COUNTS = {
    "requests": ("num_model_requests",),
    "input": ("input_tokens",),
    "uncached": ("input_uncached_tokens",),
    "cache_read": ("input_cached_tokens",),
    "cache_write": ("input_cache_write_tokens",),
    "cache_write_30m": ("input_cache_write_30m_tokens",),
    "cache_write_12h": ("input_cache_write_12h_tokens",),
    "output": ("output_tokens",),
}
_OPENAI_TAGS = {"batch": ("batch", frozenset({"false"})), "service_tier": ("tier", _TIERS)}
_OPENAI_SDK = "openai 3.52.0, types/admin/organization/"
_OPENAI_CSV = (
    "dashboard exports of October 2025, published at github.com/xavierjflanagan/Guardian (69d31e9); "
    "read 2026-11-21"
)
_CLAUDE_API = "https://platform.claude.com/docs/en/api/admin/"
_CLAUDE_TAGS = {
    "service_tier": ("tier", _TIERS),
    "context_window": ("long_context", frozenset({"0-200k"})),
    "speed": ("tier", frozenset({"standard"})),
    "inference_geo": ("region", frozenset({"global", "not_available"})),
}
_CLAUDE_CSV_TAGS = {
    "usage_type": ("tier", _TIERS),
    "context_window": ("long_context", frozenset({"≤ 200k"})),
    "speed": ("tier", frozenset({"standard"})),
    "inference_geo": ("region", frozenset({"global", "not_available"})),
}
_CLAUDE_PARTS = (
    "uncached_input_tokens",
    "cache_read_input_tokens",
    "cache_creation.ephemeral_5m_input_tokens",
    "cache_creation.ephemeral_1h_input_tokens",
)
_CLAUDE_CSV_PARTS = (
    "usage_input_tokens_no_cache",
    "usage_input_tokens_cache_read",
    "usage_input_tokens_cache_write_5m",
    "usage_input_tokens_cache_write_1h",
)


def _claude_counts(parts: tuple[str, ...], output: str, searches: str) -> dict[str, tuple[str, ...]]:
    """Counts by kind; *parts* are uncached, read, written for 5 minutes, written for an hour."""
    return {
        "input": parts,
        "uncached": parts[:1],
        "cache_read": parts[1:2],
        "cache_write": parts[2:],
        "cache_write_5m": parts[2:3],
        "cache_write_1h": parts[3:],
        "output": (output,),
        "searches": (searches,),
    }


FORMS = (
    Form(
        name="openai_usage_completions",
        title="OpenAI usage API, completions",
        provider="openai",
        source=f"{_OPENAI_SDK}usage_completions_response.py, 2026-11-21",
        columns=frozenset({"object", "start_time", "input_tokens", "output_tokens", "num_model_requests"}),
        object="organization.usage.completions.result",
        day="start_time",
        end="end_time",
        model="model",
        counts=_OPENAI_COUNTS,
        tags=_OPENAI_TAGS,
        operations=_GENERATING,
    ),
    *(
        Form(
            name=f"openai_usage_{noun}",
            title=f"OpenAI usage API, {noun}",
            provider="openai",
            source=f"{_OPENAI_SDK}usage_{noun}_response.py, 2026-11-21",
            columns=frozenset({"object", "start_time", "input_tokens", "num_model_requests"}),
            object=f"organization.usage.{noun}.result",
            day="start_time",
            end="end_time",
            model="model",
            counts={"requests": ("num_model_requests",), "input": ("input_tokens",)},
            operations=frozenset({noun}),
        )
        for noun in ("embeddings", "moderations")
    ),
    Form(
        name="openai_usage_csv",
        title="OpenAI dashboard CSV, completions activity",
        provider="openai",
        source=_OPENAI_CSV,
        columns=frozenset(
            {
                "start_time",
                "start_time_iso",
                "num_model_requests",
                "model",
                "input_tokens",
                "output_tokens",
                "input_cached_tokens",
            }
        ),
        day="start_time",
        end="end_time",
        model="model",
        counts=_OPENAI_COUNTS,
        tags=_OPENAI_TAGS,
        operations=_GENERATING,
    ),
    Form(
        name="openai_costs",
        title="OpenAI costs API",
        provider="openai",
        source=f"{_OPENAI_SDK}usage_costs_response.py, 2026-11-21",
        columns=frozenset({"object", "start_time"}),
        object="organization.costs.result",
        day="start_time",
        end="end_time",
        usd="amount.value",
        currency="amount.currency",
        item="line_item",  # "gpt-6-astra, input_tokens": usage_costs_params.py of the same version
    ),
    Form(
        name="openai_costs_csv",
        title="OpenAI dashboard CSV, costs",
        provider="openai",
        source=_OPENAI_CSV,
        columns=frozenset({"start_time", "start_time_iso", "amount_value", "amount_currency", "line_item"}),
        day="start_time",
        end="end_time",
        usd="amount_value",
        currency="amount_currency",
        item="line_item",
    ),
    Form(
        name="anthropic_usage",
        title="Anthropic usage report",
        provider="anthropic",
        source=f"{_CLAUDE_API}usage_report/retrieve_messages, 2026-11-21; also anthropic 2.11.0",
        columns=frozenset(
            {"starting_at", "uncached_input_tokens", "cache_read_input_tokens", "output_tokens"}
        ),
        day="starting_at",
        end="ending_at",
        model="model",
        counts={
            "requests": ("requests",),  # only the analytics report of anthropic 2.11.0 has it
            **_claude_counts(_CLAUDE_PARTS, "output_tokens", "server_tool_use.web_search_requests"),
        },
        tags=_CLAUDE_TAGS,
        operations=_MESSAGES,
    ),
    Form(
        name="anthropic_cost",
        title="Anthropic cost report",
        provider="anthropic",
        source=f"{_CLAUDE_API}cost_report/retrieve, 2026-11-21: cents, as a decimal string",
        columns=frozenset({"starting_at", "amount", "currency"}),
        day="starting_at",
        end="ending_at",
        model="model",
        usd="amount",
        usd_unit=_CENT,
        currency="currency",
        tags={"cost_type": ("fee", frozenset({"tokens"})), **_CLAUDE_TAGS},
        labels=("description", "cost_type"),
    ),
    Form(
        name="anthropic_usage_csv",
        title="Anthropic console CSV, usage",
        provider="anthropic",
        source="console exports of June 2025 to August 2026, headers as published on GitHub, read 2026-11-21",
        columns=frozenset(
            {"usage_date_utc", "model_version", *_CLAUDE_CSV_PARTS, "usage_output_tokens", "web_search_count"}
        ),
        day="usage_date_utc",
        model="model_version",
        counts=_claude_counts(_CLAUDE_CSV_PARTS, "usage_output_tokens", "web_search_count"),
        tags=_CLAUDE_CSV_TAGS,
        operations=_MESSAGES,
    ),
    Form(
        name="anthropic_cost_csv",
        title="Anthropic console CSV, cost",
        provider="anthropic",
        source="console exports of December 2025 to September 2026, headers as published on GitHub, "
        "read 2026-11-21",
        columns=frozenset({"usage_date_utc", "model", "token_type", "cost_usd", "cost_type"}),
        day="usage_date_utc",
        model="model",
        usd="cost_usd",
        tags={"cost_type": ("fee", frozenset({"token", "tokens"})), **_CLAUDE_CSV_TAGS},
        labels=("cost_type",),
        is_in_cents=True,
        has_titles=True,
    ),
    Form(
        name="openrouter_activity",
        title="OpenRouter activity API",
        provider="openrouter",
        source="https://openrouter.ai/docs/api/api-reference/analytics/get-user-activity, 2026-11-21",
        columns=frozenset(
            {"date", "model", "model_permaslug", "usage", "requests", "prompt_tokens", "completion_tokens"}
        ),
        day="date",
        model="model_permaslug",
        alias="model",
        counts={
            "requests": ("requests",),
            "input": ("prompt_tokens",),
            "output": ("completion_tokens",),
        },
        usd="usage",
        tags={"byok_usage_inference": ("byok", frozenset({"0", "0.0"}))},
    ),
    Form(
        name="openrouter_activity_csv",
        title="OpenRouter activity CSV",
        provider="openrouter",
        source="activity exports of February to September 2026, headers as published on GitHub "
        "(CodexClawd/codexclawd 05e8402), read 2026-11-21",
        columns=frozenset(
            {
                "generation_id",
                "created_at",
                "cost_total",
                "tokens_prompt",
                "tokens_completion",
                "tokens_cached",
                "model_permaslug",
            }
        ),
        day="created_at",  # without a zone: OpenRouter's days are UTC
        model="model_permaslug",
        row_id="generation_id",
        counts={
            "input": ("tokens_prompt",),
            "cache_read": ("tokens_cached",),
            "output": ("tokens_completion",),
        },
        usd="cost_total",
        tags={
            "byok_usage_inference": ("byok", frozenset({"0", "0.0"})),
            "cancelled": ("cancelled", frozenset({"false"})),
        },
        is_call=True,
    ),
)
"""The first form whose columns are all there, and whose object it is, reads a row."""

NOT_COMPARED = {
    "organization.usage.images.result": "images are counted, not tokens",
    "organization.usage.audio_speeches.result": "characters are counted, not tokens",
    "organization.usage.audio_transcriptions.result": "seconds are counted, not tokens",
    "organization.usage.vector_stores.result": "storage is no call",
    "organization.usage.code_interpreter_sessions.result": "sessions are counted, not tokens",
    "organization.usage.file_searches.result": "hosted searches are counted, not tokens",
    "organization.usage.web_searches.result": "hosted searches are counted, not tokens",
    "organization.usage.decisions.result": "the Decisions API is not observed",
}
"""Results of OpenAI's usage API that hold nothing that our events count, and why."""
