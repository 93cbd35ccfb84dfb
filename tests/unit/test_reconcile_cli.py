"""Does `reconcile` say whether both sides agree, in words, in JSON and by its exit code?"""

import gzip
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from caching import file_of
from llm_observer.cli import main
from llm_observer.reconcile import FORMS
from reconciling import Call, event, openai_costs, openai_usage
from recording import STARTED_S, USAGE, plain

DAY_S = 86_400


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith("LLM_OBSERVER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def run(*arguments, code=0, **how):
    result = CliRunner().invoke(main, ["reconcile", *map(str, arguments)], **how)
    assert result.exit_code == code, result.output
    return result


def comparison(*arguments, code=0):
    return json.loads(run("--json", *arguments, code=code).stdout)


def export_of(path, text):
    path.write_text(text, "utf-8")
    return str(path)


@pytest.fixture
def export(tmp_path):
    return export_of(tmp_path / "export.json", openai_usage([Call(), Call()]))


@pytest.fixture
def events(tmp_path):
    return file_of(tmp_path / "events.jsonl", event(), event())


@pytest.fixture
def lacking(tmp_path):
    """A file of one of both calls."""
    return file_of(tmp_path / "lacking.jsonl", event())


def test_both_sides_that_agree_exit_with_0(export, events):
    result = run(export, events)
    assert "In agreement: all of 5 figures are within 1 %." in result.stdout
    assert result.stderr == ""


def test_a_gap_exits_with_1_and_is_shown_with_its_cause(export, lacking):
    text = run(export, lacking, code=1).stdout
    assert "Usage: OpenAI usage API, completions, 2026-11-01 UTC" in text
    assert "2026-11-01  gpt-4o-2024-08-06  requests" in text
    assert "not_observed" in text
    assert "calls without llm_observer" in text
    assert "5 of 5 figures differ by more than 1 %." in text


def test_the_json_has_every_row_with_both_sides_and_causes(export, lacking):
    found = comparison(export, lacking, code=1)
    assert found["is_in_agreement"] is False
    assert found["tolerance"] == "0.01"
    (row,) = found["usage"]["rows"]
    requests = row["figures"]["requests"]
    assert (row["day"], row["model"], row["calls"]) == ("2026-11-01", "gpt-4o-2024-08-06", 1)
    assert (requests["export"], requests["events"], requests["gap"]) == (2, 1, -1)
    assert [cause["code"] for cause in requests["causes"]] == ["partial_day", "not_observed"]
    assert found["causes"].keys() == {"partial_day", "not_observed"}
    assert found["usage"]["coverage"]["requests"] == "0.5"
    assert "money" not in found


def test_money_is_written_without_a_digit_lost(tmp_path, events):
    path = export_of(tmp_path / "costs.json", openai_costs([Call(usd="0.002500000000000000000001")]))
    total = comparison(path, events)["money"]["totals"]["usd"]
    assert (total["export"], total["events"]) == ("0.002500000000000000000001", "0.0025")
    assert Decimal(total["gap"]) == Decimal("-0.000000000000000000000001")


def test_usage_and_costs_are_compared_in_one_command(export, tmp_path, events):
    costs = export_of(tmp_path / "costs.json", openai_costs([Call(), Call()]))
    found = comparison(export, events, "--export", costs)
    assert found["is_in_agreement"] is True
    assert found["export_rows"] == {"openai_usage_completions": 1, "openai_costs": 1}


def test_several_files_of_events_are_read_as_one_plain_or_gzipped(tmp_path, lacking):
    path = export_of(tmp_path / "export.json", openai_usage([Call(), Call()]))
    other = Path(file_of(tmp_path / "other.jsonl", event()))
    other.write_bytes(gzip.compress(other.read_bytes()))
    run(path, lacking, other)


@pytest.mark.parametrize(
    ("tolerance", "code"), [("0.5", 0), ("50%", 0), ("50 %", 0), ("49.9%", 1), ("0.49", 1), ("0", 1)]
)
def test_the_tolerance_is_a_share_or_a_percentage(tolerance, code, export, lacking):
    run(export, lacking, "--tolerance", tolerance, code=code)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--tolerance", "2"),
        ("--tolerance", "much"),
        ("--tolerance", "NaN"),
        ("--by", "hour"),
        ("--since", "yesterday"),
        ("--since", "2027-01-01"),
        ("--sample-rate", "0"),
        ("--sample-rate", "1/0"),
        ("--sample-rate", "some"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(wrong, export, events):
    run(export, events, *wrong, code=2)


def test_a_file_that_is_named_twice_is_wrong_usage(export, events):
    run(export, events, "--export", export, code=2)
    run(export, events, export, code=2)


def test_an_unknown_header_exits_with_3_and_names_columns_and_forms(tmp_path, events):
    result = run(export_of(tmp_path / "x.csv", "date,tokens\n2026-11-01,7\n"), events, code=3)
    assert "x.csv: no known form of export; its columns: date, tokens." in result.stderr
    assert all(form.title in result.stderr for form in FORMS)
    assert result.stdout == ""


def test_a_row_that_cannot_be_read_exits_with_3_and_the_rest_is_compared(tmp_path, events):
    page = json.loads(openai_usage([Call(), Call()]))
    page["data"].append(
        {"start_time": 1793491200, "results": [page["data"][0]["results"][0] | {"input_tokens": "x"}]}
    )
    result = run(export_of(tmp_path / "x.json", json.dumps(page)), events, code=3)
    assert "x.json#1: input_tokens is no number" in result.stderr
    assert "In agreement" in result.stdout


def test_events_that_cannot_be_read_exit_with_3(export, events, tmp_path):
    result = run(export, events, tmp_path / "none.jsonl", code=3)
    assert "none.jsonl: No such file or directory" in result.stderr


def test_an_export_can_come_from_a_pipe(export, events):
    run("-", events, input=Path(export).read_bytes())


def test_rows_that_come_twice_are_told_and_a_day_with_two_counts_exits_with_3(tmp_path, export, events):
    again = export_of(tmp_path / "again.json", Path(export).read_text("utf-8"))
    result = run(export, events, "--export", again)
    assert "counted once: 1 rows of the export that came twice" in result.stderr
    assert comparison(export, events, "--export", again)["export_rows_repeated"] == 1
    partial = export_of(tmp_path / "partial.json", openai_usage([Call()]))
    result = run(partial, events, "--export", export, code=3)
    assert "partial.json#0: the same bucket and groups came again with other counts" in result.stderr
    assert "In agreement" in result.stdout


def test_days_can_be_chosen(tmp_path, events):
    path = export_of(tmp_path / "x.json", openai_usage([Call(), Call(), Call(at_s=DAY_S)]))
    run(path, events, code=1)
    run(path, events, "--until", "2026-11-01")
    run(path, events, "--since", "2026-11-02", code=1)


@pytest.mark.parametrize(("by", "code"), [("day-model", 1), ("day", 0), ("model", 1), ("total", 0)])
def test_rows_can_be_added_up_by_day_by_model_or_all(by, code, tmp_path):
    path = export_of(tmp_path / "x.json", openai_usage([Call(), Call("o3-2025-04-16")]))
    own = file_of(tmp_path / "own.jsonl", event(), event())
    run(path, own, "--by", by, code=code)


def test_calls_of_a_gateway_are_compared_where_it_is_named(tmp_path, export):
    own = file_of(tmp_path / "own.jsonl", event(provider="gateway"), event(provider="gateway"))
    assert "Not compared: 2 calls of other providers" in run(export, own, code=1).stdout
    run(export, own, "--provider", "gateway")


def test_samples_are_scaled_by_their_own_rate_or_by_the_one_given(tmp_path):
    path = export_of(tmp_path / "x.json", openai_usage([Call()] * 4))
    sampled = file_of(tmp_path / "own.jsonl", event(sample_rate=0.25))
    run(path, sampled, code=1)
    run(path, sampled, "--sample-rate", "own")
    unmarked = file_of(tmp_path / "unmarked.jsonl", event())
    run(path, unmarked, "--sample-rate", "own", code=1)
    run(path, unmarked, "--sample-rate", "0.25")


def test_names_that_were_joined_by_a_rule_are_told(tmp_path, export):
    own = file_of(tmp_path / "own.jsonl", event(model="gpt-4o"), event(model="gpt-4o"))
    text = run(export, own).stdout
    assert "Taken for one model: gpt-4o = gpt-4o-2024-08-06 (alias and snapshot)" in text
    (name,) = comparison(export, own)["usage"]["names"]
    assert (name["responded"], name["export"], name["rule"]) == ("gpt-4o", "gpt-4o-2024-08-06", "snapshot")


def test_many_lines_are_cut_unless_all_are_asked_for(tmp_path, events):
    path = export_of(tmp_path / "x.json", openai_usage([Call(f"model-{n}") for n in range(30)]))
    short, full = run(path, events, code=1).stdout, run(path, events, "--all", code=1).stdout
    assert "11 more lines differ: --all shows them, --json has them" in short
    assert short.count("model-") == 19  # and that of the events
    assert full.count("model-") == 30


def test_control_characters_of_an_export_do_not_reach_the_terminal(tmp_path, events):
    path = export_of(tmp_path / "x.json", openai_usage([Call("gpt\x1b[31m")]))
    assert "\x1b" not in run(path, events, code=1).stdout


def test_recordings_are_compared_like_their_events(tmp_path):
    result = {
        "object": "organization.usage.completions.result",
        "model": "gpt-4o-2024-08-06",
        "num_model_requests": 1,
        "input_tokens": USAGE["prompt_tokens"],
        "input_cached_tokens": USAGE["prompt_tokens_details"]["cached_tokens"],
        "output_tokens": USAGE["completion_tokens"],
    }
    bucket = {"start_time": STARTED_S, "end_time": STARTED_S + 60, "results": [result]}
    page = export_of(tmp_path / "page.json", json.dumps({"data": [bucket]}))
    run(page, export_of(tmp_path / "recorded.jsonl", plain()), "--tolerance", "0")


def test_it_runs_without_rich(export, lacking):
    hide = "import sys; sys.modules['rich'] = None; from llm_observer.cli import main; main()"
    command = [sys.executable, "-c", hide, "reconcile", export, lacking]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert "not_observed" in done.stdout
