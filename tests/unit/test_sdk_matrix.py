"""Does the matrix of versions run what it says, and does its page show what ran?"""

import sys
from pathlib import Path

import pytest

from llm_observer.capture.targets import SDKS, VENDORS

ROOT = Path(__file__).resolve().parents[2]
PAGE = "a\n<!-- sdk versions: written by scripts/sdk_matrix.py -->\n{}\n<!-- end of sdk versions -->\nz\n"
REPORT = '<testsuites><testsuite tests="7" failures="1" errors="2" skipped="1"/></testsuites>'


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "matrix"]:
        del sys.modules[name]


def outcome(name, passed=9, failed=0, versions="openai 1.66.0"):
    from matrix.outcomes import Outcome

    return Outcome(name, versions, passed, failed, 2, 30, "2026-11-21")


def pinned(name):
    """Version numbers by package, as the set *name* pins them."""
    from matrix.sets import SETS

    pairs = (one.partition("==")[::2] for one in SETS[name].requirements)
    return {
        package.partition("[")[0]: tuple(map(int, version.split(".")))
        for package, version in pairs
        if version
    }


def test_the_floor_is_the_one_that_the_hooks_name():
    assert {sdk: version[:2] for sdk, version in pinned("floor").items()} == {
        one.sdk: one.floor for one in SDKS
    }


def test_the_vendors_floors_are_those_that_the_hooks_name():
    assert sorted(version[:2] for version in pinned("vendors-floor").values()) == sorted(
        one.floor for one in VENDORS
    )


def test_at_least_eight_versions_of_each_sdk_are_run_in_ascending_order():
    from matrix.sets import SETS

    versions = [pinned(name) for name, one in SETS.items() if one.kind == "sdk" and name != "newest"]
    for sdk in ("openai", "anthropic"):
        found = [one[sdk] for one in versions]
        assert len(found) >= 8
        assert found == sorted(set(found))


def test_every_test_that_a_set_runs_or_leaves_out_is_there():
    from matrix.sets import SDK_FREE, SETS

    given = [word for one in SETS.values() for word in one.tests()]
    named = [word.partition("::")[0].removeprefix("--ignore=") for word in given if "tests/" in word]
    named += [f"tests/integration/test_{name}.py" for name in SDK_FREE]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_page_gets_the_rows_of_what_ran_in_the_order_of_the_sets():
    from matrix.outcomes import written_into

    page = written_into(PAGE.format(""), [outcome("newest"), outcome("floor", 8, 1), outcome("groq")])
    assert page.startswith("a\n")
    assert page.endswith("z\n")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        "| `floor` | openai 1.66.0 | 8 | 1 | 2 | 2026-11-21 |",
        "| `newest` | openai 1.66.0 | 9 | 0 | 2 | 2026-11-21 |",
    ]


def test_a_set_that_did_not_run_keeps_its_row():
    from matrix.outcomes import written_into

    first = written_into(PAGE.format(""), [outcome("floor"), outcome("vendors")])
    second = written_into(first, [outcome("floor", 7)])
    assert "| `vendors` | openai 1.66.0 | 9 |" in second
    assert "| `floor` | openai 1.66.0 | 7 |" in second
    assert "| `floor` | openai 1.66.0 | 9 |" not in second


def test_errors_count_as_failures(tmp_path):
    from matrix.outcomes import counts

    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert counts(report) == (3, 3, 1)
    assert counts(tmp_path / "none.xml") == (0, 0, 0)


@pytest.mark.parametrize(("passed", "failed", "good"), [(3, 0, True), (0, 0, False), (3, 1, False)])
def test_a_set_is_good_if_something_ran_and_nothing_failed(passed, failed, good):
    assert outcome("floor", passed, failed).is_good is good
