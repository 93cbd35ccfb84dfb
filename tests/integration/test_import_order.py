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
