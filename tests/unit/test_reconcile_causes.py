"""Does each gap get the cause that brought it about, and is each cause explained?"""

import json
from pathlib import Path

import pytest

from llm_observer.call import Cost
from llm_observer.reconcile import CAUSES, Export, Judge, Ours, Question, Theirs, compare
from reconciling import Call, anthropic_usage, event, openai_costs, openai_usage, openrouter_csv

DAY_S = 86_400
INVOICE = Path(__file__).parents[2] / "docs/invoice.md"
NEXT_DAY = Call(at_s=DAY_S + 43_200)
CALL = Call()
MORE = Call(uncached=1000, output=100, usd="0.02")


def with_field(text, **fields):
    """*text*, a page, whose results have *fields* too."""
    page = json.loads(text)
    for bucket in page["data"]:
        for result in bucket["results"]:
            result.update(fields)
    return json.dumps(page)


def claude_cost(**fields):
    result = {
        "currency": "USD",
        "amount": "20",
        "model": "gpt-4o-2024-08-06",
        "cost_type": "tokens",
        **fields,
    }
    bucket = {"starting_at": "2026-11-01T00:00:00Z", "results": [result]}
    return json.dumps({"data": [bucket], "has_more": False})


def own_key(text):
    """*text*, rows of OpenRouter, all of which ran on the user's key at the provider."""
    header, *rows = text.splitlines()
    return "\n".join([f"{header},byok_usage_inference", *(f"{row},0.01" for row in rows)])


OPENAI = openai_usage([CALL, MORE])
CLAUDE = {"provider": "anthropic"}
SCENES = {
    "not_observed": ([OPENAI], [event()]),
    "no_events": ([openai_usage([CALL, NEXT_DAY])], [event()]),
    "partial_day": ([openai_usage([CALL, MORE, NEXT_DAY])], [event(), event(NEXT_DAY)]),
    "names": ([openai_usage([MORE._replace(model="gpt-4o-eu")])], [event()]),
    "usage_absent": ([OPENAI], [event(), event(tokens=None, cost=None)]),
    "cut_short": ([OPENAI], [event(), event(ending="closed_early")]),
    "retries": ([OPENAI], [event(retries=2)]),
    "day_boundary": ([openai_usage([CALL, NEXT_DAY, NEXT_DAY])], [event(), event(), event(NEXT_DAY)]),
    "lag": ([openai_usage([CALL])], [event(), event()]),
    "other_scope": ([openai_usage([CALL, NEXT_DAY])], [event(), event(), event(NEXT_DAY)]),
    "sampled": ([openai_usage([CALL] * 10)], [event(sample_rate=0.1)]),
    "batch": ([with_field(OPENAI, batch=True)], [event()]),
    "tier": ([openai_costs([MORE])], [event(service_tier="priority")]),
    "region": ([claude_cost(inference_geo="us")], [event(**CLAUDE)]),
    "long_context": ([claude_cost(context_window="200k-1M")], [event(**CLAUDE)]),
    "cache_ttl": (
        [anthropic_usage([Call(written=500)])],
        [event(Call(written=500), **CLAUDE, tokens=event(Call(written=500)).llm_call.tokens)],
    ),
    "token_counts": (
        [openrouter_csv([MORE._replace(usd="0.00125")])],
        [event(CALL, provider="openrouter")],
    ),
    "byok": (
        [own_key(openrouter_csv([CALL._replace(usd="0.0001")]))],
        [event(CALL, provider="openrouter")],
    ),
    "fees": (
        [openai_costs([CALL]).replace("gpt-4o-2024-08-06, input_tokens", "web search tool calls")],
        [event()],
    ),
    "fine_tuned": ([openai_costs([MORE._replace(model="ft:gpt-4o:a::1")])], [event(Call("ft:gpt-4o:a::1"))]),
    "unknown_price": ([openai_costs([CALL])], [event(CALL._replace(usd=None))]),
    "discount": ([openai_costs([CALL._replace(usd="0.001")])], [event()]),
    "price": ([openai_costs([MORE])], [event()]),
    "other_tokens": ([OPENAI, openai_costs([CALL, MORE])], [event()]),
}
"""An export and the events beside it, by the cause that is to be found."""


