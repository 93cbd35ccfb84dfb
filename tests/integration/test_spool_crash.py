"""Does the spool lose or double anything when processes are killed, fork or share it, or the disk is full?"""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from llm_observer.telemetry import database
from llm_observer.telemetry.spool import Entry, Spool, SpoolError, SpoolFull

ENDPOINT = "https://collector.example/v1"
KILLS = 40
FORKS = 25
BODY = b"x" * 20_000
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and forks are POSIX's")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def patient(monkeypatch):
    """Who shares the file with many waits for it as long as it takes, on a slow disk, too."""
    monkeypatch.setattr(database, "WAIT_S", 60.0)


def is_whole(spool):
    with closing(sqlite3.connect(spool.path)) as file:
        return file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def drained(spool):
    """The ids of all events that wait; they are acknowledged."""
    found = []
    while lease := spool.lease(max_events=100, max_bytes=1 << 24, for_s=60):
        found += [entry.event_id for entry in lease.entries]
        spool.ack(lease.lease_id)
    return found


def child(work):
    """Fork a process that does *work(write)*; gives its id and what it writes, by a pipe."""
    out, into = os.pipe()
    pid = os.fork()
    if pid:
        os.close(into)
        return pid, os.fdopen(out, "rb")
    code = 1
    try:
        os.close(out)
        work(lambda kind, *names: os.write(into, b"".join(f"{kind} {name}\n".encode() for name in names)))
        code = 0
    finally:
        os._exit(code)
    return None


def told(pipe):
    """What a child wrote in whole lines, by kind."""
    with pipe:
        lines = pipe.read().split(b"\n")[:-1]
    kinds = defaultdict(set)
    for line in lines:
        kind, name = line.decode().split(" ")
        kinds[kind].add(name)
    return kinds


def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_no_event_that_was_acknowledged(folder):
    chance = random.Random(5)
    stored, taken, gone, lives = set(), set(), set(), Counter()

    def live(write, number):
        spool = Spool(folder, ENDPOINT)
        for turn in range(10_000):
            names = [f"{number}.{turn}.{one}" for one in range(5)]
            spool.put([Entry(name, BODY) for name in names])
            write("stored", *names)
            lease = spool.lease(max_events=3, max_bytes=1 << 20, for_s=0)
            write("taken", *(entry.event_id for entry in lease.entries))
            spool.ack(lease.lease_id)
            write("gone", *(entry.event_id for entry in lease.entries))

    for number in range(KILLS):
        pid, pipe = child(lambda write, number=number: live(write, number))
        time.sleep(chance.uniform(0.002, 0.08))
        os.kill(pid, signal.SIGKILL)
        assert ended(pid) == -signal.SIGKILL
        kinds = told(pipe)
        stored |= kinds["stored"]
        taken |= kinds["taken"]
        gone |= kinds["gone"]
        lives[bool(kinds)] += 1
    spool = Spool(folder, ENDPOINT)
    assert spool.stats().corrupt == 0
    assert is_whole(spool)
    there = drained(spool)
    assert len(there) == len(set(there))
    assert stored - taken - set(there) == set()
    assert gone & set(there) == set()
    assert lives[True] > KILLS // 2


def shared_work(folder, name):
    """Put events, and lease and acknowledge or release whatever there is; tell when each lease was held."""

    def work(write):
        chance = random.Random(name)
        spool = Spool(folder, ENDPOINT)
        for turn in range(40):
            spool.put([Entry(f"{name}.{turn}.{one}", b"x" * 500) for one in range(10)])
            lease = spool.lease(max_events=12, max_bytes=1 << 20, for_s=600)
            since = time.monotonic_ns()
            if lease is None:
                continue
            is_sent = chance.random() < 0.7
            until = time.monotonic_ns()
            (spool.ack if is_sent else spool.release)(lease.lease_id)
            names = [entry.event_id for entry in lease.entries]
            write("held", json.dumps([names, since, until, is_sent], separators=(",", ":")))

    return work


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
def test_of_many_processes_each_event_is_held_by_one_at_a_time_and_acknowledged_once(folder):
    children = [child(shared_work(folder, name)) for name in range(6)]
    holds = [json.loads(row) for _, pipe in children for row in told(pipe)["held"]]
    assert [ended(pid) for pid, _ in children] == [0] * 6
    spool = Spool(folder, ENDPOINT)
    acknowledged = Counter(name for names, _, _, is_sent in holds if is_sent for name in names)
    rest = drained(spool)
    everything = {f"{name}.{turn}.{one}" for name in range(6) for turn in range(40) for one in range(10)}
    assert acknowledged + Counter(rest) == Counter(everything)
    times = defaultdict(list)
    for names, since, until, _ in holds:
        for name in names:
            times[name].append((since, until))
    pairs = [pair for spans in times.values() for pair in pairwise(sorted(spans))]
    assert [pair for pair in pairs if pair[0][1] > pair[1][0]] == []
    assert max(map(len, times.values())) > 1
    assert is_whole(spool)


