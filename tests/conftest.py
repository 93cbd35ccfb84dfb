"""What do all tests share? Faults of ours pass, and texts are compared with golden files."""

from pathlib import Path

import pytest

from llm_observer import guard

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture(autouse=True)
def _faults_pass():
    """What the guard would swallow fails the test."""
    before = guard.strict(True)
    yield
    guard.strict(before)


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
