"""Does `analyze` say of recorded calls what the instrumented app would have said?"""

import gzip
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from caching import cached, file_of, unpriced_miss
from exchanging import call_of
from integration.recordings import ALL, SOME, _truths, source_files
from integration.truth import expected
from llm_observer.cli import main
from llm_observer.event import encode
from llm_observer.recordings.plain import exchange_of
from recording import FORMS, STARTED_S, plain
from sessions import event_of, tokens
from test_recordings_events import CACHE, EVENT, FINDING

FOLDER = ALL if ALL.is_dir() else SOME


@pytest.fixture(autouse=True)
def _own_environment(tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith("LLM_OBSERVER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def run(*arguments, code=0, **how):
    result = CliRunner().invoke(main, ["analyze", *map(str, arguments)], **how)
    assert result.exit_code == code, result.output
    return result


def analysis(*arguments, **how):
    return json.loads(run("--json", *arguments, **how).stdout)


def written(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


@pytest.fixture
def events(tmp_path):
    """A file of two events; the cache of one of them was broken."""
    clean = encode(event_of(tokens=tokens(10, 1, cache_read=4))).decode()
    return written(tmp_path / "events.jsonl", encode(EVENT).decode(), clean)


@pytest.mark.parametrize("name", source_files(FOLDER))
def test_tokens_of_every_recording_are_the_ground_truth(name, record_property):
    path, truths = FOLDER / "open" / name, _truths(FOLDER)
    lines = path.read_text("utf-8").splitlines()
    records = {record["index"]: record for record in analysis(path)["records"]}
    assert records.keys() == set(range(len(lines)))
    known = [(index, truths[json.loads(line)["id"]]) for index, line in enumerate(lines)]
    known = [(index, truth) for index, truth in known if truth["wire"] in {"openai", "anthropic"}]
    wrong = [
        (truth["id"], kind, count, said)
        for index, truth in known
        for kind, count in expected(truth).items()
        if kind.startswith("tokens ")
        for said in ((records[index]["tokens"] or {}).get(kind.removeprefix("tokens ")),)
        if said != count
    ]
    assert wrong == []
    record_property(f"tokens by analyze, {name}", (len(known) - len({row[0] for row in wrong}), len(known)))


def test_a_record_says_where_it_stands_what_it_used_and_what_it_cost(tmp_path):
    path = written(tmp_path / "a.jsonl", plain())
    (record,) = analysis(path)["records"]
    assert record.pop("event_id")
    assert record.pop("cost")["status"] == "exact"
    assert {"verdict", "reusable", "ideal"} <= record.keys()
    wanted = {
        "index": 0,
        "source": str(path),
        "place": f"{path}:1",
        "model": "gpt-4o-2024-08-06",
        "actual": 1920,
        "findings": [],
        "tokens": call_of(exchange_of(plain().encode()))["tokens"],
    }
    assert {name: record[name] for name in wanted} == wanted


def test_events_go_through_with_their_verdicts_and_findings(events):
    found = analysis(events)
    first, second = found["records"]
    assert (first["event_id"], first["verdict"], first["ideal"], first["actual"]) == (
        EVENT.event_id,
        CACHE.verdict,
        1000,
        100,
    )
    assert first["findings"] == [
        {
            "kind": "timestamp",
            "path": "system[0]",
            "offset": 37,
            "length": 24,
            "confidence": 0.9,
            "tokens": 900,
            "money": FINDING.usd,
        }
    ]
    assert (second["verdict"], second["findings"], second["actual"]) == (None, [], 4)
    totals = found["totals"]
    assert (totals["records"], totals["calls"], totals["cost_usd"], totals["findings"]) == (2, 2, "0.5", 1)
    assert totals["verdicts"] == {"breaker": 1}


def test_missed_tokens_of_an_unknown_price_are_counted_beside_the_known_money(tmp_path):
    file = file_of(tmp_path / "events.jsonl", cached(actual=400), unpriced_miss())
    cache = analysis(file)["totals"]["cache"]
    assert (cache["missed_tokens"], cache["missed_usd"], cache["missed_unpriced"]) == (1200, "0.0006", 1)


def test_totals_of_a_recording_and_of_its_events_are_the_same(tmp_path):
    recorded = analysis(SOME / "open" / "pydantic-pydantic-ai.jsonl")
    lines = (SOME / "open" / "pydantic-pydantic-ai.jsonl").read_bytes()
    again = analysis("-", input=lines)
    for totals in (recorded["totals"], again["totals"]):
        assert totals["skipped"] == 0
    assert recorded["totals"] == again["totals"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_costs_the_same(tmp_path, form):
    path = tmp_path / "recording"
    path.write_text(FORMS[form], "utf-8")
    (record,) = analysis(path)["records"]
    assert (record["model"], record["cost"]["status"]) == ("gpt-4o-2024-08-06", "exact")


def test_people_see_the_summary_and_what_was_left_out(tmp_path):
    path = written(tmp_path / "a.jsonl", plain(), "{}", plain(started_at="never"))
    result = run(path)
    assert result.stdout.startswith("1 call · $")
    assert "gpt-4o-2024-08-06" in result.stdout
    assert f"left out: {path}:2: has no `url`" in result.stderr
    assert f"left out: {path}:3: a time is neither" in result.stderr


def test_a_long_list_of_what_was_left_out_is_cut(tmp_path):
    path = written(tmp_path / "a.jsonl", plain(), *["{}"] * 30)
    assert "left out: 10 more (--json lists them)" in run(path).stderr
    assert len(analysis(path)["skipped"]) == 30


def test_files_are_told_in_the_order_of_time_with_their_own_indexes(tmp_path):
    first = written(tmp_path / "a.jsonl", plain(started_at=STARTED_S + 5), plain(started_at=STARTED_S + 1))
    second = written(tmp_path / "b.jsonl", plain(started_at=STARTED_S + 3))
    places = [(record["source"], record["index"]) for record in analysis(first, second)["records"]]
    assert places == [(str(first), 1), (str(second), 0), (str(first), 0)]


def test_standard_input_and_gzip_are_read(events):
    packed = gzip.compress(events.read_bytes())
    assert [record["place"] for record in analysis("-", input=packed)["records"]] == ["-:1", "-:2"]


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--exit-code",), 1), (("--json", "--exit-code"), 1)])
def test_findings_give_an_exit_code_only_where_it_is_asked_for(events, flags, code):
    run(*flags, events, code=code)


def test_no_findings_give_no_exit_code(tmp_path):
    run("--exit-code", written(tmp_path / "a.jsonl", plain()))


def test_without_a_file_the_usage_is_shown():
    assert "Usage" in run(code=2).output


@pytest.mark.parametrize("content", [None, "", "some text\n", "{}\n", '{"url": 1}\n'])
def test_where_nothing_can_be_read_it_says_what_can(tmp_path, content):
    path = tmp_path / "a.jsonl"
    if content is not None:
        path.write_text(content, "utf-8")
    result = run(path, code=3)
    assert str(path) in result.stderr
    assert "docs/recordings.md" in result.stderr


def test_one_unreadable_file_does_not_fail_the_others(tmp_path, events):
    found = analysis(tmp_path / "none", events)
    assert found["skipped"] == [{"place": str(tmp_path / "none"), "reason": "No such file or directory"}]
    assert found["totals"]["calls"] == 2


def test_yaml_without_its_library_names_the_extra(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(FORMS["VCR.py in YAML"], "utf-8")
    code = "import sys; sys.modules['yaml'] = None; from llm_observer.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code, "analyze", path], capture_output=True, text=True)
    assert result.returncode == 3
    assert "pip install 'llm-observer[recordings]'" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no resource module")
def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for count in (2_000, 8_000):  # 100 MB and 400 MB: more than waits to be put in order
        path = tmp_path / f"{count}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number in range(count):
                text = f"{number:050000}"
                file.write(f"{plain(request={'body': json.dumps({'model': 'gpt-4o', 'prompt': text})})}\n")
        peaks.append(_peak_kib(path))
        path.unlink()
    assert (
        peaks[1] - peaks[0] < 48 << 10
    )  # 300 MB more of file; what the cache doctor may keep is bounded too


def _peak_kib(path):
    code = (
        "import resource, sys\nfrom llm_observer.cli import main\n"
        "try:\n    main()\nfinally:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    call = [sys.executable, "-c", code, "analyze", "--json", str(path)]
    result = subprocess.run(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return int(result.stderr.split()[-1])
