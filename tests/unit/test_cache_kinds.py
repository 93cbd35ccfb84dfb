"""Is every kind of cache breaker explained, with a sentence that says what to change?"""

import re
from pathlib import Path
from typing import get_args

import pytest

from llm_observer.cache.kinds import DOCS_PAGE, KINDS, Family, advice_for, docs_url

PAGE = (Path(__file__).parents[2] / DOCS_PAGE).read_text("utf-8")
SECTIONS = {
    found[1]: found[2]
    for found in re.finditer(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    if found[1] == found[1].lower()
}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)


def test_the_docs_have_a_section_for_each_kind_in_the_same_order_and_no_other():
    assert list(SECTIONS) == list(KINDS)


def test_the_families_are_those_of_the_type():
    assert {kind.family for kind in KINDS.values()} == set(get_args(Family))


@kinds
def test_the_advice_is_one_short_sentence(kind):
    assert len(kind.advice) <= 160
    assert re.fullmatch(r"[A-Z][^.\n]*(\.\S[^.\n]*)*\.", kind.advice)


@kinds
def test_the_section_begins_with_the_advice(kind):
    assert SECTIONS[kind.name].strip().startswith(f"> {kind.advice}\n")


@kinds
def test_the_section_shows_the_code_before_and_after(kind):
    (code,) = re.findall(r"^```python\n(.*?)^```$", SECTIONS[kind.name], re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in code.splitlines()]
    assert lines.index("# before") < lines.index("# after")
    assert 3 <= len(lines) <= 8


@kinds
def test_the_link_leads_to_the_section(kind):
    assert docs_url(kind.name) == f"docs/cache-breakers.md#{kind.name}"


def test_a_cause_that_is_no_finding_has_no_advice():
    assert advice_for("routing") is None
