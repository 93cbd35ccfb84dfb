"""Do all commands keep the same manners? Help, JSON, exit codes, errors with advice, and completion."""

import json
import os
import re
import select
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from caching import file_of
from llm_observer._version import __version__
from llm_observer.cli import COMMANDS, main
from llm_observer.event import encode
from sessions import cost, event_of

ROOT = Path(__file__).parents[2]
GROUPS = {"spool"}
"""Have commands of their own, and do nothing by themselves."""
OWN_EXIT_CODES = {"run"}
"""Ends as the app does."""


def walk(command, path, above):
    context = click.Context(command, info_name=path[-1], parent=above)
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*path, name), context)


TOP = click.Context(main, info_name="llm-observer")
ALL = {
    " ".join(path): command
    for name in main.list_commands(TOP)
    for path, command in walk(main.get_command(TOP, name), (name,), TOP)
}
WORKING = {name: command for name, command in ALL.items() if name not in GROUPS}
READING = [
    name
    for name, command in ALL.items()
    if any(isinstance(one, click.Argument) and one.name == "files" for one in command.params)
]


def run(*arguments, **given):
    return CliRunner().invoke(main, [part for argument in arguments for part in argument.split(" ")], **given)


def options(command):
    return {name for one in command.params if isinstance(one, click.Option) for name in one.opts}


