"""`patch()` works before, after and during the import of an SDK; each program is a fresh process."""

import subprocess
import sys

import pytest

from integration.patching import ANSWERS

CALL = """
from integration.loopback import json_answer
from integration.sdks import make_client
client = make_client("{sdk}", json_answer({answer!r}))
client.post("/v1/messages", cast_to=object, body=dict(model="m", messages=[], max_tokens=1))
llm_observer.shutdown(30)
print(llm_observer.session().calls)
"""
ORDERS = {
    "patch_first": """
import sys, llm_observer
report = llm_observer.patch()
assert {{hook.state for hook in report.hooks}} == {{"waiting"}}, report
assert not {{"openai", "anthropic", "httpx", "httpx2", "pydantic"}} & set(sys.modules)
import {sdk}
""",
    "import_first": """
import {sdk}
import llm_observer
states = {{hook.sdk: hook.state for hook in llm_observer.patch().hooks}}
assert states["{sdk}"] == "placed", states
""",
    "twice_around": """
import llm_observer
llm_observer.patch()
import {sdk}
llm_observer.patch()
""",
    "off_and_on_before_import": """
import llm_observer
llm_observer.patch()
llm_observer.unpatch()
llm_observer.patch()
import {sdk}
""",
}


IMPORTED_TWICE = """
import sys, llm_observer
{before}
import {sdk} as first
gone = {{name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "{sdk}"}}
{between}
import {sdk} as second
assert first is not second
{after}
states = {{hook.sdk: hook.state for hook in llm_observer.patch().hooks}}
assert states["{sdk}"] == "placed", states
from integration.loopback import json_answer
from integration.sdks import make_client
def call():
    client = make_client("{sdk}", json_answer({answer!r}))
    client.post("/v1/messages", cast_to=object, body=dict(model="m", messages=[], max_tokens=1))
call()
sys.modules.update(gone)
call()
llm_observer.shutdown(30)
print(llm_observer.session().calls)
"""
PATCH = "llm_observer.patch()"


@pytest.mark.parametrize(
    "where",
    [
        {"before": PATCH},
        {"between": PATCH},
        {"before": PATCH, "between": PATCH},
        {"before": PATCH, "after": PATCH},
    ],
    ids="-".join,
)
def test_an_sdk_that_is_imported_twice_is_observed_in_both_of_its_forms(sdk, where, tmp_path):
    places = {"before": "", "between": "", "after": "", **where}
    program = IMPORTED_TWICE.format(sdk=sdk, answer=ANSWERS[sdk], **places)
    assert run(program, tmp_path) == ["2" if "before" in where else "1"]


def test_a_look_for_an_sdk_that_is_not_there_is_remembered_once(tmp_path):
    program = (
        "import importlib.util, llm_observer, wrapt.importer\nllm_observer.patch()\n"
        "for _ in range(5): importlib.util.find_spec('groq')\n"
        "print(len(wrapt.importer._post_import_hooks['groq._base_client']))\n"
    )
    assert run(program, tmp_path) == ["1"]


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_patch_and_import_does_not_matter(sdk, order, tmp_path):
    program = (ORDERS[order] + CALL).format(sdk=sdk, answer=ANSWERS[sdk])
    assert run(program, tmp_path) == ["1"]


def test_an_sdk_imported_after_unpatch_is_left_alone(sdk, tmp_path):
    program = (
        "import llm_observer\nllm_observer.patch()\nllm_observer.unpatch()\n"
        f"import inspect, {sdk}._base_client as base\n"
        "print(type(vars(base.SyncAPIClient)['request']).__name__)\n"
    )
    assert run(program, tmp_path) == ["function"]


WHILE_IMPORTING = """
import sys, threading, llm_observer
inside, go = threading.Event(), threading.Event()
class Pause:
    def find_spec(self, name, path=None, target=None):
        if "{sdk}._base_client" in sys.modules and not inside.is_set():
            inside.set()
            go.wait(30)
sys.meta_path.insert(0, Pause())
importing = threading.Thread(target=lambda: __import__("{sdk}"))
importing.start()
assert inside.wait(30)
patching = threading.Thread(target=llm_observer.patch)
patching.start()
go.set()
importing.join()
patching.join()
states = {{hook.sdk: hook.state for hook in llm_observer.patch().hooks}}
assert states["{sdk}"] == "placed", states
"""


def test_patching_while_another_thread_imports_the_sdk_waits_for_the_whole_of_it(sdk, tmp_path):
    program = (WHILE_IMPORTING + CALL).format(sdk=sdk, answer=ANSWERS[sdk])
    assert run(program, tmp_path) == ["1"]


def run(program, folder):
    """The lines that a fresh Python prints that runs *program*."""
    script = folder / "program.py"
    script.write_text(f"import sys\nsys.path[:0] = {sys.path!r}\n{program}", "utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
