"""Does `purge` delete our files, only those, and not before somebody said so?"""

import json
import os
from contextlib import closing

import pytest
from click.testing import CliRunner

from llm_observer.cli import _own_files, main, purge
from llm_observer.telemetry.entry import Entry
from llm_observer.telemetry.spool import Spool

posix_only = pytest.mark.skipif(os.name != "posix", reason="links need no rights there")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith("LLM_OBSERVER_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(_own_files.tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "state" / "llm_observer"
    (folder / "spool").mkdir(parents=True)
    return folder


@pytest.fixture
def ours(folder):
    """A file of each kind, by what it is."""
    with closing(Spool(folder / "spool", "https://example.com")) as spool:
        spool.put([Entry("a", b"{}"), Entry("b", b"{}")])
        files = {
            "spool": spool.path,
            "price cache": folder / "prices-0.2.3-abc.json",
            "key": folder / "hash_key",
        }
    files["price cache"].write_text("{}")
    files["key"].write_text("ab" * 32)
    return files


def run(*arguments, **given):
    return CliRunner().invoke(main, ["purge", *arguments], **given)


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_all_but_the_key_goes(folder, ours):
    result = run("--yes")
    assert result.exit_code == 0, result.output
    assert left(folder) == ["hash_key"]
    assert "--key deletes it too" in result.stdout


def test_the_key_goes_if_it_is_said_and_empty_folders_go_too(folder, ours):
    found = json.loads(run("--yes", "--key", "--json").stdout)
    assert {file["what"] for file in found["deleted"]} == {"spool", "price cache", "hash key"}
    assert not folder.exists()


def test_a_dry_run_shows_and_deletes_nothing(folder, ours):
    before = left(folder)
    text, found = run("--dry-run").stdout, json.loads(run("--dry-run", "--json").stdout)
    assert left(folder) == before
    assert str(ours["price cache"]) in text
    assert {file["path"] for file in found["would_delete"]} >= {str(ours["price cache"]), str(ours["spool"])}
    assert str(ours["key"]) not in text


def test_events_that_wait_are_told_before_they_are_lost(ours):
    assert "2 events in them wait to be sent: `llm-observer spool drain`" in run("--dry-run").stdout


@pytest.mark.parametrize("options", [[], ["--json"], ["--json", "--key"]], ids=str)
def test_where_nobody_can_be_asked_nothing_is_deleted(folder, ours, options):
    before = left(folder)
    result = run(*options)
    assert (result.exit_code, left(folder)) == (2, before)
    assert "--yes" in result.stderr


@pytest.mark.parametrize(("answer", "code", "stays"), [("y\n", 0, False), ("n\n", 1, True), ("\n", 1, True)])
def test_somebody_at_a_terminal_is_asked(folder, ours, monkeypatch, answer, code, stays):
    monkeypatch.setattr(purge, "_can_ask", lambda: True)
    result = run(input=answer)
    assert (result.exit_code, ours["spool"].exists()) == (code, stays)
    assert "Delete them?" in result.stdout


def test_files_of_others_stay(folder, ours):
    for name in ("notes.txt", "spool/mine.sqlite3", "events.jsonl"):
        (folder / name).write_text("mine")
    run("--yes", "--key")
    assert left(folder) == ["events.jsonl", "notes.txt", "spool/mine.sqlite3"]


@posix_only
def test_what_a_link_points_to_stays(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for path in (tmp_path / "mine", tmp_path / "elsewhere" / "prices-1.json"):
        path.write_text("mine")
    (folder / "prices-0-x.json").symlink_to(tmp_path / "mine")
    (folder / "spool").rmdir()
    (folder / "spool").symlink_to(tmp_path / "elsewhere")
    run("--yes", "--key")
    assert (folder / "prices-0-x.json").is_symlink()
    assert (tmp_path / "mine").read_text() == "mine"
    assert (tmp_path / "elsewhere" / "prices-1.json").exists()


def test_a_spool_in_the_temporary_folder_goes_too(tmp_path):
    folder = _own_files.temporary_folder()
    folder.mkdir(parents=True)
    (folder / "events-0.sqlite3").touch()
    run("--yes")
    assert not folder.exists()


def test_nothing_to_delete_is_no_error(folder):
    result = run("--yes")
    assert result.exit_code == 0
    assert "nothing to delete" in result.stdout


def test_a_process_that_has_the_spool_open_goes_on(folder):
    with closing(Spool(folder / "spool", "https://example.com")) as spool:
        spool.put([Entry("a", b"{}")])
        assert run("--yes").exit_code == 0
        spool.put([Entry("b", b"{}")])
        assert spool.stats().waiting == 1
