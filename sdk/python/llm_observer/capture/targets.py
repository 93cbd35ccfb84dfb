"""Which SDKs are hooked, and where: data."""

import sys
from typing import NamedTuple

__all__ = ["SDKS", "TARGETS", "VENDORS", "Sockets", "Target", "version_of"]


class Sockets(NamedTuple):
    """Classes of an SDK that own a WebSocket. module: where; route: what their frames ask for."""

    module: str
    route: str
    connections: tuple[str, ...]


class Target(NamedTuple):
    """An SDK built on the common generated base client.

    sdk: import name; module: where its base clients live; clients: their class names;
    wire: wire format that it speaks; floor: oldest version that the tests run on; sockets: what else
    it connects by. A version that lacks some of them has the others hooked.
    """

    sdk: str
    module: str
    wire: str
    floor: tuple[int, ...]
    clients: tuple[str, ...] = ("SyncAPIClient", "AsyncAPIClient")
    sockets: tuple[Sockets, ...] = ()


def _sockets(module: str, route: str, name: str) -> Sockets:
    return Sockets(f"openai.resources.{module}", route, (f"{name}Connection", f"Async{name}Connection"))


OPENAI_SOCKETS = (
    _sockets("responses.responses", "/responses", "Responses"),
    _sockets("beta.responses.responses", "/responses", "Responses"),
    _sockets("realtime.realtime", "/realtime", "Realtime"),
    _sockets("beta.realtime.realtime", "/realtime", "Realtime"),
    _sockets("realtime.translations.translations", "/realtime/translations", "Translations"),
    _sockets("live.live", "/live", "Live"),
    _sockets("live.sideband", "/live", "Sideband"),
    _sockets("live.forks", "/live", "Forks"),
)
"""openai 1.66 has the beta's Realtime alone, 2.22 has Responses too, 3.52 has all of them."""
SDKS = (
    Target("openai", "openai._base_client", "openai", (1, 66), sockets=OPENAI_SOCKETS),
    Target("anthropic", "anthropic._base_client", "anthropic", (0, 40)),
)
VENDORS = (
    Target("groq", "groq._base_client", "openai", (0, 13)),
    Target("together", "together._base_client", "openai", (2, 0)),
    Target("cerebras.cloud.sdk", "cerebras.cloud.sdk._base_client", "openai", (1, 12)),
    Target("fireworks", "fireworks._base_client", "openai", (1, 2)),
    Target("writerai", "writerai._base_client", "openai", (2, 0)),
    Target("sambanova", "sambanova._base_client", "openai", (1, 1)),
    Target("perplexity", "perplexity._base_client", "openai", (0, 20)),
    # Its own copy of openai, in which every call of its client ends.
    Target("portkey_ai", "portkey_ai._vendor.openai._base_client", "openai", (1, 15)),
)
"""Named in a report only where the app uses them."""
TARGETS = SDKS + VENDORS


def version_of(sdk: str) -> str | None:
    """Version of *sdk*, None until it is imported."""
    version = getattr(sys.modules.get(sdk), "__version__", None)
    return version if isinstance(version, str) else None
