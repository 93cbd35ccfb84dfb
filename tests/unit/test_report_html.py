"""The report as a page, as Markdown and as JSON: nothing fetched, nothing let through, no prompt."""

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import msgspec
import pytest

from agent_events import agent_app
from llm_observer.call import CallSite, Content, SegmentPrint
from llm_observer.call_cache import CacheUse, Cause, Finding
from llm_observer.event import encode
from llm_observer.report import html, markdown
from llm_observer.report.cache_model import Reader, report_of, to_plain
from sessions import cost, event_of, unpriced

EVIL = "</script><img src=x onerror=alert(1)>\"'&`|\n# [x](javascript:alert(1))"
VOID = {"meta", "link", "input"}


@pytest.fixture(scope="module")
def events():
    return agent_app()


@pytest.fixture(scope="module")
def report(events):
    return report_of(events)


@pytest.fixture(scope="module")
def page(report):
    return html.render(report)


class Outline(HTMLParser):
    """Elements of a page, and whether each is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.found, self.scripts = [], [], []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] == "script":
            self.scripts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def evil():
    """A call with markup wherever a name can stand."""
    finding = Finding(
        kind=EVIL,
        path=EVIL,
        confidence=0.9,
        tokens=5,
        usd="1",
        advice=EVIL,
        docs=f"https://x/{EVIL}",
        shape=EVIL,
    )
    use = CacheUse(
        verdict="hit",
        causes=(Cause(kind=EVIL, tokens=5, usd="1"),),
        findings=(finding, msgspec.structs.replace(finding, docs="javascript:alert(1)", kind="uuid")),
        conversation=EVIL,
        missed_tokens=5,
        missed_usd="1",
        extends="x",
    )
    segment = SegmentPrint(path=EVIL, kind="tool", bytes=1, hash="0" * 16)
    site = CallSite(file=EVIL, line=1, function=EVIL)
    made = {"cache": use, "segments": (segment,), "segment_count": 1, "call_site": site, "cost": cost("2")}
    return [event_of(model=EVIL, **made) for _ in range(2)]


def evil_report():
    reader = Reader()
    for event in evil():
        reader.add(event, EVIL)
    return reader.report()


def small():
    return [
        event_of(
            cost=cost("9.80"),
            call_site=CallSite(file="app.py", line=42, function="ask"),
            cache=CacheUse(
                verdict="breaker",
                missed_tokens=1000,
                missed_usd="4.12",
                causes=(Cause(kind="timestamp", tokens=1000, usd="4.12"),),
                findings=(
                    Finding(
                        kind="timestamp",
                        path="system[0]",
                        offset=37,
                        line=2,
                        length=20,
                        confidence=0.95,
                        tokens=1000,
                        usd="4.12",
                    ),
                ),
            ),
        )
    ]


def test_the_page_reads_as_it_should(golden, page):
    golden("report_agent.html", page)


def test_the_markdown_reads_as_it_should(golden, report):
    golden("report_agent.md", markdown.render(report))


def test_the_json_reads_as_it_should(golden, report):
    golden("report_agent.json", json.dumps(to_plain(report), indent=1))


def test_the_first_thing_said_is_what_could_have_been_saved():
    page = html.render(report_of(small()))
    first = re.search(r"<h1>(.*?)</h1>", page)[1]
    assert re.sub(r"<.*?>", "", first) == "$4.12 of $9.80 could have been saved"
    card = re.search(r'<li class="card">.*?</li>', page, re.DOTALL)[0]
    for part in (
        "$4.12",
        "app.py:42 ask",
        "system[0]",
        "line 2, offset 37, 20 bytes",
        "Move the time behind",
    ):
        assert part in card


def test_the_page_is_well_formed(page):
    assert Outline(page).all("main")


def test_the_page_names_nothing_to_fetch(page):
    outline = Outline(page)
    addresses = [
        value for _, attrs in outline.found for name, value in attrs.items() if name in ("src", "href")
    ]
    assert [one for one in addresses if not one.startswith(("#", "data:,"))] == []
    assert "url(" not in page
    assert "@import" not in page


def test_only_the_page_s_own_script_may_run(page):
    outline = Outline(page)
    policy = next(one["content"] for one in outline.all("meta") if "http-equiv" in one)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    data, script = outline.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert json.loads(data)["version"] == 1


def test_no_name_becomes_markup():
    page = html.render(evil_report())
    outline = Outline(page)
    assert outline.all("img") == []
    assert len(outline.scripts) == 2
    assert json.loads(outline.scripts[0])["files"][0]["name"] == EVIL
    assert [one for one in outline.all("a") if one["href"].startswith("javascript")] == []
    assert [name for _, attrs in outline.found for name in attrs if name.startswith("on")] == []


def test_no_name_becomes_markup_in_markdown():
    text = markdown.render(evil_report())
    outside = re.sub(r"`[^`\n]*`", "", re.sub(r"\\[^|]", "", text))
    assert "<img" not in outside
    assert "](javascript" not in outside
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {4, 5, 7, 9}
    assert not any(line.startswith("# [") for line in text.splitlines())


def test_text_of_prompts_and_answers_is_nowhere():
    event = event_of(
        content=Content(input="CANARY", output="CANARY"), attributes={"x": "CANARY"}, cost=cost("1")
    )
    report = report_of([event])
    for text in (html.render(report), markdown.render(report), json.dumps(to_plain(report))):
        assert "CANARY" not in text


def test_every_table_has_a_caption_and_named_headers(page):
    outline = Outline(page)
    assert len(outline.all("caption")) == len(outline.all("table")) > 4
    assert {one["scope"] for one in outline.all("th")} == {"col", "row"}


def test_every_section_is_named_by_its_heading(page):
    outline = Outline(page)
    named = [one["aria-labelledby"] for one in outline.all("section")]
    assert set(named) <= {one.get("id") for one in outline.all("h2")}
    identities = [attrs["id"] for _, attrs in outline.found if "id" in attrs]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], "No calls in what was read"),
        ([event_of(cost=cost("1"))], "$1.00 spent; nothing is known of the cache"),
        ([event_of(cost=unpriced("unknown_model"))], "? spent; nothing is known of the cache"),
        (
            [event_of(cost=cost("1"), cache=CacheUse(verdict="hit", missed_tokens=0, missed_usd="0"))],
            "$1.00 spent, and the cache missed nothing that is priced",
        ),
        (
            [event_of(cost=cost("1"), cache=CacheUse(verdict="breaker", missed_tokens=9))],
            "$1.00 spent, and what the cache missed has no known price",
        ),
        (
            [event_of(cost=None, cache=CacheUse(verdict="breaker", missed_tokens=9, missed_usd="0.5"))],
            "$0.5000 could have been saved, of an unknown sum",
        ),
    ],
)
def test_the_headline_claims_only_what_is_known(events, said):
    assert markdown.render(report_of(events)).splitlines()[0] == f"# {said}"
    assert f"<title>{said}</title>" in html.render(report_of(events))


def test_what_is_unknown_is_named():
    reader = Reader()
    for _ in range(2):
        reader.add(event_of(cost=unpriced("unknown_model")), "old.jsonl")
    text = markdown.render(reader.report())
    assert "2 calls of unknown cost, in no sum of money (model without a price: 2)." in text
    assert "old.jsonl: none of its 2 calls has a cache part" in text


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "llm_observer", "report", *map(str, arguments)],
        capture_output=True,
        timeout=60,
    )


@pytest.fixture
def file(tmp_path, events):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events[:40]))
    return path


def test_the_command_writes_all_forms(tmp_path, file):
    outs = {name: tmp_path / f"out.{name}" for name in ("html", "markdown", "json")}
    done = run(file, *(word for name, out in outs.items() for word in (f"--{name}", out)))
    assert (done.returncode, done.stdout) == (0, b"")
    assert outs["html"].read_text("utf-8").startswith("<!doctype html>")
    assert outs["markdown"].read_text("utf-8").startswith("# $")
    assert json.loads(outs["json"].read_text("utf-8"))["totals"]["calls"] == 40


def test_the_command_prints_markdown_unless_told_otherwise(file):
    assert run(file).stdout.decode().startswith("# $")
    assert json.loads(run(file, "--json").stdout)["totals"]["calls"] == 40


def test_the_command_merges_files_and_tells_what_it_left_out(tmp_path, file, events):
    other = tmp_path / "more.jsonl.gz"
    lines = [encode(event) for event in events[30:50]]
    other.write_bytes(gzip.compress(b"\n".join([*lines, b'{"event_id": 1}'])))
    done = run(file, other, "--json")
    found = json.loads(done.stdout)
    assert found["totals"]["calls"] == 50
    assert sum(one["repeated"] for one in found["files"]) == 10
    assert b"left out" in done.stderr


def test_the_command_writes_over_no_events(tmp_path, file):
    before = file.read_bytes()
    for words in (("--json", file, file), (file, "--html", file), (file, "--json", tmp_path / "new.jsonl")):
        done = run(*words)
        assert (done.returncode, b"would write over" in done.stderr) == (2, True)
    assert file.read_bytes() == before


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_command_writes_over_no_recording_whatever_its_name(tmp_path, file, pack):
    rotated = tmp_path / "events.jsonl.1"
    rotated.write_bytes(pack(file.read_bytes()))
    before = rotated.read_bytes()
    done = run("--json", rotated, file)
    assert (done.returncode, b"would write over" in done.stderr) == (2, True)
    assert rotated.read_bytes() == before


@pytest.mark.parametrize("form", ["html", "markdown", "json"])
def test_the_command_writes_over_its_own_result(tmp_path, file, form):
    for _ in range(2):
        done = run(file, f"--{form}", tmp_path / "out")
        assert done.returncode == 0, done.stderr


def test_a_page_that_cannot_be_written_ends_with_3(tmp_path, file):
    done = run(file, "--html", tmp_path / "none" / "out.html")
    assert (done.returncode, b"out.html: No such file or directory" in done.stderr) == (3, True)


def test_the_command_says_which_file_it_cannot_read(tmp_path, file):
    done = run(tmp_path / "none.jsonl", file, "--json")
    assert (done.returncode, b"none.jsonl" in done.stderr) == (3, True)
    assert json.loads(done.stdout)["totals"]["calls"] == 40
