"""Which parts of a text change by themselves: what is found, what is left alone, where, and how fast."""

import base64
import random
import string
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.cache.volatile import Span, find_spans, masked, shape

HEX, BASE62 = "0123456789abcdef", string.digits + string.ascii_letters
CONSONANTS = "bdfgjkqvwxzBDFGJKQVWXZ"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
VALUES = 200

CONTEXTS = {
    "alone": "{}",
    "start": "{} is what was said.",
    "end": "What was said: {}",
    "sentence": "We say {} here, and go on.",
    "json": '{{"text": "{}", "n": 3}}',
    "json in json": '{{"text": "{{\\"a\\": \\"{}\\"}}"}}',
    "xml": "<env><it>{}</it></env>",
    "markdown": "# Title\n\n- **It** is `{}`\n- more",
    "behind other letters": "Überprüfung 検査 🙂: {}. Danach",
    "written-out newline": "one\\n{}\\ntwo",
}


def moment(rng):
    return datetime(2001, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(1_500_000_000))


def of(alphabet, length):
    return lambda rng: "".join(rng.choices(alphabet, k=length))


def day(form):
    return lambda rng: moment(rng).strftime(form).replace(" 0", " ")


def named(months, form):
    def make(rng):
        at = moment(rng)
        return form.format(day=at.day, month=months.split()[at.month - 1], year=at.year)

    return make


# ruff: noqa: RUF001 -- Cyrillic months
GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
PORTUGUESE = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
ITALIAN = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
POLISH = "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia"
CZECH = "ledna února března dubna května června července srpna září října listopadu prosince"
RUSSIAN = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
SPANISH = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"


def hexadecimal(length):
    return lambda rng: "7a" + of(HEX, length - 2)(rng)


def counted(rng):
    return str(rng.choice([rng.randrange(10), rng.randrange(100), rng.randrange(10_000)]))


def timed(form):
    return lambda rng: form.format(n=rng.randrange(100), unit=rng.choice(["seconds", "minutes", "h", "days"]))


def japanese(rng):
    return f"{moment(rng).year}年{rng.randrange(1, 13)}月{rng.randrange(1, 29)}日"


def chinese(rng):
    return f"{japanese(rng)} 星期{rng.choice('一二三四五六日')}"


def half(form):
    """A clock of twelve hours with its half of the day, in a language of East Asia or a new CLDR."""

    def make(rng):
        at = moment(rng)
        words = {"zh": "上午下午", "ja": "午前午後", "ko": "오전오후", "en": "AMPM"}
        halves = {name: word[2:] if at.hour >= 12 else word[:2] for name, word in words.items()}
        return form.format(at=at, hour=at.hour % 12 or 12, **halves)

    return make


def python_time(rng):
    """As `repr` writes it: a part that is zero and stands last is left out, a zone is shown."""
    at = moment(rng).replace(microsecond=rng.choice([0, rng.randrange(10**6)]))
    zone = rng.choice([None, UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=1), "CET")])
    return repr(at.replace(tzinfo=zone, second=rng.choice([0, at.second])))


def snowflake(rng):
    """Of Discord or X, but for the years in which those of X are as long as a time in ns of now."""
    return str(
        rng.choice([rng.randrange(10**17, 1_767 * 10**15), rng.randrange(1_894 * 10**15, 2_200 * 10**15)])
    )


def uuid_7(rng):
    return "0195{}-{}-7{}-9{}-{}".format(*(of(HEX, length)(rng) for length in (4, 4, 3, 3, 12)))


def cloudfront(rng):
    expires, signature = rng.randrange(10**9, 2 * 10**9), of(BASE62, 40)(rng)
    return f"?Expires={expires}&Signature={signature}~&Key-Pair-Id=K1"


def url_safe(rng):
    """One that is not framed as in `_this_` or `--this`, which cannot be told from Markdown and options."""
    while True:
        value = base64.urlsafe_b64encode(rng.randbytes(24)).decode()
        if value[:2] not in ("--", "__") and value[-2:] not in ("--", "__") and value[0] != value[-1]:
            return value


def signed(rng):
    when, sig = moment(rng).strftime("%Y%m%dT%H%M%SZ"), of(HEX, 64)(rng)
    return f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={when}&X-Amz-Expires=3600&X-Amz-Signature={sig}"


