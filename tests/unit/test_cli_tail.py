"""Does `tail` show each call once, as it comes, whatever happens to the file?"""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing
from datetime import datetime

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from caching import APP, cached, file_of
from llm_observer.call import ErrorInfo
from llm_observer.cli import _following, main
from llm_observer.cli._following import Follower
from llm_observer.event import encode
from sessions import cost, event_of, tokens, took, unpriced

posix_only = pytest.mark.skipif(os.name != "posix", reason="a file that is open cannot be renamed elsewhere")


def run(*arguments, **given_):
    return CliRunner().invoke(main, ["tail", "--no-follow", *arguments], **given_)


@pytest.fixture
def follow():
    with ExitStack() as stack:
        yield lambda *given_, **more: stack.enter_context(closing(Follower(*given_, **more)))


def new(follower):
    return [line.decode() for line in follower.lines()]


def add(path, text):
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text("1\n2\n3\n")
    return path


# The file -------------------------------------------------------------------------------------------------


def test_lines_come_once_as_they_are_added(log, follow):
    follower = follow(log)
    assert new(follower) == ["1", "2", "3"]
    assert new(follower) == []
    add(log, "4\n5\n")
    assert new(follower) == ["4", "5"]


def test_a_line_comes_when_it_is_whole(log, follow):
    follower = follow(log)
    new(follower)
    add(log, "fo")
    assert new(follower) == []
    add(log, "ur\nfi")
    assert new(follower) == ["four"]
    assert list(follower.finish()) == [b"fi"]


@pytest.mark.parametrize(("last", "expected"), [(0, ""), (1, "3"), (2, "23"), (3, "123"), (9, "123")])
def test_the_last_lines_are_given_first(log, last, expected, follow):
    follower = follow(log, last=last)
    assert "".join(new(follower)) == expected
    add(log, "4\n")
    assert new(follower) == ["4"]


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 35))
def test_the_last_lines_are_found_from_the_end(tmp_path_factory, sizes, last):
    path = tmp_path_factory.mktemp("last") / "e"
    lines = [f"{number}{'x' * size}" for number, size in enumerate(sizes)]
    path.write_text("".join(f"{line}\n" for line in lines) + "rest")
    before, _following._PIECE = _following._PIECE, 16
    try:
        with closing(Follower(path, last=last)) as follower:
            assert new(follower) == lines[max(len(lines) - last, 0) :]
    finally:
        _following._PIECE = before


@posix_only
def test_a_rotated_file_is_read_to_its_end_before_the_new_one(log, follow):
    follower = follow(log)
    new(follower)
    add(log, "4\n")
    log.rename(log.with_suffix(".1"))
    log.write_text("5\n")
    assert new(follower) == ["4", "5"]


@posix_only
def test_what_a_process_writes_to_the_rotated_file_before_the_new_one_is_there_is_seen(log, follow):
    follower = follow(log)
    new(follower)
    old = log.with_suffix(".1")
    log.rename(old)
    add(old, "4\n")
    assert new(follower) == ["4"]
    log.write_text("5\n")
    assert new(follower) == ["5"]


def test_a_file_that_was_cut_is_read_from_its_start(log, follow):
    follower = follow(log)
    new(follower)
    log.write_text("9\n")
    assert new(follower) == ["9"]


def test_half_a_line_before_a_cut_is_forgotten(log, follow):
    follower = follow(log)
    add(log, "half")
    new(follower)
    log.write_text("9\n")
    assert new(follower) == ["9"]


@posix_only
def test_a_deleted_file_is_awaited(log, follow):
    follower = follow(log)
    new(follower)
    log.unlink()
    assert new(follower) == []
    log.write_text("1\n2\n3\n4\n")
    assert new(follower) == ["1", "2", "3", "4"]


