"""Is an HTTP request one to a model's API? Told by method and address: programs ask for much else."""

import re
from collections.abc import Mapping

from llm_observer.adapters.providers import LOCAL, UNKNOWN, place_of
from llm_observer.adapters.routes import OPERATIONS, route_of
from llm_observer.wire import Exchange

__all__ = ["is_model_call"]

_CALLS = frozenset({*OPERATIONS.values(), "invoke"})
_AROUND_CALLS = frozenset({"CONNECT", "HEAD", "OPTIONS", "TRACE"})
"""Methods that call nothing: browsers ask first whether a page of another site may (CORS)."""
_VERSION = re.compile(r"://[^?#]*/v[0-9][a-z0-9.]*(/|$)")
_APIS: Mapping[str, re.Pattern[str]] = {
    "cloudflare": re.compile(r"://[^/]+/(v1|client/v4/accounts/[^/]+/ai)/"),
    "databricks": re.compile(r"://[^/]+/(serving-endpoints|api/2\.[0-9]/serving-endpoints)(/|$)"),
    "ollama": re.compile(r"://[^/]+/(api|v1)/"),
    "openrouter": re.compile(r"://[^/]+/api/(v1|alpha|beta)/"),
    "snowflake": re.compile(r"://[^/]+/api/v2/(cortex/|.*/agents/)"),
}
"""Where the API for models is, of providers whose host has a site or other services, too."""


def is_model_call(exchange: Exchange) -> bool:
    """Whether it is on a known route of any host, or asks the API of a known provider."""
    method, route = exchange.options.method.upper(), route_of(exchange)
    if method in _AROUND_CALLS:
        return False
    if route.operation in _CALLS:
        return True
    provider = place_of(exchange.url, None).provider
    if provider in {UNKNOWN, LOCAL}:
        return False
    api = _APIS.get(provider)
    if api is not None:
        return api.search(exchange.url) is not None
    is_page = method == "GET" and route.operation.startswith("unknown:")
    return not is_page or _VERSION.search(exchange.url) is not None
