"""Does the spool keep what it took, in order and within its bounds, and does it refuse what it must?"""

import gzip
import json
import os
import sqlite3
import stat
import tempfile
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from llm_observer.cli import main
from llm_observer.telemetry.spool import Entry, Spool, SpoolError, SpoolRefused, SpoolStats

ENDPOINT = "https://collector.example/v1?key=sk-canary-in-the-address"
SECRET = "sk-canary-0123456789abcdef0123456789abcdef"
posix_only = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives files away")


class Clock:
    """A clock that a test sets."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def wall():
    return Clock(1_800_000_000.0)


@pytest.fixture
def steady():
    return Clock(1000.0)


@pytest.fixture
def make(tmp_path, wall, steady):
    """`make(...)`: a spool of the one folder; all are closed at the end."""
    made = []

    def spool(endpoint=ENDPOINT, **bounds):
        made.append(Spool(tmp_path / "spool", endpoint, clock=wall, steady=steady, **bounds))
        return made[-1]

    yield spool
    for one in made:
        one.close()


@pytest.fixture
def spool(make):
    return make()


def entries(*names, size=2):
    return [Entry(name, b"x" * size) for name in names]


def take(spool, max_events=100, max_bytes=1 << 20, for_s=60.0):
    return spool.lease(max_events=max_events, max_bytes=max_bytes, for_s=for_s)


def ids(lease):
    return [] if lease is None else [entry.event_id for entry in lease.entries]


def waiting(spool):
    """The ids that can be leased, in order; they wait again afterwards."""
    lease = take(spool, 10_000, 1 << 40)
    if lease:
        spool.release(lease.lease_id)
    return ids(lease)


def damage(path):
    """Overwrite all but the header, as a bad disk would."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (size - 100))


def test_events_come_out_in_the_order_they_went_in(spool):
    spool.put(entries("a", "b"))
    spool.put(entries("c"))
    assert ids(take(spool)) == ["a", "b", "c"]


def test_a_body_comes_out_byte_for_byte(spool):
    body = bytes(range(256))
    spool.put([Entry("a", body)])
    assert take(spool).entries == (Entry("a", body),)


def test_an_event_is_in_the_spool_of_the_next_process(make):
    make().put(entries("a"))
    assert waiting(make()) == ["a"]


def test_events_of_one_endpoint_never_go_to_another(make):
    make("https://one.example").put(entries("a"))
    assert take(make("https://two.example")) is None


def test_a_known_event_is_ignored(spool):
    assert [spool.put(entries("a", "b", "a")), spool.put(entries("b", "c"))] == [2, 1]
    assert waiting(spool) == ["a", "b", "c"]


def test_a_leased_event_is_still_known(spool):
    spool.put(entries("a"))
    take(spool)
    assert spool.put(entries("a")) == 0


def test_a_quarantined_event_is_still_known(spool):
    spool.put(entries("a"))
    spool.quarantine(take(spool).lease_id, {"a": "bad"})
    assert spool.put(entries("a")) == 0


def test_a_lease_is_bounded_in_events_and_in_bytes(spool):
    spool.put(entries("a", "b", "c", "d", size=10))
    assert [ids(take(spool, max_events=1)), ids(take(spool, max_bytes=29)), ids(take(spool))] == [
        ["a"],
        ["b", "c"],
        ["d"],
    ]


def test_an_event_larger_than_a_lease_comes_alone(spool):
    spool.put(entries("a", "b", size=10))
    assert ids(take(spool, max_bytes=5)) == ["a"]


def test_nobody_else_gets_what_is_leased(make):
    make().put(entries("a", "b"))
    assert [ids(take(make(), max_events=1)), ids(take(make())), take(make())] == [["a"], ["b"], None]


def test_acknowledged_events_are_gone_and_the_rest_stays_leased(spool):
    spool.put(entries("a", "b", "c"))
    lease = take(spool)
    spool.ack(lease.lease_id, ["b"])
    assert take(spool) is None
    spool.release(lease.lease_id)
    assert waiting(spool) == ["a", "c"]


def test_ack_without_names_takes_all_that_is_left(spool):
    spool.put(entries("a", "b"))
    lease = take(spool)
    spool.ack(lease.lease_id, ["a"])
    spool.ack(lease.lease_id)
    assert spool.stats() == SpoolStats(path=str(spool.path))


def test_released_events_keep_their_place(spool):
    spool.put(entries("a", "b"))
    first = take(spool, max_events=1)
    spool.put(entries("c"))
    spool.release(first.lease_id)
    assert waiting(spool) == ["a", "b", "c"]


