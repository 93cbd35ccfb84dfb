"""What do the values look like that apps put into prompts and that differ at each call?"""

import base64
import string
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import NamedTuple

from dice import dice

__all__ = ["KINDS", "Volatile", "choose"]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_HEX = "0123456789abcdef"
_START = datetime(2026, 11, 2, 6, tzinfo=UTC)

Make = Callable[[Random, datetime, int], str]
"""A value from its own dice, a moment that grows with the version, and the version."""


class Volatile(NamedTuple):
    """A value with the words around it. make: the value of a version."""

    kind: str
    template: str
    seed: str
    style: Make

    def value(self, version: int) -> str:
        """The same for the same version, and another for each other one."""
        start = dice(self.seed)
        at = _START + timedelta(seconds=start.randrange(86_400 * 20))
        at += sum((timedelta(seconds=start.randrange(61, 900)) for _ in range(version)), timedelta())
        return self.style(dice(self.seed, version), at, version)

    def snippet(self, version: int) -> tuple[str, int, int]:
        """The text with the value in it, and where in it the value stands, in characters."""
        value = self.value(version)
        return self.template.replace("{v}", value), self.template.index("{v}"), len(value)


def choose(kind: str, rng: Random) -> Volatile:
    """A volatile value of *kind* in one of its formats."""
    style, *templates = rng.choice(KINDS[kind])
    template = rng.choice([*templates, *_COMMON.get(kind, ())])
    return Volatile(kind, template, str(rng.getrandbits(64)), style)


def _digits(rng: Random, number: int) -> str:
    return str(rng.randrange(10 ** (number - 1), 10**number))


def _some(alphabet: str, number: int) -> Make:
    return lambda rng, _at, _version: "".join(rng.choices(alphabet, k=number))


def _after(prefix: str, make: Make) -> Make:
    return lambda rng, at, version: prefix + make(rng, at, version)


def _time(pattern: str) -> Make:
    return lambda _dice, at, _version: at.strftime(pattern)


def _day(pattern: str) -> Make:
    return lambda _dice, at, version: (at + timedelta(days=version)).strftime(pattern)


def _micros(rng: Random, at: datetime, _version: int) -> str:
    return at.replace(microsecond=rng.randrange(100_000, 1_000_000)).isoformat()


def _zoned(rng: Random, at: datetime, _version: int) -> str:
    del rng
    return at.astimezone(timezone(timedelta(hours=-5))).isoformat()


def _epoch_ms(rng: Random, at: datetime, _version: int) -> str:
    return str(int(at.timestamp()) * 1000 + rng.randrange(1000))


def _epoch(_dice: Random, at: datetime, _version: int) -> str:
    return str(int(at.timestamp()))


def _epoch_float(rng: Random, at: datetime, _version: int) -> str:
    return f"{int(at.timestamp())}.{rng.randrange(10**5, 10**6)}"


def _uuid4(rng: Random, _at: datetime, _version: int) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _uuid7(rng: Random, at: datetime, _version: int) -> str:
    head = int(at.timestamp() * 1000) << 80
    return str(uuid.UUID(int=head | 7 << 76 | rng.getrandbits(12) << 64 | 2 << 62 | rng.getrandbits(62)))


def _upper_uuid(rng: Random, at: datetime, version: int) -> str:
    return _uuid4(rng, at, version).upper()


def _coded(number: int, alphabet: str, size: int) -> str:
    code = ""
    for _ in range(size):
        number, rest = divmod(number, len(alphabet))
        code = alphabet[rest] + code
    return code


def _ulid(rng: Random, at: datetime, _version: int) -> str:
    return _coded(int(at.timestamp() * 1000) << 80 | rng.getrandbits(80), _CROCKFORD, 26)


def _ksuid(rng: Random, at: datetime, _version: int) -> str:
    seconds = int(at.timestamp()) - 1_400_000_000  # the epoch of KSUIDs
    return _coded(seconds << 128 | rng.getrandbits(128), _BASE62, 27)


