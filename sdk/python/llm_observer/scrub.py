"""Take secrets and personal data out of a text: keys, tokens, e-mails, phones, cards, accounts.

Each pattern is linear: it starts at a literal or at the edge of a run, and scans a run once
(possessive quantifiers) or up to a fixed length. What a pattern cannot decide, a checksum does. Tags
such as `<email>` take the place of what was found; scrubbing a scrubbed text changes nothing.
"""

import functools
import re
from collections.abc import Callable

__all__ = ["MAX_CHARS", "scrub"]

MAX_CHARS = 1 << 20
_MAX_PASSES = 8
_MIN_CARD, _MAX_CARD = 13, 19

Match = re.Match[str]
Tag = Callable[[Match], str] | str

_EDGE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
"""Not inside a word; the `n` of a written-out `\\n` is no word."""

_NAMES = (
    r"authorization|api[-_ ]?key|goog-api-key|password|passwd|passphrase|client[-_]?secret|secret[-_]?key"
    r"|secret[-_]access[-_]key|private[-_]key|(?:access|refresh|auth|id|session|security|bearer)[-_]token"
)
_KEY_SHAPES = (
    r"sk-[A-Za-z0-9_-]{8,}+",  # OpenAI, Anthropic (sk-ant-), OpenRouter (sk-or-), DeepSeek
    r"(?:gsk|xai|hf|r8|pplx|nvapi|csk|fw|tgp)[_-][A-Za-z0-9_-]{16,}+",  # Groq, xAI, Hugging Face …
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Za-z0-9]{12,}+",  # AWS
    r"ABSK[A-Za-z0-9+/=]{20,}+",  # Bedrock API keys
    r"AIza[A-Za-z0-9_-]{20,}+",  # Google
    r"ya29\.[A-Za-z0-9_.-]{10,}+",  # Google OAuth
    r"gh[pousr]_[A-Za-z0-9_]{16,}+",  # GitHub
    r"github_pat_[A-Za-z0-9_]{16,}+",
    r"glpat-[A-Za-z0-9_-]{16,}+",  # GitLab
    r"(?:xox[a-z]|xapp)-[A-Za-z0-9-]{8,}+",  # Slack
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9_]{8,}+",  # Stripe
    r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+",  # SendGrid
    r"(?:npm_|pypi-|dop_v1_|whsec_)[A-Za-z0-9_-]{16,}+",
)


def scrub(text: str, *, with_ip: bool = False) -> str:
    """*text* with tags for what should not be read; past `MAX_CHARS` it is cut.

    Args:
        text: any text.
        with_ip: take out IP addresses too.
    """
    text = text[:MAX_CHARS]
    for _ in range(_MAX_PASSES):  # what stands next to a tag may be seen only now
        before, text = text, _pass(text, with_ip=with_ip)
        if text == before:
            break
    return text


def _pass(text: str, *, with_ip: bool) -> str:
    for pattern, tag in _compiled(with_ip=with_ip):
        text = pattern.sub(tag, text)
    return text


@functools.cache
def _compiled(*, with_ip: bool) -> tuple[tuple[re.Pattern[str], Tag], ...]:
    """Compiled at the first use, which is on the worker or where something went wrong."""
    rules = (*_RULES, *_IP_RULES) if with_ip else _RULES
    return tuple((re.compile(pattern), tag) for pattern, tag in rules)


def _url(match: Match) -> str:
    """A URL without credentials, without its query, and without a fragment that holds values."""
    body, mark, rest = match[0][3:].partition("?")
    head, hash_mark, fragment = body.partition("#")
    slash = head.find("/")
    host, path = (head, "") if slash < 0 else (head[:slash], head[slash:])
    credentials, at, address = host.rpartition("@")
    start = f"://<credentials>@{address}" if at and credentials else f"://{host}"
    fragment = "<fragment>" if "=" in fragment else fragment
    return f"{start}{path}{hash_mark}{fragment}{mark}{'<query>' if rest else ''}"


def _card(match: Match) -> str:
    digits = re.sub(r"[ -]", "", match[0])
    is_card = _MIN_CARD <= len(digits) <= _MAX_CARD and digits[0] in "23456" and _passes_luhn(digits)
    return "<card>" if is_card else match[0]


def _passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(match: Match) -> str:
    """The longest run of whole groups that passes ISO 7064 mod 97-10; capital words may follow it."""
    text = match[0]
    end = len(text)
    while end > 0:
        if _passes_mod97(text[:end].replace(" ", "")):
            return f"<iban>{text[end:]}"
        end = text.rfind(" ", 0, end)
    return text


def _passes_mod97(iban: str) -> bool:
    shortest, longest = 15, 34  # Norway; the standard's bound
    if not shortest <= len(iban) <= longest:
        return False
    return int("".join(str(int(mark, 36)) for mark in iban[4:] + iban[:4])) % 97 == 1


def _ip(match: Match) -> str:
    from ipaddress import ip_address

    try:
        ip_address(match[0])
    except ValueError:  # a version, a time of day
        return match[0]
    return "<ip>"


# Order matters: what may hold numbers and names comes before numbers and names.
_RULES: tuple[tuple[str, Tag], ...] = (
    (
        r"(?s)-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----.*?(?:-----END[A-Z0-9 ]{0,60}-----|\Z)",
        "<private-key>",
    ),
    (r"://[^\s\"'<>]++", _url),
    (r"(?<=[?&])((?:key|token|sig|signature|code|auth)=)[^\s&#\"'<>]++", r"\1<secret>"),
    (r"(?i)\b((?:set-)?cookie:[ \t]{0,4})[^\s<][^\r\n]*+", r"\1<secret>"),
    (rf"(?i)({_NAMES})(\\?[\"']\s{{0,4}}[:=,]\s{{0,4}}b?\\?[\"'])[^\"'\r\n<>\\]++", r"\1\2<secret>"),
    (
        (
            rf"(?i)({_NAMES})(\s{{0,4}}[:=]\s{{0,4}}[\"']?)"
            r"(?:(?:bearer|basic|token|digest)[ \t]{1,4})?[^\s\"',;&<>]++"
        ),
        r"\1\2<secret>",
    ),
    (r"(?i)\b(bearer\s{1,4})[A-Za-z0-9._~+/=-]{6,}+", r"\1<secret>"),
    (f"{_EDGE}(?:{'|'.join(_KEY_SHAPES)})", "<secret>"),
    (
        r"(?:(?<![\w-])|(?<=\\[nrt]))eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*+)?",
        "<secret>",
    ),
    (_EDGE + r"(?:org-|proj_)[A-Za-z0-9]{12,}+", "<account>"),
    (r"(?<![\w.+-])[\w.+-]++(?:@|%40)[\w-]++(?:\.[\w-]++)++", "<email>"),
    (_EDGE + r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])", _iban),
    (
        (
            r"(?<![0-9])(?:[0-9]{13,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}"
            r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})(?![0-9])"
        ),
        _card,
    ),
    (r"(?<![\w-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-])", "<ssn>"),
    (
        (
            r"(?<![\w+.-])(?:\+[0-9](?:[ ().-]{0,2}[0-9]){6,14}"
            r"|(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"
            r"|0[0-9]{1,4}[ /-][0-9]{3,4}[ -]?[0-9]{3,5})(?![\w-])"
        ),
        "<phone>",
    ),
)
_IP_RULES: tuple[tuple[str, Tag], ...] = (
    (r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.?\w)", _ip),
    (r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{3,39}+(?![\w:])", _ip),
)