def azure(rng):
    when, sig = moment(rng).strftime("%Y-%m-%dT%H:%M:%SZ"), of(BASE62, 43)(rng)
    return f"?sv=2024-11-04&se={when}&sr=b&sp=r&sig={sig}%3D"


"""By name: the kind, the text in front of the value, and the value."""
GENERATORS = {
    "iso": ("timestamp", "", day("%Y-%m-%dT%H:%M:%S")),
    "iso, blank": ("timestamp", "", day("%Y-%m-%d %H:%M:%S")),
    "iso, minutes": ("timestamp", "", lambda rng: moment(rng).strftime("%Y-%m-%d %H:%M")),
    "iso, Z": ("timestamp", "", day("%Y-%m-%dT%H:%M:%S.%fZ")),
    "iso, offset": ("timestamp", "", lambda rng: f"{moment(rng):%Y-%m-%dT%H:%M:%S}+0{rng.randrange(10)}:30"),
    "iso, zone": ("timestamp", "", day("%Y-%m-%d %H:%M:%S UTC")),
    "iso, comma": ("timestamp", "", lambda rng: f"{moment(rng):%Y-%m-%d %H:%M:%S},{rng.randrange(1000):03}"),
    "iso, basic": ("timestamp", "", lambda rng: moment(rng).strftime("%Y%m%dT%H%M%SZ")),
    "rfc 2822": ("timestamp", "", lambda rng: moment(rng).strftime("%a, %d %b %Y %H:%M:%S GMT")),
    "rfc 2822, offset": ("timestamp", "", lambda rng: moment(rng).strftime("%a, %d %b %Y %H:%M:%S -0800")),
    "rfc 850": ("timestamp", "", lambda rng: moment(rng).strftime("%A, %d-%b-%y %H:%M:%S GMT")),
    "asctime": ("timestamp", "", lambda rng: moment(rng).strftime("%a %b %d %H:%M:%S %Y")),
    "date(1)": ("timestamp", "", lambda rng: moment(rng).strftime("%a %b %d %H:%M:%S UTC %Y")),
    "apache": ("timestamp", "", lambda rng: moment(rng).strftime("%d/%b/%Y:%H:%M:%S +0000")),
    "us, with time": ("timestamp", "", day("%B %d, %Y at %I:%M %p")),
    "us, numeric, with time": ("timestamp", "", day("%m/%d/%Y, %I:%M:%S %p")),
    "clock": ("timestamp", "", lambda rng: f"{rng.randrange(24)}:{rng.randrange(60):02}"),
    "clock, half": ("timestamp", "", lambda rng: moment(rng).strftime("%I:%M:%S %p")),
    "epoch": ("timestamp", "", lambda rng: str(rng.randrange(1_000_000_000, 2_556_143_999))),
    "epoch ms": ("timestamp", "", lambda rng: str(rng.randrange(1_000_000_000_000, 2_556_143_999_000))),
    "epoch float": ("timestamp", "", lambda rng: f"{rng.randrange(10**9, 2 * 10**9)}.{rng.randrange(10**6)}"),
    "german, with time": ("timestamp", "", lambda rng: moment(rng).strftime("%d.%m.%Y um %H:%M Uhr")),
    "japanese, with time": ("timestamp", "", lambda rng: moment(rng).strftime("%Y年%m月%d日 %H時%M分%S秒")),
    "epoch ns": ("timestamp", "", lambda rng: str(rng.randrange(1_768 * 10**15, 1_893 * 10**15))),
    "epoch ns, any": ("timestamp", "time_ns: ", lambda rng: str(rng.randrange(10**18, 2_556 * 10**15))),
    "python": ("timestamp", "", python_time),
    "compact, _": ("timestamp", "", lambda rng: moment(rng).strftime("%Y%m%d_%H%M%S")),
    "compact, -": ("timestamp", "", lambda rng: moment(rng).strftime("%Y%m%d-%H%M%S")),
    "us, new": ("timestamp", "", half("{at.month}/{at.day}/{at.year}, {hour}:{at:%M:%S}\u202f{en}")),
    "us, new, escaped": (
        "timestamp",
        "",
        half("{at.month}/{at.day}/{at.year}, {hour}:{at:%M:%S}\\u202f{en}"),
    ),
    "clock, new": ("timestamp", "", half("{hour}:{at:%M}\u202f{en}")),
    "chinese, half": ("timestamp", "", half("{at:%Y/%m/%d} {zh}{hour}:{at:%M:%S}")),
    "chinese clock, half": ("timestamp", " ", half("{zh}{hour}:{at:%M}")),
    "japanese, half": ("timestamp", "", half("{at:%Y年%m月%d日} {ja}{hour}時{at:%M}分")),
    "korean, half": ("timestamp", "", half("{at.year}. {at.month}. {at.day}. {ko} {hour}:{at:%M:%S}")),
    "chinese, with time": ("timestamp", "", lambda rng: f"{chinese(rng)} {moment(rng):%H:%M}"),
    "russian, with time": ("timestamp", "", named(RUSSIAN, "{day} {month} {year} г., 14:03:22")),
    "portuguese, with time": ("timestamp", "", named(PORTUGUESE, "{day} de {month} de {year} às 14:03")),
    "french, with time": ("timestamp", "", named(FRENCH, "{day} {month} {year} à 14 h 03")),
    "dots, short, with time": ("timestamp", "", lambda rng: f"{moment(rng):%d.%m}.26 14:03"),
    "go": ("timestamp", "", lambda rng: f"{moment(rng):%Y-%m-%d %H:%M:%S} +0000 UTC m=+{rng.random():.9f}"),
    "date, python": ("date", "", lambda rng: repr(moment(rng).date())),
    "date, portuguese": ("date", "", named(PORTUGUESE, "{day} de {month} de {year}")),
    "date, portuguese, weekday": ("date", "", named(PORTUGUESE, "segunda-feira, {day} de {month} de {year}")),
    "date, italian": ("date", "", named(ITALIAN, "sabato {day} {month} {year}")),
    "date, polish": ("date", "", named(POLISH, "{day} {month} {year}")),
    "date, czech": ("date", "", named(CZECH, "{day}. {month} {year}")),
    "date, russian": ("date", "", named(RUSSIAN, "Суббота, {day} {month} {year} г.")),
    "date, chinese": ("date", "", chinese),
    "date, korean, dots": ("date", "", lambda rng: f"{moment(rng).year}. {rng.randrange(1, 13)}. 21."),
    "date, dots, short": ("date", "Stand: ", lambda rng: f"{moment(rng):%d.%m}.26"),
    "date": ("date", "", lambda rng: moment(rng).strftime("%Y-%m-%d")),
    "date, slashes": ("date", "", lambda rng: moment(rng).strftime("%m/%d/%Y")),
    "date, year first": ("date", "", lambda rng: moment(rng).strftime("%Y/%m/%d")),
    "date, dots": ("date", "", lambda rng: f"{moment(rng):%d.%m.%Y}"),
    "date, us": ("date", "", day("%B %d, %Y")),
    "date, us, short": ("date", "", day("%b %d, %Y")),
    "date, us, weekday": ("date", "", day("%A, %B %d, %Y")),
    "date, british": ("date", "", lambda rng: f"{moment(rng).day} {moment(rng):%B %Y}"),
    "date, ordinal": ("date", "", lambda rng: f"{moment(rng):%B} {rng.randrange(4, 20)}th, 2026"),
    "date, weekday": ("date", "", lambda rng: moment(rng).strftime("%A")),
    "date, german": ("date", "", named(GERMAN, "{day}. {month} {year}")),
    "date, german, weekday": ("date", "", named(GERMAN, "Samstag, {day}. {month} {year}")),
    "date, french": ("date", "", named(FRENCH, "samedi {day} {month} {year}")),
    "date, spanish": ("date", "", named(SPANISH, "{day} de {month} de {year}")),
    "date, japanese": ("date", "", japanese),
    "ago": ("relative_time", "", timed("{n} {unit} ago")),
    "in": ("relative_time", "", timed("in {n} {unit}")),
    "uptime": ("relative_time", "uptime: ", lambda rng: f"{rng.randrange(100_000)} s"),
    "ago, german": ("relative_time", "", lambda rng: f"vor {rng.randrange(2, 60)} Minuten"),
    "ago, french": ("relative_time", "", lambda rng: f"il y a {rng.randrange(2, 60)} minutes"),
    "ago, about": ("relative_time", "", lambda rng: f"about {rng.randrange(2, 24)} hours ago"),
    "ago, a": (
        "relative_time",
        "",
        lambda rng: rng.choice(["a minute", "an hour", "About a month"]) + " ago",
    ),
    "ago, chinese": (
        "relative_time",
        "",
        lambda rng: f"{rng.randrange(60)}{rng.choice(['分钟', '小时', '天'])}前",
    ),
    "ago, japanese": ("relative_time", "", lambda rng: f"{rng.randrange(60)}{rng.choice(['時間', '日'])}前"),
    "ago, korean": ("relative_time", "", lambda rng: f"{rng.randrange(60)}{rng.choice(['분', '시간'])} 전"),
    "ago, russian": (
        "relative_time",
        "",
        lambda rng: f"{rng.randrange(60)} {rng.choice(['минут', 'часа'])} назад",
    ),
    "ago, italian": ("relative_time", "", lambda rng: f"{rng.randrange(2, 60)} minuti fa"),
    "ago, portuguese": ("relative_time", "", lambda rng: f"há {rng.randrange(2, 60)} minutos"),
    "passed": ("relative_time", "", lambda rng: f"{rng.randrange(2, 60)} minutes have passed"),
    "time left": ("relative_time", "time left: ", lambda rng: f"{rng.randrange(2, 60)} minutes"),
    "uuid": ("uuid", "", lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=rng.randrange(1, 6)))),
    "uuid, 7": ("uuid", "", uuid_7),
    "uuid, capitals": ("uuid", "", lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)).upper()),
    "ulid": ("ulid", "", lambda rng: "01" + of(CROCKFORD, 24)(rng)),
    "ksuid": ("ksuid", "", lambda rng: "2" + of(BASE62, 26)(rng)),
    "object id": ("object_id", "", hexadecimal(24)),
    "snowflake": ("snowflake", "", snowflake),
    "snowflake, mention": ("snowflake", "<@", snowflake),
    "snowflake, of X": ("snowflake", "/status/", lambda rng: str(rng.randrange(17 * 10**17, 19 * 10**17))),
    "request id": ("request_id", "", lambda rng: "req_" + of(BASE62, 24)(rng)),
    "call id": ("request_id", "", lambda rng: "call_" + of(BASE62, 24)(rng)),
    "tool use id": ("request_id", "", lambda rng: "toolu_01" + of(BASE62, 22)(rng)),
    "message id": ("request_id", "", lambda rng: "msg_01" + of(BASE62, 22)(rng)),
    "response id": ("request_id", "", lambda rng: "resp_" + hexadecimal(48)(rng)),
    "completion id": ("request_id", "", lambda rng: "chatcmpl-" + of(BASE62, 29)(rng)),
    "another prefix": ("request_id", "", lambda rng: "widget_" + hexadecimal(20)(rng)),
    "session id": ("request_id", "session_id: ", hexadecimal(12)),
    "request id, number": ("request_id", "Request ID: ", lambda rng: str(rng.randrange(1, 10**7))),
    "trace": ("request_id", "trace=", hexadecimal(8)),
    "thread id": ("request_id", "threadId: ", lambda rng: f"t-{rng.randrange(10**6)}"),
    "traceparent": ("request_id", "", lambda rng: f"00-{hexadecimal(32)(rng)}-{hexadecimal(16)(rng)}-01"),
    "amazon trace": ("request_id", "Root=", lambda rng: f"1-{hexadecimal(8)(rng)}-{hexadecimal(24)(rng)}"),
    "run id, short": ("request_id", "", lambda rng: "run_" + of(HEX, 7)(rng) + "7"),
    "request id, short": ("request_id", "", lambda rng: "req_7" + of(HEX, 7)(rng)),
    "session id, short": ("request_id", "", lambda rng: "session-" + of(HEX, 7)(rng) + "0"),
    "thread id, short": ("request_id", "", lambda rng: "thread_" + of(HEX, 5)(rng) + "3"),
    "session id, url-safe": ("request_id", "session_id=", lambda rng: "-" + hexadecimal(6)(rng) + "_"),
    "session id, letters": ("request_id", "session_id=", of(CONSONANTS, 12)),
    "session id, quoted": ("request_id", "<session_id>", of(CONSONANTS, 10)),
    "request id, letters": ("request_id", "Request ID: ", of(CONSONANTS, 8)),
    "request id is": ("request_id", "the request id is ", hexadecimal(8)),
    "request id is, letters": ("request_id", "the request id is ", of(CONSONANTS, 10)),
    "session id, dash": ("request_id", "Session ID - ", hexadecimal(8)),
    "request number": ("counter", "Request #", counted),
    "turn": ("counter", "turn ", counted),
    "attempt": ("counter", "attempt: ", counted),
    "call number": ("counter", "call number ", counted),
    "counter": ("counter", "counter=", counted),
    "seq": ("counter", "seq: ", lambda rng: "000" + counted(rng)),
    "retry count": ("counter", "retry_count: ", counted),
    "message count": ("counter", "messageCount=", counted),
    "tokens used": ("counter", "Tokens used: ", lambda rng: f"{rng.randrange(10**6):,}"),
    "steps left": ("counter", "steps_remaining: ", counted),
    "remaining steps": ("counter", "Remaining steps: ", counted),
    "hex": ("nonce", "", hexadecimal(16)),
    "hex, long": ("nonce", "", hexadecimal(64)),
    "base62": ("nonce", "", of(BASE62, 22)),
    "base62, longer": ("nonce", "", of(BASE62, 40)),
    "base64": ("nonce", "", lambda rng: of(BASE62, 10)(rng) + "+" + of(BASE62, 10)(rng) + "Q=="),
    "base64, url-safe": ("nonce", "", url_safe),
    "labelled nonce": ("nonce", "nonce: ", hexadecimal(8)),
    "float": ("random_number", "", lambda rng: f"{rng.random():.12f}"),
    "seed": ("random_number", "seed: ", lambda rng: str(rng.randrange(10**6))),
    "aws": ("signed_url", "", lambda rng: "https://b.s3.amazonaws.com/a/b.png" + signed(rng)),
    "azure": ("signed_url", "", lambda rng: "https://a.blob.core.windows.net/c/b.pdf" + azure(rng)),
    "cloudfront": ("signed_url", "", lambda rng: "https://d111.cloudfront.net/a.jpg" + cloudfront(rng)),
    "token": ("signed_url", "", lambda rng: "https://h.example/f?v=2&token=" + of(BASE62, 12)(rng)),
}
UNLABELLED = sorted(name for name, (_, front, _) in GENERATORS.items() if not front)