@pytest.mark.parametrize("name", ALL)
def test_every_command_helps(name):
    result = run(name, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: main {name}")


@pytest.mark.parametrize("name", WORKING)
def test_every_command_gives_json(name):
    assert "--json" in options(WORKING[name])


@pytest.mark.parametrize("name", sorted(WORKING.keys() - OWN_EXIT_CODES))
def test_every_command_tells_its_exit_codes(name):
    assert "Exit" in (WORKING[name].help or "") or name.startswith("spool ")


@pytest.mark.parametrize("name", ALL)
def test_every_option_says_what_it_does(name):
    assert [one.name for one in ALL[name].params if isinstance(one, click.Option) and not one.help] == []


@pytest.mark.parametrize("name", ALL)
def test_an_unknown_option_is_wrong_usage(name):
    result = run(name, "--no-such-option")
    assert result.exit_code == 2
    assert "Error: No such option" in result.stderr


@pytest.mark.parametrize("name", READING)
def test_no_file_is_wrong_usage(name):
    result = run(name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "FILE..." in result.stderr


NEEDS = {"check": "--max-cost 1"}
BAD = {
    "missing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "damaged gzip": lambda path: path.write_bytes(b"\x1f\x8b\x08" + b"x" * 20),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
@pytest.mark.parametrize("name", READING)
def test_a_file_that_cannot_be_read_ends_with_3_and_its_name(tmp_path, name, make):
    file = tmp_path / "bad"
    make(file)
    words = [*name.split(" "), str(file), *NEEDS.get(name, "").split()]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 3, result.output
    assert str(file) in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", sorted(set(READING) - {"schema validate"}))
def test_an_error_says_what_to_do_next(tmp_path, name):
    result = CliRunner().invoke(
        main, [*name.split(" "), str(tmp_path / "none"), *NEEDS.get(name, "").split()]
    )
    assert re.search(r"docs/recordings\.md|--wait", result.stderr)


NO_EVENT = {
    "a newer schema": lambda line: line.replace(b'"schema_version":"1.', b'"schema_version":"2.'),
    "a cut file": lambda line: line[:100],
}


@pytest.mark.parametrize("spoil", NO_EVENT.values(), ids=NO_EVENT)
@pytest.mark.parametrize("name", ["cache", "cache --what-if ttl=1h", "check", "report", "summary"])
def test_records_that_are_all_left_out_end_with_3_and_what_to_do_next(tmp_path, name, spoil):
    file = tmp_path / "e.jsonl"
    file.write_bytes(spoil(encode(event_of(cost=cost("1")))))
    words = [*name.split(" "), str(file), *NEEDS.get(name, "").split()]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 3, result.output
    assert "`llm-observer schema validate FILE`" in result.stderr
    assert "pass" not in result.stdout


def test_one_record_that_can_be_read_is_enough(tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(encode(event_of())[:100])
    good = file_of(tmp_path / "good.jsonl", event_of(cost=cost("1")))
    assert run(f"check {bad} {good} --max-cost 1").exit_code == 0


def test_an_unknown_command_is_wrong_usage_and_a_close_one_is_named():
    for typed, hint in {"sumary": "did you mean summary?", "qqqq": "`llm-observer --help` lists all"}.items():
        result = run(typed)
        assert (result.exit_code, hint in result.stderr) == (2, True)


JSON = {
    "summary": ["summary", "FILE", "--json"],
    "top": ["top", "FILE", "--json"],
    "tail": ["tail", "FILE", "--no-follow", "--json"],
    "analyze": ["analyze", "FILE", "--json"],
    "cache": ["cache", "FILE", "--json"],
    "report": ["report", "FILE", "--json"],
    "check": ["check", "FILE", "--max-cost", "9", "--json"],
    "explain": ["explain", "--json"],
    "completion": ["completion", "bash", "--json"],
    "schema": ["schema", "--json"],
    "purge": ["purge", "--dry-run", "--json"],
    "prices": ["prices", "gpt-5", "--json"],
    "spool status": ["spool", "status", "--json"],
}


@pytest.mark.parametrize("words", JSON.values(), ids=JSON)
def test_json_is_json_and_has_no_colours(tmp_path, words, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = file_of(tmp_path / "e.jsonl", event_of(cost=cost("1")))
    result = CliRunner().invoke(main, [file if word == "FILE" else word for word in words])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)


def test_the_package_is_a_program():
    done = subprocess.run([sys.executable, "-m", "llm_observer", "--version"], capture_output=True, text=True)
    assert done.stdout == f"llm-observer, version {__version__}\n"


# Without streams ------------------------------------------------------------------------------------------

SHOWING = {
    "analyze": "analyze FILE",
    "analyze --json": "analyze FILE --json",
    "cache": "cache FILE",
    "cache --what-if": "cache FILE --what-if ttl=1h",
    "check": "check FILE --max-cost 9",
    "doctor": "doctor",
    "--help": "--help",
    "explain": "explain exact",
    "prices": "prices gpt-5",
    "report": "report FILE",
    "summary": "summary FILE",
    "tail": "tail FILE --no-follow",
    "top": "top FILE",
}
posix = pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX closes the streams")


def redirected(tmp_path, words, how):
    """The program, started by a shell with its streams as *how* has them."""
    file = file_of(tmp_path / "e.jsonl", event_of(cost=cost("1")))
    program = [sys.executable, "-m", "llm_observer", *words.replace("FILE", file).split()]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLM_OBSERVER_")}
    env = {**kept, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUNBUFFERED": ""}
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {how}', "sh", *program],
        capture_output=True,
        text=True,
        env=env,
        cwd=tmp_path,
    )


@posix
@pytest.mark.parametrize("words", SHOWING.values(), ids=SHOWING)
def test_a_command_does_its_work_where_streams_were_closed(tmp_path, words):
    done = redirected(tmp_path, words, "<&- >&-")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    done = redirected(tmp_path, words, "2>&-")
    assert (done.returncode, done.stdout != "") == (0, True)


@posix
def test_standard_input_that_was_closed_cannot_be_followed(tmp_path):
    done = redirected(tmp_path, "tail -", "<&-")
    assert (done.returncode, done.stderr) == (3, "Error: standard input is closed\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is full")
@pytest.mark.parametrize("words", SHOWING.values(), ids=SHOWING)
def test_output_that_cannot_be_written_ends_with_3_and_a_line(tmp_path, words):
    done = redirected(tmp_path, words, "> /dev/full")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "Error: stdout: No space left on device"
    assert "Traceback" not in done.stderr


@posix
def test_whoever_has_read_enough_is_told_nothing(tmp_path):
    done = redirected(tmp_path, "explain", "| true")
    assert (done.returncode, done.stderr) == (0, "")


# On a terminal --------------------------------------------------------------------------------------------


def on_a_terminal(*arguments, which="stdout", **variables):
    """What is written to a terminal, and the exit code; the other streams are pipes."""
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX's", exc_type=ImportError)
    main_end, other_end = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **variables}
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, which: other_end}
    command = [sys.executable, "-m", "llm_observer", *arguments]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, **streams) as program:
        os.close(other_end)
        seen = read_all(main_end)
    os.close(main_end)
    return seen.decode(), program.returncode


def read_all(descriptor):
    seen = b""
    while select.select([descriptor], [], [], 60)[0]:
        try:
            piece = os.read(descriptor, 1 << 16)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not piece:
            break
        seen += piece
    return seen


COLOURED = {
    "summary": ["summary", "FILE"],
    "tail": ["tail", "FILE", "--no-follow"],
    "cache": ["cache", "FILE"],
    "analyze": ["analyze", "FILE"],
    "explain": ["explain", "hit"],
    "prices": ["prices", "gpt-5"],
    "doctor": ["doctor"],
    "top": ["top", "FILE", "--once"],
}


@pytest.mark.parametrize("words", COLOURED.values(), ids=COLOURED)
def test_colours_are_off_with_no_color(tmp_path, words):
    file = file_of(tmp_path / "e.jsonl", event_of(cost=cost("1"), status=500))
    words = [file if word == "FILE" else word for word in words]
    assert "\x1b[" not in on_a_terminal(*words, NO_COLOR="1")[0]


def test_colours_are_on_at_a_terminal():
    assert "\x1b[1m" in on_a_terminal("explain", "hit", NO_COLOR="")[0]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file that takes a while to read."""
    file = tmp_path_factory.mktemp("large") / "large.jsonl"
    event = event_of({"padding": "x" * 50_000}, cost=cost("1"))
    file_of(file, *[event] * 120)
    return str(file)


LONG = {
    "summary, as all that read events": ["summary", "FILE"],
    "analyze": ["analyze", "FILE"],
    "analyze --json": ["analyze", "FILE", "--json"],
    "top": ["top", "FILE"],
}


@pytest.mark.parametrize("words", LONG.values(), ids=LONG)
def test_long_reading_shows_a_bar_on_standard_error_only(large, words):
    pytest.importorskip("rich")
    seen, code = on_a_terminal(*(large if word == "FILE" else word for word in words), which="stderr")
    assert code in {0, 1}
    assert "reading" in seen
    assert "MB" in seen


def test_no_bar_is_shown_where_standard_error_is_no_terminal(large):
    done = subprocess.run([sys.executable, "-m", "llm_observer", "summary", large], capture_output=True)
    assert b"reading" not in done.stdout + done.stderr


# Completion -----------------------------------------------------------------------------------------------


def completed(words, at):
    environment = {
        **os.environ,
        "COMP_WORDS": words,
        "COMP_CWORD": str(at),
        "_LLM_OBSERVER_COMPLETE": "bash_complete",
    }
    code = "from llm_observer.cli import main; main(prog_name='llm-observer')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    return set(done.stdout.split())


def test_commands_options_and_files_are_completed():
    assert completed("llm-observer su", 1) == {"plain,summary"}
    assert {"plain,--by", "plain,--json"} <= completed("llm-observer summary --", 2)
    assert completed("llm-observer summary ev", 2) == {"file,ev"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell_says_where_it_goes(shell):
    script = run("completion", shell).stdout
    assert script.startswith("# ")
    assert f"llm-observer completion {shell}" in script.splitlines()[0]
    assert "_LLM_OBSERVER_COMPLETE" in script


def test_bash_takes_its_script(tmp_path):
    (tmp_path / "c.sh").write_text(run("completion", "bash").stdout)
    done = subprocess.run(
        ["bash", "-c", f". {tmp_path}/c.sh && complete -p llm-observer"], capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_another_shell_is_wrong_usage():
    assert run("completion", "cmd").exit_code == 2


# Docs -----------------------------------------------------------------------------------------------------


def test_the_page_of_the_commands_is_what_the_code_gives(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import build_docs

    assert not build_docs.is_stale(build_docs.BLOCKS["commands"])


def test_the_page_names_every_command_and_option():
    text = (ROOT / "docs/cli.md").read_text("utf-8")
    assert [name for name in ALL if f"# {name}\n" not in text] == []
    assert set(COMMANDS) <= {name.split(" ")[0] for name in ALL}
