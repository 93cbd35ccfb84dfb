"""Which calls does an export of Helicone tell of? `@helicone/export`, and the API's `query-clickhouse`.

The answer itself counts where the export has bodies. Helicone/helicone, `HeliconeRequest` of
packages/llm-mapper/types.ts, and https://docs.helicone.ai/rest/request/post-v1requestquery-clickhouse,
2026-11-21.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_count, as_name
from llm_observer.recordings._form import Form, has, single
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since
from llm_observer.recordings._usage import Counts, count
from llm_observer.recordings.gateways._answer import passed_on, path_in
from llm_observer.recordings.gateways._usage import object_of

__all__ = ["FORM"]

_NO_CACHE_ENTRY = "00000000-0000-0000-0000-000000000000"


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, "request_id", "request_created_at", "response_status", "prompt_tokens", "delay_ms")


def _told(fields: Fields) -> Told:
    answer = object_of(fields.get("response_body"))
    named = (fields.get("response_model"), answer.get("model"), fields.get("request_model"))
    cached = fields.get("cache_reference_id")
    return passed_on(
        answer,
        _own_counts(fields),
        fields.get("provider"),
        next((name for one in named if (name := as_name(one)) is not None), None),
        path=path_in(fields.get("request_path")),
        requested=as_name(fields.get("request_model")),
        status=as_count(fields.get("response_status")),
        closing="local" if isinstance(cached, str) and cached not in {"", _NO_CACHE_ENTRY} else "end_of_body",
        times=since(
            fields.get("request_created_at"),
            duration_ms=fields.get("delay_ms"),
            first_ms=fields.get("time_to_first_token"),
        ),
    )


def _own_counts(fields: Fields) -> Counts:
    """Helicone's columns. Whether the prompt's holds what is cached, the total tells."""
    asked, output = count(fields, "prompt_tokens"), count(fields, "completion_tokens")
    read, written = count(fields, "prompt_cache_read_tokens"), count(fields, "prompt_cache_write_tokens")
    cached = sum(part for part in (read, written) if part is not None)
    is_inside = (
        asked is not None and asked >= cached and count(fields, "total_tokens") == asked + (output or 0)
    )
    return Counts(
        fresh=asked - cached if is_inside and asked is not None else asked,
        output=output,
        read=read,
        written=written,
    )


FORM = Form("helicone", _fits, single(_told), lists=("data",))
