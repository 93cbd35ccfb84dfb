"""Does every event reach the file once and whole, whoever else writes, rotates, forks, dies or runs full?"""

import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from llm_observer import log
from llm_observer.event import encode
from llm_observer.sinks import jsonl
from llm_observer.sinks.jsonl import JsonlSink, lock_of
from sessions import event_of

posix = pytest.mark.skipif(os.name != "posix", reason="needs what POSIX has")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
HUGE = 1 << 30
LINE = len(encode(event_of({"writer": "w", "number": 0}))) + 1
HEAD = """
import os, signal, sys
from sessions import event_of
from llm_observer.sinks.jsonl import JsonlSink

def sink(max_bytes=1 << 30):
    return JsonlSink(sys.argv[1], max_bytes=max_bytes, backups=999)

def batch(writer, first, count=1):
    return [event_of({"writer": writer, "number": first + at}) for at in range(count)]
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


@pytest.fixture
def warnings(monkeypatch, caplog):
    """What the library's log says; every kind is new."""
    monkeypatch.setattr(log, "_first", {})
    return caplog


def sink_of(path, max_bytes=HUGE, backups=9):
    return JsonlSink(path, max_bytes=max_bytes, backups=backups)


def batch(first, count=1):
    return [event_of({"writer": "w", "number": first + at}) for at in range(count)]


def start(program, path, *args):
    """A process of its own that runs *program* after `HEAD`."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HEAD + program, str(path), *args]
    return subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(program, path, *args):
    process = start(program, path, *args)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output


def let_go(writers):
    """Start them all at once, and wait for their end."""
    for writer in writers:
        writer.stdin.close()
    for writer in writers:
        writer.wait(timeout=100)
        writer.stdout.close()


def numbers(path):
    return [number for _, number in keys(path)]


def keys(path):
    """Writer and number of each event in *path*; a line that is not whole fails."""
    text = path.read_bytes()
    assert text.endswith(b"\n")
    attributes = [json.loads(line)["attributes"] for line in text.splitlines()]
    return [(found["writer"], found["number"]) for found in attributes]


def backups(path):
    """Numbers of the backups of *path*."""
    names = path.parent.glob(f"{path.name}.[0-9]*")
    return sorted(int(name.suffix[1:]) for name in names)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_each_event_is_one_line(path):
    events = [event_of({"text": "a\nb\u2028c\r"}), event_of({"text": "é"})]
    sink = sink_of(path)
    sink.write(events[:1])
    sink.write(events[1:])
    assert path.read_bytes() == b"".join(encode(event) + b"\n" for event in events)


def test_no_events_make_no_file(path):
    sink_of(path).write([])
    assert not path.exists()


@posix
def test_file_lock_and_new_folders_belong_to_the_owner_alone(tmp_path):
    path = tmp_path / "a" / "b" / "events.jsonl"
    before = os.umask(0)
    try:
        sink_of(path).write(batch(0))
    finally:
        os.umask(before)
    made = [path, lock_of(path), path.parent, path.parent.parent]
    assert [mode(each) for each in made] == [0o600, 0o600, 0o700, 0o700]


def test_home_and_relative_paths_are_resolved_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    home, relative = sink_of("~/home.jsonl"), sink_of("relative.jsonl")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    home.write(batch(0))
    relative.write(batch(1))
    assert numbers(tmp_path / "home.jsonl") == [0]
    assert numbers(tmp_path / "relative.jsonl") == [1]


def test_a_home_that_nobody_has_is_a_name_like_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sink_of("~no-such-user/events.jsonl").write(batch(0))
    assert numbers(tmp_path / "~no-such-user" / "events.jsonl") == [0]


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_full_file_moves_on_and_the_oldest_goes(path, kept):
    sink = sink_of(path, max_bytes=2 * LINE, backups=kept)
    for number in range(9):
        sink.write(batch(number))
    assert backups(path) == list(range(1, kept + 1))
    assert numbers(path) == [8]
    assert [numbers(path.with_name(f"events.jsonl.{at}")) for at in backups(path)] == [
        [8 - 2 * at, 9 - 2 * at] for at in backups(path)
    ]


def test_a_batch_larger_than_a_file_stays_in_one_piece(path):
    sink = sink_of(path, max_bytes=LINE)
    sink.write(batch(0, 5))
    sink.write(batch(5, 5))
    assert numbers(path.with_name("events.jsonl.1")) == [0, 1, 2, 3, 4]
    assert numbers(path) == [5, 6, 7, 8, 9]


def test_an_empty_file_is_not_rotated(path):
    path.touch()
    sink_of(path, max_bytes=LINE).write(batch(0, 5))
    assert backups(path) == []


def test_a_file_that_cannot_be_rotated_grows(path, warnings):
    path.with_name("events.jsonl.1").mkdir()
    sink = sink_of(path, max_bytes=LINE, backups=1)
    for number in range(3):
        sink.write(batch(number))
    assert numbers(path) == [0, 1, 2]
    assert "cannot be rotated" in warnings.text


def test_writing_goes_on_after_close(path):
    sink = sink_of(path)
    sink.write(batch(0))
    sink.close()
    sink.write(batch(1))
    assert numbers(path) == [0, 1]


def test_a_file_that_somebody_moved_is_begun_anew(path):
    sink = sink_of(path)
    sink.write(batch(0))
    path.rename(path.with_name("moved"))
    sink.write(batch(1))
    assert numbers(path) == [1]


@pytest.mark.parametrize("size", [1, 7])
def test_four_processes_share_a_file_and_its_rotations(path, size):
    """Each event is there once, in the order of its writer, and no line is mixed with another."""
    program = """
