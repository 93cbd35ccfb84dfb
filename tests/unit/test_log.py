"""The library's own log: quiet, scrubbed, once per kind, and never the source of an exception."""

import logging
import subprocess
import sys
import threading

import pytest

from llm_observer import log
from llm_observer.decoded import Segment

PROMPT = "canary of a prompt"
KEY = "sk-ant-api03-canarycanarycanary"


@pytest.fixture(autouse=True)
def fresh():
    log._first.clear()
    log._suppressed.clear()


def fault_of_ours(text):
    """An exception whose last frame of ours is in log.py, with *text* in its message."""
    try:
        log._our_line(text)
    except AttributeError as exc:
        exc.args = (text,)
        return exc


def test_a_kind_is_logged_once_and_then_counted(caplog):
    for number in range(3):
        log.once("full", "the queue is full: %d", number)
    assert caplog.messages == ["the queue is full: 0"]
    assert log.suppressed() == {"full": 2}


def test_racing_threads_log_one_line(caplog):
    start = threading.Barrier(8)

    def run():
        start.wait()
        log.once("race", "one line")

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert caplog.messages == ["one line"]


def test_the_number_of_kinds_is_bounded(caplog):
    for number in range(2 * log.MAX_KINDS):
        log.once(f"kind {number}", "line")
    assert len(log._first) == log.MAX_KINDS + 1
    assert caplog.messages[-1] == f"more than {log.MAX_KINDS} kinds of trouble: the rest is counted only"


def test_a_fault_is_its_step_class_and_our_line(caplog):
    log.fault("decode", fault_of_ours(PROMPT))
    (message,) = caplog.messages
    assert message.startswith("a fault of our own in decode was caught: AttributeError at log.py:")
    assert caplog.records[0].exc_info is None


def test_a_fault_without_a_line_of_ours_is_unknown(caplog):
    log.fault("exit", ValueError(PROMPT))
    assert caplog.messages == ["a fault of our own in exit was caught: ValueError at unknown"]


class Talkative:
    def __str__(self):
        raise RuntimeError(PROMPT)

    __repr__ = __str__


@pytest.mark.parametrize(
    "argument",
    [ValueError(PROMPT), {"text": PROMPT}, [PROMPT], PROMPT.encode(), Talkative(), Segment("p", "k", b"x")],
    ids=lambda value: type(value).__name__,
)
def test_of_an_object_only_the_class_is_named(caplog, argument):
    log.once("object", "got %s", argument)
    assert caplog.messages == [f"got {type(argument).__name__}"]


@pytest.mark.parametrize(
    ("message", "args"),
    [("%d", ("x",)), ("%s %s", (1,)), ("%", (1,)), ("no place", (1,)), ("\udcff %s", ("\udcff",))],
    ids=["wrong type", "too few", "no verb", "too many", "surrogate"],
)
def test_a_message_that_does_not_fit_is_still_a_line(caplog, message, args):
    log.once("misfit", message, *args)
    assert len(caplog.records) == 1


def test_secrets_are_scrubbed_and_a_line_stays_a_line(caplog):
    log.once("secret", "key %s of %s\nlevel=error", KEY, "ada@example.org")
    assert caplog.messages == ["key <secret> of <email> level=error"]


def test_exception_text_never_reaches_a_handler(caplog):
    try:
        int(PROMPT)
    except ValueError:
        log.logger.exception("it broke", stack_info=True)
    assert caplog.records[0].getMessage() == "it broke"
    assert PROMPT not in caplog.text


def test_a_long_line_is_cut(caplog):
    log.once("long", "x " * 100_000)
    assert len(caplog.messages[0]) == log.MAX_LINE


class Broken(logging.Handler):
    def emit(self, record):
        raise RuntimeError("the app's handler is broken")


def test_a_broken_handler_of_the_app_does_not_reach_the_app():
    broken = Broken()
    log.logger.addHandler(broken)
    try:
        log.once("broken", "line")
        log.fault("step", ValueError())
    finally:
        log.logger.removeHandler(broken)


def test_debug_is_off_by_default(capsys, caplog):
    log.configure(debug=False)
    log.debug("nothing", a=1)
    assert (capsys.readouterr().err, caplog.messages) == ("", [])


def test_debug_writes_key_value_lines_to_stderr_once(capsys):
    root = Broken()
    logging.getLogger().addHandler(root)
    try:
        log.configure(debug=True)
        log.configure(debug=True)
        log.debug("hash key", scope="process", tries=2, key=KEY, text='a "b"', what={"p": PROMPT})
        log.once("full", "the queue is full")
    finally:
        logging.getLogger().removeHandler(root)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith(
        ' level=debug logger=llm_observer event="hash key" scope=process tries=2 key=<secret>'
        ' text="a \\"b\\"" what=dict'
    )
    assert second.endswith(' level=warning logger=llm_observer event="the queue is full"')


def test_debug_is_undone():
    log.configure(debug=True)
    log.configure(debug=False)
    assert (log.logger.handlers, log.logger.level, log.logger.propagate) == ([], logging.NOTSET, True)


@pytest.mark.parametrize("stream", ["None", "open('/dev/full', 'w')", "closed"])
def test_no_usable_stderr_is_no_trouble(stream):
    code = f"""
import sys
from llm_observer import log
closed = open('/dev/null', 'w'); closed.close()
sys.stderr = {stream}
log.configure(debug=True)
log.once('k', 'line'); log.debug('line')
log.configure(debug=False)
log.once('k2', 'line')
sys.stderr = None
print('alive')
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "alive\n"


def test_a_warning_reaches_stderr_where_the_app_has_no_logging():
    code = f"from llm_observer import log; log.once('k', 'the key %s is wrong', '{KEY}')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "the key <secret> is wrong\n"
