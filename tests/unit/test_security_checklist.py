"""Is each line of the security checklist checked by a test that exists?"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (.+) \| `(\S+)::(\w+)` \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "security-checklist.md").read_text("utf-8")
ROWS = ROW.findall(PAGE)


@pytest.mark.parametrize(("claim", "file", "name"), ROWS)
def test_the_test_of_a_claim_exists(claim, file, name):
    path = ROOT / file
    assert path.exists(), file
    assert re.search(rf"^(async )?def {name}\(", path.read_text("utf-8"), re.MULTILINE), name


def test_every_line_of_the_table_names_its_test():
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(lines) - 2 > 20
