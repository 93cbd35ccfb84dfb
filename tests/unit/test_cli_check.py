"""Does `check` fail where a limit is broken, only there, and in the forms that CI systems read?"""

import json
import re
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from caching import APP, cached, file_of, finding
from llm_observer.call import CallSite
from llm_observer.cli import main
from llm_observer.event import encode
from llm_observer.report.cache_model import report_of
from sessions import cost, event_of

ANNOTATION = re.compile(r"::error (?P<properties>.*?)::(?P<message>.*)")


@pytest.fixture(autouse=True)
def _not_in_actions(monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture
def check(tmp_path):
    """`check(events, *options)`: the result of the command."""

    def run(events, *options):
        return CliRunner().invoke(main, ["check", file_of(tmp_path / "events.jsonl", *events), *options])

    return run


def annotations(text):
    return [found.groupdict() for line in text.splitlines() if (found := ANNOTATION.fullmatch(line))]


@pytest.mark.parametrize(("reusable", "code"), [(700, 0), (699, 1)])
def test_the_cache_ratio_is_what_could_be_reused_of_what_stable_prompts_reuse(check, reusable, code):
    result = check([cached(1000, reusable, 0)], "--min-cache-ratio", "0.7")
    assert result.exit_code == code, result.output


def test_the_cache_ratio_does_not_depend_on_what_the_provider_read(check):
    assert check([cached(1000, 1000, 0)], "--min-cache-ratio", "1").exit_code == 0
    assert check([cached(1000, 1000, None)], "--min-cache-ratio", "1").exit_code == 0


def test_a_call_that_reuses_more_than_ideal_does_not_hide_another(check):
    events = [cached(1000, 5000, 0), cached(1000, 0, 0)]
    assert check(events, "--min-cache-ratio", "0.6").exit_code == 1


def test_a_share_just_below_the_limit_does_not_look_like_it(check):
    result = check([cached(100_000, 69_999, 0)], "--min-cache-ratio", "0.7")
    assert result.exit_code == 1
    assert "69.9 % of what stable prompts reuse could be reused" in result.stdout


@pytest.mark.parametrize(("actual", "code"), [(800, 0), (700, 1)])
def test_the_hit_rate_is_what_the_provider_read(check, actual, code):
    assert check([cached(1000, 1000, actual)], "--min-hit-rate", "0.8").exit_code == code


@pytest.mark.parametrize(("limit", "code"), [("0.03", 0), ("0.0299", 1), ("0", 1)])
def test_the_cost_of_all_calls_may_reach_the_limit(check, limit, code):
    assert check([cached() for _ in range(3)], "--max-cost", limit).exit_code == code


def test_an_unknown_cost_is_named_and_makes_the_sum_a_lower_bound(check):
    result = check([cached(), cached(paid=None)], "--max-cost", "1")
    assert result.exit_code == 0
    assert "at least $0.0100 were spent" in result.stdout
    assert '1 call of "gpt-4o" is unknown' in result.stdout


def test_a_kind_that_is_refused_fails_and_others_do_not(check):
    events = [cached(findings=[finding("uuid")])]
    assert check(events, "--fail-on", "timestamp").exit_code == 0
    assert check(events, "--fail-on", "timestamp,uuid").exit_code == 1


@pytest.mark.parametrize(("least", "code"), [("0.5", 0), ("0.4", 1)])
def test_a_finding_that_is_not_sure_enough_does_not_count(check, least, code):
    events = [cached(findings=[finding(confidence=0.4)])]
    assert check(events, "--fail-on", "timestamp", "--min-confidence", least).exit_code == code


def test_money_that_is_unknown_is_no_zero_in_any_form(check, tmp_path):
    events = [cached(findings=[finding(usd=None)]), cached(findings=[finding(usd=None)])]
    junit = tmp_path / "junit.xml"
    told = check(events, "--fail-on", "timestamp", "--junit", str(junit), "--github").stdout
    assert told.count("unknown cost, 1,200 tokens, seen 2 times") == 2
    assert "unknown cost, 1,200 tokens, seen 2 times" in junit.read_text("utf-8")
    assert "$" not in told + junit.read_text("utf-8")


def test_a_gate_counts_as_often_as_the_report(check):
    events = [cached(findings=[finding(confidence=confidence)]) for confidence in (0.3, 0.9, 0.95)]
    assert "2 of timestamp" in check(events, "--fail-on", "timestamp").stdout
    assert [fix.count for fix in report_of(events).fixes] == [2]
    loose = check(events, "--fail-on", "timestamp", "--min-confidence", "0.1").stdout
    assert "3 of timestamp" in loose
    assert "seen 3 times" in loose


def test_an_unknown_kind_is_wrong_usage_and_the_known_ones_are_listed(check):
    result = check([cached()], "--fail-on", "timestamps")
    assert result.exit_code == 2
    assert "timestamps" in result.stderr
    assert "tool_order" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--min-cache-ratio", "70"],
        ["--min-cache-ratio", "nan"],
        ["--max-cost", "-1"],
        ["--max-cost", "inf"],
        ["--max-cost", "five"],
        ["--fail-on", ","],
    ],
    ids=" ".join,
)
def test_a_limit_that_is_missing_or_none_is_wrong_usage(check, options):
    assert check([cached()], *options).exit_code == 2


