"""A headless Chromium, driven through two pipes: what it fetched, logged and shows."""

import base64
import fcntl
import json
import os
import shutil
import signal
from pathlib import Path

__all__ = ["Page", "found"]

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_FREE = 20
"""Descriptors from here on do not collide with 3 and 4, which Chromium reads and writes."""


def found():
    """The program, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """One page of one browser. requests: addresses asked for. complaints: errors and console output."""

    def __init__(self, profile, *, width, height, scheme="light", script=True):
        self.requests, self.complaints, self._last, self._rest = [], [], 0, b""
        self._start(profile)
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            self.ask(f"{domain}.enable")
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        self.ask(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )
        self.ask("Emulation.setScriptExecutionDisabled", value=not script)

    def _start(self, profile):
        ours, theirs = os.pipe(), os.pipe()
        reads = fcntl.fcntl(ours[0], fcntl.F_DUPFD_CLOEXEC, _FREE)
        writes = fcntl.fcntl(theirs[1], fcntl.F_DUPFD_CLOEXEC, _FREE)
        program = found()
        self._pid = os.posix_spawn(
            program,
            [program, *_FLAGS, f"--user-data-dir={profile}"],
            {**os.environ, "HOME": str(profile)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reads, 3),
                (os.POSIX_SPAWN_DUP2, writes, 4),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setpgroup=0,
        )
        for descriptor in (ours[0], theirs[1], reads, writes):
            os.close(descriptor)
        self._write, self._read, self._session = ours[1], theirs[0], None

    def close(self):
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._write)
        os.close(self._read)

    def open(self, address):
        self._loaded = False
        self.ask("Page.navigate", url=address)
        while not self._loaded:
            self._note(self._message())

    def ask(self, method, **params):
        return self._ask(method, session=self._session, **params)

    def _ask(self, method, session=None, **params):
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._message()).get("id") != self._last:
            self._note(answer)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _message(self):
        while b"\0" not in self._rest:
            piece = os.read(self._read, 1 << 16)
            assert piece, "Chromium ended"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def _note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.complaints.append(params)
        elif method == "Page.loadEventFired":
            self._loaded = True

    def run(self, expression):
        """The value of *expression* in the page, for the test's eyes only."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key, code, text=""):
        """A key, as a hand would."""
        virtual = {"Tab": 9, "Enter": 13, "Space": 32}.get(code, 0)
        event = {"key": key, "code": code, "windowsVirtualKeyCode": virtual, "text": text}
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **event)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=code, windowsVirtualKeyCode=virtual)

    def shoot(self, path, *, whole=False):
        """A picture of what shows, or of the whole page."""
        shot = self.ask(
            "Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole)
        )
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def _clip(self, whole):
        if not whole:
            return {}
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def pdf(self):
        """The printed page's bytes."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])
