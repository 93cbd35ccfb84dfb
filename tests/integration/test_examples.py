"""Does every example, and every Python block of the docs, run as it stands, without a key?"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llm_observer.demo.provider import Provider

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(FENCE.findall(page.read_text("utf-8")), 1)
]
PAIR = "# before"
"""A block that begins so shows a change to an app's own code: pieces of it, which cannot run alone."""
FOREIGN = ("OPENAI_", "ANTHROPIC_", "LLM_OBSERVER_")
PATIENT = {"LLM_OBSERVER_EXIT_TIMEOUT_S": "40"}
"""A machine that is busy with other tests takes its time."""


def code_of(param):
    (code,) = param.values
    return code


def is_pair(param):
    return code_of(param).startswith(PAIR)


def run(*arguments, folder, **variables):
    """Python in a folder of its own, with warnings as errors."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**environ, "XDG_STATE_HOME": str(folder / "state"), **PATIENT, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs_and_shows_what_was_called(example, tmp_path):
    shown = run(str(example), folder=tmp_path)
    assert "gpt-4o" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("pair", [block for block in BLOCKS if is_pair(block)])
def test_a_before_and_after_is_python(pair):
    compile(pair, "<docs>", "exec")


@pytest.mark.parametrize("block", [block for block in BLOCKS if not is_pair(block)])
def test_the_block_runs(block, tmp_path):
    with Provider(pause_s=0) as provider:
        shown = run(
            "-c",
            block,
            folder=tmp_path,
            OPENAI_API_KEY="none",
            OPENAI_BASE_URL=provider.openai_url,
            ANTHROPIC_API_KEY="none",
            ANTHROPIC_BASE_URL=provider.anthropic_url,
        )
    assert "Traceback" not in shown
