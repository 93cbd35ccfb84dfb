"""Is anything lost under load? Very many events through sink, spool and sender, to a receiver that fails.

python scripts/soak.py [--events 1000000] [--seed 1] [--processes 2]

Everything runs on this machine: writers that share one spool, and a receiver of its own process that answers
500, 429 with `Retry-After`, 413, late or not at all, or resets the connection, at random. Prints a table.
Exit code: 0 if all that is asked for holds, 1 if not.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

HERE = Path(__file__).parent / "soaking"
PAGE = 4096
MIB = 1 << 20
SAMPLE_S = 0.5
FLAT_MIB = 8.0
"""What memory may grow by, from the second quarter of the run to the last one."""
FEW_SAMPLES = 40
MAX_S = 3600.0

Told = Mapping[str, Any]


class Run(NamedTuple):
    """What a soak gives. told: by writer; tally: the receiver's; rss: samples of each writer in MiB."""

    told: Sequence[Told]
    tally: Told
    rss: Sequence[Sequence[float]]
    wall_s: float


class Row(NamedTuple):
    """A line of the table. holds: None where the figure is only told."""

    name: str
    figure: str
    holds: bool | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, print the table."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, _receiver(options) as endpoint:
        run = _run(options, endpoint, folder)
    rows = [*_losses(run, options.events), *_speed(run, options), *_faults(run.tally)]
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{_mark(row.holds)} {row.name:{width}}  {row.figure}")
    return int(any(row.holds is False for row in rows))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="writers that share the spool")
    return parser.parse_args(arguments)


@contextmanager
def _receiver(options: argparse.Namespace) -> Iterator[str]:
    """The address of the receiver."""
    words = ["--events", str(options.events), "--seed", str(options.seed)]
    command = [sys.executable, str(HERE / "receiver.py"), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}" if process.stdout else ""
        finally:
            process.terminate()


def _run(options: argparse.Namespace, endpoint: str, folder: str) -> Run:
    started = time.monotonic()
    writers = [_writer(options, at, endpoint, folder) for at in range(options.processes)]
    rss = _watched(writers)
    told = [json.loads(writer.communicate()[0] or "{}") for writer in writers]
    with urlopen(f"{endpoint}/tally") as answer:  # noqa: S310 - this machine's
        tally = json.load(answer)
    return Run(told, tally, rss, time.monotonic() - started)


def _writer(options: argparse.Namespace, at: int, endpoint: str, folder: str) -> subprocess.Popen[str]:
    first = options.events * at // options.processes
    end = options.events * (at + 1) // options.processes
    words = {
        "endpoint": endpoint,
        "folder": folder,
        "first": first,
        "events": end - first,
        "seed": options.seed,
    }
    command = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen(
        [sys.executable, str(HERE / "writer.py"), *command], stdout=subprocess.PIPE, text=True
    )


def _watched(writers: Sequence[subprocess.Popen[str]]) -> list[list[float]]:
    """Memory of each writer over time, until all have ended."""
    samples: list[list[float]] = [[] for _ in writers]
    until = time.monotonic() + MAX_S
    while any(writer.poll() is None for writer in writers) and time.monotonic() < until:
        for writer, seen in zip(writers, samples, strict=True):
            seen.extend(_rss_mib(writer.pid))
        time.sleep(SAMPLE_S)
    for writer in writers:
        writer.kill()
    return samples


def _rss_mib(pid: int) -> Iterator[float]:
    """Nothing where the system has no /proc, or the process has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError):
        return
    if pages:
        yield pages * PAGE / MIB


def _losses(run: Run, events: int) -> Iterator[Row]:
    tally, taken = run.tally, run.tally["taken"]
    again, unanswered = tally.get("again", 0), tally.get("unanswered", 0)
    yield Row("events", f"{events:,}")
    yield Row("lost", f"{events - taken:,}", taken == events)
    unasked = max(again - unanswered, 0)
    yield Row("doubled", f"{unasked:,} beyond the {again:,} whose answer was lost", not unasked)
    for name in ("not_stored", "oversized", "refused", "not_sampled"):
        number = sum(told.get(name, 1) for told in run.told)
        yield Row(name, f"{number:,}", number == 0)
    left = [told["spool"] for told in run.told if "spool" in told]
    dropped = sum(one["waiting"] + one["leased"] + one["dropped_full"] + one["dropped_old"] for one in left)
    yield Row("dropped, or left in the spool", f"{dropped:,}", dropped == 0 and len(left) == len(run.told))


def _speed(run: Run, options: argparse.Namespace) -> Iterator[Row]:
    cpu_s = sum(told.get("cpu_s", 0.0) for told in run.told)
    yield Row("time", f"{run.wall_s:.0f} s, {options.events / run.wall_s:,.0f} events/s")
    yield Row(
        "processor time",
        f"{cpu_s:.0f} s in {options.processes} writers, {run.tally['cpu_s']:.0f} s in the receiver",
    )
    if cpu_s:
        yield Row("events per second and core", f"{options.events / cpu_s:,.0f}")
    size = sum(told.get("event_bytes", 0.0) for told in run.told) / len(run.told)
    sent = run.tally.get("bytes", 0) / options.events
    yield Row("bytes per event", f"{size:,.0f}, {sent:,.0f} on the wire")
    for at, samples in enumerate(run.rss):
        yield _memory(at, samples)


def _memory(at: int, samples: Sequence[float]) -> Row:
    quarter = len(samples) // 4
    if len(samples) < FEW_SAMPLES:
        return Row(
            f"memory of writer {at}", f"at most {max(samples, default=0):.0f} MiB; too short to see growth"
        )
    early, late = max(samples[quarter : 2 * quarter]), max(samples[-quarter:])
    text = f"{early:.1f} MiB in the second quarter, {late:.1f} MiB in the last"
    return Row(f"memory of writer {at}", text, late - early <= FLAT_MIB)


def _faults(tally: Told) -> Iterator[Row]:
    kinds = {name.removeprefix("fault "): count for name, count in tally.items() if name.startswith("fault ")}
    told = ", ".join(f"{count} {name}" for name, count in sorted(kinds.items()) if name)
    yield Row("requests", f"{tally.get('requests', 0):,}, of them failed: {told}")


def _mark(holds: bool | None) -> str:  # noqa: FBT001 - three values, one of them None
    return {True: "ok", False: "NO", None: "  "}[holds]


if __name__ == "__main__":
    sys.exit(main())