def test_a_file_that_is_not_there_yet_is_awaited_and_read_whole(tmp_path, follow):
    follower = follow(tmp_path / "later", last=1)
    assert new(follower) == []
    (tmp_path / "later").write_text("1\n2\n")
    assert new(follower) == ["1", "2"]


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_any_pieces_give_the_same_lines(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("pieces") / "e"
    path.touch()
    follower, found = Follower(path), []
    for piece in pieces:
        with path.open("ab") as file:
            file.write(piece)
        found += follower.lines()
    found += follower.finish()
    *whole, rest = b"".join(pieces).split(b"\n")
    assert found == [*whole, *([rest] if rest else [])]


# The command ----------------------------------------------------------------------------------------------


def test_a_call_is_one_line_with_all_that_matters(tmp_path):
    event = cached(actual=400)
    (line,) = run(file_of(tmp_path / "e", event)).stdout.splitlines()
    time = datetime.fromisoformat(event.time).astimezone().strftime("%H:%M:%S")
    assert line.split() == f"{time} gpt-4o 2,000 in 10 out $0.0100 hit app.py:42 ask".split()


def test_unknown_is_a_question_mark(tmp_path):
    file = file_of(tmp_path / "e", event_of(cost=unpriced("usage_absent"), call_site=APP))
    assert "? in        ? out           ?" in run(file).stdout


def test_an_error_is_named(tmp_path):
    failed = event_of(status=429, ending="error", error=ErrorInfo(type="rate_limit_error"), cost=cost("0"))
    assert "429 rate_limit_error" in run(file_of(tmp_path / "e", failed)).stdout


def test_an_ending_that_is_not_the_usual_one_is_named(tmp_path):
    assert "closed_early" in run(file_of(tmp_path / "e", event_of(ending="closed_early"))).stdout


def test_json_has_one_object_per_call(tmp_path):
    event = event_of(tokens=tokens(7, 3, cache_read=2), cost=cost("0.5"), timing=took(12.5))
    (line,) = run(file_of(tmp_path / "e", event), "--json").stdout.splitlines()
    found = json.loads(line)
    assert found["event_id"] == event.event_id
    assert (found["input_tokens"], found["cached_tokens"], found["output_tokens"]) == (7, 2, 3)
    assert (found["cost_usd"], found["duration_ms"], found["verdict"]) == ("0.5", 12.5, None)


def test_the_number_of_lines_can_be_set(tmp_path):
    file = file_of(tmp_path / "e", *(event_of(model=f"m{n}") for n in range(20)))
    assert len(run(file).stdout.splitlines()) == 10
    assert [line.split()[1] for line in run(file, "-n", "2").stdout.splitlines()] == ["m18", "m19"]
    assert run(file, "-n", "0").stdout == ""


def test_a_last_line_without_an_end_is_shown_when_nothing_is_awaited(tmp_path):
    (tmp_path / "e").write_bytes(encode(event_of()))
    assert len(run(str(tmp_path / "e")).stdout.splitlines()) == 1


def test_standard_input_is_read_to_its_end():
    result = run("-", input=encode(event_of()) + b"\nhello, I am the app\n")
    assert len(result.stdout.splitlines()) == 1
    assert "left out: a line of -" in result.stderr


def test_a_model_name_cannot_move_the_cursor(tmp_path):
    result = run(file_of(tmp_path / "e", event_of(model="\x1b[2Jevil\n")))
    assert "\x1b" not in result.stdout
    assert len(result.stdout.splitlines()) == 1


def test_a_missing_file_a_folder_and_a_compressed_one_end_with_3_and_advice(tmp_path):
    packed = tmp_path / "e.gz"
    packed.write_bytes(b"\x1f\x8b rest")
    words = {tmp_path / "none": "--wait", tmp_path: "folder", packed: "llm-observer summary"}
    for path, word in words.items():
        result = CliRunner().invoke(main, ["tail", str(path)])
        assert (result.exit_code, word in result.stderr) == (3, True), path


@posix_only
def test_calls_are_shown_as_they_come_over_a_rotation_until_control_c(tmp_path):
    file = tmp_path / "e.jsonl"
    command = [sys.executable, "-m", "llm_observer", "tail", "--wait", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tail:
        for number in range(3):
            if file.exists():
                file.rename(tmp_path / f"e.jsonl.{number}")
            file_of(file, event_of(model=f"m{number}"))
            assert tail.stdout.readline().split()[1] == f"m{number}"
        tail.send_signal(signal.SIGINT)
        assert (tail.wait(20), tail.stderr.read()) == (0, "")