def found(text):
    data = text.encode()
    return [(span.kind, data[span.offset : span.offset + span.length].decode()) for span in find_spans(text)]


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_every_value_is_found_whole_and_at_its_place(name, context):
    kind, front, make = GENERATORS[name]
    rng = random.Random(f"{name} {context}")
    for _ in range(VALUES):
        value = make(rng)
        text = CONTEXTS[context].format(front + value)
        offset = len(text[: text.index(front + value) + len(front)].encode())
        spans = [span for span in find_spans(text) if span.offset == offset]
        assert [(kind, offset, len(value.encode()))] == [span[:3] for span in spans], text


@pytest.mark.parametrize("name", GENERATORS)
def test_texts_that_differ_only_in_such_values_are_masked_alike(name):
    _, front, make = GENERATORS[name]
    rng = random.Random(name)
    for context in CONTEXTS.values():
        texts = [context.format(front + make(rng)) for _ in range(VALUES)]
        assert len({masked(text, find_spans(text)) for text in texts}) == 1


@pytest.mark.parametrize("name", GENERATORS)
def test_a_value_over_the_border_of_a_piece_is_found_as_anywhere(name):
    kind, front, make = GENERATORS[name]
    value = make(random.Random(name))
    size = len((front + value).encode())
    for before in range(8192 - size - 2, 8192 + 3):
        text = f"{'é ' * (before // 3)}{' ' * (before % 3)}{front}{value} and more"
        spans = find_spans(text)
        assert [(kind, before + len(front.encode()), len(value.encode()))] == [span[:3] for span in spans]


