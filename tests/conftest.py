"""What do all tests share? Faults of ours pass, and texts are compared with golden files."""

import logging
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from llm_observer import guard, log

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script, whose children ignore it: programs under test must not.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no fault of what is tested.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture(autouse=True)
def _faults_pass():
    """What the guard would swallow fails the test."""
    before = guard.strict(True)
    yield
    guard.strict(before)


@pytest.fixture(autouse=True)
def _log_as_found():
    """A test that asks for debug lines, or for another level, asks for itself; each is told all anew."""
    log._first.clear()
    yield
    log.configure(debug=False)
    log.logger.setLevel(logging.NOTSET)


@pytest.fixture
def golden(request):
    """`golden(name, text)`: *text* is what the file of that name holds; `--update-golden` writes it."""

    def compare(name, text):
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n", "utf-8")
        assert path.exists(), f"{path} is missing: pytest --update-golden writes it"
        assert path.read_text("utf-8") == f"{text}\n"

    return compare


def pytest_terminal_summary(terminalreporter):
    """A table of what was exact, for tests that recorded it."""
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    rows = [(name, *value) for report in reports for name, value in report.user_properties if _is_row(value)]
    if not rows:
        return
    terminalreporter.section("exact")
    for name, exact, of in sorted(rows):
        terminalreporter.write_line(f"{exact:6} of {of:6}  {name}")
    total = [sum(row[column] for row in rows) for column in (1, 2)]
    terminalreporter.write_line(f"{total[0]:6} of {total[1]:6}  in all")


def _is_row(value):
    return isinstance(value, (tuple, list)) and len(value) == 2