@pytest.mark.parametrize(
    "options", [["--min-cache-ratio", "0"], ["--min-hit-rate", "0"], ["--fail-on", "uuid"]], ids=" ".join
)
def test_calls_without_a_verdict_pass_no_limit_of_the_cache(check, options):
    result = check([event_of(cost=cost("1"))], *options)
    assert result.exit_code == 1
    assert "no call has a verdict" in result.stdout


def test_calls_that_could_reuse_nothing_pass_and_are_told(check):
    result = check([cached(0, 0, 0, verdict="first")], "--min-cache-ratio", "0.7")
    assert result.exit_code == 0
    assert "nothing could have been reused in 1 call" in result.stdout


def test_a_file_that_cannot_be_read_gives_exit_code_3(check, tmp_path):
    result = check([cached()], str(tmp_path / "none"), "--max-cost", "5")
    assert result.exit_code == 3


def test_no_limit_is_kept_by_calls_that_nobody_could_read(tmp_path):
    file, out = tmp_path / "e.jsonl", tmp_path / "out.xml"
    file.write_bytes(encode(cached()).replace(b'"schema_version":"1.', b'"schema_version":"2.'))
    words = ["check", str(file), "--max-cost", "5", "--fail-on", "uuid", "--json", "--junit", str(out)]
    result = CliRunner().invoke(main, words)
    found = json.loads(result.stdout)
    assert (result.exit_code, found["is_passed"], found["unreadable"]) == (3, False, [str(file)])
    assert [(gate["is_passed"], gate["value"]) for gate in found["gates"]] == [(False, None)] * 2
    assert len(ET.parse(out).findall(".//failure")) == 2


def test_the_text_names_the_dearest_finding_with_place_and_advice(check):
    result = check([cached(findings=[finding()])], "--fail-on", "timestamp")
    assert result.stdout.splitlines() == [
        "FAIL  fail-on: findings: 1 of timestamp",
        "      app.py:42 ask: a time of day (timestamp) in system[0], offset 37, line 2",
        "        $0.0020, 600 tokens, seen 1 time, confidence 0.99",
        (
            "        Move the time behind the last stable block, such as into the newest user message. "
            "See docs/cache-breakers.md#timestamp"
        ),
    ]


