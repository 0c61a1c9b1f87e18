"""Photos side by side: what to show in, HTML with the pictures inside out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath
from typing import TypeAlias

from facesearch.errors import PhotoError
from facesearch.evaluation.report.contents import Exhibit, Gallery, Shot
from facesearch.evaluation.report.html import breakable, words
from facesearch.photos.pictures import Picture, face_picture, photo_picture

# About twice the size on the page, so that they are sharp on dense screens, and small
# enough that a page of a hundred stays below two megabytes.
_SIDE_PX = 260

# Each holds one decoded photo, so more of them cost memory.
_MAX_THREADS = 4

Pictures: TypeAlias = Mapping[Shot, Picture | str]
"""Each picture, or a sentence that says why there is none."""


def take_pictures(galleries: Iterable[Gallery]) -> Pictures:
    """Cut every picture there is to show, each once, on several processors."""
    wanted = list(
        dict.fromkeys(
            shot for gallery in galleries for exhibit in gallery.exhibits for shot in exhibit.shots
        )
    )
    with ThreadPoolExecutor(max_workers=min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
        return dict(zip(wanted, pool.map(_take, wanted), strict=True))


def gallery_html(
    gallery: Gallery, pictures: Pictures, *, at_once: int | None = None
) -> Iterator[str]:
    """A heading and its exhibits, as a list.

    Args:
        gallery: what to show.
        pictures: of it.
        at_once: so many are to be seen, and the others to be unfolded; None for all.
    """
    width = max((len(exhibit.shots) for exhibit in gallery.exhibits), default=1)
    kind = f'class="exhibits {"pairs" if width > 1 else "singles"}"'
    seen = gallery.exhibits[:at_once]
    folded = gallery.exhibits[len(seen) :]
    yield (
        f'<section>\n<h2>{words(gallery.title)}</h2>\n<p class="note">{words(gallery.note)}</p>\n'
        f"<ol {kind}>\n"
    )
    yield from (_exhibit(exhibit, pictures) for exhibit in seen)
    yield "</ol>\n"
    if folded:
        yield f"<details>\n<summary>{len(folded)} more</summary>\n"
        yield f'<ol {kind} start="{len(seen) + 1}">\n'
        yield from (_exhibit(exhibit, pictures) for exhibit in folded)
        yield "</ol>\n</details>\n"
    yield "</section>\n"


def _exhibit(exhibit: Exhibit, pictures: Pictures) -> str:
    shots = "".join(_shot(shot, pictures[shot]) for shot in exhibit.shots)
    said = f'<p class="measure">{words(exhibit.words)}</p>'
    return f'<li>{said}\n<div class="shots">\n{shots}</div></li>\n'


def _shot(shot: Shot, picture: Picture | str) -> str:
    path = PurePath(shot.path)
    if isinstance(picture, str):
        frame = f'<div class="frame gone"><p>{words(picture)}</p></div>\n'
    else:
        frame = (
            f'<div class="frame"><img src="{picture.data_uri}" width="{picture.size.width}" '
            f'height="{picture.size.height}" alt="{words(shot.label)}" decoding="async">'
            f"{_mark(picture, shot)}</div>\n"
        )
    return (
        f"<figure>\n{frame}<figcaption><b>{words(shot.label)}</b>"
        f'<span class="path">{breakable(path.name)}</span></figcaption>\n</figure>\n'
    )


def _mark(picture: Picture, shot: Shot) -> str:
    """The face, where the picture shows more than that."""
    if shot.box is None:
        return ""
    place = picture.place(shot.box)
    return (
        f'<span class="box" style="left:{place.x:.2f}%;top:{place.y:.2f}%;'
        f'width:{place.width:.2f}%;height:{place.height:.2f}%"></span>'
    )


def _take(shot: Shot) -> Picture | str:
    try:
        if shot.box is None:
            return photo_picture(shot.path, side_px=_SIDE_PX)
        return face_picture(shot.path, shot.box, side_px=_SIDE_PX)
    except PhotoError as error:  # moved or damaged since it was measured; the page says so
        return str(error)
