"""What the scrubber takes out, what it leaves, and that no text makes it slow or raise."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.privacy import scrub
from llm_observer.scrub import MAX_CHARS

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEcanary\n-----END RSA PRIVATE KEY-----"

SECRETS = {
    "openai": ("sk-proj-abcDEF0123456789", "<secret>"),
    "anthropic": ("x sk-ant-api03-abc_DEF-0123 y", "x <secret> y"),
    "after a written-out newline": (r"a\nsk-ant-api03-abcdef y", r"a\n<secret> y"),
    "aws": ("AKIAIOSFODNN7EXAMPLE", "<secret>"),
    "two aws keys in a row": ("AKIAIOSFODNN7EXAMPLEAKIAIOSFODNN7EXAMPLE", "<secret>"),
    "github": ("ghp_abcdefghijklmnopqrst0123456789", "<secret>"),
    "github, fine-grained": ("github_pat_11ABCDEFG0abcdefghij", "<secret>"),
    "slack": ("xoxb-123456789012-abcdef", "<secret>"),
    "google": ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "<secret>"),
    "groq": ("gsk_abcdefghijklmnop1234", "<secret>"),
    "hugging face": ("hf_abcdefghijklmnop1234", "<secret>"),
    "stripe": ("sk_live_abcdefgh12345678", "<secret>"),
    "jwt": (f"token {JWT}.", "token <secret>."),
    "bearer": ("Bearer abc.def-123", "Bearer <secret>"),
    "header": ("Authorization: Bearer abc", "Authorization: <secret>"),
    "basic header": ("authorization: Basic dXNlcjpwYXNz", "authorization: <secret>"),
    "header in a dict": ("{'x-api-key': 'a b c', 'n': 1}", "{'x-api-key': '<secret>', 'n': 1}"),
    "header in pairs": ("[(b'api-key', b'abc')]", "[(b'api-key', b'<secret>')]"),
    "json in json": (r"{\"api_key\": \"abc\"}", r"{\"api_key\": \"<secret>\"}"),
    "variable": ("export OPENAI_API_KEY=abc123 x", "export OPENAI_API_KEY=<secret> x"),
    "password": ('password = "hunter2"', 'password = "<secret>"'),
    "cookie": ("Set-Cookie: sid=abc; Path=/\nnext", "Set-Cookie: <secret>\nnext"),
    "private key": (f"a {PEM} b", "a <private-key> b"),
    "private key, torn": (f"a {PEM[:40]}", "a <private-key>"),
    "credentials in a URL": ("postgres://u:p@db.example/x", "postgres://<credentials>@db.example/x"),
    "query": ("see https://h.example/p?sig=1&u=ada#top now", "see https://h.example/p?<query> now"),
    "fragment": ("https://h.example/#access_token=abc", "https://h.example/#<fragment>"),
    "query without host": ("/p?key=abc&x=1", "/p?key=<secret>&x=1"),
    "organisation": ("org-abcdefghijklmnop and proj_abcdefghijklmnop", "<account> and <account>"),
}
PERSONAL = {
    "email": ("to ada.b+c@mail.example.org.", "to <email>."),
    "email in a URL": ("ada%40mail.example", "<email>"),
    "email, not ASCII": ("jürgen@bücher.example", "<email>"),
    "phone": ("call +49 30 1234567 or +1 (555) 123-4567", "call <phone> or <phone>"),
    "phone, American": ("(555) 123-4567, 555-123-4567", "<phone>, <phone>"),
    "phone, German": ("030 1234567", "<phone>"),
    "card": ("4111 1111 1111 1111, 5500-0055-5555-5559", "<card>, <card>"),
    "card in one": ("4111111111111111", "<card>"),
    "card, 15 digits": ("3782 822463 10005", "<card>"),
    "iban": ("DE89 3704 0044 0532 0130 00", "<iban>"),
    "iban before capitals": ("GB82WEST12345698765432 AND MORE", "<iban> AND MORE"),
    "ssn": ("ssn 123-45-6789", "ssn <ssn>"),
}
HARMLESS = [
    "2026-11-21T07:54:51.123Z took 12.5 ms",
    "550e8400-e29b-41d4-a716-446655440000",
    "resp_68b0c2f1a2b48190a1b2c3d4e5f60718",
    "4111 1111 1111 1112",
    "DE89370400440532013001",
    "000-12-3456 and 999-12-3456",
    "max_tokens=4096, tokens: 12, task-management-system",
    "https://api.openai.com/v1/chat/completions#top",
    "gpt-5-2025-08-07 claude-sonnet-4-5-20250929",
    "adapters/openai.py:123 in decode",
    "1763711691123456789",
    "the password was changed",
    "messages[3].content[0]",
]


@pytest.mark.parametrize(
    ("text", "expected"), [*SECRETS.values(), *PERSONAL.values()], ids=[*SECRETS, *PERSONAL]
)
def test_secrets_and_personal_data_become_tags(text, expected):
    assert scrub(text) == expected


@pytest.mark.parametrize("text", HARMLESS, ids=str)
def test_what_only_looks_alike_stays(text):
    assert scrub(text, with_ip=True) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 10.1.2.3:80 to 10.1.2.4.", "from <ip>:80 to <ip>."),
        ("[::1]:80 fe80::1 2001:db8::8a2e:370:7334", "[<ip>]:80 <ip> <ip>"),
        ("at 07:54:51, version 1.2.3", "at 07:54:51, version 1.2.3"),
        ("999.1.1.1", "999.1.1.1"),
    ],
)
def test_addresses_go_only_if_asked(text, expected):
    assert (scrub(text, with_ip=True), scrub(text)) == (expected, text)


PIECES = st.sampled_from(
    [text for text, _ in (*SECRETS.values(), *PERSONAL.values())]
    + ["<", ">", "@", "-", "_", " ", "\n", "'", '"', "\\n", "1", "a", "://", "?", "=", "Bearer ", "api-key: "]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join))
def test_a_scrubbed_text_stays_as_it_is(text):
    once = scrub(text, with_ip=True)
    assert scrub(once, with_ip=True) == once


@given(st.text(st.characters(), max_size=300))
def test_any_text_is_taken(text):
    assert isinstance(scrub(text, with_ip=True), str)


HOSTILE = [
    *("a", "a@", "sk-", "eyJaaaaaaaa-", "eyJaaaaaaaa.", "1 ", "://", "bearer ", "-----BEGIN "),
    *("-----BEGIN PRIVATE KEY-----", "AB12", "AB12 CDEF ", "a.", "+1", "0", "030 ", "authorization:"),
    *('"password":"', "cookie: ", "1.", "a:", "SG.aaaaaaaaaaaaaaaa", "a%40", "4111 1111 1111 1111 "),
]


@pytest.mark.slow
@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_with_length_only(unit):
    small = min(_seconds(unit, MAX_CHARS // 8) for _ in range(2))
    large = _seconds(unit, MAX_CHARS)
    assert large < 20 * small + 0.1  # 8 times the text; a square would be 64 times the time


def _seconds(unit, size):
    text = (unit * size)[:size]
    start = time.process_time()
    scrub(text, with_ip=True)
    return time.process_time() - start


def test_what_lies_past_the_bound_is_cut():
    assert len(scrub("x" * (MAX_CHARS + 5))) == MAX_CHARS
