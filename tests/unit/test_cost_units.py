"""Images, minutes of audio, characters and seconds of video: what each costs, worked out by hand."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanging import JSON_TYPE, SSE_TYPE, exchange
from llm_observer.decoded import Measures
from llm_observer.enrichers.measured import is_priced_by, measured
from llm_observer.enrichers.unit_prices import built_in
from llm_observer.wire import Options
from recorded_costs import Priced, cost_of_exchange, recorded_cost

FORM = b"--x\r\n%s--x--\r\n"
FIELD = 'content-disposition: form-data; name="{}"\r\n\r\n{}\r\n'


def form(**fields):
    parts = "--x\r\n".join(FIELD.format(name, value) for name, value in fields.items())
    return FORM % parts.encode()


def asked(route, request, answer, **changes):
    """The cost of *answer* to a POST of *request* to *route* at OpenAI."""
    return cost_of_exchange(exchange(answer, route=route, request=request, **changes))


def images(count):
    return {"created": 1, "data": [{"url": "https://images.test/1"}] * count}


def figures(cost):
    return (cost.status, cost.total_usd, cost.price_id, cost.source)


@pytest.mark.parametrize(
    ("settings", "total"),
    [
        ({"model": "dall-e-3"}, "0.04"),
        ({"model": "dall-e-3", "size": "1024x1792"}, "0.08"),
        ({"model": "dall-e-3", "size": "1792x1024", "quality": "hd"}, "0.12"),
        ({"model": "dall-e-3", "quality": "hd"}, "0.08"),
        ({"model": "dall-e-2"}, "0.02"),
        ({"model": "dall-e-2", "size": "512x512"}, "0.018"),
        ({"model": "dall-e-2", "size": "256x256"}, "0.016"),
    ],
)
def test_an_image_has_the_price_of_its_size_and_quality(settings, total):
    cost = asked("/images/generations", {"prompt": "a cat", **settings}, images(1))
    assert figures(cost) == ("exact", total, f"openai/{settings['model']}", "built-in")
    assert cost.output_usd == total


def test_recorded_images_are_counted_in_the_answer_and_the_form_tells_their_size():
    assert recorded_cost("24245f60cafda46c").total_usd == "0.032"  # two variations of 256x256, model unnamed


def test_an_upload_whose_fields_nobody_kept_has_the_least_price():
    cost = asked("/images/variations", None, images(3), request_state="not_kept")
    assert (cost.status, cost.total_usd) == ("bound", "0.048")
    assert cost.note == "at least this much: the size of the images is unknown"


def test_an_answer_that_was_cut_has_as_many_images_as_were_asked_for():
    request = {"model": "dall-e-2", "prompt": "a cat", "n": 4}
    cut = b'{"created": 1, "data": [{"b64_json": "iVBO'
    assert asked("/images/generations", request, cut, response_state="truncated").total_usd == "0.08"


def test_a_size_that_was_never_sold_has_no_price():
    cost = asked("/images/generations", {"model": "dall-e-3", "prompt": "a", "size": "9x9"}, images(1))
    assert (cost.status, cost.total_usd) == ("usage_absent", None)


def test_an_image_at_a_vendor_whose_price_nobody_knows_has_none():
    made = exchange(images(1), route="/images/generations", request={"model": "dall-e-3", "prompt": "a"})
    made.url = "https://res.openai.azure.com/openai/deployments/dall-e-3/images/generations"
    assert cost_of_exchange(made).status == "unknown_model"


def test_an_image_through_an_unknown_host_is_priced_by_the_model_alone():
    made = exchange(images(1), route="/images/generations", request={"model": "dall-e-3", "prompt": "a"})
    made.url = "https://gateway.test/v1/images/generations"
    assert (cost_of_exchange(made).status, cost_of_exchange(made).total_usd) == ("estimated", "0.04")


GPT_IMAGE_USAGE = {
    "input_tokens": 210,
    "input_tokens_details": {"image_tokens": 200, "text_tokens": 10},
    "output_tokens": 1100,
    "total_tokens": 1310,
}


@pytest.mark.parametrize(
    ("model", "split", "input_usd", "output_usd"),
    [
        # text 5.00, image 8.00; output: image 32.00, text 10.00
        ("gpt-image-1.5", None, "0.00165", "0.0352"),
        ("gpt-image-1.5", {"image_tokens": 1000, "text_tokens": 100}, "0.00165", "0.033"),
        # text 5.00, image 8.00; output: 30.00
        ("gpt-image-2", None, "0.00165", "0.033"),
        # text 2.00, image 2.50; output: 8.00
        ("gpt-image-1-mini", None, "0.00052", "0.0088"),
    ],
)
def test_an_image_model_with_usage_is_priced_by_its_text_and_image_tokens(
    model, split, input_usd, output_usd
):
    usage = GPT_IMAGE_USAGE if split is None else {**GPT_IMAGE_USAGE, "output_tokens_details": split}
    request = {"model": model, "prompt": "a cat", "quality": "high"}
    cost = asked("/images/edits", request, {**images(1), "usage": usage})
    assert (cost.status, cost.input_usd, cost.output_usd) == ("exact", input_usd, output_usd)


def events(*kinds):
    rows = [{"type": kind, "b64_json": "iVBO", "usage": GPT_IMAGE_USAGE} for kind in kinds]
    for row in rows:
        if "partial" in row["type"]:
            del row["usage"]
    return b"".join(f"event: {row['type']}\ndata: {json.dumps(row)}\n\n".encode() for row in rows)


def test_partial_images_of_a_stream_are_in_the_usage_of_its_last_event():
    request = {"model": "gpt-image-2", "prompt": "a cat", "stream": True, "partial_images": 2}
    body = events(*["image_generation.partial_image"] * 2, "image_generation.completed")
    cost = asked("/images/generations", request, body, headers=[SSE_TYPE])
    assert (cost.status, cost.total_usd) == ("exact", "0.03465")  # 0.00165 in, 1,100 at 30.00 out


def test_several_images_in_one_stream_are_an_estimate():
    request = {"model": "gpt-image-2", "prompt": "a cat", "stream": True, "n": 2}
    cost = asked(
        "/images/generations", request, events(*["image_generation.completed"] * 2), headers=[SSE_TYPE]
    )
    assert (cost.status, cost.note) == ("estimated", "the usage is that of the last of 2 images")


def test_an_image_model_without_its_usage_has_no_cost():
    cost = asked("/images/generations", {"model": "gpt-image-2", "prompt": "a cat"}, images(1))
    assert (cost.status, cost.total_usd) == ("usage_absent", None)


@pytest.mark.parametrize(
    ("answer", "status", "total"),
    [
        ({"text": "a", "usage": {"type": "duration", "seconds": 7}}, "exact", "0.0007"),
        ({"text": "a", "duration": 7.5, "language": "english"}, "estimated", "0.00075"),
        ({"text": "a"}, "usage_absent", None),
        ({"text": "a", "usage": {"type": "duration", "seconds": -1}}, "usage_absent", None),
        ({"text": "a", "duration": "long"}, "usage_absent", None),
        (b"1\n00:00:00,000 --> 00:00:03,000\nhi\n", "usage_absent", None),
    ],
    ids=["billed seconds", "length of the audio", "neither", "negative", "not a number", "subtitles"],
)
@pytest.mark.parametrize("route", ["/audio/transcriptions", "/audio/translations"])
def test_whisper_costs_six_thousandths_of_a_dollar_a_minute(route, answer, status, total):
    cost = asked(route, form(model="whisper-1"), answer)
    assert (cost.status, cost.total_usd, cost.input_usd) == (status, total, total)


def test_a_recorded_transcription_without_its_model_has_its_seconds_and_no_price():
    assert recorded_cost("d0a7b8ff5c6c2a0e").status == "unknown_model"  # its form was left out


def test_an_upload_is_priced_by_the_model_that_the_sdk_was_given():
    options = Options(method="POST", route="/audio/transcriptions", model="whisper-1")
    answer = {"text": "a", "usage": {"type": "duration", "seconds": 60}}
    cost = asked("/audio/transcriptions", None, answer, request_state="not_kept", options=options)
    assert (cost.status, cost.total_usd) == ("exact", "0.006")


def test_a_transcription_with_tokens_is_priced_by_them():
    # gpt-4o-transcribe: 37 audio at 6.00 and 12 at 10.00 a million
    assert recorded_cost("527cce87ea70176b").total_usd == "0.000342"


def test_a_model_with_a_price_by_the_hour_alone_is_priced_by_it_though_it_counts_tokens():
    """Values of a recorded answer of Mistral: 3 seconds at $0.003 a minute."""
    usage = {
        "prompt_audio_seconds": 3,
        "prompt_tokens": 5,
        "total_tokens": 400,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375},
    }
    made = exchange(
        {"model": "voxtral-mini-latest", "text": "Ruby", "usage": usage}, route="/audio/transcriptions"
    )
    made.url = "https://api.mistral.ai/v1/audio/transcriptions"
    assert figures(cost_of_exchange(made)) == (
        "exact",
        "0.00015",
        "mistral/voxtral-mini-2602",
        "genai-prices",
    )


@pytest.mark.parametrize(("seconds", "total"), [(3, "0.000308333333333"), (20, "0.000616666666667")])
def test_groq_bills_ten_seconds_at_least(seconds, total):
    made = exchange(
        {"text": "a", "duration": seconds},
        route="/audio/transcriptions",
        request=form(model="whisper-large-v3"),
    )
    made.url = "https://api.groq.com/openai/v1/audio/transcriptions"
    assert cost_of_exchange(made).total_usd == total


@pytest.mark.parametrize(
    ("model", "text", "status", "total"),
    [
        ("tts-1", "This is a speech test!", "exact", "0.00033"),  # 22 at 15.00 a million: a recorded request
        ("tts-1-hd", "This is a speech test!", "exact", "0.00066"),
        ("tts-1", "", "exact", "0"),
        ("tts-1", "Grüße", "estimated", "0.000075"),
    ],
)
def test_speech_is_priced_by_the_characters_of_its_input(model, text, status, total):
    request = {"model": model, "input": text, "voice": "alloy"}
    cost = asked("/audio/speech", request, b"ID3\x04", headers=[("content-type", "audio/mpeg")])
    assert (cost.status, cost.total_usd, cost.input_usd) == (status, total, total)


def test_the_price_by_the_character_of_a_long_text_is_what_openai_was_seen_to_charge():
    request = {"model": "tts-1", "input": "a" * 4095, "voice": "coral"}
    cost = asked("/audio/speech", request, b"ID3\x04", headers=[("content-type", "audio/mpeg")])
    assert cost.total_usd == "0.061425"


def test_speech_whose_request_was_not_kept_has_no_cost():
    cost = asked("/audio/speech", None, b"ID3", request_state="not_kept", options=SPEECH)
    assert (cost.status, cost.total_usd) == ("usage_absent", None)


SPEECH = Options(method="POST", route="/audio/speech", model="tts-1")


def test_speech_by_tokens_has_them_in_its_event_stream_only():
    request = {"model": "gpt-4o-mini-tts", "input": "Hello", "voice": "alloy"}
    plain = asked("/audio/speech", request, b"ID3", headers=[("content-type", "audio/mpeg")])
    done = {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115},
    }
    body = f"data: {json.dumps(done)}\n\n".encode()
    streamed = asked("/audio/speech", {**request, "stream_format": "sse"}, body, headers=[SSE_TYPE])
    assert plain.note == "the answer has no usage: stream_format='sse' has it (not with tts-1)"
    # 14 at 0.60 and 101 at 12.00 a million
    assert (streamed.status, streamed.total_usd) == ("exact", "0.0012204")


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"type": "invalid_request_error", "message": "no"}},
        b"",
    ],
)
def test_a_refused_call_costs_nothing_whatever_it_asked_for(error):
    for route, request in (
        ("/audio/speech", {"model": "tts-1", "input": "Hello"}),
        ("/images/generations", {"model": "dall-e-3", "prompt": "a"}),
    ):
        assert figures(asked(route, request, error, status=400))[:2] == ("not_billed", "0")


def video(status="completed", **changes):
    fields = {"id": "video_1", "object": "video", "model": "sora-2-pro", "status": status, "progress": 100}
    return {**fields, "seconds": "8", "size": "1024x1792", "created_at": 1, **changes}


def polled(answer):
    made = exchange(answer, route="/videos/video_1", options=Options(method="GET", route="/videos/video_1"))
    made.started_ns -= 90 * 24 * 3600 * 10**9
    return made


def test_a_video_is_priced_once_when_it_is_finished():
    price = Priced()
    started = price(exchange(video("queued"), route="/videos", request={"model": "sora-2-pro"}))
    waiting, finished, again = (
        price(polled(video(status))) for status in ("in_progress", "completed", "completed")
    )
    assert started.cost.note == "a later answer brings the usage"
    assert [call.cost.status for call in (started, waiting, again)] == ["not_billed"] * 3
    assert figures(finished.cost) == ("exact", "4", "openai/sora-2-pro", "built-in")  # 8 s at 0.50
    assert again.is_usage_repeated


@pytest.mark.parametrize(
    ("changes", "status", "total"),
    [
        ({"model": "sora-2-2025-12-08", "size": "720x1280", "seconds": "4"}, "exact", "0.4"),
        ({"size": "1280x720", "seconds": "12"}, "exact", "3.6"),
        ({"size": "1280x720", "seconds": "20"}, "estimated", "6"),
        ({"size": "1920x1080"}, "usage_absent", None),
        ({"model": "sora-3"}, "unknown_model", None),
        ({"seconds": "long"}, "usage_absent", None),
    ],
    ids=["snapshot", "720p", "extended", "unsold size", "new model", "no number"],
)
def test_a_video_has_the_price_of_its_seconds_and_size(changes, status, total):
    price = Priced()
    price(exchange(video("queued", **changes), route="/videos", request={"model": "sora-2"}))
    cost = price(polled(video(**changes))).cost
    assert (cost.status, cost.total_usd) == (status, total)


def test_a_video_that_failed_costs_nothing():
    price = Priced()
    price(exchange(video("queued"), route="/videos", request={"model": "sora-2-pro"}))
    assert price(polled(video("failed"))).cost.total_usd == "0"


def test_private_prices_by_the_unit_come_first():
    settings = {"prices": {"openai/dall-e-3": {"image": "0.01"}, "whisper-1": {"audio_hour": "0.18"}}}
    drawn = exchange(images(2), route="/images/generations", request={"model": "dall-e-3", "prompt": "a"})
    heard = exchange(
        {"text": "a", "usage": {"type": "duration", "seconds": 60}},
        route="/audio/transcriptions",
        request=form(model="whisper-1"),
        headers=[JSON_TYPE],
    )
    costs = [cost_of_exchange(made, settings) for made in (drawn, heard)]
    assert [figures(cost) for cost in costs] == [
        ("exact", "0.02", "openai/dall-e-3", "override"),
        ("exact", "0.003", "whisper-1", "override"),
    ]


def test_a_discount_holds_for_units_too():
    made = exchange(images(1), route="/images/generations", request={"model": "dall-e-3", "prompt": "a"})
    assert cost_of_exchange(made, {"discount": {"openai/*": "0.25"}}).total_usd == "0.03"


@given(count=st.integers(min_value=0, max_value=100), hd=st.booleans(), wide=st.booleans())
def test_as_many_images_cost_as_many_times_one(count, hd, wide):
    size, quality = ("1792x1024" if wide else "1024x1024"), ("hd" if hd else "standard")
    _, rates = built_in("openai", "dall-e-3")
    one, many = (
        measured(Measures(images=n, size=size, quality=quality), rates, "openai").parts["output"]
        for n in (1, count)
    )
    assert many == one * count
    assert one in {Decimal("0.04"), Decimal("0.08"), Decimal("0.12")}


def test_a_price_for_tokens_goes_before_one_for_units():
    rates = {"input_mtok": ((-1, Decimal(1)),), "input_audio_hours": ((-1, Decimal(1)),)}
    assert not is_priced_by(Measures(audio_seconds=3), rates)