def test_an_expired_lease_returns_its_events(spool, steady):
    spool.put(entries("a"))
    take(spool, for_s=60)
    steady.now += 59.9
    assert take(spool) is None
    steady.now += 0.1
    assert ids(take(spool)) == ["a"]


def test_the_holder_of_an_expired_lease_cannot_take_events_from_the_next(spool, steady):
    spool.put(entries("a"))
    old = take(spool, for_s=60)
    steady.now += 61
    new = take(spool, for_s=60)
    spool.ack(old.lease_id)
    spool.ack(old.lease_id, ["a"])
    spool.quarantine(old.lease_id, {"a": "bad"})
    assert spool.stats().leased == 1
    spool.release(new.lease_id)
    assert waiting(spool) == ["a"]


@pytest.mark.parametrize("jump_s", [-1e9, -3600, 3600, 1e9])
def test_a_jump_of_the_wall_clock_neither_ends_nor_prolongs_a_lease(spool, wall, steady, jump_s):
    spool.put(entries("a"))
    take(spool, for_s=60)
    wall.now += jump_s
    steady.now += 59
    assert take(spool) is None
    steady.now += 1
    assert ids(take(spool)) == ["a"]


@pytest.mark.parametrize(
    ("passed_s", "expected"), [(-1, ["a"]), (59, []), (60, ["a"])], ids=["set back", "running", "over"]
)
def test_after_a_restart_the_wall_clock_judges_old_leases(make, wall, steady, passed_s, expected):
    make().put(entries("a"))
    take(make(), for_s=60)
    restarted = make()
    restarted._boot = "the next run"
    steady.now, wall.now = 5.0, wall.now + passed_s
    assert ids(take(restarted)) == expected


def test_the_oldest_events_make_room(make):
    spool = make(max_bytes=100)
    spool.put(entries("a", "b", "c", size=30))
    spool.put(entries("d", size=60))
    assert (waiting(spool), spool.stats().dropped_full) == (["c", "d"], 2)


def test_events_on_their_way_do_not_make_room(make):
    spool = make(max_bytes=100)
    spool.put(entries("a", "b", "c", size=30))
    lease = take(spool, max_events=1)
    spool.put(entries("d", size=40))
    assert ids(lease) == ["a"]
    assert waiting(spool) == ["c", "d"]


def test_of_a_batch_that_is_too_large_the_end_is_kept(make):
    spool = make(max_bytes=100)
    assert spool.put(entries("a", "b", "c", size=40)) == 2
    assert (waiting(spool), spool.stats().dropped_full) == (["b", "c"], 1)


def test_an_event_that_is_too_large_is_dropped_alone(make):
    spool = make(max_entry_bytes=10)
    spool.put([*entries("a"), *entries("big", size=11), *entries("b", size=10)])
    assert (waiting(spool), spool.stats().dropped_oversize) == (["a", "b"], 1)


def test_an_old_event_goes(make, wall, steady):
    spool = make(max_age_s=100)
    spool.put(entries("a"))
    wall.now, steady.now = wall.now + 60, steady.now + 60
    spool.put(entries("b"))
    wall.now, steady.now = wall.now + 41, steady.now + 41
    assert ids(take(spool)) == ["b"]
    assert spool.stats().dropped_old == 1


def test_a_clock_that_is_set_forward_makes_no_event_old(make, wall):
    spool = make(max_age_s=100)
    spool.put(entries("a"))
    wall.now += 1e9
    assert ids(take(spool)) == ["a"]


def test_after_a_restart_the_wall_clock_makes_events_old(make, wall, steady):
    make(max_age_s=100).put(entries("a"))
    restarted = make(max_age_s=100)
    restarted._boot = "the next run"
    steady.now, wall.now = 5.0, wall.now + 101
    assert take(restarted) is None


def test_refused_events_are_kept_aside_with_a_safe_reason(spool, wall):
    spool.put(entries("a", "b"))
    lease = take(spool)
    spool.quarantine(lease.lease_id, {"a": f"line\nkey {SECRET} " + "x" * 1000})
    spool.release(lease.lease_id)
    (refusal,) = spool.refusals()
    assert (refusal.event_id, refusal.refused_s) == ("a", wall.now)
    assert SECRET not in refusal.reason
    assert "\n" not in refusal.reason
    assert len(refusal.reason) <= 200
    assert waiting(spool) == ["b"]


