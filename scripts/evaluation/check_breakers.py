"""Does the doctor find the breakers that a seeded generator injects, where they are, and what they cost?"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from breakers import Record, generate
from hosts import load_hosts
from outcome import Chapter, Row, percent, table
from score import Score, compare

from llm_observer.cache.kinds import KINDS

__all__ = ["Effort", "breaker_chapter"]

PRECISION, RECALL = 0.99, 0.98
WITHIN = 0.02
MONEY = "money"
_MONEY_OFF = "money off by"
_SHOWN = 12
_HOW = """Simulated: conversations of tau-bench and of the recordings, sent anew through an oracle of
each provider that shares no code with `llm_observer`, with one breaker of a kind (sometimes two) put in
by a generator; seeds {seeds}, {scenes} conversations of each kind and seed. Findings count from a
confidence of 0.5 on. A breaker that costs nothing at a call may be found there and need not be. The
true loss is that of the same call in a twin of the conversation without the breaker."""


class Effort(NamedTuple):
    """seeds: one run each. scenes: conversations of each kind in a run. clean: transitions in all runs."""

    seeds: Sequence[int]
    scenes: int
    clean: int


def breaker_chapter(traces: Path, cassettes: Path, effort: Effort, work: Path) -> Chapter:
    """The doctor's answers for each seed, through the command line, beside the truth."""
    hosts = load_hosts(traces, cassettes)
    score = Score()
    each = -(-effort.clean // len(effort.seeds))
    for seed in effort.seeds:
        records = generate(hosts, seed, effort.scenes, each)
        _merge(score, compare(_truths(records), _analysed(records, work / f"{seed}.jsonl")))
    rows = [*_rows(score), *_money_rows(score)]
    lines = [*_lines(score, effort), *_wrong_lines(score)]
    return Chapter("Injected breakers", rows, lines, _family_lines(score))


def _truths(records: Sequence[Record]) -> list[Mapping[str, Any]]:
    return [{"index": index, **record.truth} for index, record in enumerate(records)]


def _analysed(records: Sequence[Record], file: Path) -> list[Mapping[str, Any]]:
    """What `llm-observer analyze --json` says of the exchanges."""
    with file.open("w", encoding="utf-8") as lines:
        for record in records:
            lines.write(json.dumps(record.exchange, ensure_ascii=False) + "\n")
    command = [sys.executable, "-m", "llm_observer", "analyze", "--json", str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: list[Mapping[str, Any]] = json.loads(done.stdout)["records"]
    return found


def _merge(score: Score, more: Score) -> None:
    """Add the counts of *more* to *score*."""
    score.right.update(more.right)
    score.wrong.update(more.wrong)
    score.missed.update(more.missed)
    for name, checks in more.checks.items():
        score.checks[name] += checks
    for name, errors in more.errors.items():
        score.errors[name] += errors
    score.usd += more.usd
    score.misses += more.misses
    score.clean += more.clean
    score.clean_findings += more.clean_findings
    score.absent += more.absent


def _rows(score: Score) -> Iterator[Row]:
    precision, recall = score.macro(score.precision) or 0.0, score.macro(score.recall) or 0.0
    yield Row("injected breakers: precision, macro", percent(precision), ">= 99 %", precision >= PRECISION)
    yield Row("injected breakers: recall, macro", percent(recall), ">= 98 %", recall >= RECALL)
    for check, name in (
        ("path", "path"),
        ("offset of masked kinds", "offset"),
        ("length of masked kinds", "length"),
    ):
        right, number = sum(score.checks[name]), len(score.checks[name])
        yield Row(f"injected breakers: {check}", f"{right:,} of {number:,} right", "100 %", right == number)
    said = f"{score.clean_findings} findings on {score.clean:,}"
    yield Row("clean transitions", said, "0 on >= 10,000", score.clean_findings == 0)


def _money_rows(score: Score) -> Iterator[Row]:
    errors = sorted(score.errors[MONEY])
    if not errors:
        return
    near = sum(error <= WITHIN for error in errors) / len(errors)
    said = f"{percent(near)} of {len(errors):,} are, median error {percent(errors[len(errors) // 2])}"
    yield Row("money of a finding, against a brute-force twin", said, "within 2 %", near == 1)
    true, off = (sum(column) for column in zip(*score.usd, strict=True))
    said = f"{percent(off / true)} of ${true:.2f}, all differences added up"
    yield Row("money of all these findings", said, "within 2 %", off <= WITHIN * true)


def _lines(score: Score, effort: Effort) -> Iterator[str]:
    yield _HOW.format(seeds=", ".join(map(str, effort.seeds)), scenes=effort.scenes)
    off = Counter(miss.kind for miss in score.misses if miss.fault.startswith(_MONEY_OFF))
    head = ("kind", "precision:", "recall:", "right:", "wrong:", "missed:", "money off by more than 2 %:")
    yield from table(
        head,
        [
            (
                f"`{kind}`",
                percent(score.precision(kind)),
                percent(score.recall(kind)),
                score.right[kind],
                score.wrong[kind],
                score.missed[kind],
                off[kind],
            )
            for kind in score.kinds
        ],
    )
    spread = score.summary()["errors"]
    yield from table(
        ("share of the true value", "compared:", "median error:", "within 2 %:", "largest:"),
        [
            (
                name,
                one["number"],
                percent(one["median"]),
                percent(one["within_2_percent"]),
                percent(one["max"]),
            )
            for name, one in spread.items()
        ],
    )
    yield "`survivors`: behind a cut, the true loss is the share of the messages that are still there."


def _wrong_lines(score: Score) -> Iterator[str]:
    """What was missed, or found and not there."""
    counts = Counter(
        (miss.fault, f"`{miss.kind}`", miss.truth["wire"])
        for miss in score.misses
        if miss.fault.startswith(("missed", "wrong", "other"))
    )
    if not counts:
        return
    yield "Missed and wrong, the most frequent first:"
    yield from table(
        ("fault", "kind", "wire", "times:"), [(*what, count) for what, count in counts.most_common(_SHOWN)]
    )


def _family_lines(score: Score) -> list[str]:
    """A table of precision and recall by family of kinds."""
    families: dict[str, list[str]] = {}
    for kind in score.kinds:
        families.setdefault(KINDS[kind].family, []).append(kind)
    rows = [
        (
            name,
            len(kinds),
            sum(score.right[kind] for kind in kinds),
            percent(_mean([score.precision(kind) for kind in kinds])),
            percent(_mean([score.recall(kind) for kind in kinds])),
        )
        for name, kinds in sorted(families.items())
    ]
    return table(("family", "kinds:", "found:", "precision:", "recall:"), rows)


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return sum(known) / len(known) if known else None
