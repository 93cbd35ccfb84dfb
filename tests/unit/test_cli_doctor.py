"""Does `doctor` tell what is hooked, set and missing, and leave everything as it was?"""

import importlib
import json
import os
import sys

import pytest
from click.testing import CliRunner

from integration.delivering import Receiver, ids_of, status, taken
from llm_observer import guard
from llm_observer.capture.targets import SDKS
from llm_observer.cli.doctor import doctor
from llm_observer.config import SETTINGS
from llm_observer.sinks.jsonl import lock_of

SECRET = "sk-not-to-be-shown-0123456789abcdef"
posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


@pytest.fixture(autouse=True)
def _own_environment(tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith("LLM_OBSERVER_") or name == "DO_NOT_TRACK":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(doctor, arguments)


def diagnosis(code=0):
    result = run("--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def setting(name, code=0):
    (found,) = (row for row in diagnosis(code)["settings"] if row["name"] == name)
    return found["value"], found["source"]


def base_clients():
    for target in SDKS:
        module = importlib.import_module(target.module)
        yield from (getattr(module, name) for name in target.clients)


def test_all_is_well_by_default():
    assert diagnosis(0)["findings"] == []


def test_both_sdks_are_observable_with_their_versions():
    from importlib.metadata import version

    found = {sdk["name"]: (sdk["version"], sdk["state"]) for sdk in diagnosis()["sdks"]}
    assert found == {name: (version(name), "observable") for name in ("openai", "anthropic")}


def test_no_hook_is_left_behind():
    before = [dict(vars(owner)) for owner in base_clients()]
    diagnosis()
    assert [dict(vars(owner)) for owner in base_clients()] == before


def test_an_sdk_without_the_hooked_function_is_a_finding(monkeypatch):
    owner = importlib.import_module("openai._base_client").SyncAPIClient
    monkeypatch.setattr(owner, "_process_response", None)
    found = diagnosis(1)
    assert [sdk["state"] for sdk in found["sdks"] if sdk["name"] == "openai"] == ["not observable"]
    assert "_process_response" in found["findings"][0]


def test_an_sdk_that_cannot_be_imported_is_a_finding(tmp_path, monkeypatch):
    (tmp_path / "anthropic.py").write_text("raise OSError('broken')\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == "anthropic"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    guard.strict(False)
    found = diagnosis(1)
    assert [sdk["state"] for sdk in found["sdks"] if sdk["name"] == "anthropic"] == ["not observable"]


def test_no_sdk_at_all_is_a_finding(monkeypatch):
    for name in ("openai", "anthropic"):
        monkeypatch.setitem(sys.modules, name, None)
    found = diagnosis(1)
    assert {sdk["state"] for sdk in found["sdks"]} == {"not installed"}
    assert len(found["findings"]) == 1


def test_an_sdk_that_the_settings_leave_out_is_named(monkeypatch):
    monkeypatch.setenv("LLM_OBSERVER_PROVIDERS", "openai")
    assert {sdk["name"]: sdk["state"] for sdk in diagnosis()["sdks"]} == {
        "openai": "observable",
        "anthropic": "left out",
    }


def test_every_setting_is_shown():
    assert [row["name"] for row in diagnosis()["settings"]] == list(SETTINGS)


def test_a_setting_is_shown_with_its_source(monkeypatch):
    assert setting("environment") == ("not set", "default")
    monkeypatch.setenv("LLM_OBSERVER_ENVIRONMENT", "staging")
    assert setting("environment") == ("staging", "environment LLM_OBSERVER_ENVIRONMENT")


@pytest.mark.parametrize("name", [name for name, row in SETTINGS.items() if row.is_secret])
def test_secrets_are_masked(monkeypatch, name):
    monkeypatch.setenv(f"LLM_OBSERVER_{name.upper()}", SECRET)
    assert setting(name)[0] == "****cdef"
    assert SECRET not in run("--json").output + run().output


def test_a_wrong_setting_is_a_finding(monkeypatch):
    monkeypatch.setenv("LLM_OBSERVER_MAX_QUEUE", "many")
    (finding,) = diagnosis(1)["findings"]
    assert "LLM_OBSERVER_MAX_QUEUE" in finding


def allow_sending(monkeypatch, endpoint):
    monkeypatch.setenv("LLM_OBSERVER_ENABLED", "1")
    monkeypatch.setenv("LLM_OBSERVER_ENDPOINT", endpoint)
    monkeypatch.setenv("LLM_OBSERVER_API_KEY", SECRET)


def test_what_keeps_events_here_is_named(monkeypatch):
    assert diagnosis()["sent"] == "nothing: LLM_OBSERVER_ENABLED is not 1"
    allow_sending(monkeypatch, "http://example.com/v1")
    assert diagnosis()["sent"] == "nothing: the endpoint is neither https nor on this machine"


def test_where_events_go_is_shown_without_the_query(monkeypatch):
    allow_sending(monkeypatch, "https://example.com/v1?secret=1")
    monkeypatch.setenv("LLM_OBSERVER_SAMPLE_RATE", "0.25")
    assert diagnosis()["sent"] == "events, of 0.25 of all traces, to https://example.com/v1"


def test_the_missing_extra_is_a_finding_where_sending_is_on(monkeypatch):
    allow_sending(monkeypatch, "https://example.com/v1")
    monkeypatch.setitem(sys.modules, "tenacity", None)
    assert "pip install 'llm-observer[http]'" in "".join(diagnosis(1)["findings"])


def sent_test(monkeypatch, answer, code):
    """What `--send-test` says of *answer*, and the events that it sent."""
    with Receiver(answer) as receiver:
        allow_sending(monkeypatch, receiver.endpoint)
        result = run("--json", "--send-test")
    assert result.exit_code == code, result.output
    assert SECRET not in result.output
    (batch,) = receiver.batches
    return json.loads(result.stdout)["test_event"], batch["events"]


def test_the_test_event_is_a_diagnostic_and_nothing_else_is_sent(monkeypatch):
    found, (event,) = sent_test(monkeypatch, taken(), 0)
    assert (event["type"], event["diagnostic"]) == ("diagnostic", {"kind": "send_test", "severity": "info"})
    assert (found["is_taken"], found["status"], found["meaning"]) == (True, 202, "it took the event")


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (302, "redirects"),
        (400, "does not understand"),
        (401, "LLM_OBSERVER_API_KEY"),
        (403, "rights"),
        (404, "LLM_OBSERVER_ENDPOINT"),
        (405, "POST"),
        (413, "too large"),
        (415, "gzip"),
        (418, "does not take"),
        (422, "version"),
        (429, "no more requests"),
        (503, "tried again"),
    ],
)
def test_an_answer_is_explained(monkeypatch, number, word):
    found, _ = sent_test(monkeypatch, status(number), 1)
    assert (found["is_taken"], found["status"]) == (False, number)
    assert word in found["meaning"]


def test_the_receivers_own_reason_is_shown(monkeypatch):
    def respond(request):
        return taken(rejected=ids_of(request))

    found, _ = sent_test(monkeypatch, respond, 1)
    assert (found["meaning"], found["reasons"]) == (
        "it understood the batch and refused the event",
        ["not liked"],
    )


def test_a_test_that_reaches_nobody_says_so_to_people_too(monkeypatch):
    with Receiver(taken()) as receiver:
        gone = receiver.endpoint
    allow_sending(monkeypatch, gone)
    result = run("--send-test")
    assert result.exit_code == 1
    assert "no answer came" in result.output


def test_no_test_is_sent_where_sending_is_off():
    result = run("--json", "--send-test")
    assert result.exit_code == 1
    found = json.loads(result.stdout)["test_event"]
    assert (found["meaning"], found["detail"]) == ("nothing was sent", "LLM_OBSERVER_ENABLED is not 1")


def test_what_is_not_observed_is_named():
    assert "WebSocket" in " ".join(diagnosis()["not_observed"])


def file_of(what, code=0):
    (found,) = (row for row in diagnosis(code)["files"] if row["what"] == what)
    return found


def test_looking_makes_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("LLM_OBSERVER_FILE", str(tmp_path / "events.jsonl"))
    diagnosis()
    assert list(tmp_path.iterdir()) == []


@posix_only
def test_an_events_file_that_others_can_read_is_a_finding(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    path.touch(0o644)
    monkeypatch.setenv("LLM_OBSERVER_FILE", str(path))
    assert file_of("events", 1)["problem"] == f"{path} can be read by others: chmod 600"


def test_an_events_file_that_cannot_be_rotated_is_a_finding(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    path.touch(0o600)
    monkeypatch.setenv("LLM_OBSERVER_FILE", str(path))
    assert file_of("events")["problem"] is None
    lock_of(path).mkdir()
    problem = f"{path} is not rotated and grows: {lock_of(path)} cannot be opened"
    assert file_of("events", 1)["problem"] == problem


@posix_only
def test_a_key_that_others_can_read_is_a_finding(tmp_path):
    folder = tmp_path / "state" / "llm_observer"
    folder.mkdir(parents=True)
    (folder / "hash_key").write_text("ab" * 32)
    (folder / "hash_key").chmod(0o644)
    assert "chmod 600" in file_of("key of the text hashes", 1)["problem"]


@posix_only
def test_a_good_key_is_told_with_its_mode_and_never_shown(tmp_path):
    folder = tmp_path / "state" / "llm_observer"
    folder.mkdir(parents=True)
    (folder / "hash_key").write_text("ab" * 32)
    (folder / "hash_key").chmod(0o600)
    assert file_of("key of the text hashes")["state"] == "there, mode 0600"
    assert "abab" not in run("--json").output


def test_prices_have_a_version_and_an_age():
    prices = diagnosis()["prices"]
    assert prices["source"] == "genai-prices"
    assert prices["age_days"] >= 0


def test_the_day_of_the_newest_price_is_told():
    assert diagnosis()["prices"]["newest"] > "2026"


def test_an_sdk_is_told_with_its_hooks_and_the_oldest_tested_version():
    (openai,) = (sdk for sdk in diagnosis()["sdks"] if sdk["name"] == "openai")
    assert (openai["hooks"], openai["floor"]) == (["SyncAPIClient", "AsyncAPIClient"], "1.66")


def test_do_not_track_is_told(monkeypatch):
    assert diagnosis()["do_not_track"] is False
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    assert diagnosis()["do_not_track"] is True
    assert "DO_NOT_TRACK: set" in run().stdout


def test_other_instrumentations_are_named_with_their_version(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    for name in ("langfuse-9.8", "opentelemetry_instrumentation_anthropic-0.1", "unrelated-1.0"):
        (folder / f"{name}.dist-info").mkdir(parents=True)
        title, version = name.rsplit("-", 1)
        (folder / f"{name}.dist-info" / "METADATA").write_text(f"Name: {title}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(folder))
    found = {peer["name"]: peer["version"] for peer in diagnosis()["peers"]}
    assert (found["langfuse"], found["opentelemetry-instrumentation-anthropic"]) == ("9.8", "0.1")
    assert "unrelated" not in found


def test_a_variable_of_another_instrumentation_is_named_and_not_shown(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"https://{SECRET}@example.com")
    result = run("--json")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in result.stdout
    assert SECRET not in result.stdout


def test_the_configuration_file_is_named(tmp_path, monkeypatch):
    assert file_of("configuration file")["path"] is None
    (tmp_path / "llm_observer.toml").write_text('environment = "staging"\n')
    path = str(tmp_path / "llm_observer.toml")
    assert file_of("configuration file")["path"] == path
    assert setting("environment") == ("staging", f"file {path}")
    monkeypatch.setenv("LLM_OBSERVER_CONFIG", path)
    assert file_of("configuration file")["state"] == "named by environment LLM_OBSERVER_CONFIG"


def test_the_spool_is_told_and_refused_events_are_a_finding(tmp_path):
    from contextlib import closing

    from llm_observer.telemetry.entry import Entry
    from llm_observer.telemetry.spool import Spool

    what = "events that wait to be sent"
    assert file_of(what)["state"] == "none, as nothing is sent"
    folder = tmp_path / "state" / "llm_observer" / "spool"
    with closing(Spool(folder, "https://example.com")) as spool:
        spool.put([Entry("a", b"{}"), Entry("b", b"{}")])
        assert file_of(what)["state"] == "2 wait, 0 are being sent, 0 refused"
        lease = spool.lease(max_events=1, max_bytes=100, for_s=60)
        spool.quarantine(lease.lease_id, {"a": "not liked"})
        assert file_of(what, 1)["state"] == "1 wait, 0 are being sent, 1 refused"


def test_a_spool_that_cannot_be_read_is_a_finding(tmp_path):
    folder = tmp_path / "state" / "llm_observer" / "spool"
    (folder / "events-0.sqlite3").mkdir(parents=True)
    assert file_of("events that wait to be sent", 1)["state"] == "cannot be read"


def test_the_text_form_says_the_same():
    shown = run()
    assert shown.exit_code == 0
    for words in (
        "openai",
        "observable",
        "WebSocket",
        "nothing",
        "hash_key",
        "genai-prices",
        "Findings\n  none",
    ):
        assert words in shown.stdout


def test_an_unknown_option_is_wrong_usage():
    assert run("--nothing").exit_code == 2
