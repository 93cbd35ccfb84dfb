"""Is any prompt, answer or key in what leaves: batch, spool, OTLP, debug log, page? Canaries tell."""

import json
import logging
import sqlite3
from contextlib import closing

import pytest

import llm_observer
from integration import endpoints
from integration.loopback import Loopback, json_answer
from integration.test_privacy import CANARY, talk
from llm_observer import log

KEY = "a-key-of-the-tests"
HIDDEN = (CANARY, KEY, "org-")


def shown(*texts):
    """Which of the secrets are in *texts*."""
    return [secret for secret in HIDDEN for text in texts if secret in text]


def call_with_canaries(sdk):
    talk(sdk)
    with pytest.raises(Exception, match=CANARY):
        talk(sdk, status=400)


def send_to(events, endpoint, tmp_path, **settings):
    events.patch(
        enabled=True, endpoint=endpoint.url, api_key=KEY, spool_dir=str(tmp_path / "spool"), **settings
    )


def files(folder):
    return [path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()]


def test_the_endpoint_gets_no_canary_and_the_key_in_its_header_only(sdk, events, tmp_path):
    with endpoints.taking(tmp_path) as endpoint:
        send_to(events, endpoint, tmp_path)
        call_with_canaries(sdk)
        assert llm_observer.flush(30)
        assert len(endpoint.events) == 2
        assert shown(*endpoint.bodies) == []
        headers = [pair for request in endpoint.requests for pair in request.headers]
        assert CANARY not in json.dumps(headers)
        assert {name.lower() for name, value in headers if KEY in value} == {"authorization"}


def test_no_canary_and_no_key_is_in_the_spool(sdk, events, tmp_path):
    with endpoints.refused(tmp_path) as endpoint:
        send_to(events, endpoint, tmp_path, max_attempts=1)
        call_with_canaries(sdk)
        llm_observer.flush(30)
        file = next((tmp_path / "spool").glob("*.sqlite3"))
        assert shown(*files(tmp_path / "spool")) == []
        llm_observer.shutdown(30)
    with closing(sqlite3.connect(file)) as database:
        told = "\n".join(map(str, database.iterdump()))
    assert "INSERT INTO" in told
    assert shown(told) == []


def test_the_debug_log_is_pairs_without_canary_and_key(sdk, events, tmp_path, capfd):
    with endpoints.failing(tmp_path) as endpoint:
        send_to(events, endpoint, tmp_path, debug=True, max_attempts=1)
        call_with_canaries(sdk)
        llm_observer.flush(30)
        log.logger.warning("the app's own words: %s", f"sk-ant-api03-{'a' * 80}")
        llm_observer.shutdown(30)
    lines = [line for line in capfd.readouterr().err.splitlines() if "logger=llm_observer" in line]
    assert any("event=delivery outcome=retry status=503" in line for line in lines), lines
    assert all(line.startswith("time=") for line in lines)
    assert shown(*lines) == []
    assert "a" * 80 not in "\n".join(lines)


def test_no_canary_is_in_what_opentelemetry_gets(sdk, events, monkeypatch):
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    with Loopback(json_answer(b"")) as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        events.patch(otlp=True)
        call_with_canaries(sdk)
        assert llm_observer.shutdown(30)
        bodies = [request.body.decode("latin-1") for request in collector.requests]
    assert any("gen_ai" in body for body in bodies)
    assert shown(*bodies) == []


def test_no_canary_is_in_the_report(sdk, events, tmp_path):
    from click.testing import CliRunner

    from llm_observer.cli.report import report

    call_with_canaries(sdk)
    assert len(events) == 2
    page = tmp_path / "page.html"
    done = CliRunner().invoke(report, [str(tmp_path / "events.jsonl"), "--html", str(page), "--markdown"])
    assert done.exit_code == 0, done.output
    assert shown(page.read_text("utf-8"), done.output) == []


def test_no_canary_reaches_the_apps_own_log(sdk, events, tmp_path, caplog):
    with caplog.at_level(logging.DEBUG), endpoints.failing(tmp_path) as endpoint:
        send_to(events, endpoint, tmp_path, max_attempts=1)
        call_with_canaries(sdk)
        llm_observer.flush(30)
        llm_observer.shutdown(30)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("llm_observer")]
    assert ours
    assert shown(*ours) == []
    assert KEY not in caplog.text
