"""Which value of a setting holds, where it came from, and what happens to wrong ones."""

import logging
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer import log
from llm_observer._settings import SDK_NAMES
from llm_observer.capture.targets import TARGETS
from llm_observer.config import SETTINGS, Config, load, masked

FIELDS = {*Config._fields} - {"sources", "warnings"}
SEND = {"enabled": True, "endpoint": "https://t.example/v1", "api_key": "k-123"}


@pytest.fixture
def settings(tmp_path):
    def of(arguments=None, environ=None, toml=None, name="llm_observer.toml"):
        if toml is not None:
            (tmp_path / name).write_text(toml)
        return load(arguments or {}, environ=environ or {}, cwd=tmp_path)

    return of


@pytest.fixture(autouse=True)
def _fresh_log():
    log._first.clear()


def test_every_field_is_a_row_of_the_table_with_a_line_of_text():
    assert {name for name, setting in SETTINGS.items() if setting.text.endswith(".")} == FIELDS


def test_without_anything_set_the_defaults_hold(settings, tmp_path):
    config = settings(environ={"HOME": str(tmp_path)})
    assert config.enabled is None
    assert config.warnings == ()
    assert set(config.sources.values()) == {"default"}
    assert (config.file_max_bytes, config.file_backups, config.content_max_bytes) == (64 << 20, 5, 2048)
    assert (config.exit_timeout_s, config.max_queue) == (2.0, 10_000)
    assert (config.max_exchange_bytes, config.max_total_bytes) == (8 << 20, 24 << 20)


@pytest.mark.parametrize(
    ("arguments", "environ", "toml", "expected"),
    [
        ({"summary": False}, {"LLM_OBSERVER_SUMMARY": "1"}, "summary = true", (False, "argument")),
        ({}, {"LLM_OBSERVER_SUMMARY": "1"}, "summary = false", (True, "environment LLM_OBSERVER_SUMMARY")),
        ({"summary": None}, {}, "summary = true", (True, "file {}")),
        ({}, {"LLM_OBSERVER_SUMMARY": ""}, "", (False, "default")),
        ({"summary": "maybe"}, {"LLM_OBSERVER_SUMMARY": "x"}, "summary = true", (True, "file {}")),
    ],
    ids=["argument", "environment", "file", "default", "wrong ones fall through"],
)
def test_the_nearest_good_value_holds(settings, tmp_path, arguments, environ, toml, expected):
    config = settings(arguments, environ, toml)
    place = tmp_path / "llm_observer.toml"
    assert (config.summary, config.sources["summary"]) == (expected[0], expected[1].format(place))


@pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
def test_words_that_mean_yes(settings, word):
    assert settings(environ={"LLM_OBSERVER_DEBUG": word}).debug is True


@pytest.mark.parametrize("word", ["0", "false", "No", "off"])
def test_words_that_mean_no(settings, word):
    assert settings({"debug": word}).debug is False


def test_zero_in_the_environment_turns_off_whatever_arguments_say(settings):
    config = settings({"enabled": True}, {"LLM_OBSERVER_ENABLED": "0"})
    assert (config.enabled, config.sources["enabled"]) == (False, "environment LLM_OBSERVER_ENABLED")


def test_an_argument_may_turn_off_what_the_environment_turned_on(settings):
    assert settings({"enabled": False}, {"LLM_OBSERVER_ENABLED": "1"}).enabled is False


