"""The page itself: answers and pictures in, HTML out.

The page loads nothing: style and pictures are inside it, and its content security
policy forbids the rest. Every name and path is escaped. Pictures are cut from the photos
when the page is made; a photo that is gone by then leaves a note in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from importlib import resources
from pathlib import PurePath

from facesearch.cli import text
from facesearch.cli.report.wanted import (
    Pictures,
    matching_face,
    probe_face,
    query_face,
    query_photo,
    take_pictures,
)
from facesearch.photos.pictures import Picture
from facesearch.values import (
    Box,
    FaceAnswer,
    FaceHit,
    IdentityMatch,
    MatchLimit,
    Photo,
    QueryAnswer,
)


def render_page(answers: Sequence[QueryAnswer], *, library: str, photos_shown: int) -> str:
    """The page as HTML; see `facesearch.cli.report.write_report`."""
    pictures = take_pictures(answers, photos_shown)
    return "".join(_page(answers, pictures, library, photos_shown))


def _safe(words: str) -> str:
    """Text as HTML: nothing in a name can end a tag, an attribute or a line."""
    return escape(text.printable(words), quote=True)


def _page(
    answers: Sequence[QueryAnswer], pictures: Pictures, library: str, photos_shown: int
) -> Iterator[str]:
    style = resources.files("facesearch.cli.report").joinpath("style.css").read_text("utf-8")
    names = ", ".join(PurePath(answer.photo).name for answer in answers)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{_safe(names)} - face search</title>\n<style>\n{style}</style>\n"
        "</head>\n<body>\n<main>\n"
    )
    for number, answer in enumerate(answers, start=1):
        yield from _answer(answer, f"photo-{number}", pictures, photos_shown)
    made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    spaces = ", ".join(dict.fromkeys(answer.space for answer in answers))
    yield (
        "</main>\n<footer>\n"
        "<p><strong>Distance</strong> is the cosine distance between two faces: 0 is the same "
        "picture, and faces beyond the limit are not shown as matches. "
        "<strong>Probability</strong> is that both faces are the same person, if the library "
        "holds one face of that person: a reason to look, not a proof of who somebody is."
        "</p>\n"
        f"<p>Made by facesearch on {made} from the library <code>{_safe(library)}</code>, "
        f"space <code>{_safe(spaces)}</code>. This page contains pictures of people: "
        "mind whom you send it to.</p>\n"
        "</footer>\n</body>\n</html>\n"
    )


def _answer(
    answer: QueryAnswer, anchor: str, pictures: Pictures, photos_shown: int
) -> Iterator[str]:
    matched = sum(1 for face in answer.faces if face.identities)
    photos = answer.same_person
    who = f"Who is in these {len(photos)} photos" if len(photos) > 1 else "Who is in"
    limit = text.distance(answer.max_distance)
    yield (
        '<section class="query">\n<header class="query-head">\n'
        f"{_whole_photo(answer, anchor, pictures)}"
        f'<div class="query-words">\n<p class="kicker">{who}</p>\n'
        f"<h1>{_safe(PurePath(answer.photo).name)}</h1>\n"
        f'<p class="path">{_path_link(answer.photo, answer.photo)}</p>\n'
        '<dl class="facts">\n'
        f"<div><dt>{'face' if len(answer.faces) == 1 else 'faces'}</dt>"
        f"<dd>{len(answer.faces)}</dd></div>\n"
        f"<div><dt>recognised</dt><dd>{matched}</dd></div>\n"
        f"<div><dt>distance limit</dt><dd>{limit}</dd></div>\n"
        f"{_chance(answer.limit)}"
        "</dl>\n</div>\n</header>\n"
    )
    for number, face in enumerate(answer.faces, start=1):
        yield f'<section class="face" id="{anchor}-face-{number}">\n'
        yield _probe_face(answer, face, number, pictures)
        yield from _other_probes(answer, pictures)
        yield "</div>\n"
        yield '<div class="matches">\n'
        yield from _matches(face, answer.max_distance, pictures, photos_shown)
        yield "</div>\n</section>\n"
    yield "</section>\n"


def _chance(limit: MatchLimit) -> str:
    expected = limit.expected_false_matches
    if expected is None:
        return ""
    return f"<div><dt>strangers expected per face</dt><dd>{text.amount(expected)}</dd></div>\n"


def _whole_photo(answer: QueryAnswer, anchor: str, pictures: Pictures) -> str:
    picture = pictures[query_photo(answer)]
    if isinstance(picture, str):
        return _gone(picture)
    marks = ""
    for number, face in enumerate(answer.faces, start=1):
        box = face.detection.box
        # The number stands above its box, or inside where there is no room above.
        inside = " inside" if picture.place(box).y < 10 else ""
        marks += (
            f'<a class="box{inside}" href="#{anchor}-face-{number}" {_place(picture, box)}>'
            f"<span>{number}</span></a>"
        )
    return f'<div class="whole">{_frame(picture, "The query photo", marks)}</div>\n'


def _probe_face(answer: QueryAnswer, face: FaceAnswer, number: int, pictures: Pictures) -> str:
    box = face.detection.box
    picture = pictures[query_face(answer, face)]
    if isinstance(picture, str):
        shown = _gone(picture)
    else:
        shown = _frame(picture, f"Face {number}", _mark(picture, box))
    return (
        f'<div class="probe">\n{shown}<h2>Face {number}</h2>\n'
        f"<p>{box.width:.0f} &times; {box.height:.0f} pixels</p>\n"
    )


def _other_probes(answer: QueryAnswer, pictures: Pictures) -> Iterator[str]:
    """The faces of the other photos that were asked about as one person."""
    for probe in answer.same_person[1:]:
        picture = pictures[probe_face(probe)]
        name = PurePath(probe.photo).name
        if isinstance(picture, str):
            shown = _gone(picture)
        else:
            shown = _frame(picture, name, _mark(picture, probe.detection.box))
        yield f"{shown}<p>{_path_link(probe.photo, name)}</p>\n"


def _matches(
    face: FaceAnswer, limit: float, pictures: Pictures, photos_shown: int
) -> Iterator[str]:
    for rank, match in enumerate(face.identities, start=1):
        yield from _person(match, rank, limit, pictures, photos_shown)
    if face.unnamed:
        yield (
            '<article class="person unnamed">\n<header><h3>Not named yet</h3></header>\n'
            '<ul class="shots">\n'
        )
        for hit in face.unnamed:
            yield _shot(hit, pictures, f"face {hit.face.id}")
        yield "</ul>\n</article>\n"
    elif not face.identities:
        yield from _nobody(face.nearest, limit, pictures)


def _person(
    match: IdentityMatch, rank: int, limit: float, pictures: Pictures, photos_shown: int
) -> Iterator[str]:
    yield (
        f'<article class="person">\n<header><span class="rank">{rank}</span>'
        f"<h3>{_safe(match.identity.name)}</h3>{_scale(match, limit)}</header>\n"
        '<ul class="shots">\n'
    )
    for hit in match.faces[:photos_shown]:
        yield _shot(hit, pictures, match.identity.name)
    yield "</ul>\n"
    left_out = len(match.faces) - photos_shown
    if left_out > 0:
        yield f'<p class="more">and {text.count(left_out, "more photo")}</p>\n'
    yield "</article>\n"


def _nobody(nearest: FaceHit | None, limit: float, pictures: Pictures) -> Iterator[str]:
    yield (
        '<article class="person nobody">\n<header><h3>Nobody near</h3></header>\n'
        f"<p>No face in the library lies within {text.distance(limit)}"
    )
    if nearest is None:
        yield "; it holds no faces yet.</p>\n</article>\n"
        return
    yield '. This is the nearest there is:</p>\n<ul class="shots">\n'
    yield _shot(nearest, pictures, "The nearest face")
    yield "</ul>\n</article>\n"


def _shot(hit: FaceHit, pictures: Pictures, label: str) -> str:
    photo = hit.face.photo
    distance = text.distance(hit.distance)
    if not photo.paths:
        frame = _gone("the photo has left the library")
    else:
        picture = pictures[matching_face(hit)]
        if isinstance(picture, str):
            frame = _gone(picture)
        else:
            frame = _frame(picture, label, _mark(picture, hit.face.box))
    return (
        f'<li><figure>\n{frame}<figcaption><span class="line">'
        f'<b class="distance">{distance}</b>{_likely(hit.probability)}'
        f'<span class="label">{_safe(label)}</span></span>'
        f"{_places(photo)}</figcaption>\n</figure></li>\n"
    )


def _places(photo: Photo) -> str:
    return "".join(
        f'<span class="path">{_path_link(path, PurePath(path).name)}'
        f"<small>{_breakable(str(PurePath(path).parent))}</small></span>"
        for path in photo.paths
    )


def _path_link(path: str, words: str) -> str:
    if not PurePath(path).is_absolute():
        return _safe(words)
    return f'<a href="{escape(PurePath(path).as_uri(), quote=True)}">{_breakable(words)}</a>'


def _breakable(path: str) -> str:
    """A path as HTML that breaks between its folders rather than within their names."""
    return _safe(path).replace("/", "/<wbr>").replace("\\", "\\<wbr>")


def _frame(picture: Picture, label: str, marks: str) -> str:
    width, height = picture.size.width, picture.size.height
    return (
        f'<div class="frame" style="aspect-ratio:{width}/{height}">'
        f'<img src="{picture.data_uri}" width="{width}" height="{height}" alt="{_safe(label)}">'
        f"{marks}</div>\n"
    )


def _mark(picture: Picture, box: Box) -> str:
    return f'<span class="box" {_place(picture, box)}></span>'


def _place(picture: Picture, box: Box) -> str:
    place = picture.place(box)
    return (
        f'style="left:{place.x:.2f}%;top:{place.y:.2f}%;'
        f'width:{place.width:.2f}%;height:{place.height:.2f}%"'
    )


def _scale(match: IdentityMatch, limit: float) -> str:
    """The distance as a number and as a point between 0 and the limit, and the probability."""
    share = 100 * min(1.0, match.distance / limit) if limit > 0 else 0.0
    distance = text.distance(match.distance)
    words = f"distance {distance} of at most {text.distance(limit)}"
    return (
        f'<span class="scale" title="{words}">{_likely(match.probability)}'
        f'<b class="distance">{distance}</b>'
        f'<i class="track"><i style="left:{share:.1f}%"></i></i></span>'
    )


def _likely(probability: float | None) -> str:
    if probability is None:
        return ""
    return f'<span class="likely">{_safe(text.probability(probability))}</span>'


def _gone(why: str) -> str:
    return f'<div class="frame gone"><p>{_safe(why)}</p></div>\n'