NEAR_MISSES = {
    "money": "It costs $1763716800, €12.345678 or 1,763,716,800 dollars; $12.50 each.",
    "phone": "Call +1 202 555 0123, (555) 123-4567, 555-123-4567 or phone: 2025550123.",
    "emergency": "In an emergency call 911 or request 2 seats and 3 bags.",
    "version": "Use 1.2.3, v2.10.0, 3.11.4rc1, node 20.11 and anthropic-version: 2023-06-01.",
    "model": "gpt-4o-2024-08-06, o3-2025-04-16, gpt-4-0613, gpt-4o-mini-2024-07-18 text-embedding-3-large",
    "more models": "claude-opus-4-5-20251101 claude-3-5-sonnet@20240620 Llama-4-Maverick-17B-128E-Instruct",
    "preview": "api-version=2024-08-01-preview",
    "ip": "10.0.0.1, 192.168.2.10:8080, ::1 and 2001:db8::8a2e:370:7334 at port 8443",
    "isbn": "ISBN 978-3-16-148410-0, isbn: 1402894626",
    "card": "4111 1111 1111 1111, 5500-0055-5555-5559 and 4111111111111111",
    "integers": "In 2024 there were 1500 users, 42 of 365. Take 2 apples, 90210 and 12345-6789.",
    "json numbers": '{"price": 1234, "n": 7, "temperature": 0.7, "top_p": 0.95, "max": 4096, "x": -1.5e3}',
    "flight": "HAT294 and UA1234 from SFO to JFK, seat 12A, gate B22, reservation ZFA04Y.",
    "ratio": "A 16:9 screen, odds of 3:1, 50% and 4/10 and 24/7.",
    "words": "getUserReservationDetails internationalization get_user_details_by_id MAX_RETRY_COUNT_V2 iOS17",
    "identifiers": "search_direct_flight transfer_to_human_agents AbstractSingletonProxyFactoryBean",
    "paths": "/usr/lib/python3.11/site-packages/foo_bar/baz.py src/components/UserProfileCard/x.css",
    "place in code": "file.py:10:20, main.rs:120:33, line 42",
    "colours": "#ff00aa, #1a2b3c4d, rgb(10, 20, 30)",
    "agents": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "german": "Donaudampfschifffahrtsgesellschaftskapitän und Geschwindigkeitsbegrenzung",
    "may": "You may 15 times ask; 10 may be enough. We march 3 abreast.",
    "query": "https://h.example/search?q=cats&page=2 and what? a=b",
    "units": "Wait 3 minutes. It took 12 s; respond in 2 sentences, in 3 steps.",
    "attachment": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "names": "user_id: mia_li_3668, credit_card_1234, base64EncodedString, sha256, utf8mb4_general_ci",
    "rules": "----------------------------------------\n| --- | --- |\n________________________",
    "constants": "int max 2147483647, sample 1234567890",
    "schema": "session_id: string, request_id: the id, trace: on",
    "id, words": "Session ID: required. request_id: optional; sessionId: UNKNOWN_SESSION; run id generated",
    "id, code": "session_id=getSessionId() rid=RequestId, traceId: TraceContext, runId=os.environ[X]",
    "id, about": "The request id is 36 characters long - the session id is required. Trace ID - 128 bits",
    "prefix": "run_test session_manager call_center thread_pool_size job_title step_function run-test-2",
    "hex words": "run_facade thread_decade session-beaded call_add gen-3d batch-32 step-12",
    "mention": "mail me@12345678901234567.example or @12345678901234567",
    "version, dots": "Docker 20.10.17, release 21.11.26, Python 3.10.12, version: 20.10.26, OS 10.12.25",
    "arguments": "date(year, month), f(2026, 11, 21), datetime(x, 1, 2), range(2026, 11, 2)",
    "leave": "Request 7 days of leave. Message 3 people. Run 5 miles. Prompt 2 users and query 10 tables.",
    "call": "Call 24/7. Call 911\nCall 112\n- call 110.",
    "left": "Turn left, then 5 streets left of it. Tokens: 4096. max_tokens: 4096, Used: 5 cars; left: 3 px",
    "ago": "Long ago, many years ago; two cities ago, agony, a cargo from Chicago.",
    "months": "10 Out of 20, Set 5 alarms, 3 set, 5 fev. Act 3 Mart, 2026年前 の",
    "words of span": "3 passed, 12 tests passed, 5 since, the 2 fa, 8 m and a sedan",
}


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_what_only_looks_alike_is_left_alone(name):
    assert found(NEAR_MISSES[name]) == []


