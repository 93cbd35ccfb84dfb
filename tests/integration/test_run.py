"""Does an app under `llm-observer run` do what it does without, to the byte, and are its calls seen?"""

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import pytest

from integration.exchanges import plain
from integration.loopback import Loopback

TESTS = Path(__file__).parents[1]
APPS = Path(__file__).parent / "apps"
LOOKING, CALLING = str(APPS / "run_looking.py"), str(APPS / "run_calling.py")
SCRIPTS = Path(sys.executable).parent
RUN = (sys.executable, "-m", "llm_observer", "run")
PATIENCE_S = 60
pytestmark = pytest.mark.skipif(os.name == "nt", reason="a program gives way to another one on POSIX only")


def needs(*packages):
    missing = [name for name in packages if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


installed = pytest.mark.skipif(
    "PYTHONPATH" in os.environ, reason="llm_observer may be found by PYTHONPATH only"
)


class Ended(NamedTuple):
    """How a process ended, and what it wrote."""

    code: int
    out: str
    err: str


def ended(process, stdin=None):
    """*process*, after it ended; addresses in memory are its own."""
    texts = process.communicate(stdin, timeout=PATIENCE_S)
    return Ended(process.returncode, *(re.sub(r"0x[0-9a-f]+", "0x", text) for text in texts))


class World(NamedTuple):
    """A folder to work in, a provider, and the environment of the processes."""

    folder: Path
    provider: Loopback
    env: dict[str, str]

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        return path

    def start(self, words, pass_fds=(), **env):
        """*words*, running in the folder, with pipes."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        whole = {name: value for name, value in {**self.env, **env}.items() if value is not None}
        return subprocess.Popen(words, cwd=self.folder, env=whole, text=True, pass_fds=pass_fds, **pipes)

    def end(self, words, stdin="", **env):
        process = self.start(words, **env)
        return ended(process, stdin)

    def python(self, *words, **options):
        return self.end((sys.executable, *words), **options)

    def run(self, *words, **options):
        return self.end((*RUN, *words), **options)

    def left_over(self):
        return sorted(path.name for path in Path(self.env["TMPDIR"]).iterdir())


@pytest.fixture
def world(tmp_path):
    env = {
        "PATH": f"{SCRIPTS}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "LANG": "C.UTF-8",
        "LLM_OBSERVER_EXIT_TIMEOUT_S": "30",  # a machine that is busy with other tests takes its time
    }
    (tmp_path / "tmp").mkdir()
    (tmp_path / "app").mkdir()
    ids = itertools.count()
    with Loopback(lambda _: plain("openai", id=f"chatcmpl-{next(ids)}")) as provider:
        yield World(tmp_path / "app", provider, {**env, "PROVIDER": provider.url})


def calls_in(text):
    """Of a summary in JSON, which is the last line."""
    return json.loads(text.splitlines()[-1])["totals"]["calls"]


# The same app, with and without


RAISING = """
def inner(): {}[0]
def outer():
    try: inner()
    except KeyError as exc: raise ValueError("own words") from exc
def closed():
    import sys; sys.stderr.close(); sys.exit(4)
def failing_at_exit():
    import atexit; atexit.register(outer)
def other_hook():
    import sys; sys.excepthook = lambda *_: print("hooked"); outer()
def group(): raise ExceptionGroup("both", [ValueError(1), TypeError(2)])
"""
ENDS = {
    "falls off": "",
    "exit 0": "import sys; sys.exit(0)",
    "exit 3": "import sys; sys.exit(3)",
    "exit -1": "import sys; sys.exit(-1)",
    "exit None": "import sys; sys.exit(None)",
    "exit text": "import sys; sys.exit('no way')",
    "exit object": "import sys; sys.exit((1, 2))",
    "os._exit": "import os; os._exit(7)",
    "raise": "outer()",
    "raise a group": "group()",
    "syntax": "def",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "SIGTERM to itself": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "SIGINT to itself": "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
    "thread": "import threading; t = threading.Thread(target=outer, name='T'); t.start(); t.join()",
    "stderr closed": "closed()",
    "atexit": "failing_at_exit()",
    "excepthook": "other_hook()",
    "warns": "import warnings; warnings.warn('mine')",
    "no SDK": "import openai_that_is_nowhere",
}


@pytest.mark.parametrize("code", ENDS.values(), ids=list(ENDS))
def test_every_way_to_end_is_the_same(world, code):
    world.write("app.py", RAISING + code)
    assert world.python("app.py") == world.run("app.py")


@pytest.mark.parametrize("name", ["exit text", "raise", "SIGTERM to itself", "atexit"])
def test_with_children_too(world, name):
    world.write("app.py", RAISING + ENDS[name])
    assert world.python("app.py") == world.run("--children", "app.py")


def package(world):
    world.write("pack/__init__.py", "print(__name__)")
    world.write("pack/__main__.py", Path(LOOKING).read_text())


def archive(world):
    with zipfile.ZipFile(world.folder / "app.pyz", "w") as opened:
        opened.writestr("__main__.py", "import sys; print(__name__, __file__, sys.argv, sys.path[0]); 1/0")


STARTS = {
    "script": (LOOKING, "--json", "-m", "--", "x"),
    "relative": ("./here.py", "a b", ""),
    "without a suffix": ("noext", "1"),
    "module": ("-m", "pack.__main__", "--children"),
    "package": ("-m", "pack", "--file", "x"),
    "bundled": ("-mpack", "-q"),
    "module of the library": ("-m", "json.tool", "--sort-keys"),
    "module that is not there": ("-m", "nowhere"),
    "code": ("-c", "import sys; print(sys.argv, sys.path[0], __name__, repr(sys.stdin.read())); 1/0", "-x"),
    "bundled code": ("-cprint(1)",),
    "folder": ("pack/", "x"),
    "folder without main": ("empty/",),
    "zip": ("app.pyz", "y"),
    "standard input": ("-", "z"),
    "script that is not there": ("nowhere.py",),
    "flags": ("-X", "dev", "-W", "error", "-O", "-u", "here.py"),
    "version": ("-V",),
}


@pytest.mark.parametrize("words", STARTS.values(), ids=list(STARTS))
def test_an_app_sees_nothing_of_us(world, words):
    package(world)
    archive(world)
    world.write("here.py", Path(LOOKING).read_text())
    world.write("noext", "import sys; print(sys.argv, __file__)")
    (world.folder / "empty").mkdir()
    stdin = '{"b": 1, "a": 2}' if "json.tool" in words else "print(__name__)\n"
    assert world.python(*words, stdin=stdin) == world.run(*words, stdin=stdin)


def test_two_dashes_before_the_command_are_ours_and_later_ones_its_own(world):
    code = ("-c", "import sys; print(sys.argv)", "--", "--json", "--")
    assert world.run("--", *code) == world.run(*code) == world.python(*code)


@installed
@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONPATH": None},
        {"PYTHONPATH": ""},
        {"PYTHONPATH": "a:b"},
        {"LANG": None},
        {"PYTHONSAFEPATH": "1"},
    ],
    ids=["no path", "empty path", "path", "C locale", "safe path"],
)
def test_the_environment_is_the_same(world, env):
    assert world.python(LOOKING, **env) == world.run(LOOKING, **env)


CUSTOM = {
    "prints": "import sys; print('own', sys.path[0] == sys.argv[0], __file__)",
    "raises": "1/0",
    "lacks a module": "import nowhere_at_all",
}


@pytest.mark.parametrize("custom", CUSTOM.values(), ids=list(CUSTOM))
@installed
@pytest.mark.parametrize("name", ["sitecustomize", "usercustomize"])
def test_the_apps_own_customizations_run_as_ever(world, name, custom):
    world.write(f"custom/{name}.py", custom)
    env = {"PYTHONPATH": f"{world.folder / 'custom'}{os.pathsep}{world.env['PYTHONPATH']}"}
    code = "import sys; print('main', sys.modules.get('sitecustomize'))"
    launcher = (sys.executable, "-Es", *RUN[1:])  # it is Python too, and would run them as well
    assert world.python("-c", code, **env) == world.end((*launcher, "--children", "-c", code), **env)


def test_a_terminal_is_a_terminal(world):
    assert on_terminal(world, (sys.executable, "-i", "-q")) == on_terminal(world, (*RUN, "-i", "-q"))


def on_terminal(world, words):
    """What a person would see who types a line, an end of line inside a block, and Ctrl+D."""
    import pty

    ours, theirs = pty.openpty()
    env = {**world.env, "TERM": "dumb", "PYTHON_BASIC_REPL": "1"}
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=world.folder)
    os.close(theirs)
    os.write(ours, b"import sys; print(sys.stdin.isatty(), sys.argv)\nexit(3)\n")
    seen = b""
    with suppress(OSError):  # how Linux says that the other end is closed
        while more := os.read(ours, 4096):
            seen += more
    os.close(ours)
    return process.wait(PATIENCE_S), seen.replace(b">>> ", b"").splitlines()[-2:]


# Signals


WAITING = """
import signal, sys
{handling}
try:
    exec("print('ready', flush=True); signal.pause()")  # on one line: a signal may come between the two
finally:
    print("finally", flush=True)
"""
HANDLING = {
    "none": "",
    "default": "signal.signal(signal.SIGINT, signal.SIG_DFL)",
    "own": "[signal.signal(number, lambda *_: sys.exit(5)) for number in (1, 2, 15)]",
}


def signalled(world, words, number):
    process = world.start(words)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    return ended(process)


@pytest.mark.parametrize("handling", HANDLING.values(), ids=list(HANDLING))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signals_reach_the_app_itself(world, handling, number):
    world.write("app.py", WAITING.format(handling=handling))
    options = ("--children",) if handling else ()
    without = signalled(world, (sys.executable, "app.py"), number)
    assert without == signalled(world, (*RUN, *options, "app.py"), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("trap", ["", "trap 'exit 6' INT TERM HUP USR1;"], ids=["none", "own"])
def test_a_program_that_is_not_python_gets_signals_and_its_end_is_ours(world, number, trap):
    script = ("bash", "-c", f"{trap} echo ready; while :; do read -t 0.1 <> <(:); done")
    without = signalled(world, script, number)
    assert without.code in {-number, 6}
    done = signalled(world, (*RUN, "--no-summary", *script), number)
    assert without == done


def test_ctrl_c_after_a_call_ends_as_ever_after_the_summary(world):
    code = "from integration.apps.run_calling import call; call(); raise KeyboardInterrupt"
    done = world.run("--json", "-c", code)
    assert done.code == -signal.SIGINT == world.python("-c", code).code
    assert calls_in(done.err) == 1


STOPPING = """
import os, signal
from integration.apps.run_calling import call
def stop(number, frame):
    call()
    os.write(1, b"stopped\\n")  # it may come while the other line is being printed
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
signal.signal(signal.SIGTERM, stop)
call()
exec("print('ready', flush=True); signal.pause()")
"""


def test_an_app_that_dies_of_a_signal_that_it_raises_again_is_summed_up(world):
    world.write("app.py", STOPPING)
    without = signalled(world, (sys.executable, "app.py"), signal.SIGTERM)
    done = signalled(world, (*RUN, "--json", "app.py"), signal.SIGTERM)
    assert done[:2] == without[:2] == (-signal.SIGTERM, "stopped\n")
    assert (calls_in(done.err), world.left_over()) == (2, [])


def test_a_child_that_dies_of_a_signal_that_it_raises_again_writes_its_last_call(world):
    world.write("app.py", STOPPING)
    script = f"trap 'kill -TERM $!; wait $!; exit 3' TERM; {sys.executable} app.py & wait $!"
    done = signalled(world, (*RUN, "--json", "bash", "-c", script), signal.SIGTERM)
    assert (done.code, done.out, calls_in(done.err)) == (3, "stopped\n", 2)


def test_a_signal_that_an_app_handles_or_blocks_ends_nothing(world):
    code = """
import signal
from integration.apps.run_calling import call
call()
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
signal.raise_signal(signal.SIGTERM)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
signal.raise_signal(signal.SIGTERM)
call()
"""
    done = world.run("--json", "-c", code)
    assert (done.code, done.out, calls_in(done.err)) == (0, "handled\n", 2)


# Programs


def test_a_program_of_this_python_runs_in_its_place(world):
    world.write(
        "test_app.py", "import sys\ndef test_it(): assert sys.argv[1:] == ['-q', '-p', 'no:cacheprovider']"
    )
    words = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", "test_app.py")
    without, done = world.end((str(SCRIPTS / "pytest"), *words)), world.run("pytest", *words)
    assert (without.code, without.err) == (done.code, done.err) == (1, "")
    assert done.out.partition(" in ")[0] == without.out.partition(" in ")[0]


def test_calls_in_tests_are_summed_up(world):
    world.write("test_app.py", "from integration.apps.run_calling import call\ndef test_it(): call(3)")
    done = world.run("--json", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py")
    assert (done.code, calls_in(done.err)) == (0, 3), done


HEADS = {
    "interpreter": f"#!{sys.executable}\n",
    "env": "#!/usr/bin/env python3\n",
    "env with flags": "#!/usr/bin/env -S python3 -u\n",
    "long path": f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=list(HEADS))
def test_a_script_on_the_path_is_python_by_its_first_line(world, head):
    path = world.write("bin/my-tool", f"{head}import os, sys; print(sys.argv, os.getppid()); sys.exit(3)")
    path.chmod(0o755)
    env = {"PATH": f"{path.parent}{os.pathsep}{world.env['PATH']}"}
    without, done = world.end((str(path), "a"), **env), world.run("my-tool", "a", **env)
    assert without == done == (3, f"[{str(path)!r}, 'a'] {os.getpid()}\n", "")


def test_a_program_that_is_not_python_has_its_python_children_observed(world):
    script = f"{sys.executable} {CALLING} alone 2 && echo done; exit 3"
    done = world.run("--json", "bash", "-c", script)
    assert (done.code, done.out, calls_in(done.err)) == (3, "done\n", 2)
    assert world.left_over() == []


def test_a_program_without_calls_says_so(world):
    done = world.run("bash", "-c", "exit 4")
    assert done == (4, "", "llm-observer: no calls by Python processes that bash started\n")


REFUSED = {
    "nothing": ((), 2, "Missing argument"),
    "unknown option": (("--childs", "app.py"), 2, "No such option"),
    "not found": (("no-such-program",), 127, "no-such-program: command not found: "),
    "not found, a path": (("./no-such-program",), 127, "command not found"),
    "isolated": (("-I", "-c", "1"), 2, "leave -I out"),
    "no site": (("-uS", "app.py"), 2, "leave -S out"),
    "isolated python": ((sys.executable, "-E", "-c", "1"), 2, "leave -E out"),
    "cannot be executed": (("./broken",), 126, "broken: "),
}


@pytest.mark.parametrize(("words", "code", "text"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_started_is_told_with_what_to_do(world, words, code, text):
    world.write("broken", "#!/no/such/interpreter\n").chmod(0o755)
    done = world.run(*words)
    assert (done.code, done.out) == (code, "")
    assert text in done.err
    assert "Traceback" not in done.err


def test_options_of_python_end_where_its_script_begins(world):
    assert world.run("-W", "ignore", "-c", "import sys; print(sys.argv)", "-I") == (0, "['-c', '-I']\n", "")


# Calls


def test_calls_of_an_app_that_knows_nothing_of_us_are_summed_up(world):
    done = world.run(CALLING, "alone", "3")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("3 calls")
    assert "gpt-4o-mini" in done.err
    assert world.left_over() == []


def test_a_traceback_comes_before_the_summary_and_has_no_frame_of_ours(world):
    without, done = world.python(CALLING, "fails", "1"), world.run(CALLING, "fails", "1")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"{without.err}1 call")


def test_calls_that_an_app_makes_at_its_end_are_in(world):
    assert calls_in(world.run("--json", CALLING, "at_exit", "2").err) == 4


CHILDREN = {"spawn": 3, "fork": 3, "executor": 3, "tree": 6}


@pytest.mark.parametrize(("how", "calls"), CHILDREN.items(), ids=list(CHILDREN))
def test_calls_of_children_are_merged_into_one_summary(world, how, calls):
    file = world.folder / "events.jsonl"
    done = world.run("--children", "--json", "--file", str(file), CALLING, how, "3")
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert (done.code, done.out, len(events)) == (0, "", calls)
    assert len(done.err.splitlines()) == 1, done.err
    totals = json.loads(done.err)["totals"]
    assert (totals["calls"], totals["tokens"]["input_total"]) == (calls, 12 * calls)
    assert world.left_over() == []


def test_a_child_is_not_observed_without_children(world):
    assert calls_in(world.run("--json", CALLING, "program", "2").err) == 0
    assert len(world.provider.requests) == 2


def test_the_folder_of_children_is_private(world):
    code = f"""
import os, stat, subprocess, sys
subprocess.run([sys.executable, {CALLING!r}, "alone", "1"])
folder, = os.scandir(os.environ["TMPDIR"])
print(*(oct(stat.S_IMODE(one.stat().st_mode)) for one in (folder, *os.scandir(folder))))
"""
    assert world.run("--children", "-c", code).out == "0o700 0o600\n"
    assert world.left_over() == []


def test_a_half_line_of_a_child_that_was_killed_costs_no_other(world):
    code = f"""
import os, subprocess, sys
subprocess.run([sys.executable, {CALLING!r}, "alone", "2"])
folder, = os.scandir(os.environ["TMPDIR"])
file, = os.scandir(folder)
open(os.path.join(folder.path, "1.jsonl"), "wb").write(open(file.path, "rb").read()[:-20])
"""
    done = world.run("--children", "--json", "-c", code)
    assert (done.code, calls_in(done.err)) == (0, 3)


def test_no_summary_leaves_only_the_events(world):
    done = world.run(
        "--no-summary", "--file", "events.jsonl", CALLING, "alone", "2", LLM_OBSERVER_SUMMARY="1"
    )
    assert done == (0, "", "")
    assert len((world.folder / "events.jsonl").read_text().splitlines()) == 2


def test_the_summary_goes_into_a_file(world):
    done = world.run("--to", "sum.json", "--json", "-c", "import os; os.chdir('/')")
    assert done == (0, "", "")
    assert calls_in((world.folder / "sum.json").read_text()) == 0


def test_a_summary_that_could_not_be_written_is_wrong_usage_before_the_app_starts(world):
    done = world.run("--to", "none/sum.json", "-c", "print('started')")
    assert (done.code, done.out) == (2, "")
    assert f"{world.folder}/none is no folder: make it first" in done.err


def test_relative_paths_of_settings_are_those_of_the_folder_that_run_is_started_in(world):
    app = "import os; os.mkdir('sub'); os.chdir('sub'); from integration.apps.run_calling import call; call()"
    done = world.run("-c", app, LLM_OBSERVER_FILE="logs/events.jsonl", LLM_OBSERVER_STATE_DIR="state")
    assert done.code == 0, done.err
    assert sorted(path.name for path in world.folder.iterdir()) == ["logs", "state", "sub"]
    assert list((world.folder / "sub").iterdir()) == []


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_an_app_starts_where_a_standard_stream_is_closed(world, closed):
    shell = ("sh", "-c", f'exec "$@" {closed}', "sh")
    done = world.end((*shell, *RUN, "--to", "sum.txt", CALLING, "alone", "1"))
    assert done == (0, "", "")
    assert "1 call" in (world.folder / "sum.txt").read_text()


def test_an_app_that_asks_for_a_summary_itself_gets_one(world):
    code = "import llm_observer; llm_observer.patch(summary=True)"
    done = world.run("-c", f"{code}; from integration.apps.run_calling import call; call()")
    assert done.err.count("1 call ·") == 1


def test_the_library_turned_off_is_off(world):
    assert world.run(CALLING, "alone", "1", LLM_OBSERVER_ENABLED="0") == (0, "", "")


def test_gevent_patches_first(world):
    pytest.importorskip("gevent")
    code = """
import sys
assert not {"threading", "ssl", "socket"} & set(sys.modules), sorted(sys.modules)
from gevent import monkey; monkey.patch_all()
import gevent
from integration.apps.run_calling import call
gevent.joinall([gevent.spawn(call) for _ in range(4)], raise_error=True)
"""
    done = world.run("--json", "-W", "error", "-c", code)
    assert (done.code, calls_in(done.err), len(done.err.splitlines())) == (0, 4, 1), done.err


# Fail open


BROKEN = {
    "raises": "raise RuntimeError('no')",
    "syntax": "def",
    "exits": "def patch(): raise OSError",
}


@pytest.fixture
def bare_python(tmp_path):
    """A Python of its own, in which there is no llm_observer."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    return str(tmp_path / "bare/bin/python")


SDK = ("-c", "import openai, sys; sys.exit(3)")


@installed
@pytest.mark.parametrize("library", BROKEN.values(), ids=list(BROKEN))
def test_a_child_in_which_we_cannot_be_runs_as_ever(world, library):
    world.write("openai.py", "print('an SDK')")
    path = world.write("lib/llm_observer/__init__.py", library).parents[1]
    script = f'PYTHONPATH="$PYTHONPATH:{path}" exec "$@"'
    done = world.run("--no-summary", "bash", "-c", script, "bash", sys.executable, *SDK, PYTHONPATH="")
    assert done == (3, "an SDK\n", "")


def test_a_child_without_our_library_runs_as_ever(world, bare_python):
    world.write("openai.py", "print('an SDK')")
    done = world.run("--no-summary", "bash", "-c", '"$@"', "bash", bare_python, *SDK)
    assert done == (3, "an SDK\n", "")


def test_an_app_on_a_python_without_our_library_runs_and_says_what_to_install_where(world, bare_python):
    world.write("openai.py", "print('an SDK')")
    done = world.run("--json", bare_python, *SDK)
    assert (done.code, done.out) == (3, "an SDK\n")
    assert done.err.startswith("llm-observer: nothing is observed: ModuleNotFoundError")
    assert done.err.endswith(f"{bare_python} -m pip install llm-observer\n")


# OpenTelemetry's launcher


@pytest.mark.skipif(not (SCRIPTS / "opentelemetry-instrument").exists(), reason="not installed")
def test_opentelemetry_instrument_brings_us_along(world):
    import tomllib

    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["project"]
    ((group, points),) = project["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    folder = world.folder / "points/ours_of_the_tests-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: ours-of-the-tests\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("\n".join(lines))
    env = {
        "PYTHONPATH": f"{folder.parent}{os.pathsep}{world.env['PYTHONPATH']}",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "LLM_OBSERVER_FILE": str(world.folder / "events.jsonl"),
    }
    words = (str(SCRIPTS / "opentelemetry-instrument"), sys.executable, CALLING, "alone", "2")
    done = world.end(words, **env)
    assert (done.code, done.out) == (0, ""), done
    assert len((world.folder / "events.jsonl").read_text().splitlines()) == 2


# Servers


@needs("gunicorn")
def test_gunicorn_with_workers(world):
    words = ("gunicorn", "--workers", "2", "--bind")
    assert served(world, lambda port: (*words, f"fd://{port.fileno()}", "run_wsgi:app")) == 6


@needs("uvicorn")
def test_uvicorn_with_workers(world):
    words = ("--children", "uvicorn", "--workers", "2", "--no-access-log", "--log-level", "warning", "--fd")
    assert served(world, lambda port: (*words, str(port.fileno()), "run_asgi:app")) == 6


@needs("uvicorn")
def test_uvicorn_alone(world):
    words = ("uvicorn", "--no-access-log", "--log-level", "warning", "--fd")
    assert served(world, lambda port: (*words, str(port.fileno()), "run_asgi:app")) == 6


def served(world, words_on):
    """Calls in the summary, after six visits and a SIGTERM."""
    world.write("run_wsgi.py", WSGI)
    world.write("run_asgi.py", ASGI)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as port:
        words = (*RUN, "--json", "--to", "sum.json", *words_on(port))
        process = world.start(words, pass_fds=[port.fileno()])
        for _ in range(6):
            with urlopen(f"http://127.0.0.1:{port.getsockname()[1]}/", timeout=PATIENCE_S) as answer:
                assert answer.read() == b"ok"
    process.terminate()
    assert ended(process).code in {0, -signal.SIGTERM}
    return calls_in((world.folder / "sum.json").read_text())


WSGI = """
from integration.apps.run_calling import call
def app(environ, start_response):
    call()
    start_response("200 OK", [])
    return [b"ok"]
"""
ASGI = """
from integration.apps.run_calling import call
async def app(scope, receive, send):
    if scope["type"] == "http":
        call()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
"""
