"""Is nothing lost or doubled when many events go to a receiver that fails at random?"""

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "scripts" / "soak.py"


@pytest.mark.slow
def test_a_short_soak_loses_and_doubles_nothing():
    done = subprocess.run(
        [sys.executable, str(SOAK), "--events", "5000"], capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok lost                           0\n" in done.stdout