PHRASES = {
    "Message 3 of 40": [("counter", "3"), ("counter", "40")],
    "Run: 20261121_140322": [("timestamp", "20261121_140322")],
    "# Request 7\n": [("counter", "7")],
    "Token usage: 1,137/200,000": [("counter", "1,137"), ("counter", "200,000")],
    "You have 5 more tool steps left.": [("counter", "5")],
    "remaining: 12,400 tokens": [("counter", "12,400")],
    "tool calls: 17/25": [("counter", "17"), ("counter", "25")],
    "25 minutes since your last message": [("relative_time", "25 minutes")],
    "about 3 hours ago": [("relative_time", "about 3 hours ago")],
    "more than 24 hours ago": [("relative_time", "24 hours ago")],
    "{'now': datetime.datetime(2026, 11, 21, 14, 3), 'day': datetime.date(2026, 11, 21)}": [
        ("timestamp", "datetime.datetime(2026, 11, 21, 14, 3)"),
        ("date", "datetime.date(2026, 11, 21)"),
    ],
    "21 de nov. de 2026, 14:03": [("timestamp", "21 de nov. de 2026, 14:03")],
    "tweet/1795269802123456123": [("snowflake", "1795269802123456123")],
    '"id": 1795269802123456123': [("snowflake", "1795269802123456123")],
    "my $trace = Trace1-Facet->new": [("request_id", "Trace1-Facet")],
    "turn 7 of 20": [("counter", "7"), ("counter", "20")],
    "step 4/10:": [("counter", "4"), ("counter", "10")],
    "# Turn 7\n": [("counter", "7")],
    "<attempt>3</attempt>": [("counter", "3")],
    '{"request_count": 17}': [("counter", "17")],
    "**Call:** 12": [("counter", "12")],
    "report_2026-11-21.pdf": [("date", "2026-11-21")],
    "thread_1763716800": [("request_id", "thread_1763716800")],
    "log-1763716800.json": [("timestamp", "1763716800")],
    "2025-12-08T23-22-21-320Z_0db2eb3b-5ed8-4b70-88c6-a3f7104eb251.jsonl": [
        ("timestamp", "2025-12-08T23-22-21-320Z"),
        ("uuid", "0db2eb3b-5ed8-4b70-88c6-a3f7104eb251"),
    ],
    "open 09:00-17:00 daily": [("timestamp", "09:00"), ("timestamp", "17:00")],
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl now": [
        ("nonce", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl")
    ],
    "up 2 days, 3 hours and 5 minutes ago": [("relative_time", "2 days, 3 hours and 5 minutes ago")],
    "hace 3 horas": [("relative_time", "hace 3 horas")],
    "at 10h20 or 5 PM": [("timestamp", "10h20"), ("timestamp", "5 PM")],
    "(see https://h.example/a?sig=abc&x=1).": [("signed_url", "https://h.example/a?sig=abc&x=1")],
    "https://h.example/a?x=1\\u0026token=abc": [("signed_url", "https://h.example/a?x=1\\u0026token=abc")],
    "objects/77/9c699eda0f86a75072d289af7e85047ae8ecec": [
        ("nonce", "9c699eda0f86a75072d289af7e85047ae8ecec")
    ],
    "2026-11-21 (Saturday)": [("date", "2026-11-21"), ("date", "Saturday")],
    "2026年11月21日(土)です": [("date", "2026年11月21日(土)")],
    "2026년 11월 21일": [("date", "2026년 11월 21일")],
}


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_is_taken_apart_as_documented(phrase):
    assert PHRASES[phrase] == found(phrase)


