"""How good is the cache doctor on real traces, recordings and injected breakers? Writes docs/evaluation.md.

python scripts/evaluate_cache_doctor.py [--traces DIR] [--cassettes DIR] [--seed N] [--clean 10000] [--full]
    [--quick] [--out FILE]

DIR default to ../shared/traces and ../shared/cassettes, beside the repository. --full adds a file of events
of 1 GB; --quick takes a part of everything, in less than a minute, and writes nothing without --out.
Exit code: 0 all that has a reach is within it, 1 something is not.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent / "evaluation"))

from check_breakers import Effort, breaker_chapter  # noqa: E402 - found by the line above
from check_pairs import pair_chapter  # noqa: E402
from check_prices import price_chapter  # noqa: E402
from check_session import session_chapter  # noqa: E402
from check_size import size_chapter  # noqa: E402
from check_traces import coding_traces, mooncake_traces, trace_chapter  # noqa: E402
from check_ttl import ttl_chapter  # noqa: E402
from outcome import Chapter  # noqa: E402
from page import page_of, with_families  # noqa: E402

PAGE = ROOT / "docs" / "evaluation.md"
TRADEOFFS = ROOT / "docs" / "cache-breaker-tradeoffs.md"
SEEDS = 3
GB = 1_000_000_000
Check = Callable[[], Chapter]


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> int:
    """Run all checks, tell each figure as it comes, write the page."""
    options = _options(arguments)
    chapters = []
    with tempfile.TemporaryDirectory(prefix="evaluation-") as folder:
        for check in _checks(options, Path(folder)):
            started = time.monotonic()
            chapter = check()
            chapters.append(chapter)
            say(f"\n{chapter.title} ({time.monotonic() - started:.0f} s)")
            for row in chapter.rows:
                say(f"  {_mark(row.holds)} {row.check}: {row.measured} [{row.reach}]")
    for file in _write(chapters, options):
        say(f"\nwritten to {file}")
    return int(any(row.holds is False for chapter in chapters for row in chapter.rows))


def _write(chapters: Sequence[Chapter], options: argparse.Namespace) -> Iterator[Path]:
    """The page; a whole run also brings the table of families in the trade-offs up to date."""
    text = page_of(chapters, "python scripts/evaluate_cache_doctor.py", _words(options))
    if options.out:
        options.out.write_text(text, "utf-8")
        yield options.out
    elif not options.quick:
        PAGE.write_text(text, "utf-8")
        families = [line for chapter in chapters for line in chapter.families]
        TRADEOFFS.write_text(with_families(TRADEOFFS.read_text("utf-8"), families, _words(options)), "utf-8")
        yield from (PAGE, TRADEOFFS)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    shared = ROOT.parent / "shared"
    parser.add_argument("--traces", type=Path, default=shared / "traces", help="folder of public traces")
    parser.add_argument("--cassettes", type=Path, default=shared / "cassettes", help="folder of recordings")
    parser.add_argument(
        "--seed", type=int, default=1, help=f"first of {SEEDS} seeds of the injected breakers"
    )
    parser.add_argument("--scenes", type=int, default=8, help="conversations of each kind and seed")
    parser.add_argument("--clean", type=int, default=10_000, help="clean transitions at least")
    parser.add_argument("--full", action="store_true", help="also a file of events of 1 GB")
    parser.add_argument("--quick", action="store_true", help="a part of everything")
    parser.add_argument("--out", type=Path, help="where to write the page")
    options = parser.parse_args(arguments)
    for folder in (options.traces, options.cassettes):
        if not folder.is_dir():
            parser.error(f"there is no folder {folder}")
    return options


def _checks(options: argparse.Namespace, work: Path) -> Iterator[Check]:
    """All checks, in the order of the page."""
    traces, cassettes, is_quick = options.traces, options.cassettes, options.quick
    coding = coding_traces(traces, 3 if is_quick else None)
    yield lambda: trace_chapter(mooncake_traces(traces), coding, is_quick=is_quick)
    yield lambda: session_chapter(traces / "pi" / "before-compaction.jsonl", is_quick=is_quick)
    yield lambda: pair_chapter(cassettes)
    yield lambda: _breakers(options, work)
    yield lambda: price_chapter(traces / "usage-bodies" / "usages-60pct.json")
    yield lambda: ttl_chapter(coding)
    if options.full:
        yield lambda: size_chapter(traces, cassettes, work, size=GB)


def _breakers(options: argparse.Namespace, work: Path) -> Chapter:
    effort = Effort((options.seed,), 1, 300) if options.quick else _effort(options)
    return breaker_chapter(options.traces, options.cassettes, effort, work)


def _effort(options: argparse.Namespace) -> Effort:
    return Effort(range(options.seed, options.seed + SEEDS), options.scenes, options.clean)


def _words(options: argparse.Namespace) -> str:
    """The options that matter, for the page."""
    last = options.seed if options.quick else options.seed + SEEDS - 1
    return f"seeds {options.seed} to {last}{', --quick' * options.quick}{', --full' * options.full}"


def _mark(holds: bool | None) -> str:  # noqa: FBT001 - three values, one of them None
    return {True: "ok  ", False: "NO  ", None: "    "}[holds]


if __name__ == "__main__":
    sys.exit(main())