@pytest.mark.parametrize("word", ["1", "true", "yes", "please"])
def test_do_not_track_beats_arguments(settings, word):
    config = settings({**SEND, "do_not_track": False}, {"DO_NOT_TRACK": word})
    assert config.send_blocked_because == "DO_NOT_TRACK is set"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"enabled": None}, "LLM_OBSERVER_ENABLED is not 1"),
        ({"enabled": False}, "LLM_OBSERVER_ENABLED is not 1"),
        ({"endpoint": None}, "no endpoint is set"),
        ({"api_key": None}, "no api_key is set"),
        ({"do_not_track": True}, "DO_NOT_TRACK is set"),
        ({"endpoint": "http://t.example"}, "the endpoint is neither https nor on this machine"),
        ({"endpoint": "http://localhost.evil.example"}, "the endpoint is neither https nor on this machine"),
        ({"endpoint": "http://127.0.0.1:8080/v1"}, None),
        ({"endpoint": "http://[::1]:8080/v1"}, None),
        ({"endpoint": "http://localhost:8080"}, None),
    ],
    ids=str,
)
def test_sending_needs_permission_address_key_and_a_private_way(settings, change, reason):
    config = settings({**SEND, **change})
    assert (config.send_blocked_because, config.may_send) == (reason, reason is None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_queue", "0"),
        ("max_queue", "many"),
        ("max_queue", True),
        ("max_queue", "9" * 5000),
        pytest.param("max_queue", 10**5000, id="max_queue-huge"),
        ("exit_timeout_s", "nan"),
        ("exit_timeout_s", 10**400),
        ("exit_timeout_s", -1),
        ("endpoint", "ftp://x"),
        ("endpoint", "https://[::1"),
        ("endpoint", "https://u:p@h.example"),
        ("endpoint", "https://h.example:99999"),
        ("api_key", "two\nlines"),
        ("service_name", "a\nb"),
        ("service_name", "\udcff"),
        ("service_name", 5),
        ("file", "a\0b"),
        ("file", True),
        ("providers", 5),
        ("providers", b"openai"),
        ("prices", {"m": 3}),
        ("prices", {"m": {"input": -1}}),
        ("prices", {"m": {"input": float("inf")}}),
        ("prices", {"m": {"inptu": 1}}),
        ("prices", {"m": {"output": 1}}),
        ("prices", {"m": {"input": 1, "tiers": {"flex": {"inptu": 1}}}}),
        ("discount", 2),
        pytest.param("discount", 10**5000, id="discount-huge"),
        ("discount", "1e-999999999"),
        ("discount", {"*": "half"}),
        ("deployments", {"a": 1}),
        ("hash_key", 5),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_wrong_argument_is_named_once_and_the_default_holds(settings, name, value):
    config = settings({name: value})
    assert getattr(config, name) == getattr(Config(), name)
    assert [w.startswith(f"argument {name}") for w in config.warnings] == [True]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("providers", "openai, anthropic,", ("openai", "anthropic")),
        ("providers", ["openai"], ("openai",)),
        ("discount", 0.1, 0.1),
        ("discount", "0.10", "0.10"),
        ("discount", {"openai/*": "0.1"}, {"openai/*": "0.1"}),
        ("prices", {"m": {"input": 1, "output": "4"}}, {"m": {"input": 1, "output": "4"}}),
        ("deployments", {"prod": "gpt-5"}, {"prod": "gpt-5"}),
        ("file_backups", "3", 3),
        ("exit_timeout_s", "0.5", 0.5),
    ],
    ids=str,
)
def test_values_are_read_into_their_types(settings, name, given, expected):
    config = settings({name: given})
    assert (getattr(config, name), config.warnings) == (expected, ())


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ({"m": {"inptu": 1}}, "m.inptu is no kind of price; known are input, output, cache_read"),
        ({"m": {"output": 1}}, "m.input is missing"),
        ({"m": {"input": -1}}, "m.input takes US dollars, a number from 0 up, not -1"),
    ],
    ids=["kind", "missing", "negative"],
)
def test_a_wrong_price_is_named_by_its_key(settings, prices, reason):
    (warning,) = settings({"prices": prices}).warnings
    assert warning.startswith(f"argument prices is not taken: {reason}")


def test_the_service_name_falls_back_to_opentelemetrys(settings):
    otel = {"OTEL_SERVICE_NAME": "otel"}
    assert settings(environ=otel).service_name == "otel"
    assert settings(environ={**otel, "LLM_OBSERVER_SERVICE_NAME": "ours"}).service_name == "ours"


def test_relative_paths_become_absolute(settings, tmp_path):
    assert settings({"file": Path("logs/e.jsonl")}).file == str(tmp_path / "logs/e.jsonl")


@pytest.mark.parametrize(
    ("arguments", "environ", "toml", "warning"),
    [
        ({"sumary": True}, {}, None, "unknown argument sumary; did you mean summary?"),
        (
            {},
            {"LLM_OBSERVER_SUMARY": "1"},
            None,
            "unknown environment variable LLM_OBSERVER_SUMARY; did you mean LLM_OBSERVER_SUMMARY?",
        ),
        ({}, {"LLM_OBSERVER_ZZZ": "1"}, None, "unknown environment variable LLM_OBSERVER_ZZZ"),
        ({}, {}, "sumary = true", "unknown setting in {}: sumary; did you mean summary?"),
    ],
    ids=["argument", "environment", "nothing near", "file"],
)
def test_an_unknown_name_is_told_with_the_nearest_known_one(
    settings, tmp_path, arguments, environ, toml, warning
):
    found = settings(arguments, environ, toml).warnings
    assert found == (warning.format(tmp_path / "llm_observer.toml"),)


