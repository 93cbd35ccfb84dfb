"""Whatever fails, the app's calls give what they give without us, and the fault is counted: a matrix."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from integration import chaos, endpoints
from integration.chaos import CALLS, FAULTS, ROUND

PROGRAM = Path(chaos.__file__)
PAGE = Path(__file__).parents[2] / "docs" / "chaos.md"
OWN = ("LLM_OBSERVER_", "DO_NOT_TRACK", "OTEL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "COVERAGE_")
PATIENCE_S = 100
ENDLESS = ("silent", "dripping")
"""Endpoints whose answers would be waited for in vain; others may take their time on a busy machine."""
EVERY = 1 if os.environ.get("CHAOS") == "all" else 4
"""Of the rows, which each have processes of their own; `make chaos` runs them all."""
MORE_EVENTS = {"fork": ROUND, "SIGINT": 1}
"""Calls beyond the two rounds."""
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals, forks and limits are POSIX's")


class Ended(NamedTuple):
    """The app, after its end."""

    code: int
    said: list
    stderr: str

    @property
    def results(self):
        return [line for line in self.said if "stats" not in line]

    @property
    def stats(self):
        return [line["stats"] for line in self.said if "stats" in line][-1]


def run(name, url, folder):
    """The app with the fault *name*, observed if there is a *url*."""
    command, env = [sys.executable, str(PROGRAM), name], environment(url, folder)
    if url and FAULTS[name].endpoint not in ENDLESS:
        env |= {"LLM_OBSERVER_ATTEMPT_TIMEOUT_S": "20", "LLM_OBSERVER_EXIT_TIMEOUT_S": "20"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=PATIENCE_S)
    return Ended(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr)


def environment(url, folder):
    """Nothing of the machine's settings; sending to *url*, if there is one."""
    (folder / "tmp").mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(OWN)}
    return kept | {
        "CHAOS_OBSERVED": "1" if url else "0",
        "PYTHONWARNINGS": "ignore",
        "TMPDIR": str(folder / "tmp"),
        "XDG_STATE_HOME": str(folder / "state"),
        **(settings(url, folder) if url else {}),
    }


def settings(url, folder):
    return {
        "LLM_OBSERVER_ENABLED": "1",
        "LLM_OBSERVER_ENDPOINT": url,
        "LLM_OBSERVER_API_KEY": "a-key-of-the-tests",
        "LLM_OBSERVER_FILE": str(folder / "events.jsonl"),
        "LLM_OBSERVER_SPOOL_DIR": str(folder / "spool"),
        "LLM_OBSERVER_BATCH_MAX_AGE_S": "0.1",
        "LLM_OBSERVER_ATTEMPT_TIMEOUT_S": "0.5",
        "LLM_OBSERVER_MAX_ATTEMPTS": "1",
    }


@cache
def without_us(name):
    """The same app, unobserved."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return run(name, None, Path(folder))


def flat(values, path=""):
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    found = {}
    for name, value in values.items():
        found |= flat(value, f"{path}{name}.") if isinstance(value, dict) else {f"{path}{name}": value}
    return found


def in_the_spool(url, folder):
    from llm_observer.telemetry.spool import Spool

    stats = Spool(folder / "spool", url).stats()
    return stats.waiting + stats.leased


def in_the_file(folder):
    file = folder / "events.jsonl"
    return len(file.read_text("utf-8").splitlines()) if file.exists() else 0


@pytest.mark.parametrize("name", list(FAULTS)[::EVERY])
def test_the_app_gets_what_it_gets_without_us_and_the_fault_is_counted(name, tmp_path):
    fault = FAULTS[name]
    with getattr(endpoints, fault.endpoint)(tmp_path) as endpoint:
        ended = run(name, endpoint.url, tmp_path)
    alone = without_us("none" if fault.is_ours else name)
    assert ended.results == alone.results, ended.stderr
    assert (ended.code, alone.code) == (fault.code, fault.code), ended.stderr
    lines = _ours(ended.stderr, alone.stderr)
    assert len(lines) == len(set(lines)), lines
    assert "Traceback" not in "\n".join(lines)
    counted = {key: value for key, value in flat(ended.stats).items() if key.startswith(fault.seen)}
    assert any(counted.values()), flat(ended.stats)
    expected = CALLS + MORE_EVENTS.get(name, 0)
    found = {
        "delivered": lambda: len({event["event_id"] for event in endpoint.events}),
        "in the spool": lambda: in_the_spool(endpoint.url, tmp_path),
        "in the file": lambda: in_the_file(tmp_path),
        "counted": lambda: expected,
    }
    assert found[fault.becomes]() == expected, flat(ended.stats)


def _ours(stderr, alone):
    """The lines of standard error that the app does not write without us."""
    theirs = alone.splitlines()
    return [line for line in stderr.splitlines() if line not in theirs]


def test_the_page_has_the_matrix():
    page = PAGE.read_text("utf-8")
    rows = [
        f"| {fault.step} | as without us | `{fault.seen}` | {fault.becomes} |" for fault in FAULTS.values()
    ]
    assert [row for row in rows if row not in page] == []
    assert page.count("| as without us |") == len(rows)
