"""The report's page in a real browser: nothing fetched, no complaint, readable, usable by keyboard."""

import re

import pytest

import chromium
from agent_events import agent_app
from llm_observer.report.cache_model import report_of
from llm_observer.report.html import render

pytestmark = pytest.mark.skipif(
    chromium.found() is None, reason="no Chromium on this machine: apt-get install chromium"
)
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
FOLDS = "document.querySelectorAll('details').forEach(one => { one.open = true })"
WIDE = """[...document.querySelectorAll('body *')]
    .filter(one => !one.closest('.scroll, nav, .skip, .map, .band'))
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
    .map(one => one.outerHTML.slice(0, 80))"""
CONTRASTS = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const color = rgb(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const one of document.querySelectorAll('body *')) {
    const says = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!says || !one.checkVisibility({visibilityProperty: true}) || one.closest('svg')) continue;
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) poor.push([ratio.toFixed(2), one.outerHTML.slice(0, 90)]);
  }
  return poor;
})()"""
COLUMN = "[...document.querySelectorAll('#site-table tbody tr')].map(row => row.cells[{}].textContent)"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of a page of the app's report, on disk."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render(report_of(agent_app())), "utf-8")
    return file.as_uri()


@pytest.fixture
def opened(address, tmp_path):
    """`opened(width=…, height=…)`: the page in a browser of its own."""
    pages = []

    def page(size="desk", **settings):
        width, height = SIZES[size]
        pages.append(chromium.Page(tmp_path / f"profile{len(pages)}", width=width, height=height, **settings))
        pages[-1].open(address)
        return pages[-1]

    yield page
    for one in pages:
        one.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_fetches_nothing_complains_of_nothing_and_fits(opened, address, tmp_path, size, scheme):
    page = opened(size, scheme=scheme)
    page.run(FOLDS)
    assert page.requests == [address]
    assert page.complaints == []
    assert page.run("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.run(WIDE) == []
    page.shoot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_told_from_what_is_behind_it(opened, scheme):
    page = opened(scheme=scheme)
    page.run(FOLDS)
    assert page.run(CONTRASTS) == []


def test_dark_is_dark(opened):
    dark = opened(scheme="dark").run("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", dark))) < 40


def test_a_table_is_sorted_by_keyboard_alone(opened):
    page = opened()
    button = "document.querySelector('#site-table thead th:nth-child(2) button')"
    assert page.run(COLUMN.format(1)) == ["137", "125", "83"]
    page.run("document.querySelector('#site-table thead th button').focus()")
    page.press("Tab", "Tab")
    assert page.run(f"document.activeElement === {button}")
    assert page.run(f"getComputedStyle({button}).outlineStyle") == "solid"
    page.press("Enter", "Enter", "\r")
    assert page.run(f"{button}.closest('th').getAttribute('aria-sort')") == "descending"
    page.press("Enter", "Enter", "\r")
    assert page.run(COLUMN.format(1)) == ["83", "125", "137"]
    assert page.run(f"{button}.closest('th').getAttribute('aria-sort')") == "ascending"


def test_fixes_are_filtered(opened):
    page = opened()
    page.run("document.querySelector('#fixes details').open = true")
    box = "document.querySelector('input[data-filter]')"
    page.run(f"{box}.value = 'UUID'; {box}.dispatchEvent(new Event('input'))")
    shown = (
        "[...document.querySelectorAll('#fix-table tbody tr')].filter(row => row.checkVisibility()).length"
    )
    assert page.run(shown) == 1


def test_the_page_says_all_without_script(opened, address):
    page = opened(script=False)
    dump = page.ask("DOMSnapshot.captureSnapshot", computedStyles=[])["strings"]
    assert page.requests == [address]
    assert page.complaints == []
    for text in ("Fix these first", "Where prompts part", "Conversations", "app/agent.py:42 plan_step"):
        assert text in dump


def test_helpers_of_the_blind_find_their_way(opened):
    page = opened()
    nodes = page.ask("Accessibility.getFullAXTree")["nodes"]
    roles = {}
    for node in nodes:
        name = node.get("name", {}).get("value", "")
        roles.setdefault(node.get("role", {}).get("value"), []).append(name)
    assert {"main", "navigation", "banner", "contentinfo"} <= set(roles)
    assert "Fix these first" in roles["region"]
    assert all(roles["image"])
    assert all(roles["button"])


def test_the_page_can_be_printed(opened):
    assert opened().pdf().startswith(b"%PDF")
