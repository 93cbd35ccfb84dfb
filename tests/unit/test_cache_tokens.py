"""Where in the tokens does a piece end? Exactly where a provider has counted, and in between by estimate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.cache.tokens import MAX_MODELS, PER_TOKEN, Anchor, TokenScale, placed

ESTIMATES = st.lists(st.integers(0, 50_000), min_size=1, max_size=30)


@st.composite
def anchored(draw):
    """Estimates of pieces, ends that are known, and counts of the provider behind them, in order."""
    estimates = draw(ESTIMATES)
    known = sorted(draw(st.lists(st.integers(0, 5_000), max_size=len(estimates) - 1)))
    places = sorted(draw(st.sets(st.integers(0, len(estimates) - 1), max_size=4)))
    least = known[-1] if known else 0
    counts = sorted(draw(st.lists(st.integers(least, 200_000), min_size=len(places), max_size=len(places))))
    one = st.none() | st.integers(0, 20_000)
    counted = draw(st.lists(one, min_size=len(estimates), max_size=len(estimates)))
    return estimates, known, counted, [Anchor(*pair) for pair in zip(places, counts, strict=True)]


@given(anchored(), st.floats(0.5, 20))
def test_an_end_that_the_provider_counted_is_exact(case, ratio):
    _estimates, known, _counted, anchors = case
    ends = placed(*case, ratio)
    assert [ends[anchor.piece] for anchor in anchors if anchor.piece >= len(known)] == [
        anchor.tokens for anchor in anchors if anchor.piece >= len(known)
    ]


@given(anchored(), st.floats(0.5, 20))
def test_there_is_an_end_for_every_piece_and_none_before_the_last_one(case, ratio):
    estimates, _known, _counted, _anchors = case
    ends = placed(*case, ratio)
    assert len(ends) == len(estimates)
    assert ends == sorted(ends)


@given(anchored(), st.floats(0.5, 20))
def test_ends_that_are_known_stay(case, ratio):
    known = case[1]
    assert placed(*case, ratio)[: len(known)] == known


def test_between_two_counts_the_tokens_are_shared_out_by_estimate():
    ends = placed([970, 970, 1970, 970], [], [None] * 4, [Anchor(1, 400), Anchor(3, 1000)], 4.0)
    assert ends == [200, 400, 800, 1000]


def test_behind_the_last_count_the_ratio_is_all_there_is():
    assert placed([970, 370, 370], [], [None] * 3, [Anchor(0, 250)], 4.0) == [250, 350, 450]


def test_a_piece_that_was_counted_before_keeps_its_count():
    ends = placed([970, 970, 970], [], [None, 700, None], [Anchor(2, 1000)], 4.0)
    assert ends == [150, 850, 1000]


def test_counts_of_pieces_that_are_more_than_all_are_left_out():
    ends = placed([970, 970], [], [900, 900], [Anchor(1, 1000)], 4.0)
    assert ends == [500, 1000]


def test_counts_that_go_back_move_nothing():
    assert placed([100, 100], [300], [None] * 2, [Anchor(1, 200)], 4.0) == [300, 300]


def test_a_prompt_without_pieces_has_no_ends():
    assert placed([], [], [], [], 4.0) == []


def test_a_model_is_learned_from_its_answers():
    scale = TokenScale()
    assert (scale.per_token("m"), scale.knows("m")) == (PER_TOKEN, False)
    scale.learn("m", 8000, 1000)
    assert (scale.per_token("m"), scale.knows("m")) == (8.0, True)
    assert scale.per_token("other") == PER_TOKEN


def test_the_ratio_follows_a_change_of_language():
    scale = TokenScale()
    scale.learn("m", 16000, 1000)
    for _ in range(40):
        scale.learn("m", 8000, 1000)
    assert scale.per_token("m") == pytest.approx(8.0, abs=0.2)


@pytest.mark.parametrize(
    ("size", "tokens"),
    [(100, 0), (630, 63), (0, 1000), (2_999, 1000), (40_001, 1000)],
    ids=["no count", "few", "no text", "more than it shows", "an image"],
)
def test_a_prompt_that_tells_little_teaches_nothing(size, tokens):
    scale = TokenScale()
    scale.learn("m", size, tokens)
    assert not scale.knows("m")


def test_the_scale_is_bounded():
    scale = TokenScale()
    for number in range(3 * MAX_MODELS):
        scale.learn(f"m{number}", 4000, 1000)
    assert len(scale._sums) <= MAX_MODELS
