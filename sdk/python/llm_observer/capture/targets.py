"""Which SDKs are hooked, and where: data."""

from typing import NamedTuple

__all__ = ["TARGETS", "Target"]


class Target(NamedTuple):
    """An SDK built on the common generated base client.

    sdk: import name; module: where its base clients live; clients: their class names;
    wire: wire format that it speaks; floor: oldest version that the tests run on.
    """

    sdk: str
    module: str
    wire: str
    floor: tuple[int, ...]
    clients: tuple[str, ...] = ("SyncAPIClient", "AsyncAPIClient")


TARGETS = (
    Target("openai", "openai._base_client", "openai", (1, 66)),
    Target("anthropic", "anthropic._base_client", "anthropic", (0, 40)),
)
