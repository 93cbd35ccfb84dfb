"""Is every known form of export read as its provider documents it, and any other refused with a reason?"""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from llm_observer.reconcile import FORMS, Export

FOLDER = Path(__file__).parents[1] / "data/exports"
FILES = sorted(FOLDER.iterdir())
SUMS = {
    "openai_usage_completions": {
        "requests": 6,
        "input": 5800,
        "uncached": 3000,
        "cache_read": 2000,
        "cache_write": 0,
        "output": 1200,
    },
    "openai_usage_embeddings": {"requests": 4, "input": 640},
    "openai_usage_moderations": {"requests": 3, "input": 90},
    "openai_usage_csv": {
        "requests": 6,
        "input": 5800,
        "uncached": 3800,
        "cache_read": 2000,
        "output": 1200,
    },
    "openai_costs": {"usd": Decimal("0.2715000000000000000000000001")},
    "openai_costs_csv": {"usd": Decimal("0.0215")},
    "anthropic_usage": {
        "input": 255_000,
        "uncached": 251_500,
        "cache_read": 2000,
        "cache_write": 1500,
        "cache_write_5m": 500,
        "cache_write_1h": 1000,
        "output": 600,
        "searches": 10,
    },
    "anthropic_cost": {"usd": Decimal("1.3345")},
    "anthropic_usage_csv": {
        "input": 5100,
        "uncached": 1600,
        "cache_read": 2000,
        "cache_write": 1500,
        "cache_write_5m": 500,
        "cache_write_1h": 1000,
        "output": 550,
        "searches": 10,
    },
    "anthropic_cost_csv": {"usd": Decimal("0.22")},
    "openrouter_activity": {"requests": 6, "input": 60, "output": 145, "usd": Decimal("0.0155")},
    "openrouter_activity_csv": {
        "requests": 2,
        "input": 1010,
        "cache_read": 400,
        "output": 205,
        "usd": Decimal("0.0133"),
    },
}


COMMA = "is no number: decimals need a point, and nothing between thousands"


def sums_of(export):
    sums = {}
    for row in export.rows():
        given = dict(row.counts) if row.usd is None else {**row.counts, "usd": row.usd}
        for kind, amount in given.items():
            sums[kind] = sums.get(kind, 0) + amount
    return sums


def rows_of(path):
    export = Export([str(path)])
    rows = list(export.rows())
    assert not export.problems
    return rows


