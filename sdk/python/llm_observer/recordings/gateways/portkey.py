"""Which calls does a log export of Portkey tell of? JSON lines with the columns that were asked for.

The answer itself counts where `response` was among them. https://portkey.ai/docs/product/observability/
logs-export and Portkey-AI/docs-core, product/observability/logs-export.mdx, 2026-11-21.
"""

import re
from collections.abc import Mapping

from llm_observer.adapters.fields import as_count, as_name
from llm_observer.recordings._form import Form, has, single
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since
from llm_observer.recordings._usage import Counts, count
from llm_observer.recordings.gateways._answer import passed_on, path_in
from llm_observer.recordings.gateways._usage import object_of

__all__ = ["FORM"]

_JAVASCRIPT_ZONE = re.compile(r" \([^)]*\)$")
"""`Wed Jan 22 2025 10:00:00 GMT+0000 (Coordinated Universal Time)`."""
_HITS = frozenset({"HIT", "SEMANTIC HIT"})


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, "ai_org", "ai_model") and ("req_units" in fields or "response" in fields)


def _told(fields: Fields) -> Told:
    answer = _answer(fields)
    requested = as_name(fields.get("ai_model"))
    status = as_count(fields.get("response_status_code"))
    return passed_on(
        answer,
        Counts(count(fields, "req_units"), count(fields, "res_units")),
        fields.get("ai_org"),
        as_name(answer.get("model")) or requested,
        path=path_in(fields.get("request_url")),
        requested=requested,
        status=200 if status is None else status,
        closing="local" if str(fields.get("cache_status")).upper() in _HITS else "end_of_body",
        times=since(_moment(fields.get("created_at")), duration_ms=fields.get("response_time")),
    )


def _answer(fields: Fields) -> Fields:
    """The body of the answer, in `response` or below it."""
    response = object_of(fields.get("response") or fields.get("response.body"))
    return object_of(response.get("body")) or response


def _moment(value: object) -> object:
    return _JAVASCRIPT_ZONE.sub("", value) if isinstance(value, str) else value


FORM = Form("portkey", _fits, single(_told), lists=("data",))
