"""Which calls does an access log of Envoy AI Gateway tell of? Its JSON lines with `genai_…` fields.

envoyproxy/ai-gateway, cmd/aigw/README.md (`Access Logs`), 2026-11-21. Who runs the model is no field, so a
price is that of the model alone.
"""

from collections.abc import Mapping

from llm_observer.adapters.fields import as_name
from llm_observer.recordings._form import Form, has, single
from llm_observer.recordings._records import Fields
from llm_observer.recordings._told import Told, since
from llm_observer.recordings._usage import Counts, count
from llm_observer.recordings.gateways._answer import passed_on

__all__ = ["FORM"]

_NONE = "-"
"""How Envoy writes what there is not."""


def _fits(fields: Mapping[str, object]) -> bool:
    return has(fields, "genai_tokens_input", "genai_tokens_output", "response_code")


def _told(fields: Fields) -> Told | None:
    model = _name(fields, "genai_model_name_override") or _name(fields, "genai_model_name")
    counts = Counts(count(fields, "genai_tokens_input"), count(fields, "genai_tokens_output"))
    if model is None and counts.is_nothing:
        return None  # a request of another kind: the log has all of the gateway's
    return passed_on(
        {},
        counts,
        None,
        model,
        requested=_name(fields, "genai_model_name"),
        status=count(fields, "response_code"),
        times=since(fields.get("start_time"), duration_ms=count(fields, "duration")),
    )


def _name(fields: Fields, name: str) -> str | None:
    value = as_name(fields.get(name))
    return None if value == _NONE else value


FORM = Form("envoy", _fits, single(_told))