def problem_of(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    export = Export([str(path)])
    assert list(export.rows()) == []
    (problem,) = export.problems
    return problem.reason


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_export_is_told_by_its_content_and_added_up(path, tmp_path):
    named_otherwise = tmp_path / "download"
    named_otherwise.write_bytes(path.read_bytes())
    export = Export([str(named_otherwise)])
    assert sums_of(export) == SUMS[path.stem]
    assert not export.problems
    assert [form.name for form in export.forms] == [path.stem]


def test_every_form_has_a_file_a_source_and_a_day():
    assert {form.name for form in FORMS} == {path.stem for path in FILES}
    assert all("2026-11-21" in form.source for form in FORMS)
    assert all(form.day in form.columns for form in FORMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_gzipped_export_is_the_same(path, tmp_path):
    packed = tmp_path / "export.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert rows_of(packed) == rows_of(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_byte_order_mark_says_nothing(path, tmp_path):
    marked = tmp_path / "export"
    marked.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert rows_of(marked) == rows_of(path)


@pytest.mark.parametrize("delimiter", [";", "\t"], ids=["semicolon", "tab"])
def test_a_spreadsheets_delimiter_is_seen(delimiter, tmp_path):
    text = (FOLDER / "openrouter_activity_csv.csv").read_text("utf-8")
    other = tmp_path / "export"
    other.write_text(text.replace(",", delimiter), "utf-8")
    assert rows_of(other) == rows_of(FOLDER / "openrouter_activity_csv.csv")


@pytest.mark.parametrize(
    "joined",
    [
        pytest.param("\n".join, id="one behind the other"),
        pytest.param(lambda pages: f"[{','.join(pages)}]", id="in a list"),
        pytest.param(
            lambda pages: "\n".join(json.dumps(json.loads(page)) for page in pages), id="JSON lines"
        ),
    ],
)
def test_pages_in_one_file_are_read_as_one(joined, tmp_path):
    names = ["openai_usage_completions", "openai_usage_embeddings", "openai_costs"]
    pages = [(FOLDER / f"{name}.json").read_text("utf-8") for name in names]
    path = tmp_path / "pages"
    path.write_text(joined(pages), "utf-8")
    export = Export([str(path)])
    rows = [row for name in names for row in rows_of(FOLDER / f"{name}.json")]
    assert list(export.rows()) == rows


def test_a_page_that_was_fetched_twice_counts_once(tmp_path):
    page = FOLDER / "anthropic_usage.json"
    again = tmp_path / "again.json"
    again.write_text(json.dumps(json.loads(page.read_text("utf-8"))), "utf-8")
    export = Export([str(page), str(again)])
    assert sums_of(export) == SUMS["anthropic_usage"]
    assert export.repeated == 2


def usage_page(*days, model="gpt-4o", requests=10, **more):
    """A page of OpenAI's usage API: a result on each of *days* of November, none on negative ones."""
    result = {
        "object": "organization.usage.completions.result",
        "num_model_requests": requests,
        "input_tokens": requests * 1000,
        "input_audio_tokens": requests,
        "output_tokens": 0,
        "model": model,
        "batch": False,
        **more,
    }
    buckets = []
    for day in days:
        begins = 1793491200 + 86_400 * (abs(day) - 1)
        results = [result] if day > 0 else []
        buckets.append({"start_time": begins, "end_time": begins + 86_400, "results": results})
    return json.dumps({"object": "page", "data": buckets})


@pytest.fixture
def read(tmp_path):
    """Reads the texts as files; their export, and what its rows sum up to."""

    def read(*texts):
        paths = [tmp_path / f"export-{number}" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, "utf-8")
        export = Export(map(str, paths))
        return export, sums_of(export)

    return read


@pytest.mark.parametrize("joined", [list, lambda pages: ["\n".join(pages)]], ids=["two files", "one file"])
def test_days_that_two_pages_have_count_once(joined, read):
    export, sums = read(*joined([usage_page(*range(1, 8)), usage_page(*range(4, 11))]))
    assert (sums["requests"], export.repeated, export.problems) == (100, 4, [])
    assert [(form.name, rows) for form, rows in export.forms.items()] == [("openai_usage_completions", 10)]


def test_a_bucket_that_stands_twice_in_one_page_counts_once(read):
    export, sums = read(usage_page(1, 1, 2))
    assert (sums["requests"], export.repeated) == (20, 1)


@pytest.mark.parametrize(
    "other", [{"model": "o3"}, {"batch": True}, {"project_id": "p"}, {"api_key_id": "7"}], ids=str
)
def test_another_group_of_the_same_day_is_another_row(other, read):
    export, sums = read(usage_page(1), usage_page(1, **other))
    assert (sums["requests"], export.repeated, export.problems) == (20, 0, [])


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["the larger one last", "first"])
def test_of_two_fetches_of_one_day_the_one_with_more_counts_and_that_is_told(order, read):
    pages = [usage_page(-1, 2, requests=3), usage_page(2, 3, requests=10)]
    export, sums = read(*(pages[number - 1] for number in order))
    assert sums["requests"] == 20
    (problem,) = export.problems
    assert problem.place.endswith(f"export-{order.index(1)}#1")
    assert problem.reason.startswith("the same bucket and groups came again with other counts")


def test_two_fetches_of_one_day_in_one_file_are_told_apart(read):
    export, sums = read("\n".join([usage_page(1, requests=3), usage_page(1, requests=10)]))
    assert (sums["requests"], len(export.problems)) == (10, 1)


def test_a_row_that_stands_twice_in_one_csv_counts_once(read):
    text = (FOLDER / "anthropic_usage_csv.csv").read_text("utf-8")
    export, sums = read(text + text.partition("\n")[2])
    assert (sums, export.repeated) == (SUMS["anthropic_usage_csv"], 2)


def test_a_csv_that_was_saved_twice_counts_once(read):
    names = ["openrouter_activity_csv", "anthropic_usage_csv", "anthropic_cost_csv", "openai_costs_csv"]
    texts = [(FOLDER / f"{name}.csv").read_text("utf-8") for name in names]
    assert read(*texts)[1] == read(*texts, *texts)[1]


def test_rows_of_one_csv_that_its_columns_do_not_tell_apart_are_added_up(read):
    """As of two keys, where somebody left their column out."""
    header, _, row = (FOLDER / "anthropic_usage_csv.csv").read_text("utf-8").splitlines()
    export, sums = read("\n".join([header, *(row.replace(",50,", f",{tokens},") for tokens in (10, 7))]))
    assert (sums["output"], export.problems) == (17, [])


def test_a_generation_of_openrouter_counts_once_whatever_else_its_row_says(read):
    text = (FOLDER / "openrouter_activity_csv.csv").read_text("utf-8")
    export, sums = read(text, text.replace("Example", "Renamed"))
    assert (sums, export.repeated) == (SUMS["openrouter_activity_csv"], 2)


def test_days_of_a_file_without_results_are_covered_by_the_forms_of_the_others(read):
    export, _ = read(usage_page(1), usage_page(-2, -3))
    assert sorted(map(str, export.days["openai_usage_completions"])) == [
        "2026-11-01",
        "2026-11-02",
        "2026-11-03",
    ]


def test_days_without_results_are_those_of_their_own_file_and_provider(read):
    images = {"object": "organization.usage.images.result", "images": 2}
    bucket = {"start_time": 1793577600, "end_time": 1793664000}
    of_images = {"data": [{**bucket, "results": [images]}, {**bucket, "results": []}]}
    of_claude = {"data": [{"starting_at": "2026-11-03T00:00:00Z", "ending_at": "x", "results": []}]}
    export, _ = read(usage_page(1), json.dumps(of_images), json.dumps(of_claude))
    assert sorted(map(str, export.days["openai_usage_completions"])) == ["2026-11-01"]


def test_buckets_without_a_result_are_days_that_the_export_covers():
    export = Export([str(FOLDER / "openai_usage_completions.json")])
    list(export.rows())
    assert sorted(map(str, export.days["openai_usage_completions"])) == ["2026-11-01", "2026-11-02"]


def test_what_is_special_about_a_row_is_marked():
    marks = {name: [sorted(row.marks) for row in rows_of(FOLDER / name)] for name in (
        "openai_usage_completions.json",
        "anthropic_usage.json",
        "anthropic_usage_csv.csv",
        "anthropic_cost.json",
        "openai_costs.json",
        "openrouter_activity.json",
        "openrouter_activity_csv.csv",
    )}  # fmt: skip
    assert marks == {
        "openai_usage_completions.json": [[], ["batch"]],
        "anthropic_usage.json": [[], ["batch", "long_context"]],
        "anthropic_usage_csv.csv": [[], ["batch"]],
        "anthropic_cost.json": [[], ["fee", "item"]],
        "openai_costs.json": [[], [], ["item"]],
        "openrouter_activity.json": [[], ["byok"]],
        "openrouter_activity_csv.csv": [[], ["cancelled"]],
    }


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-01T23:30:00-02:00", "2026-11-02"),
        ("2026-11-02T00:30:00+02:00", "2026-11-01"),
        ("2026-11-01T00:00:00Z", "2026-11-01"),
    ],
)
def test_days_are_utc(moment, day, tmp_path):
    page = json.loads((FOLDER / "anthropic_usage.json").read_text("utf-8"))
    page["data"][0]["starting_at"] = moment
    path = tmp_path / "page"
    path.write_text(json.dumps(page), "utf-8")
    assert {str(row.day) for row in rows_of(path)} == {day}


