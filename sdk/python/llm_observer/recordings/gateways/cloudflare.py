"""Which calls do logs of Cloudflare's AI Gateway tell of? Its API's list of logs.

https://developers.cloudflare.com/api/resources/ai_gateway/subresources/logs/methods/list, 2026-11-21: two
counts, and nothing of the provider's cache. `cached` is the gateway's own cache.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_count, as_name
from llm_observer.recordings._form import Form, has, single
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since
from llm_observer.recordings._usage import Counts, count
from llm_observer.recordings.gateways._answer import passed_on, path_in

__all__ = ["FORM"]

_FAILED = 400


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, "tokens_in", "tokens_out", "provider", "model", "cached", "created_at")


def _told(fields: Fields) -> Told:
    status = as_count(fields.get("status_code"))
    is_failed = fields.get("success") is False or (status is not None and status >= _FAILED)
    return passed_on(
        {},
        Counts(count(fields, "tokens_in"), count(fields, "tokens_out")),
        fields.get("provider"),
        as_name(fields.get("model")),
        path=path_in(fields.get("path")),
        status=_FAILED if is_failed and status is None else status or 200,
        closing="local" if fields.get("cached") is True else "end_of_body",
        times=since(fields.get("created_at"), duration_ms=fields.get("duration")),
        answer=_own_name(fields),
    )


def _own_name(fields: Fields) -> str | None:
    name = as_name(fields.get("id"))
    return None if name is None else f"cloudflare\0{name}"


FORM = Form("cloudflare", _fits, single(_told), lists=("result", "data"))
