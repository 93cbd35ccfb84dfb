"""How long does `analyze` take on a large file of events, and in how much memory?"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from breakers import generate
from hosts import load_hosts
from outcome import Chapter, Row, table

from llm_observer.config import load
from llm_observer.event import encode
from llm_observer.offline import events_of
from llm_observer.recordings import Recorded, read_files

__all__ = ["size_chapter"]

FLAT = 1.5
"""How much more memory ten times the file may take."""
SCENES = 4


class _Run(NamedTuple):
    """One run of the command. size: bytes of its file."""

    size: int
    seconds: float
    peak_bytes: int


def size_chapter(traces: Path, cassettes: Path, work: Path, *, size: int) -> Chapter:
    """A file of *size* bytes beside one of a tenth."""
    block = b"".join(_events(traces, cassettes, work))
    runs = [_run(_written(block, work / f"{share}.jsonl", size // share)) for share in (10, 1)]
    growth = runs[1].peak_bytes / runs[0].peak_bytes
    peak = runs[1].peak_bytes >> 20
    said = f"{runs[1].seconds:.0f} s, peak {peak} MiB, {growth:.2f} times that of a tenth of it"
    row = Row(f"`analyze` on {size / 1e9:.1f} GB of events", said, "flat memory", growth <= FLAT)
    rows = [(f"{run.size / 1e6:,.0f}", f"{run.seconds:.1f}", f"{run.peak_bytes >> 20}") for run in runs]
    lines = [
        "Events of generated conversations, written again and again with other ids.",
        *table(("file, MB:", "time, s:", "peak memory, MiB:"), rows),
    ]
    return Chapter("Large files", [row], lines)


def _events(traces: Path, cassettes: Path, work: Path) -> Iterator[bytes]:
    """A block of events, each a line."""
    plain = work / "block.jsonl"
    records = generate(load_hosts(traces, cassettes), 1, SCENES, 500)
    plain.write_text("".join(json.dumps(record.exchange) + "\n" for record in records), "utf-8")
    items = (item for item in read_files([str(plain)]) if isinstance(item, Recorded))
    for _, event in events_of(items, load({"hash_key": "evaluation-key-0123456789abcdef"})):
        yield encode(event).rstrip(b"\n") + b"\n"


def _written(block: bytes, file: Path, size: int) -> Path:
    """*block* in *file* as often as it takes; the ids of each copy are its own."""
    first = json.loads(block.partition(b"\n")[0])["event_id"].encode()[:4]
    with file.open("wb") as out:
        copies = 0
        while out.tell() < size:
            out.write(block.replace(b'"' + first, b'"' + f"{copies:04x}".encode()))
            copies += 1
    return file


def _run(file: Path) -> _Run:
    """The command's time and peak memory."""
    command = [sys.executable, "-m", "llm_observer", "analyze", str(file)]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, _peak_bytes(process.pid))
            time.sleep(0.05)
    seconds, size = time.monotonic() - started, file.stat().st_size
    file.unlink()
    if process.returncode:
        raise SystemExit(f"`analyze` failed with {process.returncode}")
    return _Run(size, seconds, peak)


def _peak_bytes(pid: int) -> int:
    """The most memory that a process had so far, by Linux' account; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0][1]) * 1024 if lines else 0
