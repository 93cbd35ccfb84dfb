"""Does the doctor hold its tongue? Conversations that nothing is wrong with, in any order and form."""

import random

import pytest

from diagnosing import CLAUDE, EPHEMERAL, OLD_GPT, Clinic, said, text, words

SYSTEMS = [words(400, seed=at) for at in (100, 200)]
TOOLS = [{"name": f"tool_{at}", "description": words(20, seed=at), "input_schema": {}} for at in "abc"]
TOO_SHORT = "below_minimum"
SHORT = ["yes", "no", "ok", "go on", "thanks"]
MOVES = ["turn", "turn", "turn", "rewind", "fork", "again", "title", "recap", "new"]


class Talk:
    """A conversation: its head and its messages."""

    def __init__(self, head, number):
        self.head, self.number, self.messages, self.said = head, number, [], 0

    def turn(self, rng):
        """A question, and the answer to the one before."""
        if self.messages:
            self.messages.append(said("assistant", self._words(rng)))
        self.messages.append(said("user", self._words(rng)))

    def _words(self, rng):
        self.said += 1
        short = rng.randrange(6)
        if not short:
            return rng.choice(SHORT)
        return words(30 * short, seed=10_000 * self.number + self.said)

    def fork(self, number, rng):
        """Another conversation that begins as this one does."""
        other = Talk(self.head, number)
        other.messages = self.messages[: 2 * rng.randrange(1 + len(self.messages) // 2)]
        other.messages.append(said("user", other._words(rng)))
        return other


def request(messages, head, wire, rng):
    """The request of a conversation, its texts in one form or the other, a marker somewhere."""
    if wire == "chat":
        shaped = [said("system", SYSTEMS[head]), *messages]
        return {"model": OLD_GPT, "messages": [_shaped(one, rng) for one in shaped]}
    system = [text(SYSTEMS[head], cache_control=EPHEMERAL)] if rng.random() < 0.5 else SYSTEMS[head]
    return {
        "model": CLAUDE,
        "max_tokens": 9,
        "cache_control": EPHEMERAL,
        "system": system,
        "tools": TOOLS,
        "messages": [_shaped(one, rng) for one in messages],
    }


def _shaped(message, rng):
    return message if rng.random() < 0.5 else said(message["role"], [text(message["content"])])


def side(talk, move, wire, rng):
    """A call beside a conversation: about it, with the same head or another one."""
    if move == "recap":
        return request([*talk.messages[:-1], said("user", "A recap, please.")], talk.head, wire, rng)
    body = request(talk.messages[:1], talk.head, wire, rng)
    title = "Give this conversation a title of five words."
    if wire == "chat":
        return {**body, "messages": [said("system", title), *talk.messages[:1]]}
    return {**{name: body[name] for name in body if name != "tools"}, "system": title}


@pytest.mark.parametrize("seed", range(40))
def test_clean_conversations_have_no_findings(seed):
    rng = random.Random(seed)
    clinic, wire = Clinic(), rng.choice(["anthropic", "chat"])
    talks = [Talk(0, 1)]
    talks[0].turn(rng)
    history = []
    for number in range(2, 14):
        talk, move = rng.choice(talks), rng.choice(MOVES)
        if move == "turn":
            talk.turn(rng)
        elif move == "rewind":
            del talk.messages[1 + 2 * rng.randrange(1 + len(talk.messages) // 2) :]
        elif move in {"fork", "new"}:
            talks.append(talk.fork(number, rng) if move == "fork" else Talk(rng.randrange(2), number))
            talk = talks[-1]
            if not talk.messages:
                talk.turn(rng)
        about = side(talk, move, wire, rng) if move in {"title", "recap"} else None
        body = request(talk.messages, talk.head, wire, rng) if about is None else about
        history.append((move, talk.number, len(talk.messages)))
        call = clinic.call(body, wire=wire)
        found = [(one.kind, one.path, one.confidence) for one in call.cache.findings]
        assert [one for one in found if one[0] != TOO_SHORT] == [], history