def test_json_has_every_limit_and_its_findings(check):
    result = check([cached(findings=[finding()])], "--fail-on", "timestamp", "--max-cost", "5", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert not told["is_passed"]
    assert [(gate["name"], gate["is_passed"], gate["value"]) for gate in told["gates"]] == [
        ("max-cost", True, "0.01"),
        ("fail-on", False, "1"),
    ]
    assert told["gates"][1]["kinds"] == {"timestamp": 1}
    assert told["gates"][1]["fixes"][0]["usd"] == "0.002"


def test_annotations_stand_at_the_line_of_the_app_the_dearest_first(check):
    other = CallSite(file="jobs/sum.py", line=7)
    events = [
        cached(findings=[finding("uuid", usd="0.001")]),
        cached(findings=[finding(usd="0.5")], site=other),
        cached(findings=[finding("nonce", usd="0.01")], site=None),
    ]
    result = check(events, "--fail-on", "timestamp,uuid,nonce", "--github")
    gate, *found = [one["properties"] for one in annotations(result.stdout)]
    assert gate == "title=fail-on"
    assert [text.partition(",title=Cache breaker%3A")[0] for text in found] == [
        "file=jobs/sum.py,line=7",
        "title=Cache breaker%3A a random token in system[0]%2C offset 37%2C line 2",
        "file=app.py,line=42",
    ]


def test_annotations_are_escaped(check):
    site = CallSite(file="a,b:c%d.py", line=1, function="f")
    use = finding(path="system[0]\r\n::error::x")
    result = check([cached(findings=[use], site=site)], "--fail-on", "timestamp", "--github")
    _, found = annotations(result.stdout)
    assert found["properties"].startswith("file=a%2Cb%3Ac%25d.py,line=1,title=")
    assert "%0D%0A::error::x" in found["message"]


def test_no_more_than_ten_annotations_are_written(check):
    sites = [CallSite(file="app.py", line=line) for line in range(30)]
    events = [cached(findings=[finding()], site=site) for site in sites]
    assert len(annotations(check(events, "--fail-on", "timestamp", "--github").stdout)) == 10


def test_annotations_come_by_themselves_in_actions_and_not_elsewhere(check, monkeypatch):
    events = [cached(findings=[finding()])]
    assert annotations(check(events, "--fail-on", "timestamp").stdout) == []
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert len(annotations(check(events, "--fail-on", "timestamp").stdout)) == 2


def test_annotations_leave_standard_output_to_the_json(check):
    result = check([cached(findings=[finding()])], "--fail-on", "timestamp", "--github", "--json")
    assert json.loads(result.stdout)
    assert len(annotations(result.stderr)) == 2


def test_the_step_summary_is_appended(check, monkeypatch, tmp_path):
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    site = CallSite(file="a|b.py", line=1)
    check([cached(findings=[finding()], site=site)], "--fail-on", "timestamp", "--max-cost", "5", "--github")
    text = file.read_text("utf-8")
    assert text.startswith("before\n### llm-observer check\n")
    assert "| `max-cost` | passed |" in text
    assert "| `fail-on` | **failed** | findings: 1 of timestamp |" in text
    assert r"`a\|b.py:1`" in text


def test_junit_has_a_case_for_each_limit_and_a_failure_for_each_kind(check, tmp_path):
    events = [cached(1000, 0, 0, findings=[finding(), finding("uuid")])]
    limits = ["--min-cache-ratio", "0.5", "--max-cost", "5", "--fail-on", "timestamp,uuid"]
    result = check(events, *limits, "--junit", str(tmp_path / "out.xml"))
    assert result.exit_code == 1
    suite = ET.parse(tmp_path / "out.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert {case.get("name"): [one.get("type") for one in case] for case in suite} == {
        "min-cache-ratio": ["min-cache-ratio"],
        "max-cost": [],
        "fail-on": ["timestamp", "uuid"],
    }
    assert "app.py:42 ask" in suite.find("testcase[@name='fail-on']/failure").text


def test_junit_is_xml_whatever_the_names_hold(check, tmp_path):
    site = CallSite(file="a\x1b<&\ufffe.py", line=1)
    events = [cached(findings=[finding()], site=site)]
    check(events, "--fail-on", "timestamp", "--junit", str(tmp_path / "out.xml"))
    (failure,) = ET.parse(tmp_path / "out.xml").getroot().iter("failure")
    assert failure.text.startswith("a\ufffd<&\ufffd.py:1")


def test_a_result_that_cannot_be_written_gives_exit_code_3(check, tmp_path):
    result = check([cached()], "--max-cost", "5", "--junit", str(tmp_path / "none" / "out.xml"))
    assert result.exit_code == 3
    assert "out.xml" in result.stderr


def test_an_event_in_two_files_counts_once(check, tmp_path):
    event = cached(site=APP)
    again = file_of(tmp_path / "again.jsonl", event)
    assert check([event], again, "--max-cost", "0.01").exit_code == 0
