"""Which line made the call, where the app is installed itself, or is a cell of a notebook?"""

import functools
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from integration.exchanges import HELLO, plain
from integration.sdks import make_client
from llm_observer.capture.frameworks import is_framework

INSTALLED = """
from integration.exchanges import plain
from integration.sdks import make_client
def run():
    client = make_client("openai", plain("openai"))
    client.chat.completions.create(model="m", messages=[])
"""
LAUNCHER = """
import sys
from myapp import run
if __name__ == "__main__":
    sys.exit(run())
"""
IN_A_THREAD = """
import threading
from myapp import run
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
OWN = """
import myapp
def ask():
    myapp.run()
ask()
"""
IN_MYAPP = ("myapp/__init__.py", 6, "run")


@pytest.fixture
def environment(tmp_path):
    """A virtual environment in which `myapp` is installed, and every program is observed."""
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False)
    packages = next(folder.glob("**/site-packages"))
    (packages / "myapp").mkdir()
    (packages / "myapp/__init__.py").write_text(INSTALLED, "utf-8")
    (packages / "myapp/__main__.py").write_text("from myapp import run\nrun()\n", "utf-8")
    (packages / "observing.py").write_text(
        "import llm_observer; llm_observer.patch(file='events')\n", "utf-8"
    )
    (packages / "a.pth").write_text(
        "\n".join([*filter(os.path.isabs, sys.path), "import observing"]), "utf-8"
    )
    return folder / ("Scripts" if os.name == "nt" else "bin")


@pytest.mark.parametrize(
    ("program", "text", "site"),
    [
        pytest.param("env/bin/myapp", LAUNCHER, IN_MYAPP, id="console script"),
        pytest.param("server.py", IN_A_THREAD, IN_MYAPP, id="thread"),
        pytest.param("own.py", OWN, ("own.py", 4, "ask"), id="an app of one's own"),
        pytest.param("own", OWN, ("own", 4, "ask"), id="a script of one's own"),
        pytest.param(None, "", IN_MYAPP, id="module"),
    ],
)
def test_the_call_site_of_an_app_that_is_installed(environment, program, text, site, tmp_path):
    if program is not None:
        (tmp_path / program).write_text(text, "utf-8")
    arguments = ["-m", "myapp"] if program is None else [str(tmp_path / program)]
    environ = {**os.environ, "LLM_OBSERVER_EXIT_TIMEOUT_S": "40"}  # a busy machine takes its time
    subprocess.run([environment / "python", *arguments], check=True, cwd=tmp_path, env=environ, timeout=60)
    assert site_in(tmp_path / "events") == site


def site_in(file):
    (line,) = file.read_text("utf-8").splitlines()
    site = json.loads(line)["llm_call"]["call_site"]
    named = Path(site["file"]).parts[-2:] if "myapp" in site["file"] else [site["file"]]
    return "/".join(named), site["line"], site["function"]


@pytest.mark.parametrize(
    ("package", "is_one"),
    [("openai", True), ("httpx2", True), ("langchain_core", True), ("opentelemetry", True), ("myapp", False)],
)
def test_a_framework_is_known_by_its_name(package, is_one):
    assert is_framework(package) is is_one


def call_to(client):
    """A call without a line of this file."""
    return functools.partial(client.chat.completions.create, model="m", messages=HELLO)


def test_a_cell_of_a_notebook_that_was_edited_is_the_same_place(events):
    for digest in ("3820149372", "911"):
        cell = compile("\nask()", f"/tmp/ipykernel_71/{digest}.py", "exec")
        exec(cell, {"ask": call_to(make_client("openai", plain("openai")))})
    assert [call["call_site"] for call in events.calls] == [
        {"file": "<notebook>", "line": 2, "function": "<module>"}
    ] * 2


FROZEN = """
from importlib.machinery import SourceFileLoader
from types import CodeType
import sys

def bundled(code, name):
    parts = (bundled(part, name) if isinstance(part, CodeType) else part for part in code.co_consts)
    return code.replace(co_filename=name, co_consts=tuple(parts))

def get_code(loader, module, get_code=SourceFileLoader.get_code):
    return bundled(get_code(loader, module), os.path.join(*module.split(".")) + ".py")

import os
sys.frozen = True
SourceFileLoader.get_code = get_code
import llm_observer
from threading import Thread
from helpers.asking import ask
llm_observer.patch(file="events")
thread = Thread(target=ask)  # what starts it here is no part of such an app
thread.start()
thread.join()
llm_observer.shutdown(30)
"""
ASKING = """
from integration.exchanges import plain
from integration.sdks import make_client
def ask():
    make_client("openai", plain("openai")).chat.completions.create(model="m", messages=[])
"""


def test_the_call_site_in_a_frozen_app_is_not_ours(tmp_path):
    """Files have no folders there: PyInstaller names them by their modules."""
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers/asking.py").write_text(ASKING, "utf-8")
    program = f"import sys\nsys.path[:0] = {[str(tmp_path), *sys.path]!r}\n{FROZEN}"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, timeout=90)
    assert site_in(tmp_path / "events") == ("helpers/asking.py", 5, "ask")


CELLS = """
import llm_observer
from traitlets.config import Config
from IPython.core.interactiveshell import InteractiveShell
from integration.exchanges import plain
from integration.sdks import make_client
from integration.test_call_site import call_to

settings = Config()
settings.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=settings)
shell.user_ns["ask"] = call_to(make_client("openai", plain("openai")))
llm_observer.patch(file="events")
for text in ("x = 1", "y = x\\nask()"):
    shell.run_cell(text, store_history=True).raise_error()
llm_observer.shutdown(30)
"""


def test_a_cell_is_called_as_ipython_calls_it(tmp_path):
    pytest.importorskip("IPython")
    program = f"import sys\nsys.path[:0] = {sys.path!r}\n{CELLS}"
    environ = {**os.environ, "IPYTHONDIR": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environ, timeout=90)
    assert site_in(tmp_path / "events") == ("In[2]", 2, "<module>")
