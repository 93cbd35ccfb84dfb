"""What runs beside us together, and in which environment? Data, most of it from the tests' own."""

import re
from typing import NamedTuple

from integration.beside_peers import PEERS, SDKS

__all__ = ["SETS", "Set"]

ALL = "all of these but openai-v2"
"""That one needs an opentelemetry-util-genai below 1, its successor one above."""


class Set(NamedTuple):
    """peers: instrumentations that are on at once; none where tests of mocks run.

    requirements: beside the SDKs. named: packages whose versions the table tells. unread: calls whose stream
    those peers break in the app, with or without us, before it is read: their events end early, and say so.
    """

    peers: tuple[str, ...]
    requirements: tuple[str, ...]
    named: tuple[str, ...]
    sdks: tuple[str, ...] = tuple(SDKS)
    unread: int = 0

    @property
    def is_launched(self) -> bool:
        """`opentelemetry-instrument` switches on all of it."""
        return bool(self.peers) and all(PEERS[name].is_launched for name in self.peers)


def _together(*names: str) -> Set:
    packages = tuple(dict.fromkeys(package for name in names for package in PEERS[name].packages.values()))
    more = dict.fromkeys(one for name in names for one in PEERS[name].more)
    sdks = tuple(sdk for sdk in SDKS if any(sdk in PEERS[name].packages for name in names))
    return Set(names, (*packages, *more), packages, sdks)


def _mocks(*requirements: str) -> Set:
    tests = ("pytest", "pytest-timeout", "hypothesis", "jsonschema", "pyyaml")
    named = tuple(re.split(r"[<\[]", one)[0] for one in requirements)
    return Set((), (*requirements, *tests), tuple(dict.fromkeys(("openai", "anthropic", *named))))


SETS: dict[str, Set] = {
    **{name: _together(name) for name in PEERS},
    # LangSmith's stream around those of others has no `__aiter__`: the async helper of anthropic fails.
    ALL: _together(*(name for name in PEERS if name != "OpenTelemetry, openai-v2"))._replace(unread=1),
    "recorders and mocks, SDKs on httpx2": _mocks("vcrpy", "pytest-recording", "pytest-httpx2", "respx"),
    "recorders and mocks, SDKs on httpx": _mocks(
        "openai<3", "anthropic<1", "vcrpy", "pytest-recording", "respx", "pytest-httpx"
    ),
}
