"""Do the docs name all that is there, link only to what exists, and hold code that is code?"""

import re
from pathlib import Path

import pytest

import llm_observer
from llm_observer.cli import COMMANDS
from llm_observer.config import SETTINGS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TEXT = "\n".join(page.read_text("utf-8") for page in PAGES)
VARIABLES = sorted({variable for name, row in SETTINGS.items() for variable in row.variables(name)})
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page_name(page):
    return str(page.relative_to(ROOT))


def anchors(page):
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def is_named(word):
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", TEXT) is not None


@pytest.mark.parametrize("name", llm_observer.__all__)
def test_every_public_name_is_in_the_docs(name):
    assert is_named(name)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_in_the_docs(name):
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_is_in_the_docs(name):
    assert is_named(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_docs(name):
    assert f"llm-observer {name}" in TEXT


def test_no_variable_in_the_docs_is_invented():
    assert set(re.findall(r"LLM_OBSERVER_[A-Z_]*[A-Z]", TEXT)) <= set(VARIABLES)


def test_no_command_in_the_docs_is_invented():
    assert set(re.findall(r"`llm-observer ([a-z]+)", TEXT)) <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_resolves(page):
    for target in LINK.findall(page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_python_block_compiles(page):
    for block in FENCE.findall(page.read_text("utf-8")):
        compile(block, page_name(page), "exec", dont_inherit=True)


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = (target.partition("#")[0] for target in LINK.findall(page.read_text("utf-8")))
        waiting += [(page.parent / link).resolve() for link in links if link]
    assert {page_name(page) for page in PAGES} - {
        page_name(page) for page in reached if page in PAGES
    } == set()


def test_the_table_of_settings_is_what_the_code_gives(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import build_docs

    assert not build_docs.is_stale(build_docs.BLOCKS["settings"])
