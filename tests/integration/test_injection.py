"""Fail-open is one choke point: a fault in any line of ours never changes what the app sees.

The lines that are not covered by the guard are the guard's own and those of the capture that stand
around the SDK's call. Their number is asserted, so that no later change adds one unnoticed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MOST = {"plain": 12, "stream": 20, "failing": 12, "async_plain": 12, "async_stream": 20, "async_failing": 12}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a fault per forked process")
@pytest.mark.parametrize("kind", MOST)
def test_a_fault_in_any_line_never_reaches_the_app(kind):
    program = Path(__file__).with_name("inject.py")
    done = subprocess.run(
        [sys.executable, str(program), kind], capture_output=True, text=True, check=False, timeout=590
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    leaks = found["leaks"]
    assert found["lines"] > 150, "the call was not observed at all"
    assert all(leak.startswith(("capture/", "guard.py")) for leak in leaks), leaks
    assert len(leaks) <= MOST[kind], leaks
