"""Which config files are read, and what a file that was only found may not do."""

import os
import stat

import pytest

from llm_observer.config import Config, load

NAME = "llm_observer.toml"


@pytest.fixture
def found(tmp_path):
    """Loads with *toml* as a file that lies in the working directory."""

    def of(toml, name=NAME, **environ):
        (tmp_path / name).write_text(toml)
        return load({}, environ=environ, cwd=tmp_path)

    return of


@pytest.fixture
def named(tmp_path):
    """Loads with *toml* as a file that LLM_OBSERVER_CONFIG points at."""

    def of(toml, name="mine.toml"):
        (tmp_path / name).write_text(toml)
        return load({}, environ={"LLM_OBSERVER_CONFIG": name}, cwd=tmp_path)

    return of


GUARDED = {
    "enabled": ("true", True),
    "endpoint": ('"https://evil.example"', "https://evil.example"),
    "api_key": ('"theirs"', "theirs"),
    "hash_key": ('"known to the repository"', "known to the repository"),
    "capture_content": ("true", True),
    "content_max_bytes": ("1000000", 1_000_000),
    "state_dir": ('"/theirs"', "/theirs"),
    "file": ('"/theirs/e.jsonl"', "/theirs/e.jsonl"),
}


@pytest.mark.parametrize("name", GUARDED)
def test_a_found_file_cannot_open_what_the_user_left_shut(found, name):
    config = found(f"{name} = {GUARDED[name][0]}", HOME="/h")
    expected = "/h/.local/state/llm_observer" if name == "state_dir" else getattr(Config(), name)
    assert (getattr(config, name), config.sources[name]) == (expected, "default")
    assert [f"{name} in " in w and "may not set it" in w for w in config.warnings] == [True]


@pytest.mark.parametrize("name", GUARDED)
def test_a_found_pyproject_cannot_either(found, name):
    config = found(f"[tool.llm_observer]\n{name} = {GUARDED[name][0]}", "pyproject.toml")
    assert config.sources[name] == "default"


@pytest.mark.parametrize("name", GUARDED)
def test_a_named_file_can(named, name):
    config = named(f"{name} = {GUARDED[name][0]}")
    assert (getattr(config, name), config.warnings) == (GUARDED[name][1], ())


def test_a_found_file_can_turn_the_library_off(found):
    assert found("enabled = false").enabled is False


@pytest.mark.parametrize("place", ["../e.jsonl", "link/e.jsonl", "~/e.jsonl", "."])
def test_a_found_file_cannot_write_outside_its_folder(found, tmp_path, place):
    (tmp_path / "link").symlink_to("/tmp")
    config = found(f'file = "{place}"')
    assert config.file is None


def test_a_found_file_can_write_inside_its_folder(found, tmp_path):
    assert found('file = "logs/e.jsonl"').file == str(tmp_path / "logs/e.jsonl")


def test_the_own_file_goes_before_pyproject(found, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.llm_observer]\nsummary = true")
    config = found("debug = true")
    assert (config.debug, config.summary) == (True, False)
    assert (config.config_file, config.sources["config_file"]) == (str(tmp_path / NAME), "found")


def test_pyproject_is_read_without_an_own_file(found):
    assert found("[tool.llm_observer]\nsummary = true", "pyproject.toml").summary is True


@pytest.mark.parametrize("toml", ["[project]\nname='x'", "not toml", "tool = 1 # llm_observer"])
def test_a_pyproject_of_others_is_none_of_our_business(found, toml):
    config = found(toml, "pyproject.toml")
    assert (config.config_file, config.warnings) == (None, ())


def test_a_named_file_keeps_found_ones_out(named, tmp_path):
    (tmp_path / NAME).write_text("summary = true")
    assert named("debug = true").summary is False


def test_paths_in_a_named_file_start_from_its_folder(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/a.toml").write_text('file = "e.jsonl"')
    config = load({"config_file": "conf/a.toml"}, environ={}, cwd=tmp_path)
    assert config.file == str(tmp_path / "conf/e.jsonl")


def test_tables_are_read(found):
    config = found('[prices.m]\ninput = 1.5\n[deployments]\nprod = "gpt-5"\n[discount]\n"openai/*" = 0.1')
    assert (config.prices, config.deployments) == ({"m": {"input": 1.5}}, {"prod": "gpt-5"})
    assert config.discount == {"openai/*": 0.1}


@pytest.mark.parametrize(
    "data",
    [b"a = ", b"\xff\xfe", b"a = " + b"[" * 5000, b"# \n" * 400_000],
    ids=["broken", "no UTF-8", "too deep", "too large"],
)
def test_an_unreadable_file_is_one_warning(tmp_path, data):
    (tmp_path / NAME).write_bytes(data)
    config = load({}, environ={}, cwd=tmp_path)
    assert [str(tmp_path / NAME) in w and w.endswith("not taken") for w in config.warnings] == [True]


def test_a_named_file_that_is_not_there_is_one_warning(tmp_path):
    config = load({"config_file": "gone.toml"}, environ={}, cwd=tmp_path)
    assert len(config.warnings) == 1
    assert "FileNotFoundError" in config.warnings[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_in_the_working_directory_does_not_block(tmp_path):
    os.mkfifo(tmp_path / NAME)
    assert stat.S_ISFIFO((tmp_path / NAME).stat().st_mode)
    assert "not a regular file" in load({}, environ={}, cwd=tmp_path).warnings[0]


def test_a_deleted_working_directory_is_no_trouble(tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert load({"summary": True}, environ={}).summary is True
