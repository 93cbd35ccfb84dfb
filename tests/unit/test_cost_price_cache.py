"""Is the price list read from this user's file only if that is the same list, whole and unforged?"""

import json
import os
import subprocess
import sys
import time

import pytest

from costing import NOVEMBER
from llm_observer.enrichers import price_cache
from llm_observer.enrichers.price_cache import MAX_AGE_S, load_book
from llm_observer.enrichers.price_source import Clause, Entry, Model, Vendor

LOOK = f"""
import socket, sys, threading
from datetime import datetime, UTC
from llm_observer.enrichers.price_cache import load_book

def no_network(name, args):
    if name in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit("the network was used")

sys.addaudithook(no_network)
found = load_book(sys.argv[1]).find("openai", "gpt-4o-2024-08-06")
rates = found.model.rates(datetime.fromisoformat("{NOVEMBER}"))
(first, rate), = rates["input_mtok"]
print(rate, "genai_prices" in sys.modules, threading.active_count())
"""


def look(folder):
    """Price of a model, whether the package was imported, and threads, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", LOOK, str(folder)], capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split()


def file_in(folder):
    (path,) = folder.glob("prices-*.json")
    return path


@pytest.fixture
def filled(tmp_path):
    load_book(tmp_path)
    return tmp_path


def test_a_later_process_reads_the_file_and_not_the_package_and_no_network(tmp_path):
    assert look(tmp_path) == ["2.5", "True", "1"]
    assert look(tmp_path) == ["2.5", "False", "1"]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_book(None).find("openai", "gpt-4o") is not None
    assert list(tmp_path.iterdir()) == []


def test_the_file_holds_what_the_package_says(filled):
    assert load_book(filled) == load_book(None)


def test_only_its_owner_can_read_the_file(filled):
    assert file_in(filled).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in filled.iterdir()] == [file_in(filled).name]


def cut(data):
    return data[: len(data) // 2]


def cheaper(data):
    return data.replace(b'"2.5"', b'"0.5"', 1)


def of_other_structs(data):
    content = json.dumps({"vendors": []}).encode()
    return price_cache._digest(content) + b"\n" + content


def empty(data):
    return b""


def noise(data):
    return b"\xff\x00" * 1000


@pytest.mark.parametrize("damage", [cut, cheaper, of_other_structs, empty, noise], ids=lambda f: f.__name__)
def test_a_damaged_file_is_not_used_and_is_made_anew(filled, damage):
    path = file_in(filled)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert price_cache._read(path) is None
    assert look(filled) == ["2.5", "True", "1"]
    assert path.read_bytes() == whole


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_not_used(filled, mode):
    file_in(filled).chmod(mode)
    assert price_cache._read(file_in(filled)) is None


def test_a_link_and_a_pipe_are_not_read(filled, tmp_path):
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(file_in(filled))
    os.mkfifo(pipe)
    assert [price_cache._read(link), price_cache._read(pipe)] == [None, None]


@pytest.mark.parametrize("name", ["a\0b", "a/b"])
def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path, name):
    (tmp_path / "a").write_text("a file")
    assert load_book(f"{tmp_path}/{name}").find("openai", "gpt-4o") is not None


def test_files_of_other_price_data_go_when_they_are_old(tmp_path):
    old, new, draft, other = (
        tmp_path / name for name in ("prices-0.1-a.json", "prices-0.2-b.json", ".prices-x.1", "hash_key")
    )
    for path in (old, new, draft, other):
        path.write_text("")
    past = time.time() - MAX_AGE_S - 60
    for path in (old, draft, other):
        os.utime(path, (past, past))
    load_book(tmp_path)
    assert [path.exists() for path in (old, new, draft, other)] == [False, True, False, True]


def test_other_price_data_has_another_file(tmp_path, monkeypatch):
    name = price_cache._path(tmp_path).name
    monkeypatch.setattr(price_cache, "FORMAT", price_cache.FORMAT + 1)
    assert price_cache._path(tmp_path).name != name


def test_structs_that_change_bring_a_new_format():
    shapes = [one.__struct_fields__ for one in (Clause, Entry, Model, Vendor)]
    known = [
        ("kind", "text", "parts"),
        ("rates", "since", "hours", "when"),
        ("id", "match", "entries", "variants"),
        ("id", "models", "own_names", "other_vendors"),
    ]
    assert (price_cache.FORMAT, shapes) == (1, known)


FROZEN = """
import datetime

class Frozen(type(datetime.date)):
    def __instancecheck__(cls, one):
        return isinstance(one, real)

class FakeDate(datetime.date, metaclass=Frozen):
    pass

real, datetime.date = datetime.date, FakeDate
import llm_observer.enrichers.price_source
datetime.date = real
"""


def test_a_clock_that_a_test_of_the_app_froze_while_prices_were_loaded_stops_no_pricing(filled):
    """As freezegun does it; what was imported meanwhile keeps its classes."""
    done = subprocess.run(
        [sys.executable, "-c", f"{FROZEN}\n{LOOK}", str(filled)], capture_output=True, text=True
    )
    assert (done.stderr, done.stdout.split()[:2]) == ("", ["2.5", "False"])
