"""What becomes of an app's results and of our events beside others, in every order of coming and going?

Each order is a process of its own, since what others patch does not always come off again.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

APP = Path(__file__).parent / "apps" / "beside_app.py"
ORDERS = [(first, off) for first in ("ours", "theirs") for off in ("ours", "theirs")]
"""Who comes first, and who goes first."""
LAUNCHED = [("launcher", off) for off in ("ours", "theirs")]
"""Both are switched on by `opentelemetry-instrument`."""
_OTHER = {"ours": "theirs", "theirs": "ours"}


class Check(NamedTuple):
    """One moment of one order. calls: how many; same: of those, with what the app got without us.

    events: ours; wanted: how many there must be; right: of those, as they are without others; sited: of
    those, with their call site. notes: what differs.
    """

    first: str
    gone: str
    moment: str
    calls: int
    same: int
    events: int
    wanted: int
    right: int
    sited: int
    notes: tuple[str, ...]

    @property
    def is_good(self):
        """Nothing differs."""
        return self.calls == self.same and self.events == self.wanted == self.right


def checks(names, sdks, *, python=sys.executable, orders=ORDERS):
    """The checks of all *orders*, of the peers *names* at once, by calls of *sdks*."""
    alone = run(names, sdks, ["theirs on", "theirs", "theirs off", "after"], python)
    ours = run((), sdks, ["ours on", "ours"], python)["ours"]
    for first, off in orders:
        done = run(names, sdks, _steps(first, off), python, is_launched=first == "launcher")
        yield from _checks_of(first, off, done, alone, ours)


def _steps(first, off):
    """In *first*'s order on and in *off*'s order off, with the calls in between."""
    on = ["theirs on"] if first == "launcher" else [f"{first} on", f"{_OTHER[first]} on"]
    return [*on, "both", f"{off} off", "one", f"{_OTHER[off]} off", "none"]


def run(names, sdks, steps, python, *, is_launched=False):
    """What the app says at the end, by name of its calls."""
    order = json.dumps({"peers": list(names), "sdks": list(sdks), "steps": steps})
    command = [str(python), str(APP), order]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "XDG_STATE_HOME": folder, "LLM_OBSERVER_HASH_KEY": "a key of the tests"}
        if is_launched:
            command = [str(Path(python).parent / "opentelemetry-instrument"), *command]
            exporters = (f"OTEL_{signal}_EXPORTER" for signal in ("TRACES", "METRICS", "LOGS"))
            env |= {"LLM_OBSERVER_FILE": f"{folder}/events.jsonl", **dict.fromkeys(exporters, "none")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=env)
    if done.returncode:
        raise RuntimeError(f"{names} {steps}: {done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _checks_of(first, off, done, alone, ours):
    left = alone["theirs" if off == "ours" else "after"]
    wanted = {"both": ours["events"], "one": ours["events"] if off == "theirs" else [], "none": []}
    expected = {"both": alone["theirs"], "one": left, "none": alone["after"]}
    for moment, (made, events) in ((moment, done[moment].values()) for moment in expected):
        without = expected[moment]["made"]
        pairs = list(zip(made, without, strict=True))
        differing = [f"{one[0]}: {one[1:]} for {other[1:]}" for one, other in pairs if one != other]
        told, right = [event for event, _ in events], [event for event, _ in wanted[moment]]
        missing, more = _difference(right, told), _difference(told, right)
        notes = (*differing, *(f"missing {e}" for e in missing), *(f"not expected {e}" for e in more))
        yield Check(
            first,
            off,
            moment,
            len(made),
            len(made) - len(differing),
            len(events),
            len(wanted[moment]),
            len(events) - len(more),
            len(events) - len(_difference(events, wanted[moment])),
            notes,
        )


def _difference(some, others):
    """What is in *some* and not in *others*, each as often as that."""
    rest = list(others)
    return [one for one in some if one not in rest or rest.remove(one)]
