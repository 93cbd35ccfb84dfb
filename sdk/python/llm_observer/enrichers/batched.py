"""Which results of a batch can be priced together? Those of one model whose prompts reach the same step."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from llm_observer.call import Tokens
from llm_observer.decoded import BatchResult
from llm_observer.enrichers.bill import input_total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Together", "together"]


class Together(NamedTuple):
    """*size* results as one: their counts added up. longest: the longest prompt, None if they are one."""

    result: BatchResult
    size: int = 1
    longest: int | None = None


def together(
    results: Sequence[BatchResult], steps_of: Callable[[str | None], Sequence[int]]
) -> Iterator[Together]:
    """*results*, as few as give the same sum: a file has up to 100,000 of them.

    steps_of: the prompt lengths, ascending, above which a model has other rates.
    """
    groups: dict[tuple[str | None, int], list[Tokens]] = {}
    steps: dict[str | None, Sequence[int]] = {}
    for result in results:
        tokens = result.tokens
        total = None if tokens is None else input_total(tokens)
        if tokens is None or total is None or result.hosted or result.server_tool_use or result.more_usage:
            yield Together(result)
            continue
        if result.model not in steps:
            steps[result.model] = steps_of(result.model)
        step = bisect_left(steps[result.model], total)
        groups.setdefault((result.model, step), []).append(tokens)
    for (model, _), counts in groups.items():
        longest = max(total for one in counts if (total := input_total(one)) is not None)
        yield Together(BatchResult(model=model, tokens=_sum_of(counts)), len(counts), longest)


def _sum_of(counts: Sequence[Tokens]) -> Tokens:
    """Kind by kind; a kind that one answer leaves out is what the others have of it."""
    sums = {
        kind: [n for one in counts if (n := getattr(one, kind)) is not None]
        for kind in Tokens.__struct_fields__
    }
    return Tokens(**{kind: sum(known) for kind, known in sums.items() if known})
