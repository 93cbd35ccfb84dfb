"""What did a receiver get? A loopback endpoint for events, and what still waits in the spool."""

import gzip
import json
import threading
from collections import Counter

from integration.loopback import Answer, Loopback, json_answer
from llm_observer.telemetry.spool import Spool

API_KEY = "key-of-the-tests"
ENOUGH = 1 << 30


class Receiver(Loopback):
    """Takes every batch. `settings` are the variables that send a process's events here."""

    def __init__(self, *, framing="length"):
        self.events = []
        self._lock = threading.Lock()
        self._framing = framing
        super().__init__(self._take)

    def _take(self, received):
        body = received.body
        if dict(received.headers).get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self._lock:
            self.events += json.loads(body)["events"]
        answer: Answer = json_answer(b"{}")
        return answer._replace(framing=self._framing)

    @property
    def endpoint(self):
        return f"{self.url}/v1/events"

    def settings(self, folder):
        return {
            "LLM_OBSERVER_ENABLED": "1",
            "LLM_OBSERVER_ENDPOINT": self.endpoint,
            "LLM_OBSERVER_API_KEY": API_KEY,
            "LLM_OBSERVER_SPOOL_DIR": str(folder),
        }

    def all_events(self, folder):
        """What was received, and then what waits in the spool in *folder*."""
        spool = Spool(folder, self.endpoint)
        assert spool.stats().leased == 0, "a process that ended kept a lease"
        lease = spool.lease(max_events=ENOUGH, max_bytes=ENOUGH, for_s=60)
        waiting = [json.loads(entry.body) for entry in lease.entries] if lease else []
        return [*self.events, *waiting]


def assert_one_event_per_call(events, calls):
    """Calls and processes are told by attributes: each call once, each process by an instance of its own."""
    assert Counter(event["attributes"]["call"] for event in events) == Counter(range(calls))
    assert (
        len({event["event_id"] for event in events}) == len({event["span_id"] for event in events}) == calls
    )
    processes = {(event["attributes"]["pid"], event["service"]["instance"]) for event in events}
    assert len(processes) == len({pid for pid, _ in processes}) == len({one for _, one in processes})