def test_a_file_deleted_under_a_process_that_goes_on_is_made_anew_without_its_log(folder):
    spool = Spool(folder, ENDPOINT)
    ready, begin = os.pipe(), os.pipe()

    def go_on(write):
        os.close(begin[1])
        mine = Spool(folder, ENDPOINT)
        mine.put([Entry(f"old.{number}", BODY) for number in range(20)])
        os.write(ready[1], b".")
        os.read(begin[0], 1)  # ends when the parent closes the other end
        mine.put([Entry("child", b"x")])

    pid, pipe = child(go_on)
    os.read(ready[0], 1)
    spool.path.unlink()
    try:
        spool.put([Entry("a", b"x")])
    finally:
        for end in (*ready, *begin):
            os.close(end)
    assert (ended(pid), dict(told(pipe))) == (0, {})
    assert spool.stats().corrupt == 0
    assert drained(spool) == ["a", "child"]
    assert is_whole(spool)


@pytest.mark.usefixtures("patient")
def test_threads_share_one_spool(folder):
    spool = Spool(folder, ENDPOINT)
    taken = []

    def work(number):
        for turn in range(20):
            spool.put([Entry(f"{number}.{turn}", b"x")])
            if lease := spool.lease(max_events=2, max_bytes=1 << 20, for_s=600):
                taken.extend(entry.event_id for entry in lease.entries)
                spool.ack(lease.lease_id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken + drained(spool)) == sorted(f"{a}.{b}" for a in range(6) for b in range(20))


@pytest.mark.usefixtures("patient")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forks_while_another_thread_writes_lose_nothing(folder):
    spool = Spool(folder, ENDPOINT)
    stop, stored = threading.Event(), []

    def keep_writing():
        while not stop.is_set():
            name = f"parent.{len(stored)}"
            spool.put([Entry(name, b"x" * 3000)])
            stored.append(name)

    thread = threading.Thread(target=keep_writing)
    thread.start()
    try:
        for number in range(FORKS):
            pid, pipe = child(
                lambda write, number=number: write("put", spool.put([Entry(f"{number}", b"x")]))
            )
            assert (ended(pid), told(pipe)["put"]) == (0, {"1"})
    finally:
        stop.set()
        thread.join()
    assert sorted(drained(spool)) == sorted([*stored, *map(str, range(FORKS))])
    assert is_whole(spool)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_uses_no_connection_of_its_parent(folder):
    spool = Spool(folder, ENDPOINT)
    spool.put([Entry("a", b"x")])
    pid, pipe = child(lambda write: write("open", len(open_files(spool.path))))
    assert (ended(pid), told(pipe)["open"]) == (0, {"0"})
    assert spool.put([Entry("b", b"x")]) == 1


