"""What do the library's own counters, states, warnings and exit codes mean? One table."""

from collections.abc import Mapping

__all__ = ["OWN_CODES"]

_SEE_SPOOL = "`llm-observer spool status` shows what waits."

OWN_CODES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "exit code": {
        "0": ("All is well.", ""),
        "1": ("There are findings: limits not kept, bad events, an unknown price, something to change.", ""),
        "2": ("Wrong usage, or a setting or extra is missing: the message says which.", "--help shows how."),
        "3": ("A file cannot be read, or cannot be written.", "The message names the file and the reason."),
    },
    "counter in stats()": {
        "submitted": ("Ended calls that were put on the queue.", ""),
        "events": ("Events that were built of them.", ""),
        "dropped": ("Ended calls that were not recorded: the queue was full, or closed.", "Raise max_queue."),
        "queued": ("Ended calls that wait for the worker.", ""),
        "open_exchanges": ("Calls and streams that have not ended.", ""),
        "faults": (
            "Faults of this library that were caught, as `step:Exception`; the app did not notice.",
            "Each has one line in the log `llm_observer`, worth an issue.",
        ),
        "hooks": ("How each SDK is observed.", ""),
        "before_send": ("What the app's hook did to events, in `delivery`.", "docs/hooks.md"),
        "passed": ("Events that before_send returned.", ""),
        "failed": ("Events that were not sent, because before_send raised or gave what is no event.", ""),
        "delivery": ("What was sent; empty where sending is off.", ""),
    },
    "counter of the delivery": {
        "spooled": ("Events stored for sending.", ""),
        "not_sampled": ("Events of traces that `sample_rate` leaves out.", ""),
        "not_stored": ("Events lost because the disk took nothing.", "Look at the space in spool_dir."),
        "no_thread": ("Times that no thread could be started for sending; events wait in the spool.", ""),
        "oversized": ("Events too large for a batch or for the receiver.", "Raise batch_max_bytes."),
        "batches": ("Batches that were tried.", ""),
        "attempts": ("Requests that were made.", ""),
        "retries": ("Requests after the first one of a batch.", ""),
        "failed_attempts": ("Requests without a usable answer.", "`llm-observer doctor --send-test`."),
        "delivered": ("Events that the receiver took.", ""),
        "duplicates": ("Of those, events that it had before, as it says.", ""),
        "refused": ("Events that the receiver refused; they are set aside.", _SEE_SPOOL),
        "circuit": ("Whether sending goes on: closed, open or half_open.", ""),
        "stopped": ("Why this process sends no more, else null.", ""),
        "spool": ("What waits, and what was dropped.", _SEE_SPOOL),
    },
    "counter of the spool": {
        "waiting": ("Events that wait to be sent.", "`llm-observer spool drain` sends them now."),
        "waiting_bytes": ("Bytes of the events that wait.", ""),
        "leased": ("Events that a process is sending.", ""),
        "quarantined": ("Events that the receiver refused, kept aside.", _SEE_SPOOL),
        "oldest_s": ("When the oldest event was stored, seconds since 1970.", ""),
        "path": ("The file.", ""),
        "dropped_full": ("Events dropped for newer ones: the spool was full.", "Raise spool_max_bytes."),
        "dropped_old": ("Events dropped because they waited too long.", "Raise spool_max_age_s."),
        "dropped_oversize": (
            "Events dropped because they are larger than a batch.",
            "Raise batch_max_bytes.",
        ),
        "dropped_refused": ("Refused events dropped for newer ones.", ""),
        "corrupt": ("Damaged files that were set aside; a new one was begun.", "Look at the disk."),
    },
    "state of the circuit": {
        "closed": ("Batches are sent.", ""),
        "open": ("After failures in a row nothing is sent for a while.", ""),
        "half_open": ("One batch is tried, to see whether sending works again.", ""),
    },
    "outcome of a batch": {
        "delivered": ("The receiver took it.", ""),
        "partly": ("The receiver took all but the events that it names.", ""),
        "split": ("It was too large: its halves are sent.", ""),
        "retry": ("It could not be taken now; it is tried again.", ""),
        "refused": ("The receiver refuses events in it; they are set aside.", _SEE_SPOOL),
        "unauthorized": (
            "The endpoint does not accept the key: this process sends no more.",
            "Check LLM_OBSERVER_API_KEY; events wait in the spool.",
        ),
        "redirected": (
            "The endpoint redirects, which is never followed: this process sends no more.",
            "Set LLM_OBSERVER_ENDPOINT to the address that it leads to.",
        ),
        "failed": ("The endpoint does not take events.", "`llm-observer doctor --send-test` says why."),
        "not installed": (
            "The extra for sending is missing: this process sends nothing.",
            "pip install 'llm-observer[http]'",
        ),
    },
    "state of a hook": {
        "placed": ("The SDK is observed.", ""),
        "waiting": ("The SDK is not imported yet; it is observed when it is.", ""),
        "failed": (
            "The SDK cannot be observed: it lacks what is hooked.",
            "Upgrade the SDK, or this library.",
        ),
        "off": ("The SDK is not asked for, or `unpatch()` was called.", ""),
    },
    "state of an SDK in doctor": {
        "observable": ("Calls would be observed.", ""),
        "not installed": ("It is not in this environment.", ""),
        "left out": ("The setting `providers` does not name it.", ""),
        "not observable": ("It cannot be imported, or lacks what is hooked.", "The reason stands beside it."),
    },
    "source of a setting": {
        "default": ("Nobody set it.", ""),
        "argument": ("Given to `patch()`.", ""),
        "environment": ("An environment variable, which is named.", ""),
        "file": ("A configuration file, which is named.", ""),
    },
    "gate of check": {
        "min-cache-ratio": ("Of what stable prompts reuse, the share that these prompts could.", ""),
        "min-hit-rate": ("Of what stable prompts reuse, the share that was read from the cache.", ""),
        "max-cost": ("What all calls may cost.", ""),
        "fail-on": ("Kinds of findings that may not be.", ""),
        "baseline": ("Nothing may be worse than in an earlier file.", ""),
    },
    "file that the library keeps": {
        "hash key": ("The key of this installation's text hashes.", "`llm-observer purge --key` deletes it."),
        "price cache": ("The price list, ready to be read.", "`llm-observer purge` deletes it."),
        "spool": ("Events that wait to be sent.", _SEE_SPOOL),
    },
    "test event": {
        "send_test": ("The event that `llm-observer doctor --send-test` sends.", ""),
    },
    "warning in the log": {
        "attributes": ("`observe()` got more attributes than an event holds; the last ones are kept.", ""),
        "config": ("A setting is wrong and not taken.", "`llm-observer doctor` lists all of them."),
        "delivery": ("Events could not be delivered; they wait in the spool.", _SEE_SPOOL),
        "delivery thread": ("No thread can be started for sending; events wait in the spool.", ""),
        "delivery works": ("Events are taken by the endpoint again.", ""),
        "dropped": ("The queue was full: some calls were not recorded.", "Raise max_queue."),
        "end": (
            "The process ended before all calls were recorded everywhere.",
            "Raise exit_timeout_s, or call llm_observer.flush() before the end.",
        ),
        "file": ("Events were not written to the file.", "Look at the space on the disk and at the rights."),
        "further kinds": ("There are too many kinds of trouble to name; they are counted.", ""),
        "hash key": (
            "Hashes cannot be compared between processes.",
            "The line says what is wrong with the key.",
        ),
        "hook": ("An SDK is not observed.", "`llm-observer doctor` says why."),
        "names": ("There are more names of attributes than summaries are made by.", ""),
        "not stored": ("The disk took nothing until the end: events are not sent.", "Look at the disk."),
        "otlp": ("Spans or metrics are not exported.", "pip install 'llm-observer[otel]'"),
        "oversized": ("Events larger than a batch are dropped.", "Raise batch_max_bytes."),
        "redirected": (
            "The endpoint redirects, which is never followed.",
            "Set the address that it leads to.",
        ),
        "refused": ("The endpoint refuses events; they are set aside.", _SEE_SPOOL),
        "relay": ("The summary of a run lacks calls of a child process.", "Its own events file has them."),
        "rotation": ("The file of events cannot be rotated; it grows.", "Look at the rights."),
        "sender": ("Nothing is sent: an extra is missing or a setting is wrong.", "The line says which."),
        "spool": ("Events cannot be stored for sending.", "Look at the space on the disk."),
        "spool corrupt": ("The spool was damaged and set aside.", "Look at the disk."),
        "spool folder": ("The spool's folder cannot be used; another one is.", "Set LLM_OBSERVER_SPOOL_DIR."),
        "spool version": ("The spool is of a newer release; another file is used.", ""),
        "stdout": ("Standard output is closed or broken: events were not written to it.", ""),
        "unauthorized": ("The endpoint does not accept the key.", "Check LLM_OBSERVER_API_KEY."),
    },
}
"""By group, then by code: what it means, and what can be done, if anything."""
