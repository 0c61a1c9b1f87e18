"""The page that `query --output` writes."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import PIL.Image
import pytest
import skimage.data

from facesearch.cli.report import write_report
from facesearch.cli.report.page import render_page
from facesearch.values import Box, FaceHit

VOID = {"meta", "img", "wbr", "br"}


class Page(HTMLParser):
    """Reads a page back: tags must nest, and what it loads is collected."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words = ""
        self.tags: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(values["src"])
            assert values["alt"]
        if tag == "a":
            self.links.append(values["href"])
        if "id" in values:
            self.ids.append(values["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "astronaut.jpg"
    PIL.Image.fromarray(skimage.data.astronaut()).save(path)
    return str(path)


def test_the_page_is_whole_and_loads_nothing(make, photo):
    answer = make.answer(
        photo,
        identities=(make.match(1, "Eileen Collins", (0.021, photo), (0.044, photo)),),
        unnamed=(FaceHit(make.face(77, photo), 0.05),),
        faces=2,
    )
    html = render_page([answer, answer], library="/lib", photos_shown=12)
    page = Page(html)
    # Whole photo, and per face: the probe, two matches and one without a name.
    assert len(page.images) == 2 * (1 + 2 * (1 + 2 + 1))
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.images)
    assert not re.search(r"https?:|url\(|@import|<script|<link", html)
    assert "default-src 'none'" in html
    assert len(set(page.ids)) == len(page.ids) == 4
    anchors = [link for link in page.links if link.startswith("#")]
    assert {link[1:] for link in anchors} == set(page.ids)
    for words in ("Eileen Collins", "0.021", "0.044", "0.050", "face 77", "astronaut.jpg", "/lib"):
        assert words in page.words


def test_names_and_paths_cannot_break_out(make, photo, tmp_path):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=y>\x1b[31m\u202e&amp;"
    odd = tmp_path / os.fsdecode(b"\xff<b>\"'&.jpg")
    PIL.Image.open(photo).save(odd, "JPEG")
    answer = make.answer(str(odd), identities=(make.match(1, evil, (0.02, str(odd))),))
    html = render_page([answer], library=evil, photos_shown=12)
    page = Page(html)
    assert "script" not in page.tags
    assert "<b>" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "\\xff<b>\"'&.jpg" in page.words.replace("\u200b", "")
    assert all("<" not in link and '"' not in link for link in page.links)
    assert any("%FF%3Cb%3E%22%27%26.jpg" in link for link in page.links)
    html.encode("utf-8")


def test_markup_is_escaped_in_alternative_texts(make, photo):
    answer = make.answer(photo, identities=(make.match(1, 'A "B" <i>', (0.02, photo)),))
    assert 'alt="A &quot;B&quot; &lt;i&gt;"' in render_page([answer], library="", photos_shown=1)


def test_a_photo_that_is_gone_leaves_a_note(make, photo):
    answer = make.answer(photo, identities=(make.match(1, "Ada", (0.02, "/gone/a.jpg")),))
    page = Page(render_page([answer], library="", photos_shown=12))
    assert len(page.images) == 2
    assert "cannot read /gone/a.jpg" in page.words


def test_a_photo_without_a_path_leaves_a_note(make, photo):
    answer = make.answer(photo, unnamed=(FaceHit(make.face(7), 0.02),))
    page = Page(render_page([answer], library="", photos_shown=12))
    assert "the photo has left the library" in page.words


def test_nobody_near_shows_the_nearest(make, photo):
    answer = make.answer(photo, nearest=FaceHit(make.face(7, photo), 0.1234))
    page = Page(render_page([answer], library="", photos_shown=12))
    assert "No face in the library lies within 0.070" in page.words
    assert "0.123" in page.words
    assert len(page.images) == 3
    empty = Page(render_page([make.answer(photo)], library="", photos_shown=12))
    assert "it holds no faces yet" in empty.words


def test_probabilities_and_what_to_expect_by_chance(make, photo):
    match = make.match(1, "Ada", (0.02, photo), probability=0.9876)
    answer = make.answer(photo, identities=(match,), limit=make.limit)
    page = Page(render_page([answer], library="", photos_shown=12))
    assert page.words.count("99 %") == 2, "of the person and of the photo"
    assert "strangers expected per face0.1" in page.words.replace("\n", "")
    bare = Page(render_page([make.answer(photo)], library="", photos_shown=12))
    assert "strangers expected" not in bare.words


def test_photos_of_one_person_show_all_faces_asked_about(make, photo):
    answer = make.answer(photo, same_person=(photo, photo, "/gone/c.jpg"))
    page = Page(render_page([answer], library="", photos_shown=12))
    assert "Who is in these 3 photos" in page.words
    assert len(page.images) == 3, "the first photo, its face and that of the second"
    assert "cannot read /gone/c.jpg" in page.words


def test_few_photos_per_person_and_a_word_about_the_rest(make, photo):
    many = make.match(1, "Ada", *[(0.01 + 0.001 * row, photo) for row in range(10)])
    page = Page(render_page([make.answer(photo, identities=(many,))], library="", photos_shown=4))
    assert len(page.images) == 2 + 4
    assert "and 6 more photos" in page.words


def test_copies_of_a_photo_are_all_named(make, photo):
    answer = make.answer(photo, unnamed=(FaceHit(make.face(7, photo, "/copies/b.jpg"), 0.02),))
    page = Page(render_page([answer], library="", photos_shown=12))
    assert "b.jpg" in page.words
    assert "file:///copies/b.jpg" in page.links


def test_a_face_at_the_edge_and_a_limit_of_zero(make, photo):
    answer = make.answer(
        photo, identities=(make.match(1, "Ada", (0.0, photo)),), box=Box(-5, -5, 60, 60)
    )
    limit = replace(answer.limit, max_distance=0.0)
    Page(render_page([replace(answer, limit=limit)], library="", photos_shown=12))


def test_the_page_replaces_an_older_one_only_when_it_is_whole(make, photo, tmp_path):
    output = tmp_path / "report.html"
    output.write_text("older")
    write_report([make.answer(photo)], output, library="", photos_shown=12)
    Page(output.read_text("utf-8"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["astronaut.jpg", "report.html"]
    folder = tmp_path / "folder.html"
    folder.mkdir()
    with pytest.raises(OSError, match="folder"):
        write_report([make.answer(photo)], folder, library="", photos_shown=12)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "astronaut.jpg",
        "folder.html",
        "report.html",
    ]
