"""Calls, the events of them, and the exports that a provider would write of them."""

import csv
import io
import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from llm_observer.call import Cost, Tokens
from llm_observer.reconcile import Export, Ours, Question, Theirs, compare
from sessions import event_of

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)


class Call(NamedTuple):
    """One call of a model, some seconds after 2026-11-01 began."""

    model: str = "gpt-4o-2024-08-06"
    at_s: int = 43_200
    uncached: int = 100
    read: int = 50
    written: int = 0
    output: int = 10
    usd: str | None = "0.00125"

    @property
    def day(self):
        return datetime.fromtimestamp(MIDNIGHT.timestamp() + self.at_s, UTC).date().isoformat()

    @property
    def input(self):
        return self.uncached + self.read + self.written


def event(call=None, *, provider="openai", sample_rate=None, **fields):
    """The event of *call*; *fields* are its `llm_call`'s."""
    call = call or Call()
    moment = datetime.fromtimestamp(MIDNIGHT.timestamp() + call.at_s, UTC)
    split = {"cache_write_5m": call.written, "cache_write_1h": 0} if provider == "anthropic" else {}
    tokens = Tokens(
        input_total=call.input,
        input_uncached=call.uncached,
        cache_read=call.read,
        cache_write=call.written,
        output=call.output,
        **split,
    )
    cost = Cost(status="unknown_model") if call.usd is None else Cost(status="exact", total_usd=call.usd)
    made = event_of(**{"provider": provider, "model": call.model, "tokens": tokens, "cost": cost, **fields})
    return replace(made, time=f"{moment:%Y-%m-%dT%H:%M:%S}.000000Z", sample_rate=sample_rate)


def openai_usage(calls):
    """A page of OpenAI's usage API, grouped by model."""
    return _page(
        {
            "object": "organization.usage.completions.result",
            "model": model,
            "num_model_requests": len(some),
            "input_tokens": sum(call.input for call in some),
            "input_uncached_tokens": sum(call.uncached for call in some),
            "input_cached_tokens": sum(call.read for call in some),
            "input_cache_write_tokens": sum(call.written for call in some),
            "output_tokens": sum(call.output for call in some),
            "day": day,
        }
        for (day, model), some in grouped(calls)
    )


def openai_costs(calls):
    """A page of OpenAI's costs API, by line item."""
    return _page(
        {
            "object": "organization.costs.result",
            "amount": {"value": _usd(some), "currency": "usd"},
            "line_item": f"{model}, input_tokens",
            "day": day,
        }
        for (day, model), some in grouped(calls)
    )


def anthropic_usage(calls):
    """A page of Anthropic's usage report, grouped by model."""
    buckets = [
        {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day}T23:59:59Z",
            "results": [
                {
                    "model": model,
                    "uncached_input_tokens": sum(call.uncached for call in some),
                    "cache_read_input_tokens": sum(call.read for call in some),
                    "cache_creation": {
                        "ephemeral_5m_input_tokens": sum(call.written for call in some),
                        "ephemeral_1h_input_tokens": 0,
                    },
                    "output_tokens": sum(call.output for call in some),
                    "service_tier": "standard",
                }
            ],
        }
        for (day, model), some in grouped(calls)
    ]
    return json.dumps({"data": buckets, "has_more": False, "next_page": None})


def openrouter_csv(calls):
    """OpenRouter's CSV: a row for each call."""
    names = (
        "generation_id created_at cost_total tokens_prompt tokens_completion tokens_cached model_permaslug"
    )
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(names.split())
    for number, call in enumerate(calls):
        moment = datetime.fromtimestamp(MIDNIGHT.timestamp() + call.at_s, UTC)
        cells = (f"{moment:%Y-%m-%d %H:%M:%S}.040", call.usd, call.input, call.output, call.read, call.model)
        rows.writerow((f"gen-{number}", *cells))
    return text.getvalue()


EXPORTS = {
    "openai_usage": ("openai", openai_usage),
    "openai_costs": ("openai", openai_costs),
    "anthropic_usage": ("anthropic", anthropic_usage),
    "openrouter_csv": ("openrouter", openrouter_csv),
}
"""How each is written, and whose calls it tells."""


def compared(files, events, **asked):
    """Sections of what the export *files* and *events* hold."""
    export, ours = Export(map(str, files)), Ours()
    theirs = Theirs(export)
    assert not export.problems
    for one in events:
        ours.add(one)
    return compare(theirs, ours, Question(**asked))


def grouped(calls):
    """*calls* by day and model."""
    groups = defaultdict(list)
    for call in calls:
        groups[call.day, call.model].append(call)
    return groups.items()


def _usd(calls):
    return str(sum((Decimal(call.usd) for call in calls if call.usd is not None), Decimal(0)))


def _page(results):
    buckets = []
    for result in results:
        begins = int(datetime.fromisoformat(f"{result.pop('day')}T00:00:00Z").timestamp())
        bucket = {"object": "bucket", "start_time": begins, "end_time": begins + 86_400, "results": [result]}
        buckets.append(bucket)
    return json.dumps({"object": "page", "data": buckets, "has_more": False, "next_page": None})
