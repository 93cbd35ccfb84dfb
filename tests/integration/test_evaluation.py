"""Does the evaluation run as a whole, and does the doctor do on a part of it what it claims on all?"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "evaluate_cache_doctor.py"
SHARED = ROOT.parent / "shared"
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| (yes|\*\*no\*\*|) \|$", re.MULTILINE)
DEPENDS = ("matching, Mooncake", "recorded pairs, other caches", "money of a finding")
"""Checks that another program's load, or another party's cache, may decide; the page says by how much."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not (SHARED / "traces").is_dir(), reason=f"no public traces in {SHARED}"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page that a quick run writes."""
    out = tmp_path_factory.mktemp("evaluation") / "page.md"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "sdk" / "python")}
    command = [sys.executable, str(SCRIPT), "--quick", "--seed", "3", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode in {0, 1}, done.stderr
    return out.read_text("utf-8")


def test_every_check_of_the_evaluation_has_a_row(page):
    assert len(ROW.findall(page)) >= 20


def test_what_is_no_matter_of_load_or_of_others_is_within_its_reach(page):
    beyond = [check for check, *_, holds in ROW.findall(page) if holds == "**no**"]
    assert [check for check in beyond if not check.startswith(DEPENDS)] == []


def test_every_chapter_is_on_the_page(page):
    chapters = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert len(chapters) == 6
    assert "Injected breakers" in chapters


def test_a_folder_that_is_not_there_is_named(tmp_path):
    command = [sys.executable, str(SCRIPT), "--traces", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no folder" in done.stderr