def test_quarantine_is_bounded_and_keeps_the_newest(make):
    spool = make(max_bytes=800)
    for name in ("a", "b", "c"):
        spool.put(entries(name, size=40))
        spool.quarantine(take(spool).lease_id, {name: "bad"})
    assert [refusal.event_id for refusal in spool.refusals()] == ["c", "b"]
    assert spool.stats().dropped_refused == 1


def test_purge_deletes_everything_and_says_how_much(spool):
    spool.put(entries("a", "b", "c"))
    lease = take(spool, max_events=2)
    spool.quarantine(lease.lease_id, {"a": "bad"})
    assert spool.purge() == 3
    assert spool.stats() == SpoolStats(path=str(spool.path))


def test_stats_tell_what_is_there(spool, wall):
    spool.put(entries("a", "b", "c", size=10))
    wall.now += 5
    lease = take(spool, max_events=2)
    spool.quarantine(lease.lease_id, {"a": "bad"})
    assert spool.stats() == SpoolStats(
        waiting=1,
        waiting_bytes=10,
        leased=1,
        quarantined=1,
        oldest_s=wall.now - 5,
        path=str(spool.path),
    )


def test_counts_outlive_the_process(make):
    first = make(max_entry_bytes=1)
    first.put(entries("a", size=2))
    first.close()
    assert make().stats().dropped_oversize == 1


def test_looking_makes_no_file(spool, tmp_path):
    take(spool)
    spool.stats()
    spool.purge()
    spool.release("x")
    spool.ack("x")
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_a_spool_can_be_used_after_close(spool):
    spool.put(entries("a"))
    spool.close()
    assert waiting(spool) == ["a"]


def test_the_file_becomes_small_when_it_is_empty(spool):
    spool.put([Entry(f"{number}", b"x" * 2500) for number in range(4000)])
    full = spool.path.stat().st_size
    while lease := take(spool):
        spool.ack(lease.lease_id)
    spool.close()
    assert full > 8 << 20
    assert spool.path.stat().st_size < 1 << 20


def test_the_log_stays_small_while_events_come_and_go(spool):
    log = spool.path.with_name(spool.path.name + "-wal")
    for number in range(100):
        spool.put([Entry(f"{number}", b"x" * 100_000)])
        spool.ack(take(spool).lease_id)
        assert log.stat().st_size < 3 << 20


@posix_only
def test_the_folder_and_every_file_are_the_owners_alone(spool, tmp_path):
    before = os.umask(0)
    try:
        spool.put(entries("a"))
    finally:
        os.umask(before)
    folder = tmp_path / "spool"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 4  # the file, its log, their index, the lock


@posix_only
def test_a_file_that_others_can_read_is_closed_to_them(make):
    spool = make()
    spool.put(entries("a"))
    spool.close()
    spool.path.chmod(0o644)
    assert waiting(make()) == ["a"]
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600


@posix_only
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770], ids=oct)
def test_a_folder_that_others_can_write_is_refused(make, tmp_path, mode):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(mode)
    with pytest.raises(SpoolRefused):
        make().put(entries("a"))


