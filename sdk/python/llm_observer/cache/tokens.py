"""Where in the tokens does a piece end? No tokenizer: providers' counts are anchors, bytes lie between."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Anchor", "TokenScale", "placed", "weight"]

BYTES_PER_TOKEN = 4.0
"""What JSON and English prose come to, before a provider has said anything."""
OVERHEAD = 12
"""Bytes' worth of tokens that every piece costs beside its text (role, separators)."""
RECENT = 0.9
"""Weight of the past in the running ratio, so that it follows a change of language or content."""
PLAUSIBLE = (1.0, 16.0)
"""Bytes per token of text. Beyond are images, files, and prompts with parts that a request does not show."""
FEW = 64
"""Tokens of a prompt that is too short to tell a ratio."""
MAX_MODELS = 256


class Anchor(NamedTuple):
    """The provider counted *tokens* up to the end of piece *piece*."""

    piece: int
    tokens: int


class TokenScale:
    """Bytes per token, as learned from answers, by model: of all bytes and tokens, the newest count most."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def bytes_per_token(self, model: str) -> float:
        """The running ratio of *model*, or a general one."""
        size, tokens = self._sums.get(model, (BYTES_PER_TOKEN, 1.0))
        return size / tokens

    def knows(self, model: str) -> bool:
        """Whether any answer of *model* was seen."""
        return model in self._sums

    def learn(self, model: str, size: int, tokens: int) -> None:
        """*size* bytes of prompt were *tokens*."""
        least, most = PLAUSIBLE
        if tokens < FEW or not least * tokens <= size <= most * tokens:
            return
        if model not in self._sums and len(self._sums) >= MAX_MODELS:
            self._sums.clear()
        past_size, past_tokens = self._sums.get(model, (0.0, 0.0))
        self._sums[model] = (RECENT * past_size + size, RECENT * past_tokens + tokens)


def weight(size: int) -> int:
    """What a piece of *size* bytes weighs between two anchors."""
    return size + OVERHEAD


def placed(
    sizes: Sequence[int],
    known: Sequence[int],
    counted: Sequence[int | None],
    anchors: Sequence[Anchor],
    bytes_per_token: float,
) -> list[int]:
    """Tokens up to the end of each piece.

    sizes: bytes of every piece. known: ends of the leading pieces, as an earlier call placed them. counted:
    tokens of every piece, as far as an earlier call had the same one. anchors: ends that this call's usage
    tells, in order; behind the last one *bytes_per_token* is all there is.
    """
    ends = [*known]
    for anchor in anchors:
        start, stop = len(ends), anchor.piece + 1
        if stop > start:
            before = ends[-1] if ends else 0
            ends += _between(sizes[start:stop], counted[start:stop], before, anchor.tokens)
    done = ends[-1] if ends else 0
    total = 0
    for size in sizes[len(ends) :]:
        total += weight(size)
        ends.append(done + round(total / bytes_per_token))
    return ends


def _between(sizes: Sequence[int], counted: Sequence[int | None], start: int, end: int) -> list[int]:
    """Share the tokens from *start* to *end* out: as counted, and the rest by weight."""
    span = max(end - start, 0)
    fixed = sum(tokens for tokens in counted if tokens is not None)
    open_weight = sum(weight(size) for size, tokens in zip(sizes, counted, strict=True) if tokens is None)
    if fixed > span or not open_weight:
        counted, fixed, open_weight = [None] * len(sizes), 0, sum(map(weight, sizes))
    ends, done, opened = [], 0, 0
    for size, tokens in zip(sizes, counted, strict=True):
        if tokens is None:
            opened += weight(size)
        else:
            done += tokens
        ends.append(start + done + round((span - fixed) * opened / open_weight))
    return ends
