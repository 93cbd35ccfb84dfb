"""Which interpreter has these packages? An environment of its own, made by uv where it is, else by pip."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".matrix"
_UV = shutil.which("uv")


def environment(folder: Path, requirements: Sequence[str], *, python: str = sys.executable) -> Path:
    """The interpreter of the environment in *folder*, with the newest that *requirements* allow."""
    interpreter = _interpreter(folder)
    if not _works(interpreter):
        make = (
            [_UV, "venv", "--quiet", "--clear", "--python", python]
            if _UV
            else [python, "-m", "venv", "--clear"]
        )
        _run([*make, str(folder)])
    if _UV:
        install = [_UV, "pip", "install", "--quiet", "--upgrade", "--python", str(interpreter)]
    else:
        pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check"]
        install = [*pip, "install", "--quiet", "--upgrade", "--upgrade-strategy", "eager"]
    _run([*install, *requirements])
    return interpreter


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _works(interpreter: Path) -> bool:
    """It is there, and so is the Python that it was made from."""
    return interpreter.exists() and subprocess.run([interpreter, "-c", ""], check=False).returncode == 0


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"failed with {done.returncode}: {' '.join(command)}")
