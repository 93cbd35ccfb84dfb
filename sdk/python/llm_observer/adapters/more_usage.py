"""Which tokens are billed with a call beside those that its own counts hold?"""

from collections.abc import Iterator, Mapping

from llm_observer.adapters.answer import Answer
from llm_observer.adapters.fields import Notes, as_name, at, dicts
from llm_observer.adapters.usage import ANTHROPIC, OPENAI, UsageTable, tokens_of
from llm_observer.call import Tokens
from llm_observer.decoded import MoreUsage

__all__ = ["more_usage_of"]

_ITERATIONS = {"advisor_message": "advisor", "compaction": "compaction"}
"""Entries of `usage.iterations` that the usage above them leaves out: "not included in the top-level usage
fields" (anthropic 2.11.0, types/beta/beta_usage.py, of compaction); of an advisor its own figures show it."""
_FALLBACK = "fallback_message"
"""Another model took the turn over. Which counts are billed at whose price is not told."""


def more_usage_of(answer: Answer, table: UsageTable, notes: Notes) -> tuple[MoreUsage, ...]:
    """What *answer* counts apart from its usage."""
    if table is ANTHROPIC:
        return tuple(_iterations(answer.usage, notes))
    return tuple(_openai(answer, notes))


def _iterations(usage: object, notes: Notes) -> Iterator[MoreUsage]:
    for entry in dicts(at(usage, "iterations")):
        kind = str(entry.get("type"))
        if kind in _ITERATIONS:
            yield MoreUsage(
                kind="advisor" if _ITERATIONS[kind] == "advisor" else "compaction",
                model=as_name(entry.get("model")),
                tokens=tokens_of(entry, ANTHROPIC, notes),
            )
        elif kind == _FALLBACK:
            yield MoreUsage(kind="fallback", model=as_name(entry.get("model")))


def _openai(answer: Answer, notes: Notes) -> Iterator[MoreUsage]:
    images = at(answer.tool_usage, "image_gen")
    tokens = tokens_of(images, OPENAI, notes) if isinstance(images, dict) else None
    if isinstance(images, dict) and tokens is not None and tokens.total:
        yield MoreUsage(kind="image_generation", tokens=_as_images(tokens, images))
    if isinstance(answer.svg_usage, dict):
        yield MoreUsage(
            kind="svg",
            model=as_name(answer.svg_usage.get("model")),
            tokens=tokens_of(answer.svg_usage, OPENAI, notes),
        )


def _as_images(tokens: Tokens, usage: Mapping[str, object]) -> Tokens | None:
    """None where some input was read from a cache: text and images have different prices there."""
    return None if usage.get("cached_tokens") else tokens
