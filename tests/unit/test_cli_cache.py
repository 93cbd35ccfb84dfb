"""Does `cache` say what could have been saved, and by which change?"""

import gzip
import json

from click.testing import CliRunner

from caching import cached, file_of, finding, unpriced_miss
from llm_observer.cli import main
from sessions import cost, event_of


def run(*arguments):
    return CliRunner().invoke(main, ["cache", *arguments])


def told(path, *events, code=0):
    result = run(file_of(path, *events), "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def two_breakers():
    small = finding("uuid", "system[1]", usd="0.001", count=100)
    return [cached(actual=400, reusable=400, findings=[finding(), small]) for _ in range(3)] + [cached()]


def test_the_headline_is_the_money_that_could_have_been_saved_of_what_was_spent(tmp_path):
    assert told(tmp_path / "e", *two_breakers())["headline"] == "$0.0018 of $0.0400 could have been saved"


def test_a_cost_that_is_unknown_shows_in_the_headline(tmp_path):
    headline = told(tmp_path / "e", cached(actual=400), cached(paid=None))["headline"]
    assert headline == "$0.00060 of $0.0100 + ? could have been saved"


def test_money_that_is_unknown_is_no_zero_in_the_headline(tmp_path):
    headline = told(tmp_path / "e", unpriced_miss())["headline"]
    assert headline == "$0.0100 spent, and what the cache missed has no known price"


def test_the_funnel_goes_from_input_to_what_was_read(tmp_path):
    funnel = told(tmp_path / "e", cached(1000, 900, 800), cached(1000, 500, 400))["funnel"]
    counts = ("input_tokens", "ideal_tokens", "reusable_tokens", "actual_tokens")
    assert [funnel[name] for name in counts] == [4000, 2000, 1400, 1200]


def test_fixes_are_ranked_by_money(tmp_path):
    fixes = told(tmp_path / "e", *two_breakers())["fixes"]
    assert [(fix["kind"], fix["usd"], fix["count"]) for fix in fixes] == [
        ("timestamp", "0.006", 3),
        ("uuid", "0.003", 3),
    ]


def test_top_limits_the_fixes_and_says_how_many_more_there_are(tmp_path):
    file = file_of(tmp_path / "e", *two_breakers())
    found = json.loads(run(file, "--json", "--top", "1").stdout)
    assert [fix["kind"] for fix in found["fixes"]] == ["timestamp"]
    assert found["more_fixes"] == 1
    assert "1 more fix: --top shows more" in run(file, "--top", "1").stdout


def test_the_text_has_place_line_of_the_app_and_advice(tmp_path):
    text = run(file_of(tmp_path / "e", *two_breakers())).stdout
    assert "app.py:42 ask" in text
    assert "system[0], offset 37, line 2" in text
    assert "1. Move the time behind the last stable block" in text
    assert "docs/cache-breakers.md#timestamp" in text
    assert "Verdicts: breaker 3 · hit 1" in text


def test_a_finding_that_is_only_suspected_is_called_so(tmp_path):
    event = cached(findings=[finding(confidence=0.3)])
    assert "1. Suspected: Move the time" in run(file_of(tmp_path / "e", event)).stdout


def test_calls_without_a_verdict_are_named(tmp_path):
    event = event_of(cost=cost("1"))
    assert "1 call, none with a verdict" in run(file_of(tmp_path / "e", event)).stdout
    text = run(file_of(tmp_path / "e", event, cached())).stdout
    assert "1 call of 2 without a verdict about the cache" in text


def test_an_event_in_two_files_counts_once(tmp_path):
    events = two_breakers()
    one, other = file_of(tmp_path / "a", *events), file_of(tmp_path / "b", *events)
    found = json.loads(run(one, other, "--json").stdout)
    assert found["totals"]["calls"] == 4
    assert "4 events counted once" in run(one, other).stdout


def test_a_gzipped_file_is_read(tmp_path):
    plain = file_of(tmp_path / "e", cached())
    (tmp_path / "e.gz").write_bytes(gzip.compress((tmp_path / "e").read_bytes()))
    assert run(str(tmp_path / "e.gz")).stdout == run(plain).stdout


def test_a_broken_line_is_named_and_the_others_count(tmp_path):
    file = file_of(tmp_path / "e", cached())
    with (tmp_path / "e").open("a") as events:
        events.write('{"schema_version": "1.1", "torn\n')
    result = run(file)
    assert result.exit_code == 0
    assert f"left out: {file}:2" in result.stderr
    assert "could have been saved" in result.stdout


def test_a_file_that_cannot_be_read_gives_exit_code_3_and_the_others_count(tmp_path):
    result = run(str(tmp_path / "none"), file_of(tmp_path / "e", cached()))
    assert result.exit_code == 3
    assert str(tmp_path / "none") in result.stderr
    assert "$0.00 of $0.0100 could have been saved" in result.stdout


def test_no_file_is_wrong_usage():
    assert run().exit_code == 2
