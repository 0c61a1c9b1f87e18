"""What a network is fed: what its file tells, what the user says, and what nobody can know.

In: facts about a network's input, and options. Out: a `Preprocessing`, or an error that names
the option that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias, TypeVar

from facesearch.errors import InvalidModelFile, InvalidValue
from facesearch.models.heads.base import HeadSpec
from facesearch.models.own.inspect import InputFacts
from facesearch.models.preprocessing import Channels, Layout, Number, Preprocessing

PerChannel: TypeAlias = float | tuple[float, float, float]
_Three: TypeAlias = tuple[float, float, float]
_ZEROS, _ONES = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
_Choice = TypeVar("_Choice", Layout, Number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the user says of a network's input; None leaves it to the file.

    Attributes:
        input_px: width and height, or one number for both.
        mean, scale: of pixels 0..255; one number, or three for red, green, blue.
        channels: order of colours.
        layout: where the channels are.
        standardise: each chip's own mean and deviation instead of mean and scale.
        number: type of the pixels.
    """

    input_px: tuple[int, int] | int | None = None
    mean: PerChannel | None = None
    scale: PerChannel | None = None
    channels: Channels | None = None
    layout: Layout | None = None
    standardise: bool = False
    number: Number | None = None


def parse_number(text: str) -> _Three:
    """A mean or a scale as people write it: "127.5", "1/127.5" or three with commas.

    Returns:
        One number each for red, green and blue.

    Raises:
        InvalidValue: it is something else.
    """
    parts = [part.strip() for part in text.split(",")]
    try:
        numbers = [_fraction(part) for part in parts]
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise InvalidValue(
            f"{text!r} is no number such as 127.5, 1/127.5 or 123.7,116.3,103.5"
        ) from error
    if len(numbers) not in (1, 3):
        raise InvalidValue(
            f"{text!r} are {len(numbers)} numbers; give one, or three for red, green and blue"
        )
    red, green, blue = numbers * (3 if len(numbers) == 1 else 1)
    return red, green, blue


def _fraction(text: str) -> float:
    above, *below = (Fraction(part.strip()) for part in text.split("/"))
    if len(below) > 1:
        raise ValueError("more than one fraction bar")
    return float(above / below[0] if below else above)


def embedder_input(name: str, picture: InputFacts, asked: Asked) -> Preprocessing:
    """What an embedder is fed.

    Raises:
        InvalidModelFile: neither file nor user tell something, or they contradict each other.
    """
    size = _size(name, picture, asked.input_px)
    if size is None:
        raise InvalidModelFile(
            name,
            f"the file of {name} leaves the size of its input open: say what it was trained with, "
            "such as --input 112",
        )
    layout = _agreed(name, "--layout", picture.layout, asked.layout)
    if layout is None:
        raise InvalidModelFile(
            name,
            f"the file of {name} does not tell where the channels are: say --layout nchw (PyTorch, "
            "MXNet) or --layout nhwc (TensorFlow)",
        )
    plain = picture.number is Number.UINT8 or picture.normalises or asked.standardise
    if not plain and asked.mean is None and asked.scale is None:
        raise InvalidModelFile(
            name,
            f"the file of {name} does not tell which numbers it takes pixels as: give --mean and "
            "--scale as it was trained (ArcFace: --mean 127.5 --scale 1/127.5; pixels 0..1: "
            "--mean 0 --scale 1/255; pixels as they are: --mean 0 --scale 1), or --standardise",
        )
    return _made(name, picture, asked, size, layout, Channels.RGB, _ZEROS, _ONES)


def detector_input(name: str, picture: InputFacts, head: HeadSpec, asked: Asked) -> Preprocessing:
    """What a detector is fed: as the authors of its family do where nothing else is said.

    Raises:
        InvalidModelFile: file and user contradict each other.
    """
    size = _size(name, picture, asked.input_px) or (head.side_px, head.side_px)
    left_open = None in (picture.width_px, picture.height_px)
    if left_open and any(side % head.multiple_px for side in size):
        near = " x ".join(str(-(-side // head.multiple_px) * head.multiple_px) for side in size)
        raise InvalidModelFile(
            name,
            f"the input of {name} has to be a multiple of {head.multiple_px} px wide and high, not "
            f"{size[0]} x {size[1]}: take {near}",
        )
    layout = _agreed(name, "--layout", picture.layout, asked.layout) or Layout.NCHW
    plain = picture.number is Number.UINT8 or picture.normalises
    mean, scale = (_ZEROS, _ONES) if plain else (head.mean, head.scale)
    return _made(name, picture, asked, size, layout, head.channels, mean, scale)


def _made(
    name: str,
    picture: InputFacts,
    asked: Asked,
    size: tuple[int, int],
    layout: Layout,
    channels: Channels,
    mean: _Three,
    scale: _Three,
) -> Preprocessing:
    if asked.standardise and not (asked.mean is None and asked.scale is None):
        raise InvalidModelFile(
            name, f"{name} is fed either standardised pixels or --mean and --scale, not both"
        )
    number = _agreed(name, "number", picture.number, asked.number) or picture.number
    given = Preprocessing(
        width_px=size[0],
        height_px=size[1],
        channels=channels if asked.channels is None else asked.channels,
        layout=layout,
        mean=mean if asked.mean is None else _three(asked.mean),
        scale=scale if asked.scale is None else _three(asked.scale),
        standardise=asked.standardise,
        number=Number.FLOAT32,
    )
    plain = (given.mean, given.scale) == (_ZEROS, _ONES) and not given.standardise
    if number is Number.UINT8 and not plain:
        raise InvalidModelFile(
            name,
            f"{name} takes pixels as bytes, as they are: leave out --mean, --scale and "
            "--standardise",
        )
    return replace(given, number=number)


def _size(
    name: str, picture: InputFacts, asked: tuple[int, int] | int | None
) -> tuple[int, int] | None:
    wanted = (asked, asked) if isinstance(asked, int) else asked
    if wanted is not None and min(wanted) < 1:
        raise InvalidModelFile(name, f"--input is at least 1 px, not {min(wanted)}")
    stated = (picture.width_px, picture.height_px)
    if wanted is None:
        width, height = stated
        return None if width is None or height is None else (width, height)
    if any(there not in (None, given) for there, given in zip(stated, wanted, strict=True)):
        shown = " x ".join("any" if side is None else str(side) for side in stated)
        raise InvalidModelFile(
            name,
            f"the file of {name} takes pictures of {shown} px, not {wanted[0]} x {wanted[1]}: "
            "leave out --input",
        )
    return wanted


def _agreed(
    name: str, option: str, stated: _Choice | None, asked: _Choice | None
) -> _Choice | None:
    """What the file states, unless the user says otherwise."""
    if stated is not None and asked is not None and stated != asked:
        raise InvalidModelFile(
            name, f"the file of {name} takes pictures as {stated}, not {asked}: leave out {option}"
        )
    return asked if stated is None else stated


def _three(values: PerChannel) -> _Three:
    if isinstance(values, tuple):
        return values
    return (float(values),) * 3
