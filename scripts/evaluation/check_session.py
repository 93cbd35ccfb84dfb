"""Does the doctor foresee the cache reads of a real coding session, and name what it could not foresee?"""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from outcome import Chapter, Row, percent, table
from pi_session import Step, exchanges, new_doctor, session_calls, steps
from positions import CALIBRATION, Positions, positions

from llm_observer.call import LLMCall

__all__ = ["session_chapter"]

CONFIRMED = 0.5
INSIDE = 60
TOTAL = 0.03
_HOW = """A recorded session of a coding agent (pi), with the text of its messages and the usage of each
call; the system prompt and the tools are not in the file, and count as one hidden stretch. Predicted is
what the doctor says could be read, told from the prompt and what it saw before, without the call's own
usage. Its whole state at the end: {nbytes:,} bytes.

Every transition where the plain recurrence (what was read and written last time is read now) or the
prediction is not what was read:"""
_WHERE = """
Positions: {anchors} counted ends; {inside} ends of calls that were left out, which lie inside the new
segments of the next call and are known by their own count; {totals} prompts whose usage was left out
(every second one), from call {calls} on:"""
_UNNAMED = frozenset({"unknown", "partial"})
"""Verdicts that would name nothing."""


def session_chapter(path: Path, *, is_quick: bool) -> Chapter:
    """The session's reads as foreseen, its misses with their verdicts, memory, and positions."""
    lines = list(exchanges(path))
    lines = lines[:120] if is_quick else lines
    doctor = new_doctor()
    calls = list(session_calls(lines, doctor))
    found = steps(calls)
    per_token = doctor.nbytes / _live_tokens(calls)
    where = positions(lines)
    rows = [
        *_step_rows(found),
        _abort_row(calls, found),
        Row(
            "state of the whole doctor, pi session",
            f"{per_token:.3f} bytes per live prompt token",
            "told only",
            None,
        ),
        *_position_rows(where),
    ]
    return Chapter("A real coding session", rows, [*_lines(found, doctor.nbytes), *_position_lines(where)])


def _live_tokens(calls: Sequence[LLMCall]) -> int:
    """Of all pieces that the calls had, each counted once."""
    pieces = {segment.chain: segment.tokens or 0 for call in calls for segment in call.segments}
    return sum(pieces.values())


def _step_rows(found: Sequence[Step]) -> Iterator[Row]:
    plain = [step for step in found if step.recurrence == step.actual]
    ours = [step for step in found if step.predicted == step.actual]
    lost = [step for step in plain if step.predicted != step.actual]
    said = (
        f"{len(ours)} of {len(found)} exact, the recurrence {len(plain)}; exact there, not here: {len(lost)}"
    )
    yield Row("pi session: predicted cache reads", said, "exact wherever the recurrence is", not lost)
    misses = [step for step in found if step.recurrence > step.actual]
    unnamed = [step for step in misses if step.verdict in _UNNAMED or step.verdict == "hit"]
    said = f"{len(misses)} misses, {len(unnamed)} without a verdict of their own"
    yield Row("pi session: verdicts of the misses", said, "every one", not unnamed)


def _abort_row(calls: Sequence[LLMCall], found: Sequence[Step]) -> Row:
    aborted = [call for call in calls if call.tokens is None or not call.tokens.input_total]
    claims = [
        finding
        for call in aborted
        if call.cache is not None
        for finding in call.cache.findings
        if finding.confidence >= CONFIRMED
    ]
    after = [step for step in found if step.after_abort and step.verdict == "breaker"]
    said = (
        f"{len(claims)} findings on {len(aborted)} aborted calls, {len(after)} breaks claimed right after one"
    )
    return Row("pi session: aborted calls", said, "no false break", not claims and not after)


def _position_rows(found: Positions) -> Iterator[Row]:
    worst = max(found.anchors)
    yield Row("token positions at anchors", f"off by at most {worst}", "0", worst == 0)
    inside = statistics.median(found.inside)
    yield Row(
        "token positions inside a segment", f"median {inside:.0f} off", f"<= {INSIDE}", inside <= INSIDE
    )
    if not found.totals:
        return
    median, high = statistics.median(found.totals), _quantile(found.totals, 0.95)
    said = f"median {percent(median)}, 95th percentile {percent(high)}"
    reach = f"<= {percent(TOTAL, 0)} after {CALIBRATION} calls"
    yield Row("predicted total of a prompt", said, reach, high <= TOTAL)


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * len(values))]


def _lines(found: Sequence[Step], nbytes: int) -> Iterator[str]:
    yield _HOW.format(nbytes=nbytes)
    head = ("call:", "recurrence:", "predicted:", "read:", "verdict", "causes", "after an aborted call")
    yield from table(
        head,
        [
            (
                step.call,
                f"{step.recurrence:,}",
                f"{step.predicted:,}",
                f"{step.actual:,}",
                step.verdict,
                ", ".join(dict.fromkeys(step.kinds)) or "-",
                "yes" if step.after_abort else "",
            )
            for step in found
            if not step.recurrence == step.predicted == step.actual
        ],
    )
    yield "`hit` with more read than predicted: the aborted call before it, which has no usage, had written."


def _position_lines(found: Positions) -> Iterator[str]:
    counts = {"anchors": len(found.anchors), "inside": len(found.inside), "totals": len(found.totals)}
    yield _WHERE.format(**counts, calls=CALIBRATION)
    errors = {"inside a segment, tokens": (found.inside, "{:.0f}"), "total, share": (found.totals, "{:.2%}")}
    yield from table(
        ("error", "median:", "90 %:", "99 %:"),
        [
            (name, *(form.format(_quantile(values, at)) for at in (0.5, 0.9, 0.99)))
            for name, (values, form) in errors.items()
            if values
        ],
    )
