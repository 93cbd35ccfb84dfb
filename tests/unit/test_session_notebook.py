"""What does a notebook see? A table that is safe and readable; and cells may run twice."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from llm_observer.call import CallSite
from llm_observer.call_cache import CacheUse, Finding
from llm_observer.report.card import render
from sessions import cost, event_of, session_of, tokens, unpriced

VOID = {"br", "img", "input", "meta", "link"}
TESTS = Path(__file__).parents[1]
FOREIGN = ("LLM_OBSERVER_", "DO_NOT_TRACK", "OPENAI_", "OTEL_")


class Page(HTMLParser):
    """What an HTML parser finds: texts, tags, attributes; tags that do not fit raise."""

    def __init__(self, html):
        super().__init__()
        self.texts, self.tags, self.values, self.open = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def shown(*events, **settings):
    return session_of(*events, show=render, **settings)._repr_html_()


def missed():
    finding = Finding(
        kind="timestamp",
        path="system[0]",
        offset=3,
        confidence=0.9,
        tokens=900,
        usd="0.25",
        advice="Move <it>.",
    )
    cache = CacheUse(
        verdict="breaker",
        ideal_tokens=900,
        ideal_label="exact",
        reusable_tokens=100,
        actual_tokens=100,
        missed_tokens=800,
        missed_usd="0.25",
        findings=(finding,),
    )
    site = CallSite(file="<app>.py", line=3, function="ask")
    return event_of(cost=cost("0.5"), tokens=tokens(1000, 20, cache_read=100), cache=cache, call_site=site)


def test_the_card_shows_calls_cost_tokens_the_funnel_and_the_best_fix():
    text = Page(shown(missed(), event_of(cost=unpriced("unknown_model")))).text
    for part in (
        "2 calls · $0.5000 + 1 call of unknown cost",
        "openai/gpt-4o",
        "1,000",
        "10 %",
        "a stable prompt would have read 900 tokens 90 %",
        "read from the cache 100 tokens 10 %",
        "Fix first:",
        "system[0], offset 3 (<app>.py:3 ask)",
        "Move <it>.",
    ):
        assert part in text


def test_a_session_without_calls_says_so():
    assert Page(shown()).text == "llm_observer: no calls yet"


def test_nothing_that_an_app_or_a_provider_named_becomes_markup():
    hostile = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
    page = Page(shown(event_of(model=hostile, cost=cost("1")), event_of({hostile: hostile}, model=hostile)))
    assert {"img", "script"}.isdisjoint(page.tags)
    assert hostile.lower() in page.text.lower()


def test_the_card_is_self_contained_and_takes_the_colours_of_the_page():
    page = Page(shown(missed()))
    assert {"script", "style", "link", "img", "iframe"}.isdisjoint(page.tags)
    assert {name for name, _ in page.values} <= {"style", "href"}
    styles = ";".join(value for name, value in page.values if name == "style")
    plain_colors = {part.split(":", 1)[1] for part in styles.split(";") if part.startswith("color:")}
    assert plain_colors == {"inherit"}
    assert "url(" not in styles


def test_the_card_says_what_is_not_in_the_rows():
    assert "to_dicts() has the newest 2 of 3 calls." in Page(shown(*[event_of()] * 3, max_rows=2)).text
    assert "to_dicts()" not in shown(*[event_of()] * 3)


def test_the_card_names_no_more_models_than_fit():
    page = Page(shown(*(event_of(model=f"m{number}", cost=cost("0.1")) for number in range(9))))
    assert page.texts.count("openai/m0") == 1
    assert "The dearest 5 models: session.summary() has more." in page.text
    assert page.tags.count("tr") == 7


def test_a_session_of_its_own_is_shown_too():
    assert session_of(event_of())._repr_html_().startswith("<pre>&lt;Session calls=1")


def test_a_card_of_money_that_is_small_shows_it():
    assert "$0.0000042" in shown(event_of(cost=cost(str(Decimal("0.0000042")))))


# Cells that run twice -----------------------------------------------------------------------------------

NOTEBOOK = """
import json, os, sys
from traitlets.config import Config
from IPython.core.interactiveshell import InteractiveShell
sys.path.insert(0, sys.argv[1])
from integration.exchanges import ask, plain
from integration.sdks import make_client
import openai

settings = Config()
settings.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=settings)
shell.user_ns.update(FILE=sys.argv[2], seen=[], call=lambda: ask(make_client("openai", plain("openai"))))

def cell(text):
    done = shell.run_cell(text, silent=True)
    done.raise_error()
    return shell.user_ns

def hook():
    return id(vars(openai._base_client.SyncAPIClient)["request"])

PATCH = "import llm_observer\\nreport = llm_observer.patch(file=FILE, on_event=seen.append)"
CALLS = "with llm_observer.observe(feature='cell') as inside:\\n    call()\\n    call()"
SHOW = "llm_observer.flush(60)\\nhtml = inside._repr_html_()"
AGAIN = "def told(event):\\n    once.append(event)\\nllm_observer.patch(on_event=told)"
found = {}

for text in (PATCH, PATCH, CALLS, CALLS, PATCH, SHOW):
    names = cell(text)
    found.setdefault("hooks", set()).add(hook())
found["hooks"] = len(found["hooks"])
found["warnings"] = names["report"].warnings
found["inside"] = names["inside"].calls
found["all"] = names["llm_observer"].session().calls
found["rows"] = len(names["llm_observer"].session().to_dicts())
found["seen"] = len(names["seen"])
found["lines"] = len(open(names["FILE"]).readlines())
first = names["html"]
found["is same when shown again"] = first == cell(SHOW)["html"]
found["html"] = first
found["shown"] = shell.display_formatter.format(names["inside"])[0]

names = cell("outer = llm_observer.observe(feature='x')\\nwith outer, outer:\\n    call()\\ncall()")
found["entered twice"] = names["outer"].session.calls

names["once"] = []
cell(AGAIN)
cell(AGAIN)
found["told"] = len(cell("call()\\nllm_observer.flush(60)")["once"])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """What was found in an IPython shell after cells that ran twice."""
    pytest.importorskip("IPython")
    home = tmp_path_factory.mktemp("notebook")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, str(TESTS), str(home / "events.jsonl")],
        env={**environ, "XDG_STATE_HOME": str(home), "IPYTHONDIR": str(home), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("what", "count"),
    [
        ("hooks", 1),
        ("inside", 2),
        ("all", 4),
        ("rows", 4),
        ("seen", 4),
        ("lines", 4),
        ("entered twice", 1),
        ("told", 1),
    ],
)
def test_a_cell_that_runs_twice_counts_nothing_twice(notebook, what, count):
    assert notebook[what] == count


def test_no_warning_comes_of_patching_again(notebook):
    assert notebook["warnings"] == []


def test_a_notebook_shows_the_card_and_the_same_one_when_the_cell_runs_again(notebook):
    assert notebook["is same when shown again"]
    assert notebook["shown"]["text/html"] == notebook["html"]
    assert notebook["shown"]["text/plain"].startswith("<Session calls=2")
    assert "2 calls" in Page(notebook["html"]).text