@posix_only
def test_a_link_in_the_place_of_the_folder_is_refused(make, tmp_path):
    (tmp_path / "elsewhere").mkdir(0o700)
    (tmp_path / "spool").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolRefused):
        make().put(entries("a"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@posix_only
def test_a_link_in_the_place_of_the_file_is_refused(spool, tmp_path):
    (tmp_path / "spool").mkdir(0o700)
    (tmp_path / "target").touch(0o600)
    spool.path.symlink_to(tmp_path / "target")
    with pytest.raises(SpoolRefused):
        spool.put(entries("a"))
    assert (tmp_path / "target").read_bytes() == b""


@posix_only
@as_root
@pytest.mark.parametrize("part", ["folder", "file"])
def test_what_belongs_to_another_user_is_refused(make, part):
    spool = make()
    spool.put(entries("a"))
    spool.close()
    os.chown({"folder": spool.path.parent, "file": spool.path}[part], 12345, 12345)
    with pytest.raises(SpoolRefused):
        make().put(entries("b"))


def test_no_key_is_in_any_file_or_name(spool):
    spool.put([Entry("a", b'{"prompt_hash": "0"}')])
    spool.quarantine(take(spool).lease_id, {"a": f"Bearer {SECRET}"})
    for file in spool.path.parent.iterdir():
        assert "canary" not in file.name
        assert b"canary" not in file.read_bytes()


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(make, caplog):
    first = make()
    first.put([Entry(f"{number}", b"x" * 5000) for number in range(50)])
    first.close()
    damage(first.path)
    spool = make()
    assert spool.put(entries("a")) == 1
    assert (waiting(spool), spool.stats().corrupt) == (["a"], 1)
    assert len(list(spool.path.parent.glob("*.corrupt-*"))) == 1


def test_a_file_that_is_no_database_is_set_aside(spool):
    spool.path.parent.mkdir(0o700)
    spool.path.write_bytes(b"not a database " * 1000)
    assert spool.put(entries("a")) == 1
    assert spool.stats().corrupt == 1


def test_a_database_without_our_tables_is_set_aside(spool):
    spool.path.parent.mkdir(0o700)
    with closing(sqlite3.connect(spool.path)) as other:
        other.execute("CREATE TABLE theirs(x)")
    assert spool.put(entries("a")) == 1
    assert spool.stats().corrupt == 1


def test_an_empty_file_becomes_a_spool(spool):
    spool.path.parent.mkdir(0o700)
    spool.path.touch(0o600)
    assert (spool.put(entries("a")), spool.stats().corrupt) == (1, 0)


def test_only_the_latest_damaged_files_are_kept_and_purge_deletes_them(make):
    for _ in range(4):
        spool = make()
        spool.put(entries("a"))
        spool.close()
        spool.path.write_bytes(b"not a database " * 1000)
    spool.put(entries("a"))
    assert len(list(spool.path.parent.glob("*.corrupt-*"))) == 2
    spool.purge()
    assert list(spool.path.parent.glob("*.corrupt-*")) == []


def test_a_file_of_a_newer_release_is_left_alone(make):
    newer = make()
    newer.put(entries("theirs"))
    newer.close()
    with closing(sqlite3.connect(newer.path)) as other:
        other.execute("PRAGMA user_version=99")
    before = newer.path.read_bytes()
    spool = make()
    assert spool.put(entries("ours")) == 1
    assert (waiting(spool), waiting(make())) == (["ours"], ["ours"])
    assert newer.path.read_bytes() == before


def test_a_file_that_was_deleted_is_made_anew(spool):
    spool.put(entries("a"))
    for file in spool.path.parent.iterdir():
        file.unlink()
    assert (spool.put(entries("b")), waiting(spool)) == (1, ["b"])


def test_a_file_that_is_deleted_without_its_log_is_made_anew(make):
    """What still has the old file open does not share an index with the new one."""
    old, new = make(), make()
    old.put(entries("a"))
    old.path.unlink()
    new.put(entries("b"))
    old.put(entries("c"))
    assert waiting(make()) == ["b", "c"]


def test_what_was_written_into_a_file_that_is_gone_is_written_again(spool):
    spool.put(entries("a"))
    tries = []

    def work(db):
        tries.append(db.execute("SELECT count(*) FROM events").fetchone()[0])
        if len(tries) == 1:
            spool.path.unlink()

    spool._database.write(work)
    assert tries == [1, 0]


def test_a_process_that_holds_the_file_costs_a_second_at_most(spool):
    spool.put(entries("a"))
    with closing(sqlite3.connect(spool.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert any(seconds_of_a_refusal(spool) < 1.5 for _ in range(3)), "no try was that quick"
        assert spool.stats().waiting == 1  # reading goes on
    assert spool.put(entries("b")) == 1


def seconds_of_a_refusal(spool):
    """A machine that is busy may take longer now and then; code that waits longer always does."""
    start = time.monotonic()
    with pytest.raises(SpoolError, match="keep the spool"):
        spool.put(entries("b"))
    return time.monotonic() - start


class Receiver(BaseHTTPRequestHandler):
    """Takes every batch, but for the event called `bad`."""

    def do_POST(self):
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        names = [event["event_id"] for event in json.loads(body)["events"]]
        self.server.names += names
        rejected = [{"event_id": name, "reason": "not good"} for name in names if name == "bad"]
        answer = {"accepted": len(names) - len(rejected), "duplicates": 0, "rejected": rejected}
        text = json.dumps(answer).encode()
        self.send_response(202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def receiver():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    server.names = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def command(tmp_path, monkeypatch):
    """`command("status")`: what `llm-observer spool status` gives, with its own state folder."""
    for name in os.environ:
        if name.startswith("LLM_OBSERVER_") or name == "DO_NOT_TRACK":
            monkeypatch.delenv(name)
    monkeypatch.setenv("LLM_OBSERVER_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("LLM_OBSERVER_ENDPOINT", ENDPOINT)
    monkeypatch.chdir(tmp_path)

    def run(*words, code=0):
        result = CliRunner().invoke(main, ["spool", *words])
        assert result.exit_code == code, result.output
        return result.output

    return run


def held(tmp_path, endpoint, *names):
    """Put events into the spool that the commands look at, with real clocks."""
    spool = Spool(tmp_path / "spool", endpoint)
    spool.put([Entry(name, json.dumps({"event_id": name}).encode()) for name in names])
    spool.close()
    return spool


def test_status_shows_every_spool_and_marks_the_configured_one(command, tmp_path):
    held(tmp_path, ENDPOINT, "a", "b")
    held(tmp_path, "https://other.example", "c")
    shown = json.loads(command("status", "--json"))["spools"]
    assert sorted((one["is_current"], one["waiting"]) for one in shown) == [(False, 1), (True, 2)]
    assert "2  events wait" in command("status")


def test_status_of_nothing_makes_nothing(command, tmp_path):
    assert command("status") == "Nothing waits to be sent.\n"
    assert list(tmp_path.iterdir()) == []


def test_purge_deletes_for_the_configured_endpoint_only(command, tmp_path):
    held(tmp_path, ENDPOINT, "a", "b")
    other = held(tmp_path, "https://other.example", "c")
    assert [command("purge"), other.stats().waiting] == ["2 events deleted\n", 1]
    assert [command("purge", "--all"), other.stats().waiting] == ["1 events deleted\n", 0]
    other.close()


def test_purge_without_an_endpoint_asks_which(command, monkeypatch):
    monkeypatch.delenv("LLM_OBSERVER_ENDPOINT")
    assert "--all" in command("purge", code=2)


def test_drain_sends_nothing_where_sending_is_not_switched_on(command, tmp_path):
    spool = held(tmp_path, ENDPOINT, "a")
    assert "nothing is sent" in command("drain", code=2)
    assert spool.stats().waiting == 1
    spool.close()


def test_drain_delivers_what_waits_and_status_names_what_was_refused(
    command, tmp_path, receiver, monkeypatch
):
    endpoint = f"http://127.0.0.1:{receiver.server_port}/"
    held(tmp_path, endpoint, "a", "bad", "b")
    monkeypatch.setenv("LLM_OBSERVER_ENDPOINT", endpoint)
    monkeypatch.setenv("LLM_OBSERVER_ENABLED", "1")
    monkeypatch.setenv("LLM_OBSERVER_API_KEY", SECRET)
    assert command("drain") == "2 delivered, 1 refused, 0 wait, 0 leased\n"
    assert receiver.names == ["a", "bad", "b"]
    assert "bad: not good" in command("status")


@posix_only
def test_a_spool_that_is_refused_is_an_answer(command, tmp_path):
    spool = held(tmp_path, ENDPOINT, "a")
    spool.path.parent.chmod(0o777)
    assert "others may write here" in command("status", code=1)


class _Event(NamedTuple):
    body: bytes
    wall: float
    steady: float
    boot: str


class _Lease(NamedTuple):
    ids: list[str]
    wall: float
    steady: float
    boot: str
    for_s: float


class SpoolMachine(RuleBasedStateMachine):
    """The spool against dicts: any steps, any jumps of the clock, restarts of machine and process."""

    MAX_BYTES = 60
    MAX_AGE_S = 1000

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.wall, self.steady, self.boot = Clock(1e9), Clock(100.0), "0"
        self.events: dict[str, _Event] = {}
        self.leases: dict[str, _Lease] = {}
        self.refused: set[str] = set()
        self.dropped_full = self.dropped_old = 0
        self.open()

    def open(self):
        self.spool = Spool(
            Path(self.folder.name) / "spool",
            ENDPOINT,
            max_bytes=self.MAX_BYTES,
            max_age_s=self.MAX_AGE_S,
            clock=self.wall,
            steady=self.steady,
        )
        self.spool._boot = self.boot

    def teardown(self):
        if hasattr(self, "spool"):
            self.spool.close()
            self.folder.cleanup()

    def is_leased(self, name):
        return any(name in lease.ids for lease in self.leases.values())

    def is_held(self, name):
        return any(name in lease.ids for lease in self.leases.values() if not self.is_over(lease))

    def free(self):
        return [name for name in self.events if not self.is_leased(name)]

    def size(self):
        return sum(len(event.body) for event in self.events.values())

    def is_old(self, event):
        by_wall = self.wall.now - event.wall > self.MAX_AGE_S
        return by_wall and (event.boot != self.boot or self.steady.now - event.steady > self.MAX_AGE_S)

    def is_over(self, lease):
        if lease.boot == self.boot:
            return self.steady.now >= lease.steady + lease.for_s
        return not lease.wall <= self.wall.now < lease.wall + lease.for_s

    def drop_old(self):
        for name in list(self.events):
            if not self.is_old(self.events[name]):
                return
            if not self.is_leased(name):
                del self.events[name]
                self.dropped_old += 1

    def end_empty(self):
        self.leases = {key: lease for key, lease in self.leases.items() if lease.ids}

    @rule(names=st.lists(st.integers(0, 30).map(str), max_size=4), size=st.integers(0, 20))
    def put(self, names, size):
        stored = self.spool.put(entries(*names, size=size))
        if not names:
            assert stored == 0
            return
        self.drop_old()
        fresh = [name for name in dict.fromkeys(names) if name not in {*self.events, *self.refused}]
        while fresh and self.size() + size * len(fresh) > self.MAX_BYTES:
            victims = self.free()
            if victims:
                del self.events[victims[0]]
            else:
                del fresh[0]
            self.dropped_full += 1
        assert stored == len(fresh)
        for name in fresh:
            self.events[name] = _Event(b"x" * size, self.wall.now, self.steady.now, self.boot)

    @rule(max_events=st.integers(1, 5), max_bytes=st.integers(1, 40), for_s=st.integers(1, 100))
    def lease(self, max_events, max_bytes, for_s):
        got = take(self.spool, max_events, max_bytes, for_s)
        if not self.events and not self.leases and got is None:
            return
        self.leases = {key: lease for key, lease in self.leases.items() if not self.is_over(lease)}
        self.drop_old()
        expected, size = [], 0
        for name in self.free()[:max_events]:
            size += len(self.events[name].body)
            if expected and size > max_bytes:
                break
            expected.append(name)
        assert ids(got) == expected
        if got:
            assert [entry.body for entry in got.entries] == [self.events[name].body for name in expected]
            self.leases[got.lease_id] = _Lease(
                expected, self.wall.now, self.steady.now, self.boot, float(for_s)
            )

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), is_all=st.booleans())
    def ack(self, data, is_all):
        key = data.draw(st.sampled_from(list(self.leases)))
        names = None if is_all else data.draw(st.lists(st.sampled_from(sorted(self.events)), max_size=3))
        self.spool.ack(key, names)
        lease = self.leases[key]
        for name in [one for one in lease.ids if names is None or one in names]:
            lease.ids.remove(name)
            del self.events[name]
        self.end_empty()

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data):
        key = data.draw(st.sampled_from(list(self.leases)))
        self.spool.release(key)
        del self.leases[key]

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def quarantine(self, data):
        key = data.draw(st.sampled_from(list(self.leases)))
        name = data.draw(st.sampled_from(sorted(self.events)))
        self.spool.quarantine(key, {name: "bad"})
        if name in self.leases[key].ids:
            self.leases[key].ids.remove(name)
            del self.events[name]
            self.end_empty()
        self.refused = {refusal.event_id for refusal in self.spool.refusals(1000)}

    @rule(seconds=st.sampled_from([0.5, 30, 90, 1100]))
    def time_goes_on(self, seconds):
        self.wall.now += seconds
        self.steady.now += seconds

    @rule(seconds=st.sampled_from([-1e6, -50, 50, 5000, 1e6]))
    def somebody_sets_the_clock(self, seconds):
        self.wall.now += seconds

    @rule()
    def the_machine_restarts(self):
        self.spool.close()
        self.boot, self.steady.now = str(int(self.boot) + 1), 3.0
        self.open()

    @rule()
    def the_process_restarts(self):
        self.spool.close()
        self.open()

    @invariant()
    def counts_agree(self):
        if not hasattr(self, "spool"):
            return
        stats = self.spool.stats()
        free = [name for name in self.events if not self.is_held(name)]
        assert (stats.waiting, stats.leased) == (len(free), len(self.events) - len(free))
        assert stats.waiting_bytes == sum(len(self.events[name].body) for name in free)
        assert (stats.dropped_full, stats.dropped_old) == (self.dropped_full, self.dropped_old)


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # each step waits for the disk, which others use as well
)