def test_the_names_of_sdks_are_those_of_the_targets():
    assert frozenset(target.sdk for target in TARGETS) == SDK_NAMES


@pytest.mark.parametrize(
    ("named", "taken", "warnings"),
    [
        ("OpenAI", ("openai",), []),
        ("opnai, Anthropic", ("anthropic",), ["unknown SDK in providers: opnai; did you mean openai?"]),
        (
            "azure",
            None,
            ["unknown SDK in providers: azure", "providers has no SDK that is known, so that all are"],
        ),
    ],
    ids=["another case", "one of two", "none"],
)
def test_the_sdks_that_there_are_count_and_others_are_told(settings, named, taken, warnings):
    config = settings(environ={"LLM_OBSERVER_PROVIDERS": named})
    assert config.providers == taken
    assert [told.startswith(warning) for told, warning in zip(config.warnings, warnings, strict=True)] == [
        True for _ in warnings
    ]
    assert (config.sources["providers"] == "default") is (taken is None)


def test_warnings_are_logged_once_and_hold_no_secret(settings, caplog):
    environ = {
        "LLM_OBSERVER_ENDPOINT": "ftp://u:canary1@x.example/?k=canary2",
        "LLM_OBSERVER_API_KEY": "canary 3",
        "LLM_OBSERVER_MAX_QUEUE": "sk-canary4-canary4-canary4",
        "LLM_OBSERVER_HASH_KEY": "canary5",
    }
    with caplog.at_level(logging.DEBUG):
        config = settings(environ=environ)
        settings(environ=environ)
    assert len(config.warnings) == len(caplog.records) == 4
    assert "canary" not in caplog.text + "".join(config.warnings) + repr(config)


def test_a_short_hash_key_is_taken_with_a_warning(settings):
    config = settings({"hash_key": "abc"})
    assert config.hash_key == "abc"
    assert "fewer than 16" in config.warnings[0]


@pytest.mark.parametrize(
    ("secret", "shown"), [(None, "not set"), ("short", "****"), ("sk-" + "x" * 20 + "abcd", "****abcd")]
)
def test_a_secret_is_shown_masked(secret, shown):
    assert masked(secret) == shown


def test_the_config_cannot_be_changed(settings):
    with pytest.raises(AttributeError):
        settings().summary = True


def test_the_same_settings_are_equal(settings):
    assert settings({"summary": True}) == settings({"summary": True})
    assert settings({"summary": True}) != settings({"summary": False})


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {"HOME": "/h"}, "/h/.local/state/llm_observer"),
        ("linux", {"HOME": "/h", "XDG_STATE_HOME": "/x"}, "/x/llm_observer"),
        ("linux", {"HOME": "/h", "XDG_STATE_HOME": "relative"}, "/h/.local/state/llm_observer"),
        ("linux", {"HOME": "~"}, None),
        ("darwin", {"HOME": "/h"}, "/h/Library/Application Support/llm_observer"),
        ("win32", {"HOME": "/h", "LOCALAPPDATA": "/l"}, "/l/llm_observer"),
        ("win32", {"HOME": "/h"}, "/h/AppData/Local/llm_observer"),
        ("linux", {"HOME": "/h", "LLM_OBSERVER_STATE_DIR": "/s"}, "/s"),
    ],
    ids=str,
)
def test_the_state_folder_is_the_platforms(settings, monkeypatch, platform, environ, expected):
    monkeypatch.setattr("sys.platform", platform)
    assert settings(environ=environ).state_dir == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(), VALUES, max_size=5),
    st.dictionaries(
        st.sampled_from([v for n, s in SETTINGS.items() for v in s.variables(n)]), st.text(), max_size=5
    ),
)
def test_no_values_whatever_make_it_raise(arguments, environ):
    config = load(arguments, environ=environ, cwd="/nowhere")
    assert isinstance(config, Config)
    msgspec.json.encode({name: str(getattr(config, name)) for name in ("service_name", "environment")})