SWAPS = [
    ("It is 11/21/2026, 9:03:22\u202fAM.", "It is 11/22/2026, 12:03:22\u202fPM."),
    ("现在 2026/11/21 上午9:03:22", "现在 2026/11/21 下午12:03:22"),
    ("at datetime.datetime(2026, 11, 21, 0, 0)", "at datetime.datetime(2026, 1, 2, 14, 3, 22, 7)"),
    ("seen a minute ago", "seen 5 minutes ago"),
    ("seen an hour ago", "seen about 2 hours ago"),
    ("1 minute has passed", "25 minutes have passed"),
    ("Request 9\n", "Request 10\n"),
    ("Tokens used: 900/200000", "Tokens used: 12,137/200000"),
    ("session_id=KqWzRtYb", "session_id=x9Kq2_L-"),
    ("run_7eadbeef", "run_12345678"),
    ("turn 9 of 20", "turn 10 of 20"),
    ("Today is May 1, 2026.", "Today is September 21, 2026."),
    ("It is 9:05 now", "It is 10:05 now"),
    ("1 minute ago", "59 minutes ago"),
    ("in 1 hour", "in 3 days"),
    ("uptime: 9 s", "uptime: 12345 s"),
    ("at 1763716800.1", "at 1763716801.123456"),
    ("seed: 7", "seed: 424242"),
]


