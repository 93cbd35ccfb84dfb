"""How good is the doctor on exchanges of which the truth is known? Per kind, and where it is wrong.

python scripts/evaluation/score.py DIR/truth.jsonl analyze.json [--misses N] [--json]

`analyze.json` is what `llm-observer analyze --json` gives for the exchanges. Findings below 0.5 are hints and
do not count. A breaker that costs nothing at a call may be found there and need not be.
"""

import argparse
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["CONFIRMED", "VOLATILE", "Score", "compare", "is_same_path", "main"]

CONFIRMED = 0.5
NEAR = 0.02
VOLATILE = frozenset(
    {
        "timestamp",
        "date",
        "relative_time",
        "uuid",
        "ulid",
        "ksuid",
        "object_id",
        "snowflake",
        "request_id",
        "counter",
        "nonce",
        "random_number",
        "signed_url",
    }
)
Finding = Mapping[str, Any]


class Miss(NamedTuple):
    """Something that is wrong, with what is needed to look at it."""

    fault: str
    kind: str
    truth: Mapping[str, Any]
    record: Mapping[str, Any]


@dataclass
class Score:
    """All counts. errors: by name, each a share of the true value. usd: true, and by how much said is off."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    checks: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    usd: list[tuple[float, float]] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    clean: int = 0
    clean_findings: int = 0
    absent: int = 0

    @property
    def kinds(self) -> list[str]:
        """The kinds that were injected, or found where they were not."""
        return sorted({*self.right, *self.missed, *self.wrong})

    def precision(self, kind: str) -> float | None:
        """Of those found, the share that is there; None where none was found."""
        return _share(self.right[kind], self.wrong[kind])

    def recall(self, kind: str) -> float | None:
        """Of those that are there, the share that was found; None where none is."""
        return _share(self.right[kind], self.missed[kind])

    def macro(self, of: Callable[[str], float | None]) -> float | None:
        """The mean over the kinds, each with the same weight."""
        shares = [share for share in map(of, self.kinds) if share is not None]
        return statistics.fmean(shares) if shares else None

    def summary(self) -> dict[str, Any]:
        """The figures, by name."""
        return {
            "precision": self.macro(self.precision),
            "recall": self.macro(self.recall),
            "kinds": {kind: self._row(kind) for kind in self.kinds},
            "shares": {name: statistics.fmean(checks) for name, checks in sorted(self.checks.items())},
            "errors": {name: _spread(errors) for name, errors in sorted(self.errors.items())},
            "clean_transitions": self.clean,
            "clean_findings": self.clean_findings,
            "absent_records": self.absent,
        }

    def _row(self, kind: str) -> dict[str, Any]:
        counts = {"right": self.right[kind], "wrong": self.wrong[kind], "missed": self.missed[kind]}
        return {"precision": self.precision(kind), "recall": self.recall(kind), **counts}


def _share(right: int, other: int) -> float | None:
    return right / (right + other) if right + other else None


def _spread(errors: Sequence[float]) -> dict[str, float]:
    near = sum(error <= NEAR for error in errors) / len(errors)
    return {
        "number": len(errors),
        "median": statistics.median(errors),
        "within_2_percent": near,
        "max": max(errors),
    }


def compare(truths: Iterable[Mapping[str, Any]], records: Iterable[Mapping[str, Any]]) -> Score:
    """The score of *records*, which are matched to the truth by their index."""
    by_index = {record["index"]: record for record in records}
    score = Score()
    for truth in truths:
        record = by_index.get(truth["index"])
        if record is None:
            score.absent += 1
        _compare_call(score, truth, record or {"findings": []})
    return score


def _compare_call(score: Score, truth: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    findings = [one for one in record["findings"] if one["confidence"] >= CONFIRMED]
    if truth["is_clean"]:
        score.clean += not truth["is_first"]
        score.clean_findings += len(findings)
    left = list(findings)
    for breaker in truth["breakers"]:
        found = _taken(left, breaker)
        if found is not None and breaker["required"]:
            score.right[breaker["kind"]] += 1
            _compare_finding(score, truth, record, breaker, found)
        elif breaker["required"]:
            score.missed[breaker["kind"]] += 1
            score.misses.append(Miss("missed", breaker["kind"], truth, record))
    for finding in left:
        score.wrong[finding["kind"]] += 1
        fault = "wrong on a clean call" if truth["is_clean"] else "wrong"
        score.misses.append(Miss(fault, finding["kind"], truth, record))
    _compare_tokens(score, truth, record)


def _taken(left: list[Finding], breaker: Mapping[str, Any]) -> Finding | None:
    """The finding of *breaker*, out of *left*, with all that say the same thing again at its path."""
    same = [one for one in left if one["kind"] == breaker["kind"]]
    if not same:
        return None
    there = [one for one in same if is_same_path(breaker, one.get("path"))]
    exact = [one for one in there if one.get("offset") == breaker["offset"]]
    for one in there or same[:1]:
        left.remove(one)
    return (exact or there or same)[0]


def is_same_path(breaker: Mapping[str, Any], path: str | None) -> bool:
    """Whether *path* is where the breaker is. A whole tool and what is in it are one place."""
    if breaker["path"] is None or path in (breaker["path"], *breaker["also"]):
        return True
    if path is None or not breaker["path"].startswith("tools["):
        return False
    known = breaker["path"]
    return known.startswith((f"{path}.", f"{path}[")) or path.startswith((f"{known}.", f"{known}["))


def _compare_finding(
    score: Score,
    truth: Mapping[str, Any],
    record: Mapping[str, Any],
    breaker: Mapping[str, Any],
    found: Finding,
) -> None:
    """Path, offset, length, tokens and money of a finding that is right."""
    kind = breaker["kind"]
    checks: dict[str, bool] = {}
    if breaker["path"] is not None:
        checks["path"] = is_same_path(breaker, found.get("path"))
    if kind in VOLATILE and breaker["offset"] is not None:
        spans = [tuple(span) for span in breaker["spans"]]
        checks["offset"] = found.get("offset") in [offset for offset, _ in spans]
        checks["length"] = (found.get("offset"), found.get("length")) in spans
    for name, is_right in checks.items():
        score.checks[name].append(is_right)
        if not is_right:
            score.misses.append(Miss(f"other {name}", kind, truth, record))
    _compare_sizes(score, truth, record, breaker, found)


def _compare_sizes(
    score: Score,
    truth: Mapping[str, Any],
    record: Mapping[str, Any],
    breaker: Mapping[str, Any],
    found: Finding,
) -> None:
    """Tokens and money of a finding."""
    for name in ("tokens", "money"):
        error = _error(breaker[name], found.get(name))
        if error is None:
            continue
        label = name if breaker["measure"] == "twin" else f"{name} ({breaker['measure']})"
        score.errors[label].append(error)
        if label == "money":
            score.usd.append((breaker[name], error * breaker[name]))
        if error > NEAR:
            score.misses.append(Miss(f"{label} off by {error:.0%}", breaker["kind"], truth, record))


def _error(true: float | None, said: float | str | None) -> float | None:
    """How far *said* is from *true*, as a share of it; all where nothing was said."""
    if not true:
        return None
    return 1.0 if said is None else abs(float(said) - true) / true


def _compare_tokens(score: Score, truth: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """The three counts of a call."""
    if record.get("actual") is not None:
        score.checks["actual is the usage's"].append(record["actual"] == truth["actual"])
    for name, true in (("reusable", truth["actual"]), ("ideal", truth["ideal"])):
        error = _error(true, record.get(name))
        if error is not None:
            score.errors[name].append(error)


def _text(summary: Mapping[str, Any]) -> str:
    lines = [f"{'kind':28} precision  recall  right  wrong  missed"]
    lines += [
        f"{kind:28} {_percent(row['precision']):>9} {_percent(row['recall']):>7}"
        f" {row['right']:6} {row['wrong']:6} {row['missed']:7}"
        for kind, row in summary["kinds"].items()
    ]
    lines.append(f"{'macro':28} {_percent(summary['precision']):>9} {_percent(summary['recall']):>7}")
    lines += [f"{name} right: {_percent(share)}" for name, share in summary["shares"].items()]
    lines += [
        f"{name}: {one['number']} compared, error median {_percent(one['median'])}, "
        f"within 2 %: {_percent(one['within_2_percent'])}, largest {_percent(one['max'])}"
        for name, one in summary["errors"].items()
    ]
    lines.append(f"findings on {summary['clean_transitions']} clean transitions: {summary['clean_findings']}")
    lines.append(f"records that are not there: {summary['absent_records']}")
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _shown(misses: Sequence[Miss], most: int) -> Iterable[str]:
    """Some of each fault of each kind, those with the most tokens first."""
    groups: dict[tuple[str, str], list[Miss]] = defaultdict(list)
    for miss in misses:
        groups[miss.fault.split(" off by ")[0], miss.kind].append(miss)
    for (fault, kind), group in sorted(groups.items(), key=lambda item: -len(item[1])):
        yield f"\n{fault}: {kind}, {len(group)} times"
        for miss in sorted(group, key=_weight, reverse=True)[:most]:
            yield from _details(miss)


def _weight(miss: Miss) -> int:
    return max((one["tokens"] or 0 for one in miss.truth["breakers"]), default=0)


def _details(miss: Miss) -> Iterable[str]:
    truth, record = miss.truth, miss.record
    head = ("index", "account", "call", "host", "wire", "model", "total", "actual", "ideal")
    yield f"  [{miss.fault}] " + " ".join(f"{name}={truth[name]}" for name in head)
    for breaker in truth["breakers"]:
        yield f"    true:  {json.dumps(breaker, ensure_ascii=False)}"
    said = {name: record.get(name) for name in ("verdict", "reusable", "actual", "ideal")}
    yield f"    said:  {json.dumps(said)}"
    for finding in record["findings"]:
        yield f"    found: {json.dumps(finding, ensure_ascii=False)}"


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> None:
    """Prints the figures, and some of what is wrong."""
    parser = argparse.ArgumentParser(description="The doctor's findings against the truth.")
    parser.add_argument("truth", type=Path)
    parser.add_argument("analysis", type=Path)
    parser.add_argument("--misses", type=int, default=2, help="how many to show of each fault and kind")
    parser.add_argument("--json", action="store_true", help="figures only, as JSON")
    options = parser.parse_args(arguments)
    truths = [json.loads(line) for line in options.truth.read_text("utf-8").splitlines()]
    score = compare(truths, json.loads(options.analysis.read_text("utf-8"))["records"])
    if options.json:
        say(json.dumps(score.summary(), indent=1))
        return
    say(_text(score.summary()))
    for line in _shown(score.misses, options.misses):
        say(line)


if __name__ == "__main__":
    main()
