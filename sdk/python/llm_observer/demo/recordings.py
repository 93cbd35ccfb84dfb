"""Which exchanges with real providers does the demo have? Fifteen, recorded by public projects."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, NamedTuple

__all__ = ["Recording", "recordings", "requests_of"]

_TRIED_AGAIN = 429
"""After this status the SDK sends the same request again by itself."""


class Recording(NamedTuple):
    """One recorded request with its answer.

    scene: part of the demo that it belongs to. path: path of the request, without query.
    request: its JSON body. status, headers, body: the answer.
    """

    scene: str
    path: str
    request: Mapping[str, Any]
    status: int
    headers: Sequence[tuple[str, str]]
    body: str

    @property
    def is_stream(self) -> bool:
        """The answer is a stream of server-sent events."""
        return any(value.startswith("text/event-stream") for _, value in self.headers)


def recordings() -> list[Recording]:
    """All of them, in the order of the file (LICENCES.md says where each comes from)."""
    text = resources.files(__package__).joinpath("exchanges.jsonl").read_text("utf-8")
    lines = (json.loads(line) for line in text.splitlines())
    return [Recording(*(line[name] for name in Recording._fields)) for line in lines]


def requests_of(scene: str) -> list[dict[str, Any]]:
    """The recorded requests of *scene*, in order, each as arguments of the SDK's own method."""
    return [
        dict(recording.request)
        for recording in recordings()
        if recording.scene == scene and recording.status != _TRIED_AGAIN
    ]