def _object_id(rng: Random, at: datetime, _version: int) -> str:
    return f"{int(at.timestamp()):08x}{rng.getrandbits(64):016x}"


def _snowflake(epoch_ms: int) -> Make:
    return lambda rng, at, _version: str((int(at.timestamp() * 1000) - epoch_ms) << 22 | rng.getrandbits(22))


def _traceparent(rng: Random, _at: datetime, _version: int) -> str:
    return f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-01"


def _amazon_trace(rng: Random, at: datetime, _version: int) -> str:
    return f"1-{int(at.timestamp()):08x}-{rng.getrandbits(96):024x}"


def _count(first: int, step: int) -> Make:
    return lambda _dice, _at, version: str(first + step * version)


def _ago(unit: str, first: int, step: int) -> Make:
    return lambda _dice, _at, version: f"{first + step * version} {unit} ago"


def _in_future(unit: str, first: int, step: int) -> Make:
    return lambda _dice, _at, version: f"in {first + step * version} {unit}"


def _base64(size: int) -> Make:
    return lambda rng, _at, _version: base64.b64encode(rng.randbytes(size)).decode()


def _urlsafe(size: int) -> Make:
    return lambda rng, _at, _version: base64.urlsafe_b64encode(rng.randbytes(size)).decode().rstrip("=")


def _float(rng: Random, _at: datetime, _version: int) -> str:
    return f"0.{rng.randrange(10**8, 10**9)}"


def _seed(size: int) -> Make:
    return lambda rng, _at, _version: _digits(rng, size)


def _s3_url(rng: Random, at: datetime, _version: int) -> str:
    return (
        "https://assets-prod.s3.amazonaws.com/policies/fare-rules.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Date={at:%Y%m%dT%H%M%SZ}&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
        f"&X-Amz-Signature={rng.getrandbits(256):064x}"
    )


def _azure_url(rng: Random, at: datetime, _version: int) -> str:
    signature = base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip("=")
    return (
        "https://flightdocs.blob.core.windows.net/manuals/baggage.pdf?sv=2024-11-04"
        f"&se={at:%Y-%m-%dT%H%%3A%M%%3A%SZ}&sr=b&sp=r&sig={signature}%3D"
    )


def _google_url(rng: Random, at: datetime, _version: int) -> str:
    return (
        "https://storage.googleapis.com/agent-files/seatmap.png?X-Goog-Algorithm=GOOG4-RSA-SHA256"
        f"&X-Goog-Date={at:%Y%m%dT%H%M%SZ}&X-Goog-Expires=3600&X-Goog-Signature={rng.getrandbits(512):0128x}"
    )


def _cloudfront_url(rng: Random, at: datetime, _version: int) -> str:
    signature = base64.urlsafe_b64encode(rng.randbytes(96)).decode().rstrip("=")
    return (
        f"https://d3adq2kzw1f6sx.cloudfront.net/tickets/receipt.pdf?Expires={int(at.timestamp())}"
        f"&Signature={signature}&Key-Pair-Id=K2JCJMDEHXQW5F"
    )


