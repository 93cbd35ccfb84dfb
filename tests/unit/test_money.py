"""Money is added without losing a digit, and written so that only nothing looks like nothing."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.call import Cost
from llm_observer.money import add, billed_usd, decimal_text, dollars, exact_sum, known_dollars

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9)


@given(st.lists(AMOUNTS))
def test_a_sum_of_decimals_is_exact(amounts):
    assert Fraction(exact_sum(amounts)) == sum(map(Fraction, amounts))


def test_decimal_strings_are_added_as_they_stand():
    assert exact_sum(["0.1", "0.2", "0.0000000000000000000000000000000000001"]) == Decimal(
        "0.3000000000000000000000000000000000001"
    )


def test_the_app_s_decimal_context_changes_no_sum():
    with decimal.localcontext(prec=2):
        assert add(Decimal("123.456"), Decimal("0.001")) == Decimal("123.457")


@given(AMOUNTS)
def test_the_text_of_an_amount_is_the_amount_without_exponent(amount):
    text = decimal_text(amount)
    assert Decimal(text) == amount
    assert "E" not in text.upper()


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("12.34", "$12.34"),
        ("1234567.891", "$1,234,567.89"),
        ("1", "$1.00"),
        ("0.99996", "$1.00"),
        ("0.9999", "$0.9999"),
        ("0.5", "$0.5000"),
        ("0.0123", "$0.0123"),
        ("0.01234567", "$0.0123"),
        ("0.00034", "$0.00034"),
        ("0.0000042", "$0.0000042"),
        ("1E-9", "$0.0000000010"),
        ("-0.0123", "-$0.0123"),
        ("-12", "-$12.00"),
    ],
)
def test_an_amount_reads_well(amount, text):
    assert dollars(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "unpriced", "text"),
    [("0", 0, "$0.00"), ("0", 2, "?"), ("1.2", 1, "$1.20 + ?"), ("1.2", 0, "$1.20")],
)
def test_an_unknown_part_of_a_sum_is_a_question_mark_and_no_zero(amount, unpriced, text):
    assert known_dollars(Decimal(amount), unpriced) == text


@given(AMOUNTS.filter(bool))
def test_no_amount_but_zero_reads_as_zero(amount):
    assert set(dollars(amount)) & set("123456789")


def test_the_provider_s_own_figure_wins():
    assert billed_usd(Cost(status="exact", total_usd="2", provider_usd="3")) == 3
    assert billed_usd(Cost(status="unknown_model", provider_usd="3")) == 3


def test_an_unknown_figure_is_none_and_a_known_nothing_is_zero():
    assert billed_usd(None) is None
    assert billed_usd(Cost(status="unknown_model")) is None
    assert billed_usd(Cost(status="not_billed", total_usd="0")) == 0