def test_a_day_that_does_not_begin_at_midnight_utc_is_marked(tmp_path):
    page = json.loads((FOLDER / "anthropic_usage.json").read_text("utf-8"))
    page["data"][0] |= {"starting_at": "2026-11-01T00:00:00+01:00", "ending_at": "2026-11-02T00:00:00+01:00"}
    path = tmp_path / "page"
    path.write_text(json.dumps(page), "utf-8")
    assert all("not_utc" in row.marks for row in rows_of(path))


def test_an_unknown_header_is_answered_with_its_columns_and_the_known_forms(tmp_path):
    reason = problem_of(tmp_path / "x.csv", "date,tokens,secret\n2026-11-01,7,sk-1\n")
    assert "its columns: date, tokens, secret." in reason
    assert "sk-1" not in reason
    assert all(form.title in reason for form in FORMS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\xff\xfe\x00\x01,b\n", "it is no text in UTF-8"),
        (b"\x1f\x8b\x08\x00broken", "the compressed file is damaged"),
        ('{"data": [', "the JSON that begins in line 1 is damaged"),
        ('{"data": [{"amount": NaN}]}', "the JSON that begins in line 1 is damaged"),
        ("[1, 2]", "it is JSON, but no page of an export"),
        ('{"data": ' * 400 + "[]" + "}" * 400, "no known form of export"),
        ('{"data": [' * 400 + "]}" * 400, ""),
        ("[" * 100_000, "the JSON that begins in line 1 is damaged"),
        ('a,"b\n', "it is no CSV"),
    ],
    ids=["empty", "UTF-16", "gzip", "cut off", "NaN", "list", "objects", "pages in pages", "deep", "quotes"],
)
def test_what_is_no_export_is_refused(content, reason, tmp_path):
    path = tmp_path / "x"
    if reason:
        assert problem_of(path, content).startswith(reason)
    else:  # a page without rows, however it is wrapped
        path.write_text(content, "utf-8")
        assert list(Export([str(path)]).rows()) == []


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("tokens_prompt", "many", "tokens_prompt is no number"),
        ("tokens_prompt", "1.5", "tokens_prompt is no count"),
        ("tokens_prompt", '"1,000"', f"tokens_prompt {COMMA}"),
        ("cost_total", '"0,0123"', f"cost_total {COMMA}"),
        ("tokens_prompt", "-1", "tokens_prompt is no count"),
        ("tokens_prompt", "1e999999999", "tokens_prompt is no number"),
        ("cost_total", "NaN", "cost_total is no number"),
        ("created_at", "yesterday", "created_at is no time"),
        ("created_at", "99999999999999999", "created_at is no time"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column_and_the_rest_is_read(column, value, reason, tmp_path):
    lines = (FOLDER / "openrouter_activity_csv.csv").read_text("utf-8").splitlines()
    at = lines[0].split(",").index(column)
    cells = lines[1].split(",")
    cells[at] = value
    path = tmp_path / "x.csv"
    path.write_text("\n".join([lines[0], ",".join(cells), lines[2]]), "utf-8")
    export = Export([str(path)])
    assert len(list(export.rows())) == 1
    assert [(one.place, one.reason) for one in export.problems] == [(f"{path}:2", reason)]


def test_a_row_of_another_width_is_named(tmp_path):
    path = tmp_path / "x.csv"
    text = (FOLDER / "anthropic_cost_csv.csv").read_text("utf-8")
    path.write_text(f"{text}2026-11-01,Claude\n", "utf-8")
    export = Export([str(path)])
    assert len(list(export.rows())) == 3
    assert [one.reason for one in export.problems] == ["has 2 cells, the header 14"]


def test_another_currency_is_refused(tmp_path):
    path = tmp_path / "x.json"
    path.write_text((FOLDER / "openai_costs.json").read_text("utf-8").replace('"usd"', '"eur"'), "utf-8")
    export = Export([str(path)])
    assert list(export.rows()) == []
    assert {one.reason for one in export.problems} == {"amount.currency is eur: only US dollars are compared"}


def test_results_that_count_no_tokens_are_counted_and_named(tmp_path):
    path = tmp_path / "x.json"
    image = {"object": "organization.usage.images.result", "images": 2, "num_model_requests": 1}
    path.write_text(json.dumps({"data": [{"start_time": 1793491200, "results": [image]}]}), "utf-8")
    export = Export([str(path)])
    assert list(export.rows()) == []
    assert export.not_compared == {"images are counted, not tokens": 1}


def test_a_missing_file_is_named(tmp_path):
    export = Export([str(tmp_path / "none.csv")])
    assert list(export.rows()) == []
    assert [one.reason for one in export.problems] == ["No such file or directory"]
