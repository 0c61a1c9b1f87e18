"""What a network is fed: told by its file, said by the user, or asked for."""

from __future__ import annotations

import dataclasses

import pytest

from facesearch.errors import InvalidModelFile, InvalidValue
from facesearch.models.heads import Head, head_spec
from facesearch.models.own.feeding import (
    Asked,
    detector_input,
    embedder_input,
    parse_number,
)
from facesearch.models.own.inspect import InputFacts
from facesearch.models.preprocessing import Channels, Layout, Number

TOLD = InputFacts(
    width_px=112, height_px=112, layout=Layout.NCHW, number=Number.FLOAT32, normalises=False
)
OPEN = dataclasses.replace(TOLD, width_px=None, height_px=None)
TRAINED = Asked(mean=127.5, scale=1 / 127.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.5", (127.5,) * 3),
        ("1/127.5", (1 / 127.5,) * 3),
        (" 1 / 128 ", (1 / 128,) * 3),
        ("-3", (-3.0,) * 3),
        ("1e-2", (0.01,) * 3),
        ("123.675,116.28,103.53", (123.675, 116.28, 103.53)),
        ("1/58.395, 1/57.12, 1/57.375", (1 / 58.395, 1 / 57.12, 1 / 57.375)),
    ],
)
def test_numbers_as_people_write_them(text, expected):
    assert parse_number(text) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("text", ["", "x", "1/0", "1/", "/2", "1/2/3", "nan", "1;2", "inf"])
def test_what_is_no_number(text):
    with pytest.raises(InvalidValue, match=r"is no number such as 127\.5, 1/127\.5"):
        parse_number(text)


@pytest.mark.parametrize("text", ["1,2", "1,2,3,4"])
def test_one_number_or_three(text):
    with pytest.raises(InvalidValue, match="give one, or three for red, green and blue"):
        parse_number(text)


def test_the_file_tells_and_the_user_says():
    fed = embedder_input("mine", TOLD, TRAINED)
    assert (fed.width_px, fed.height_px, fed.layout) == (112, 112, Layout.NCHW)
    assert (fed.mean, fed.scale) == ((127.5,) * 3, (1 / 127.5,) * 3)
    assert (fed.channels, fed.number) == (Channels.RGB, Number.FLOAT32)
    three = Asked(mean=(1.0, 2.0, 3.0), scale=2, channels=Channels.BGR)
    fed = embedder_input("mine", TOLD, three)
    assert (fed.mean, fed.scale, fed.channels) == ((1, 2, 3), (2, 2, 2), Channels.BGR)


def test_a_mean_of_0_counts_as_said():
    fed = embedder_input("mine", TOLD, Asked(mean=0.0))
    assert (fed.mean, fed.scale) == ((0,) * 3, (1,) * 3)


def test_networks_that_normalise_or_take_bytes_need_nothing_said():
    for told in (
        dataclasses.replace(TOLD, normalises=True),
        dataclasses.replace(TOLD, number=Number.UINT8),
    ):
        fed = embedder_input("mine", told, Asked())
        assert (fed.mean, fed.scale, fed.number) == ((0,) * 3, (1,) * 3, told.number)


def test_standardised_pixels_need_nothing_else():
    fed = embedder_input("mine", TOLD, Asked(standardise=True))
    assert fed.standardise
    with pytest.raises(InvalidModelFile, match="either standardised pixels or --mean"):
        embedder_input("mine", TOLD, Asked(standardise=True, scale=1 / 128))


def test_float16_is_fed_as_such():
    told = dataclasses.replace(TOLD, number=Number.FLOAT16)
    assert embedder_input("mine", told, TRAINED).number is Number.FLOAT16


@pytest.mark.parametrize(("size", "expected"), [(96, (96, 96)), ((96, 112), (96, 112))])
def test_a_size_that_is_left_open_is_taken_from_the_user(size, expected):
    fed = embedder_input("mine", OPEN, dataclasses.replace(TRAINED, input_px=size))
    assert (fed.width_px, fed.height_px) == expected


def test_a_size_may_be_said_again():
    assert embedder_input("mine", TOLD, dataclasses.replace(TRAINED, input_px=112)).width_px == 112


@pytest.mark.parametrize(
    ("told", "asked", "message"),
    [
        (OPEN, TRAINED, "leaves the size of its input open.*--input 112"),
        (TOLD, Asked(), "does not tell which numbers.*--mean.*--scale.*--standardise"),
        (dataclasses.replace(TOLD, layout=None), TRAINED, "--layout nchw.*--layout nhwc"),
        (TOLD, dataclasses.replace(TRAINED, input_px=160), "112 x 112 px, not 160 x 160"),
        (OPEN, dataclasses.replace(TRAINED, input_px=0), "at least 1 px, not 0"),
        (TOLD, dataclasses.replace(TRAINED, layout=Layout.NHWC), "as nchw, not nhwc"),
        (TOLD, dataclasses.replace(TRAINED, number=Number.UINT8), "as float32, not uint8"),
        (dataclasses.replace(TOLD, number=Number.UINT8), TRAINED, "takes pixels as bytes"),
        (
            dataclasses.replace(TOLD, number=Number.UINT8),
            Asked(standardise=True),
            "takes pixels as bytes",
        ),
    ],
)
def test_what_is_asked_for_and_what_contradicts(told, asked, message):
    with pytest.raises(InvalidModelFile, match=message) as caught:
        embedder_input("mine", told, asked)
    assert caught.value.model == "mine"


@pytest.mark.parametrize("head", Head)
def test_a_detector_is_fed_as_its_authors_do(head: Head):
    spec = head_spec(head)
    fed = detector_input("mine", OPEN, spec, Asked())
    assert (fed.width_px, fed.height_px) == (640, 640)
    assert (fed.mean, fed.scale, fed.channels) == (spec.mean, spec.scale, spec.channels)
    said = Asked(input_px=320, mean=0.0, scale=1 / 255, channels=Channels.RGB)
    fed = detector_input("mine", OPEN, spec, said)
    assert (fed.width_px, fed.mean, fed.channels) == (320, (0,) * 3, Channels.RGB)


def test_published_inputs():
    """Means are red, green, blue here, whatever order the network takes."""
    assert head_spec(Head.RETINAFACE).mean == (123, 117, 104)
    assert head_spec(Head.SCRFD).channels is Channels.RGB
    assert head_spec(Head.YUNET).channels is head_spec(Head.RETINAFACE).channels is Channels.BGR


def test_a_detector_that_normalises_itself_gets_pixels_as_they_are():
    told = dataclasses.replace(OPEN, normalises=True)
    assert detector_input("mine", told, head_spec(Head.SCRFD), Asked()).mean == (0,) * 3


def test_a_detector_of_a_fixed_odd_size_keeps_it_and_an_open_one_is_asked_for_whole_strides():
    told = dataclasses.replace(TOLD, width_px=300, height_px=260)
    fed = detector_input("mine", told, head_spec(Head.RETINAFACE), Asked())
    assert (fed.width_px, fed.height_px) == (300, 260)
    with pytest.raises(InvalidModelFile, match=r"multiple of 32 px.*not 300 x 260: take 320 x 288"):
        detector_input("mine", OPEN, head_spec(Head.SCRFD), Asked(input_px=(300, 260)))
