"""An app that is observed by us and by others: python beside_app.py '{"peers": [...], "steps": [...]}'

A step switches something (`ours on`, `theirs off`, ...) or is a name under which all calls are made then. The
last line of the output is what each of those gave, as JSON: what the app got, and our events.
"""

import gc
import json
import os
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import llm_observer
from integration.beside_calls import MOVING, clients, make_all
from integration.beside_peers import PEERS
from integration.loopback import Loopback

FILE = Path(os.environ.get("LLM_OBSERVER_FILE") or Path(tempfile.mkdtemp()) / "events.jsonl")
_MOVES = ("call_id", "timing", "server", "cache", "segments")
"""Times, ids and a port, and what comes from the calls before."""


class App:
    def __init__(self, server, peers, sdks):
        self.server, self.sdks = server, sdks
        self.peers = [PEERS[name] for name in peers]
        self.offs = []
        self.seen = 0
        self.old = clients(server, sdks)

    def switch(self, step):
        if step == "ours on":
            llm_observer.patch(file=str(FILE))
        elif step == "ours off":
            llm_observer.unpatch()
        elif step == "theirs on":
            self.offs = [peer.on([sdk for sdk in self.sdks if sdk in peer.packages]) for peer in self.peers]
        elif step == "theirs off":
            for off in reversed(self.offs):
                off()

    def with_client(self, client):
        for peer in self.peers:
            client = peer.wrap(client) if peer.wrap is not None else client
        return client

    def calls(self):
        gc.freeze()  # what is there already is not looked through after each stream
        made = make_all(self.server, self.sdks, self.with_client, self.old)
        assert llm_observer.flush(30.0)
        lines = FILE.read_text("utf-8").splitlines() if FILE.exists() else []
        new, self.seen = lines[self.seen :], len(lines)
        return {"made": made, "events": [summary(json.loads(line)) for line in new]}


def summary(event):
    """What must not depend on who else is there, and the call site."""
    body = {key: value for key, value in event.get("llm_call", {}).items() if key not in _MOVES}
    site = body.pop("call_site", None)
    for added in ("body_bytes", "includes_usage"):  # others add to what is sent, which is compared by itself
        body.get("request", {}).pop(added, None)
    return [MOVING.sub("~", json.dumps({"type": event["type"], **body}, sort_keys=True)), site]


def main():
    order = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    done = {}
    with Loopback(lambda _: None) as server:
        app = App(server, order["peers"], order["sdks"])
        for step in order["steps"]:
            if step.endswith((" on", " off")):
                app.switch(step)
            else:
                done[step] = app.calls()
    print(json.dumps(done), flush=True)  # noqa: T201 - whoever started it reads this
    os._exit(0)  # the others' threads and exporters look for a network


if __name__ == "__main__":
    main()