_COMMON: Mapping[str, Sequence[str]] = {
    "timestamp": ("Current date and time: {v}", "<now>{v}</now>", "Generated at {v} by the prompt service."),
    "date": ("Current date: {v}", "The date of today is {v}.", "<today>{v}</today>"),
    "uuid": ("Session: {v}", '<request id="{v}">', '{"conversation_id": "{v}", "channel": "web"}'),
    "ulid": ("Run {v} of the booking agent.", '{"run": "{v}", "region": "eu"}'),
    "ksuid": ("Event: {v}", '{"event": "{v}", "source": "app"}'),
    "object_id": ("Document _id: {v}", '{"_id": "{v}", "collection": "chats"}'),
    "snowflake": ("Message {v} in channel support.", '{"message": "{v}", "guild": "support"}'),
    "request_id": ("Request id: {v}", '<trace id="{v}"/>', '{"request_id": "{v}", "tenant": "blue"}'),
    "counter": ("This is call number {v} of the session.", "Turn: {v}", "Request #{v}", "Step {v} so far."),
    "relative_time": (
        "The user was last active {v}.",
        "Prices were refreshed {v}.",
        "Cache built {v}, for all.",
    ),
    "nonce": ("Nonce: {v}", '<boundary token="{v}">', '{"csrf": "{v}", "secure": true}'),
    "random_number": ("Sampling value: {v}", "Random seed: {v}", '{"seed": {v}, "mode": "eval"}'),
    "signed_url": ("The fare rules are at {v} for this call.", "Attachment: {v}", '{"file": "{v}"}'),
}
KINDS: Mapping[str, Sequence[tuple[Make, *tuple[str, ...]]]] = {
    "timestamp": (
        (_time("%Y-%m-%dT%H:%M:%SZ"),),
        (_time("%Y-%m-%d %H:%M:%S"),),
        (_time("%Y-%m-%d %H:%M"),),
        (_time("%Y-%m-%dT%H:%M:%S+00:00"),),
        (_micros,),
        (_zoned,),
        (_time("%a, %d %b %Y %H:%M:%S GMT"),),
        (_time("%a, %d %b %Y %H:%M:%S +0000"),),
        (_time("%B %d, %Y at %I:%M:%S %p"),),
        (_time("%m/%d/%Y, %I:%M:%S %p"),),
        (_time("%d.%m.%Y %H:%M:%S"),),
        (_time("%d/%b/%Y:%H:%M:%S +0000"), "[{v}] agent started"),
        (_time("%H:%M:%S"), "Local time: {v}", "Clock: {v} (airport)"),
        (_epoch, "ts={v}", "Unix time: {v}"),
        (_epoch_ms, "ts_ms={v}", '{"timestamp": {v}}'),
        (_epoch_float, "time={v}", '{"created": {v}}'),
    ),
    "date": (
        (_day("%Y-%m-%d"),),
        (_day("%B %d, %Y"),),
        (_day("%d %b %Y"),),
        (_day("%m/%d/%Y"),),
        (_day("%d.%m.%Y"),),
        (_day("%A, %d %B %Y"),),
        (_day("%A, %B %d, %Y"),),
    ),
    "relative_time": tuple(
        (make(unit, first, step),)
        for make in (_ago, _in_future)
        for unit, first, step in (("minutes", 2, 3), ("seconds", 4, 17), ("hours", 2, 1), ("days", 3, 1))
    ),
    "uuid": ((_uuid4,), (_uuid7,), (_upper_uuid,), (_uuid4,)),
    "ulid": ((_ulid,),),
    "ksuid": ((_ksuid,),),
    "object_id": ((_object_id,),),
    "snowflake": ((_snowflake(1_420_070_400_000),), (_snowflake(1_288_834_974_657),)),
    "request_id": (
        (_after("req_", _some(_BASE62, 24)),),
        (_after("req_011", _some(_BASE62, 21)),),
        (_after("chatcmpl-", _some(_BASE62, 29)),),
        (_after("sess_", _some(_HEX, 32)),),
        (_after("trace-", _some(_HEX, 16)),),
        (_after("run_", _some(_BASE62, 24)),),
        (_traceparent, "traceparent: {v}"),
        (_amazon_trace, "X-Amzn-Trace-Id: Root={v}"),
    ),
    "counter": ((_count(1, 1),), (_count(12, 1),), (_count(97, 3),), (_count(1041, 1),)),
    "nonce": (
        (_some(_HEX, 32),),
        (_some(_HEX, 40),),
        (_some(_HEX, 64),),
        (_some(_HEX, 16),),
        (_base64(24),),
        (_base64(32),),
        (_urlsafe(16),),
    ),
    "random_number": ((_float,), (_float,), (_seed(6),), (_seed(7),), (_seed(8),)),
    "signed_url": ((_s3_url,), (_azure_url,), (_google_url,), (_cloudfront_url,)),
}
