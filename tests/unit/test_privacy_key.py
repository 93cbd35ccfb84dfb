"""Where the key of the hashes comes from, who may read it, and what a hash gives away."""

import hashlib
import multiprocessing
import os
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer import log
from llm_observer.hash_key import load_key
from llm_observer.privacy import Hasher

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")


@pytest.fixture(autouse=True)
def _fresh_log():
    log._first.clear()


def planted(folder, data=b"ab" * 32 + b"\n", mode=0o600):
    path = folder / "hash_key"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_hash_is_16_hex_digits_and_depends_on_the_key():
    one, other = Hasher("one", None).hash(b"text"), Hasher("other", None).hash(b"text")
    assert (len(one), int(one, 16) >= 0, one != other) == (16, True, True)


def test_the_same_configured_key_gives_the_same_hash_on_every_machine():
    hasher = Hasher("fleet key", "/nowhere")
    assert (hasher.hash(b"hello"), hasher.scope) == (Hasher("fleet key", None).hash(b"hello"), "configured")
    assert hasher.hash(b"hello") == "35813746b056db4b"


def test_an_installation_has_one_key(tmp_path):
    first, second = Hasher(None, tmp_path), Hasher(None, str(tmp_path))
    assert first.hash(b"x") == second.hash(b"x")
    assert first.scope == "installation"
    assert first.hash(b"x") != Hasher(None, tmp_path / "another").hash(b"x")


def test_nothing_is_touched_before_the_first_hash(tmp_path):
    hasher = Hasher(None, tmp_path / "state")
    assert not (tmp_path / "state").exists()
    hasher.hash(b"x")
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["hash_key"]


@posix
def test_only_the_owner_can_read_the_key(tmp_path):
    before = os.umask(0)
    try:
        Hasher(None, tmp_path / "state").hash(b"x")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state", tmp_path / "state/hash_key")]
    assert modes == [0o700, 0o600]


def _hash_when_told(folder, start, results):
    start.wait()
    results.put(Hasher(None, folder).hash(b"the same text"))


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    count = 4
    for number in range(2):
        start, results = spawn.Barrier(count), spawn.Queue()
        folder = tmp_path / str(number)
        racers = [spawn.Process(target=_hash_when_told, args=(folder, start, results)) for _ in range(count)]
        for racer in racers:
            racer.start()
        hashes = {results.get(timeout=60) for _ in racers}
        for racer in racers:
            racer.join()
        results.close()
        assert len(hashes) == 1
        assert [path.name for path in folder.iterdir()] == ["hash_key"]


def test_without_a_place_for_it_the_key_is_the_process_own_and_nobody_is_bothered(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    hasher = Hasher(None, tmp_path / "file" / "state")
    assert (hasher.scope, hasher.hash(b"x"), caplog.messages) == ("process", hasher.hash(b"x"), [])
    assert "NotADirectoryError" in hasher.describe()
    assert Hasher(None, None).scope == "process"
    assert Hasher(None, "a\0b").scope == "process"


@posix
@pytest.mark.skipif(not IS_ROOT, reason="needs a user that can become another")
def test_an_unwritable_home_gives_a_key_of_the_process(tmp_path):
    tmp_path.chmod(0o555)
    code = (
        "import os, sys; from llm_observer.privacy import Hasher; os.seteuid(65534);"
        "print(Hasher(None, sys.argv[1]).scope); os.seteuid(0)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("process\n", "")


@posix
def test_a_file_system_without_hard_links_has_a_key_too(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    first = Hasher(None, tmp_path)
    assert (first.scope, first.hash(b"x")) == ("installation", Hasher(None, tmp_path).hash(b"x"))


def readable_by_others(folder):
    planted(folder, mode=0o644)


def symbolic_link(folder):
    (folder / "elsewhere").mkdir()
    (folder / "hash_key").symlink_to(planted(folder / "elsewhere"))


def dangling_link(folder):
    (folder / "hash_key").symlink_to(folder / "gone")


def directory(folder):
    (folder / "hash_key").mkdir()


def pipe(folder):
    os.mkfifo(folder / "hash_key", 0o600)


def empty(folder):
    planted(folder, b"")


def short(folder):
    planted(folder, b"ab" * 31)


def long(folder):
    planted(folder, b"ab" * 33)


def of_another_user(folder):
    if not IS_ROOT:
        pytest.skip("needs root to give a file away")
    os.chown(planted(folder), 65534, 65534)


@posix
@pytest.mark.parametrize(
    "plant",
    [
        *(readable_by_others, symbolic_link, dangling_link, directory, pipe),
        *(empty, short, long, of_another_user),
    ],
    ids=lambda plant: plant.__name__,
)
def test_a_key_file_that_cannot_be_trusted_is_refused_with_one_warning(tmp_path, caplog, plant):
    plant(tmp_path)
    hashers = [Hasher(None, tmp_path) for _ in range(2)]
    assert [hasher.scope for hasher in hashers] == ["process", "process"]
    assert hashers[0].hash(b"x") != hashers[1].hash(b"x")
    assert len(caplog.messages) == 1
    assert str(tmp_path / "hash_key") in caplog.messages[0]


def test_no_text_form_shows_the_key(tmp_path):
    key = load_key(None, tmp_path)
    shown = repr(key) + str(key) + repr(Hasher("canary", tmp_path)) + Hasher("canary", tmp_path).describe()
    assert key.secret.hex() not in shown
    assert repr(key.secret) not in shown
    assert "canary" not in shown


def test_a_dictionary_of_known_prompts_finds_nothing(tmp_path):
    prompts = [b"Hello!", b"What is the capital of France?", b'{"role":"user","content":"Hi"}', b""]
    written = {Hasher(None, tmp_path).hash(prompt) for prompt in prompts}
    guesses = {
        digest[start : start + 16]
        for prompt in prompts
        for digest in (
            hashlib.blake2b(prompt).hexdigest(),
            hashlib.blake2b(prompt, digest_size=8).hexdigest(),
            hashlib.blake2b(prompt, digest_size=8, person=b"llm_observer").hexdigest(),
            hashlib.blake2b(prompt, digest_size=8, key=b"llm_observer").hexdigest(),
            hashlib.sha256(prompt).hexdigest(),
            hashlib.sha1(prompt).hexdigest(),
            hashlib.md5(prompt).hexdigest(),
        )
        for start in range(len(digest) - 15)
    }
    assert not written & guesses


@given(st.binary(max_size=5000), st.integers(0, 20), st.integers(0, 20))
def test_a_slice_hashes_like_a_copy(data, before, after):
    hasher = Hasher("key", None)
    whole = memoryview(b"<" * before + data + b">" * after)
    assert hasher.hash(whole[before : before + len(data)]) == hasher.hash(data)


@given(st.text(st.characters(), min_size=1))
def test_any_text_is_a_key(text):
    assert load_key(text, None).scope == "configured"