from llm_observer.sinks import jsonl
jsonl._LOCK_WAIT_S = 60.0  # on a busy machine, whoever has the lock may not run for long
print("ready", flush=True)
sys.stdin.read()
size, shared = int(sys.argv[3]), sink(max_bytes=20_000)
for first in range(0, 500, size):
    shared.write(batch(sys.argv[2], first, min(size, 500 - first)))
"""
    writers = [start(program, path, str(writer), str(size)) for writer in range(4)]
    assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 4
    let_go(writers)
    assert [writer.returncode for writer in writers] == [0] * 4
    files = [path.with_name(f"events.jsonl.{number}") for number in reversed(backups(path))]
    assert backups(path) == list(range(1, len(files) + 1))
    assert all(10_000 < file.stat().st_size <= 20_000 for file in files)
    found = [key for file in (*files, path) for key in keys(file)]
    for writer in range(4):
        assert [number for name, number in found if name == str(writer)] == list(range(500))
    assert len(found) == 2000


@posix
def test_processes_that_do_not_get_the_lock_still_append_whole_lines(path):
    """Only an empty line may be too much, where one looked at the end of what another had half written."""
    program = """
from llm_observer.sinks import jsonl
jsonl._LOCK_WAIT_S = 0.0
print("ready", flush=True)
sys.stdin.read()
for first in range(0, 500, 5):
    sink().write(batch(sys.argv[2], first, 5))
"""
    with jsonl._locked(sink_of(path)._side):
        writers = [start(program, path, str(writer)) for writer in range(4)]
        assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 4
        let_go(writers)
    found = [json.loads(line)["attributes"] for line in path.read_bytes().splitlines() if line]
    assert len(found) == 2000
    for writer in range(4):
        assert [each["number"] for each in found if each["writer"] == str(writer)] == list(range(500))


def test_a_cut_last_line_is_ended_before_the_next_event(path):
    path.write_bytes(b'{"whole": 1}\n{"cut": ')
    sink_of(path).write(batch(0))
    first, cut, event = path.read_bytes().splitlines()
    assert (first, cut) == (b'{"whole": 1}', b'{"cut": ')
    assert json.loads(event)["attributes"]["number"] == 0


@posix
def test_a_killed_process_leaves_whole_lines_and_no_lock(path, monkeypatch):
    monkeypatch.setattr(jsonl, "_LOCK_WAIT_S", 60.0)
    program = """
shared, first = sink(), 0
while True:
    shared.write(batch("killed", first, 50))
    first += 50
    print(first, flush=True)
"""
    process = start(program, path)
    while int(process.stdout.readline()) < 500:
        pass
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    sink_of(path).write(batch(0))
    *lines, event = path.read_bytes().splitlines()
    whole = [json.loads(line)["attributes"]["number"] for line in lines[:-1]]
    assert whole == list(range(len(whole)))
    assert len(whole) >= 499
    assert json.loads(event)["attributes"] == {"writer": "w", "number": 0}


@posix
def test_a_forked_child_and_its_parent_go_on_with_one_sink(path):
    program = """