def told(tmp_path, texts, events, **asked):
    """Causes of each gap, as `code: sign`, the likeliest first."""
    paths = [tmp_path / f"export-{number}" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    ours, theirs = Ours(), Theirs(Export(map(str, paths)))
    for one in events:
        ours.add(one)
    sections = compare(theirs, ours, Question(**asked))
    judge = Judge(sections, ours)
    return [
        judge.causes(section, line, cell)
        for section in sections
        for line in section.lines
        for cell in line.gaps
    ]


@pytest.mark.parametrize("code", SCENES)
def test_the_cause_is_named(code, tmp_path):
    found = told(tmp_path, *SCENES[code])
    assert code in {cause.code for causes in found for cause in causes}
    assert all(cause.sign for causes in found for cause in causes)


def test_every_cause_is_met_by_a_scene():
    assert SCENES.keys() == CAUSES.keys()


@pytest.mark.parametrize("code", CAUSES)
def test_every_cause_is_explained_in_the_docs(code):
    assert f"`{code}`" in INVOICE.read_text("utf-8")


@pytest.mark.parametrize("code", SCENES)
@pytest.mark.parametrize("by", [{"day"}, {"model"}, set()], ids=sorted)
def test_every_gap_has_a_cause_however_rows_are_grouped(code, by, tmp_path):
    assert all(told(tmp_path, *SCENES[code], by=frozenset(by)))


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("no_events", "no_events"),
        ("day_boundary", "day_boundary"),
        ("other_tokens", "other_tokens"),
        ("fees", "fees"),
        ("unknown_price", "unknown_price"),
        ("sampled", "sampled"),
        ("usage_absent", "usage_absent"),
    ],
)
def test_the_surest_cause_stands_first(code, first, tmp_path):
    assert first in {causes[0].code for causes in told(tmp_path, *SCENES[code])}


def test_money_that_follows_the_tokens_has_no_other_cause(tmp_path):
    *_, money = told(tmp_path, *SCENES["other_tokens"])
    assert [cause.code for cause in money] == ["other_tokens"]


def test_the_sign_of_a_cause_has_its_figures(tmp_path):
    (discount,) = told(tmp_path, *SCENES["discount"])
    assert [(cause.code, cause.sign) for cause in discount] == [("discount", "by 20.0 %")]


def test_an_assumed_price_is_named_as_such(tmp_path):
    bound = event(cost=Cost(status="bound", total_usd="0.001"))
    ((price,),) = told(tmp_path, [openai_costs([MORE])], [bound])
    assert price == ("price", "1 call priced by an assumption")


SEARCHES = openai_costs([Call(usd="0.03")]).replace(
    "gpt-4o-2024-08-06, input_tokens", "web search tool calls"
)


@pytest.mark.parametrize("by", [{"day"}, set()], ids=["day", "total"])
def test_fees_are_named_with_their_sum_where_models_are_joined(by, tmp_path):
    (causes,) = told(tmp_path, [openai_costs([CALL]), SEARCHES], [event()], by=frozenset(by))
    assert causes == (("fees", "$0.0300 of the export is no token of a call"),)


def test_what_fees_do_not_explain_has_a_cause_of_its_own(tmp_path):
    (causes,) = told(tmp_path, [openai_costs([MORE]), SEARCHES], [event()], by=frozenset())
    assert [cause.code for cause in causes] == ["fees", "price"]


def test_fees_are_no_reason_for_what_the_events_have_more(tmp_path):
    texts = [openai_costs([CALL]), SEARCHES]
    (causes,) = told(tmp_path, texts, [event(MORE._replace(usd="1"))], by=frozenset())
    assert [cause.code for cause in causes] == ["discount"]


OTHER = "claude-opus-4-8"


@pytest.mark.parametrize(
    ("models", "called", "code"),
    [(["gpt-4o-2024-08-06", OTHER], [], "not_observed"), (["gpt-4o-2024-08-06"], [OTHER], "other_scope")],
    ids=["not in the events", "not in the export"],
)
def test_money_of_a_model_that_one_side_has_alone_is_no_matter_of_price(models, called, code, tmp_path):
    export = [openai_costs([Call(model) for model in models])]
    (causes,) = told(tmp_path, export, [event(), *(event(Call(model)) for model in called)])
    assert [cause.code for cause in causes] == [code]
