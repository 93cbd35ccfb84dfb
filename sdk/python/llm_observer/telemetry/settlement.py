"""What becomes of the events of one lease? Each ends as taken, set aside, or back in the spool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from llm_observer import log
from llm_observer.telemetry.batch import batch_key, halves

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping, Sequence

    from llm_observer.telemetry.answers import Outcome
    from llm_observer.telemetry.circuit import Circuit
    from llm_observer.telemetry.sender import Sender
    from llm_observer.telemetry.spool import Entry, Lease, Spool

__all__ = ["Settlement"]

_MAX_SENDS = 256
"""Of one lease: finding the bad ones among 100 events takes 199 at most."""
_MAX_VAIN_SENDS = 64
"""While nothing was taken: such a receiver refuses all, and is not asked about each event."""
_STOPS: Mapping[str, str] = {
    "unauthorized": "the endpoint does not accept the key ({}): nothing more is sent by this process,"
    " events wait in the spool",
    "redirected": "the endpoint answers with a redirect ({}), which is not followed: nothing more is sent"
    " by this process, events wait in the spool; set the address that it leads to",
}

Group = tuple["Entry", ...]


class Settlement:
    """Works off one lease. stopped: why this process sends no more, once it is so."""

    def __init__(
        self, spool: Spool, lease: Lease, sender: Sender, circuit: Circuit, counts: Counter[str]
    ) -> None:
        self._spool = spool
        self._lease = lease
        self._sender = sender
        self._circuit = circuit
        self._counts = counts
        self._sends = 0
        self._taken = 0
        self.stopped: str | None = None

    def run(self, deadline: float) -> bool:
        """Send all of the lease; False where it is of no use to send more now."""
        groups: list[Group] = [self._lease.entries]
        while groups:
            if time.monotonic() >= deadline:
                return False
            group = groups.pop()
            self._sends += 1
            self._counts["batches"] += 1
            outcome = self._sender.send(group, idempotency_key=batch_key(group), deadline=deadline)
            rest = _STEPS[outcome.kind](self, group, outcome)
            if rest is None:
                return False
            groups.extend(reversed(rest))
        if not self._taken:
            self._circuit.failed()  # a receiver that refuses all is asked less and less often
        return True

    def _accept(self, group: Group, outcome: Outcome) -> Sequence[Group]:
        """All but what the receiver names was taken."""
        self._set_aside(outcome.refused)
        taken = [entry.event_id for entry in group if entry.event_id not in outcome.refused]
        self._spool.ack(self._lease.lease_id, taken)
        self._taken += len(taken)
        self._counts["delivered"] += len(taken)
        self._counts["duplicates"] += outcome.duplicates
        return ()

    def _split(self, group: Group, outcome: Outcome) -> Sequence[Group]:
        """The batch was too large: two halves, or one event that can never be sent."""
        del outcome
        if len(group) > 1:
            return halves(group)
        self._counts["oversized"] += 1
        self._set_aside({group[0].event_id: "too large for the receiver (status 413)"})
        return ()

    def _refuse(self, group: Group, outcome: Outcome) -> Sequence[Group]:
        """The batch was refused for the events that are named, or for some in it that have to be found."""
        reason = f"refused with status {outcome.status}"
        if outcome.refused:
            self._set_aside({name: why or reason for name, why in outcome.refused.items()})
            rest = tuple(entry for entry in group if entry.event_id not in outcome.refused)
            return [rest] if rest else ()
        if len(group) > 1 and self._sends < (_MAX_SENDS if self._taken else _MAX_VAIN_SENDS):
            return halves(group)
        self._set_aside({entry.event_id: reason for entry in group})
        return ()

    def _set_aside(self, refused: Mapping[str, str]) -> None:
        if not refused:
            return
        self._spool.quarantine(self._lease.lease_id, refused)
        self._counts["refused"] += len(refused)
        log.once("refused", "the endpoint refuses events: %d are set aside, see `spool status`", len(refused))

    def _stop(self, group: Group, outcome: Outcome) -> None:
        """Nothing that is sent can succeed until somebody changes a setting."""
        del group
        self.stopped = outcome.kind
        log.once(outcome.kind, _STOPS[outcome.kind].format(f"status {outcome.status}"))

    def _leave(self, group: Group, outcome: Outcome) -> None:
        """Later, perhaps."""
        del group
        log.once(
            f"delivery: {outcome.detail}",
            "events could not be delivered, they wait in the spool: %s",
            outcome.detail,
        )


_STEPS: Mapping[str, Callable[[Settlement, Group, Outcome], Sequence[Group] | None]] = {
    "delivered": Settlement._accept,  # noqa: SLF001 - the class's own table
    "partly": Settlement._accept,  # noqa: SLF001 - likewise
    "split": Settlement._split,  # noqa: SLF001 - likewise
    "refused": Settlement._refuse,  # noqa: SLF001 - likewise
    "unauthorized": Settlement._stop,  # noqa: SLF001 - likewise
    "redirected": Settlement._stop,  # noqa: SLF001 - likewise
    "retry": Settlement._leave,  # noqa: SLF001 - likewise
    "failed": Settlement._leave,  # noqa: SLF001 - likewise
}
"""By outcome: groups to send next, in order; None to send no more now."""
