"""Where in the tokens does a piece end? No tokenizer: providers count, estimates lie between."""

from collections.abc import Sequence
from typing import NamedTuple

from llm_observer.call import LLMCall

__all__ = ["Anchor", "TokenScale", "placed", "prompt_total", "weight"]

PER_TOKEN = 10.0
"""Estimates are in tenths of a token, and taken as they are before a provider has said anything."""
OVERHEAD = 30
"""What every piece costs beside its text (role, separators)."""
RECENT = 0.9
"""Weight of the past in the running ratio, so that it follows a change of language or content."""
PLAUSIBLE = (3.0, 40.0)
"""Of text. Beyond are images, files, and prompts with parts that a request does not show."""
FEW = 64
"""Tokens of a prompt that is too short to tell a ratio."""
MAX_MODELS = 256
_AT_PROVIDER = frozenset({"server", "mcp"})


class Anchor(NamedTuple):
    """The provider counted *tokens* up to the end of piece *piece*."""

    piece: int
    tokens: int


class TokenScale:
    """Estimate per token, as learned from answers, by model: of all there were, the newest count most."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def per_token(self, model: str) -> float:
        """The running ratio of *model*, or a general one."""
        estimate, tokens = self._sums.get(model, (PER_TOKEN, 1.0))
        return estimate / tokens

    def knows(self, model: str) -> bool:
        """Whether any answer of *model* was seen."""
        return model in self._sums

    def learn(self, model: str, estimate: int, tokens: int) -> None:
        """What was estimated at *estimate* was *tokens*."""
        least, most = PLAUSIBLE
        if tokens < FEW or not least * tokens <= estimate <= most * tokens:
            return
        if model not in self._sums and len(self._sums) >= MAX_MODELS:
            self._sums.clear()
        past, past_tokens = self._sums.get(model, (0.0, 0.0))
        self._sums[model] = (RECENT * past + estimate, RECENT * past_tokens + tokens)


def prompt_total(call: LLMCall) -> int | None:
    """Input tokens of the prompt itself, None where the provider told none.

    Where it ran tools of its own, its counts are sums: each pass has the prompt anew, with their results.
    """
    if call.tokens is None or any(tool.kind in _AT_PROVIDER for tool in call.other_tools):
        return None
    return call.tokens.input_total


def weight(estimate: int) -> int:
    """What a piece weighs between two anchors."""
    return estimate + OVERHEAD


def placed(
    estimates: Sequence[int],
    known: Sequence[int],
    counted: Sequence[int | None],
    anchors: Sequence[Anchor],
    per_token: float,
) -> list[int]:
    """Tokens up to the end of each piece.

    estimates: of every piece. known: ends of the leading pieces, as an earlier call placed them. counted:
    tokens of every piece, as far as an earlier call had the same one. anchors: ends that this call's usage
    tells, in order; behind the last one *per_token* is all there is.
    """
    ends = [*known]
    for anchor in anchors:
        start, stop = len(ends), anchor.piece + 1
        if stop > start:
            before = ends[-1] if ends else 0
            ends += _between(estimates[start:stop], counted[start:stop], before, anchor.tokens)
    done = ends[-1] if ends else 0
    total = 0
    for estimate in estimates[len(ends) :]:
        total += weight(estimate)
        ends.append(done + round(total / per_token))
    return ends


def _between(estimates: Sequence[int], counted: Sequence[int | None], start: int, end: int) -> list[int]:
    """Share the tokens from *start* to *end* out: as counted, and the rest by weight."""
    span = max(end - start, 0)
    fixed = sum(tokens for tokens in counted if tokens is not None)
    open_weight = sum(weight(one) for one, tokens in zip(estimates, counted, strict=True) if tokens is None)
    if fixed > span or not open_weight:
        counted, fixed, open_weight = [None] * len(estimates), 0, sum(map(weight, estimates))
    ends, done, opened = [], 0, 0
    for one, tokens in zip(estimates, counted, strict=True):
        if tokens is None:
            opened += weight(one)
        else:
            done += tokens
        ends.append(start + done + round((span - fixed) * opened / open_weight))
    return ends
