"""How long is the way from a clean environment to the first output? The quickstart's own commands, timed.

python scripts/time_quickstart.py            time them, and write the figures into docs/quickstart.md
python scripts/time_quickstart.py --dry-run  time them only

The package is this checkout's wheel; all else comes from the package index, with pip and an empty cache.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import venv
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/quickstart.md"
_BLOCK = re.compile(r"(<!-- timed: [^>]*-->\n).*?(<!-- end of timed -->)", re.DOTALL)


def timed(command: list[str | Path], folder: Path) -> float:
    """Seconds that *command* took, which must succeed."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LLM_OBSERVER_", "PYTHON"))
    }
    start = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=kept)
    return time.monotonic() - start


def measured() -> tuple[float, float, float]:
    """Seconds to install, to the demo's end, and to the end of an app with one line of ours."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        wheel = next(folder.glob("*.whl"))
        start = time.monotonic()
        venv.create(folder / "venv", with_pip=True)
        bin_folder = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        timed(
            [
                bin_folder / "python",
                "-m",
                "pip",
                "install",
                "-q",
                "--no-cache-dir",
                wheel,
                "openai",
                "anthropic",
            ],
            folder,
        )
        install = time.monotonic() - start
        demo = timed([bin_folder / "llm-observer", "demo"], folder)
        app = timed([bin_folder / "python", ROOT / "examples/quickstart_local.py"], folder)
    return install, demo, app


def text_of(install: float, demo: float, app: float) -> str:
    """The sentence of the page."""
    day = datetime.now(UTC).date().isoformat()
    return (
        f"Timed on {day} ({platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores): "
        f"{install:.0f} s to make an environment and install, {demo:.1f} s for the demo, {app:.1f} s for the "
        "program below.\n"
    )


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    is_dry = parser.parse_args().dry_run
    text = text_of(*measured())
    print(text, end="")
    if not is_dry:
        page = PAGE.read_text("utf-8")
        PAGE.write_text(_BLOCK.sub(lambda block: block[1] + text + block[2], page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
