"""Measure llm_observer against the bare SDK, and against peers that are installed, in one run.

    python tests/bench/run.py [--write docs/performance.md] [--rounds 5] [--quick] [--peers]

Calls are timed bare and observed in turns in one process; what concerns a whole process (its time, its
memory, its event loop) is compared with a process of its own. A figure is the median over rounds.
"""

import argparse
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = {
    "openinference": "openinference.instrumentation.openai",
}
"""Peers that can be taken off again; others cannot be measured in turns."""
ADDED = (
    ("added to a plain call, small prompt", "plain_small", "us", "µs", "15"),
    ("added to a plain call, 50k-token prompt", "plain_50k_tokens", "us", "µs", "15"),
    ("added per streamed chunk", "stream", "us", "µs", "1.5"),
    ("added up to the first chunk", "stream", "first_us", "µs", ""),
    ("added per async call, 200 tasks", "async_200_tasks", "us", "µs", ""),
    ("total CPU added, worker included, small prompt", "plain_small", "cpu_us", "µs", ""),
    ("total CPU added, worker included, 50k-token prompt", "plain_50k_tokens", "cpu_us", "µs", ""),
    ("event-loop lag added at p99, 250 kB prompts, first call included", "loop_lag", "p99_ms", "ms", "5"),
    ("whole process with one call", "process_one_call", "wall_ms", "ms", "100"),
)
"""What is measured: words, scenario, figure, unit, aim."""
ALONE = {"loop_lag", "process_one_call"}
"""Scenarios that need a process without us to compare with."""


def measure(subject, scenario):
    """The figures of one process, its wall time among them."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(HERE / "measure.py"), subject, scenario], capture_output=True, text=True
    )
    wall = (time.perf_counter() - start) * 1000
    if done.returncode:
        raise SystemExit(f"{subject} {scenario}: {done.stderr[-2000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "wall_ms": wall}


def measure_all(subjects, scenarios, rounds):
    """scenario -> subject -> list of figures, one per round; subjects take turns."""
    found = {scenario: {subject: [] for subject in subjects} for scenario in scenarios}
    for number in range(rounds):
        for scenario in scenarios:
            for subject in subjects:
                if subject != "bare" or scenario in ALONE:
                    found[scenario][subject].append(measure(subject, scenario))
            print(f"round {number + 1}/{rounds}: {scenario}", file=sys.stderr)
    return found


def added(found, scenario, figure, subject):
    """Median over rounds of what *subject* adds to the bare SDK."""
    if scenario not in ALONE:
        return statistics.median(one[figure] - one[f"bare_{figure}"] for one in found[scenario][subject])
    pairs = zip(found[scenario]["bare"], found[scenario][subject], strict=True)
    return statistics.median(theirs[figure] - bare[figure] for bare, theirs in pairs)


def of_bare(found, scenario, figure):
    """Median over rounds of the SDK's own figure."""
    if scenario not in ALONE:
        return statistics.median(one[f"bare_{figure}"] for one in found[scenario]["llm_observer"])
    return statistics.median(one[figure] for one in found[scenario]["bare"])


def patch_ms():
    """`import llm_observer; llm_observer.patch()` beyond Python's own start, lower quartile of 15."""

    def once(program):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        return (time.perf_counter() - start) * 1000

    pairs = [(once("pass"), once("import llm_observer; llm_observer.patch()")) for _ in range(15)]
    return statistics.quantiles([ours - bare for bare, ours in pairs], n=4)[0]


def table(found, subjects):
    others = [subject for subject in subjects if subject != "bare"]
    yield "| what | bare SDK | " + " | ".join(others) + " | aim |"
    yield "| --- | ---: |" + " ---: |" * len(others) + " ---: |"
    for what, scenario, figure, unit, aim in ADDED:
        if scenario in found:
            bare = of_bare(found, scenario, figure)
            cells = [f"{added(found, scenario, figure, subject):+,.1f}" for subject in others]
            yield f"| {what} ({unit}) | {bare:,.1f} | " + " | ".join(cells) + f" | {aim} |"


def memory(rounds):
    for scenario in ("rss_100k_calls", "rss_10k_abandoned") if rounds else ():
        for subject in ("bare", "llm_observer"):
            figures = {k: v for k, v in measure(subject, scenario).items() if k != "wall_ms"}
            yield f"| {scenario} | {subject} | " + " | ".join(f"{v:,.1f}" for v in figures.values()) + " |"


def page(options):
    subjects = ["bare", "llm_observer"]
    if options.peers:
        subjects += [name for name, module in PEERS.items() if _is_installed(module)]
    names = [scenario for _, scenario, *_ in ADDED]
    found = measure_all(subjects, list(dict.fromkeys(names)), 2 if options.quick else options.rounds)
    yield "# Performance\n"
    yield "Written by `python tests/bench/run.py --write docs/performance.md`"
    yield f"on {time.strftime('%Y-%m-%d')}: Python {platform.python_version()}, openai {version('openai')},"
    yield f"{platform.machine()}.\n"
    yield "What is added to the bare SDK, timed bare and observed in turns in one process (event loop and"
    yield "whole process: in two). Times are lower quartiles, the table has medians over rounds.\n"
    yield from table(found, subjects)
    yield f"\n`import llm_observer; llm_observer.patch()`: {patch_ms():.0f} ms beyond Python's start"
    yield "(aim 40).\n"
    if not options.quick:
        yield "| memory, MB | subject | after a fifth | at the end |"
        yield "| --- | --- | ---: | ---: |"
        yield from memory(options.rounds)


def _is_installed(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    text = "\n".join(page(options)) + "\n"
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