@pytest.mark.parametrize(("one", "other"), SWAPS)
def test_values_of_other_lengths_are_masked_alike(one, other):
    assert masked(one, find_spans(one)) == masked(other, find_spans(other))


def test_another_kind_at_the_same_place_is_masked_otherwise():
    one, other = "id 2026-11-21", f"id {uuid.UUID(int=5, version=4)}"
    assert masked(one, find_spans(one)) != masked(other, find_spans(other))


@given(st.text(), st.text(), st.sampled_from(UNLABELLED), st.randoms(use_true_random=False))
def test_offsets_count_utf8_bytes_whatever_stands_around(before, after, name, rng):
    kind, _, make = GENERATORS[name]
    value = make(rng)
    text = f"{before}\n {value}\n {after}"
    offset = len(f"{before}\n ".encode())
    assert (kind, offset, len(value.encode())) in [span[:3] for span in find_spans(text)]


@given(st.text(st.sampled_from("0123456789abcdefXYZ-:./ ,_+#?&=TZ\n年é\ud800"), max_size=200))
def test_spans_are_ordered_inside_the_text_and_never_overlap(text):
    data = text.encode("utf-8", "surrogatepass")
    done = 0
    for span in find_spans(text):
        assert done <= span.offset < span.offset + span.length <= len(data)
        assert 0 <= span.suspicion < 0.5
        done = span.offset + span.length


