"""Which recorded exchanges are there to replay? Those that the SDKs can send, by source file.

The whole set lies beside the repository and may be absent; a licensed part of it lies in `tests/data`.
"""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from integration.loopback import Answer, encoded, pieces
from integration.sending import bytes_of

ALL = Path(__file__).parents[3] / "shared" / "cassettes"
SOME = Path(__file__).parents[1] / "data" / "cassettes"


class Recorded(NamedTuple):
    """One exchange and what is true of it."""

    id: str
    exchange: dict[str, Any]
    truth: dict[str, Any]

    @property
    def body(self):
        return bytes_of(self.exchange["response"])

    def random(self, purpose):
        """A generator of its own for *purpose*: the same one in each run."""
        return random.Random(f"{self.id} {purpose}")


def source_files(folder):
    """Names of the files of recordings in *folder*."""
    return sorted(path.name for path in (folder / "open").glob("*.jsonl"))


@cache
def _truths(folder):
    lines = (folder / "ground_truth.jsonl").read_text("utf-8").splitlines()
    return {truth["id"]: truth for truth in map(json.loads, lines)}


def recorded(folder, name):
    """The exchanges of file *name* that go through one of the SDKs."""
    truths = _truths(folder)
    with (folder / "open" / name).open(encoding="utf-8") as lines:
        found = [Recorded(line["id"], line, truths[line["id"]]) for line in map(json.loads, lines)]
    return [one for one in found if _is_for_sdks(one.truth)]


def _is_for_sdks(truth):
    if truth["wire"] == "bedrock_invoke":  # other families than Claude go through AWS' own SDK
        return "anthropic." in (truth["model_requested"] or "")
    return truth["wire"] in {"openai", "anthropic"}


def answer_of(one, codings):
    """The recorded answer, cut at random borders; one body of four is compressed by one of *codings*."""
    response, rng = one.exchange["response"], one.random("answer")
    headers = [(name, value) for name, value in response["headers"] if name.lower() != "content-encoding"]
    answer = Answer(response["status"], headers, (one.body,))
    if one.body and rng.random() < 0.25:
        answer = encoded(answer, rng.choice(codings))
    return answer._replace(steps=pieces(answer.body, one.id))
