"""The example sheet: what the chips of a dataset look like, as one picture.

In: an open dataset. Out: a PNG with a row of chips for each of some people, their names beside
them, and a frame in the colour of the split that a chip is in.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.errors import InvalidDataset
from facesearch.photos.files import printable, words_for
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.options import Split
from facesearch.training.dataset.splitting import luck

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

_LARGEST_TILE_PX, _FRAME_PX, _GAP_PX, _NAME_PX, _LINE_PX = 128, 3, 6, 190, 22
_COLOURS = {Split.TRAIN: "#4c78a8", Split.VALIDATION: "#f58518", Split.TEST: "#54a24b"}


def write_sheet(
    dataset: ChipDataset, path: Path, *, people: int = 10, chips: int = 8, seed: int = 0
) -> None:
    """Write the sheet.

    Args:
        people: rows; people are drawn at random.
        chips: of each, at most.
        seed: of that draw.

    Raises:
        InvalidDataset: a chip is damaged, or the file cannot be written.
    """
    from PIL import Image, ImageDraw, ImageFont

    shown = _chosen(dataset, people, chips, seed)
    tile = min(dataset.chip_px, _LARGEST_TILE_PX)
    step = tile + 2 * _FRAME_PX + _GAP_PX
    across = max(len(places) for places in shown.values())
    size = (_NAME_PX + across * step + _GAP_PX, len(shown) * step + _LINE_PX + 2 * _GAP_PX)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    pictures = {
        split: dataset.read(
            split, [at for places in shown.values() for s, at in places if s is split]
        )
        for split in Split
    }
    used = dict.fromkeys(Split, 0)
    for row, (name, places) in enumerate(shown.items()):
        top = _GAP_PX + row * step
        draw.text((_GAP_PX, top + tile // 2 - 6), _fitting(name, draw, font), "black", font)
        for column, (split, _) in enumerate(places):
            left = _NAME_PX + column * step
            outer = (left, top, left + tile + 2 * _FRAME_PX - 1, top + tile + 2 * _FRAME_PX - 1)
            draw.rectangle(outer, fill=_COLOURS[split])
            chip = Image.fromarray(pictures[split][used[split]]).resize((tile, tile))
            used[split] += 1
            sheet.paste(chip, (left + _FRAME_PX, top + _FRAME_PX))
    left = _NAME_PX
    for split in Split:
        if dataset.count(split):
            words = f"{split.value}: {dataset.count(split):,} chips"
            draw.rectangle((left, size[1] - 18, left + 10, size[1] - 8), fill=_COLOURS[split])
            draw.text((left + 16, size[1] - 21), words, "black", font)
            left += 30 + int(draw.textlength(words, font))
    try:
        sheet.save(path, "PNG")
    except OSError as error:
        raise InvalidDataset(
            printable(str(path)), f"cannot be written: {words_for(error)}"
        ) from error


def _chosen(
    dataset: ChipDataset, people: int, chips: int, seed: int
) -> dict[str, list[tuple[Split, int]]]:
    """Split and position of the chips that are shown, by name."""
    names = sorted(dataset.classes, key=lambda name: luck(seed, name))[:people]
    found: defaultdict[str, list[tuple[Split, int]]] = defaultdict(list)
    for split in Split:
        for at, chip in enumerate(dataset.rows(split)):
            found[chip.person].append((split, at))
    return {name: _some(found[name], chips) for name in sorted(names)}


def _some(places: list[tuple[Split, int]], most: int) -> list[tuple[Split, int]]:
    """At most so many, evenly over the splits' order."""
    if len(places) <= most:
        return places
    return [places[at * len(places) // most] for at in range(most)]


def _fitting(name: str, draw: ImageDraw, font: FreeTypeFont | ImageFont) -> str:
    room = _NAME_PX - 2 * _GAP_PX
    if draw.textlength(name, font) <= room:
        return name
    while name and draw.textlength(f"{name}...", font) > room:
        name = name[:-1]
    return f"{name}..."