@given(st.text(max_size=100))
def test_masking_nothing_changes_nothing(text):
    assert text == masked(text, ())


def test_half_a_surrogate_counts_three_bytes_and_is_kept():
    text = "\ud800 2026-11-21"
    spans = find_spans(text)
    assert spans == (Span("date", 4, 10, 0.0),)
    assert masked(text, spans) == "\ud800 \0date\0"


def test_words_that_say_now_raise_the_suspicion():
    quiet, loud = find_spans("born on 1990-12-07") + find_spans("Current date: 2026-11-21")
    assert quiet.suspicion == 0
    assert loud.suspicion > 0.4


def test_a_date_among_data_is_no_suspect():
    assert find_spans('{"flight": "HAT294", "date": "2024-05-16", "dob": "1990-12-07"}') == (
        Span("date", 30, 10, 0.0),
        Span("date", 51, 10, 0.0),
    )


def test_attachments_are_passed_over_and_what_follows_is_found():
    rng = random.Random(4)
    blob = of(BASE62 + "+/", 40_000)(rng)
    wrapped = "\n".join(blob[i : i + 76] for i in range(0, len(blob), 76))
    for attachment in (blob, wrapped, f"data:image/png;base64,{blob[:100]}"):
        text = f"see {attachment}\n\nat 2026-11-21T10:20:30Z"
        assert found(text) == [("timestamp", "2026-11-21T10:20:30Z")]


def test_a_long_signed_url_is_one_span():
    query = f"?X-Amz-Security-Token={of(BASE62, 1500)(random.Random(5))}&X-Amz-Signature=ab12"
    assert [("signed_url", f"https://h.example/a{query}")] == found(f"get https://h.example/a{query} now")


@pytest.mark.parametrize("size", [10, 100_000])
def test_the_reader_rests_between_pieces(size):
    rests = []
    find_spans("word " * size, breathe=lambda: rests.append(1))
    assert len(rests) == -(-5 * size // 8192)


ADVERSARIAL = [
    "7",
    "a",
    "-",
    "aB3/",
    "1 ",
    "a-1.",
    "?a=",
    "2026-11-",
    "1:2 ",
    "May 1 ",
    "1 day, ",
    '": ',
    "data:image/png;base64,",
    "abcdef12-",
    "?a=\\u0026",
    "1.",
    "turn ",
    "Sunday",
    "\n",
    "eyJaaaaaaaaaaaaaaaa.",
    "id",
    "id: ",
    "session id is a",
    "session_id=aaaaaaaa_",
    " ago",
    "a few seconds ago",
    "datetime(2026, 1, 2, <",
    "datetime(2026, 1, 2, a((",
    "used: 1,000,",
    "5 more of steps ",
    "1 минут ",
    "下午 ",
]


@pytest.mark.parametrize("part", ADVERSARIAL)
def test_no_text_makes_it_slow(part):
    """A megabyte each; what is not linear would take minutes, and the test's time limit ends it."""
    rests = []
    find_spans(part * (1_000_000 // len(part)), breathe=lambda: rests.append(1))
    assert len(rests) >= 15


def test_a_shape_keeps_punctuation_and_tells_no_letter():
    assert shape("Nov 21, 2026 年 10:20") == "Aaa 99, 9999 x 99:99"


@given(st.text())
def test_a_shape_is_short_and_holds_no_text(text):
    assert len(shape(text)) <= 40
    assert set(shape(text)) <= set("9aAx ") | set(string.punctuation)