shared = sink()
shared.write(batch("parent", 0))
child = os.fork()
name = "parent" if child else "child"
for number in range(1, 100):
    shared.write(batch(name, number))
shared.close()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    run(program, path)
    found = keys(path)
    assert sorted(found) == sorted(
        [("child", n) for n in range(1, 100)] + [("parent", n) for n in range(100)]
    )


@posix
def test_a_child_forked_in_the_middle_of_a_write_does_not_keep_the_lock(path):
    """The child gets a copy of the open lock, and lives on."""
    program = """
from llm_observer.sinks import jsonl
jsonl._LOCK_WAIT_S = 0.0
shared = sink()
with jsonl._locked(shared._side):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
with jsonl._locked(shared._side) as is_held:
    print(is_held)
os.close(writer)
assert os.waitpid(child, 0)[1] == 0
"""
    assert run(program, path) == "True\n"


@posix
def test_no_descriptor_stays_open(path):
    program = """
shared = sink(max_bytes=1000)
before = os.listdir("/dev/fd")
for number in range(20):
    shared.write(batch("w", number))
assert os.listdir("/dev/fd") == before
"""
    run(program, path)


def test_a_lock_that_is_never_freed_costs_rotation_and_no_event(path, monkeypatch):
    monkeypatch.setattr(jsonl, "_LOCK_WAIT_S", 0.0)
    sink = sink_of(path, max_bytes=LINE)
    with jsonl._locked(sink._side) as is_held:
        assert is_held
        sink.write(batch(0))
        sink.write(batch(1))
    assert numbers(path) == [0, 1]
    sink.write(batch(2))
    assert numbers(path) == [2]


@posix
def test_a_link_in_place_of_the_lock_is_not_followed(path, tmp_path):
    lock_of(path).symlink_to(tmp_path / "planted")
    sink_of(path).write(batch(0))
    assert numbers(path) == [0]
    assert not (tmp_path / "planted").exists()


def test_a_pattern_of_the_file_and_its_rotations_finds_no_lock(path):
    sink = sink_of(path, max_bytes=LINE)
    sink.write(batch(0))
    sink.write(batch(1))
    found = sorted(one.name for one in path.parent.glob("events.jsonl*"))
    assert found == ["events.jsonl", "events.jsonl.1"]


def test_a_file_that_cannot_have_a_lock_grows_and_loses_nothing(path, warnings):
    lock_of(path).mkdir()  # stands for a folder that only others may write to: root may write to any
    sink = sink_of(path, max_bytes=LINE)
    for number in range(3):
        sink.write(batch(number))
    assert numbers(path) == [0, 1, 2]
    assert warnings.text.count("cannot be rotated") == 1


def test_a_folder_in_place_of_the_file_is_an_error_that_names_the_loss(path, warnings):
    path.mkdir()
    with pytest.raises(OSError, match=r"events\.jsonl"):
        sink_of(path).write(batch(0, 3))
    assert "3 events were not written" in warnings.text


def test_a_file_in_place_of_a_folder_is_an_error(path):
    path.write_text("")
    with pytest.raises(OSError, match=r"events\.jsonl"):
        sink_of(path / "deeper" / "events.jsonl").write(batch(0))


@linux
def test_a_full_disk_is_an_error_that_names_the_loss(path, warnings):
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        sink_of(path).write(batch(0, 2))
    assert "2 events were not written to the file: No space left" in warnings.text


@posix
def test_a_disk_that_takes_a_part_loses_what_is_told_and_nothing_more(path):
    """The limit makes the system take one and a half lines of three, then none."""
    program = f"""
import logging, resource
logging.basicConfig(stream=sys.stdout, format="%(message)s")
shared = sink()
resource.setrlimit(resource.RLIMIT_FSIZE, ({LINE * 3 // 2}, resource.RLIM_INFINITY))
try:
    shared.write(batch("w", 0, 3))
except OSError as exc:
    print(type(exc).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
shared.write(batch("w", 3))
"""
    assert run(program, path) == "2 events were not written to the file: File too large\nOSError\n"
    whole, cut, event = path.read_bytes().splitlines()
    assert [json.loads(line)["attributes"]["number"] for line in (whole, event)] == [0, 3]
    assert 0 < len(cut) < LINE