def open_files(path):
    """Descriptors of this process on the spool's files."""
    found = []
    for one in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):
            status = os.fstat(int(one.name))
            found += [file for file in path.parent.iterdir() if os.path.samestat(file.stat(), status)]
    return found


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_waits_for_a_transaction_of_another_thread(folder):
    spool = Spool(folder, ENDPOINT)
    spool.put([Entry("a", b"x")])
    begun, forking = threading.Event(), threading.Event()

    def slow(db):
        begun.set()
        forking.wait(0.3)
        return db.execute("DELETE FROM events WHERE event_id = 'a'").rowcount

    thread = threading.Thread(target=spool._database.write, args=(slow,))
    thread.start()
    begun.wait()
    pid, pipe = child(lambda write: write("found", *drained(spool), spool.put([Entry("b", b"x")])))
    thread.join()
    assert (ended(pid), told(pipe)["found"]) == (0, {"1"})
    assert drained(spool) == ["b"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_after_a_fork_in_a_transaction_that_hangs_the_child_has_no_spool_and_the_parent_goes_on(folder):
    spool = Spool(folder, ENDPOINT)
    begun, forked = threading.Event(), threading.Event()

    def hang(db):
        begun.set()
        forked.wait()
        db.execute("PRAGMA user_version")

    def refusal():
        """Its seconds; a machine that is busy may take longer now and then, code that waits always does."""
        start = time.monotonic()
        with pytest.raises(SpoolError):
            spool.put([Entry("child", b"x")])
        return time.monotonic() - start

    def try_it(write):
        write("error", any(refusal() < 0.5 for _ in range(4)))

    thread = threading.Thread(target=spool._database.write, args=(hang,))
    thread.start()
    begun.wait()
    pid, pipe = child(try_it)
    forked.set()
    thread.join()
    assert (ended(pid), told(pipe)["error"]) == (0, {"True"})
    assert spool.put([Entry("a", b"x")]) == 1
    assert drained(spool) == ["a"]
    assert is_whole(spool)


FILL = """
import resource, sys
from llm_observer.telemetry.spool import Entry, Spool, SpoolError
spool, stored = Spool(sys.argv[1], "https://collector.example/v1"), 0
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
try:
    while stored < 1000:
        stored += spool.put([Entry(str(stored), b"x" * 20_000)])
except SpoolError as exc:
    print(stored, exc.errno is not None)
"""


def filled(spool):
    """How many events were stored before the disk was full."""
    stored = 0
    with pytest.raises(SpoolFull):
        while stored < 1000:
            stored += spool.put([Entry(str(stored), BODY)])
    return stored


def test_a_file_that_may_not_grow_is_a_named_error_and_what_was_stored_is_there(folder):
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(folder)], capture_output=True, text=True, check=True
    )
    stored, has_number = done.stdout.split()
    assert (int(stored) > 10, has_number) == (True, "True")
    spool = Spool(folder, ENDPOINT)
    assert drained(spool) == [str(number) for number in range(int(stored))]
    assert spool.stats().corrupt == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 6 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_a_named_error_and_what_was_stored_is_there_when_it_has_room_again(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (4 << 20))
    spool = Spool(small_disk / "spool", ENDPOINT)
    stored = filled(spool)
    assert (stored > 10, spool.stats().waiting) == (True, stored)
    ballast.unlink()
    assert spool.put([Entry("later", b"x")]) == 1
    assert drained(spool) == [*map(str, range(stored)), "later"]
    assert spool.stats().corrupt == 0


def test_a_read_only_disk_is_a_named_error(small_disk):
    spool = Spool(small_disk / "spool", ENDPOINT)
    spool.put([Entry("a", b"x")])
    spool.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OSError, match=r"read-?only|Read-only|unable"):
        spool.put([Entry("b", b"x")])
    with pytest.raises(OSError, match=r"read-?only|Read-only|unable"):
        Spool(small_disk / "other", ENDPOINT).put([Entry("b", b"x")])
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert drained(spool) == ["a"]


def test_a_folder_that_may_not_be_written_is_a_named_error(tmp_path):
    """As another user than root, whom no mode stops."""
    folder = tmp_path / "spool"
    folder.mkdir(0o500)
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, 65534, 65534)
        for parent in folder.parents[:-1]:
            if parent.owner() == "root" and parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o011)

    def work(write):
        if is_root:
            os.setuid(65534)
        try:
            Spool(folder, ENDPOINT).put([Entry("a", b"x")])
        except OSError as exc:
            write("error", type(exc).__name__)

    pid, pipe = child(work)
    assert (ended(pid), told(pipe)["error"]) == (0, {"PermissionError"})
