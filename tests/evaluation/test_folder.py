"""A folder of one's own: labels from subfolders, groups from a list, and bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import toys as toy
from toys import Toys

from facesearch.errors import InvalidDataset, PhotoNotFound
from facesearch.evaluation.folder import evaluate_folder
from facesearch.evaluation.runs import EvaluationOptions

NAMES = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Six people of one colour each, four photos each; one of Ada's lies deeper."""
    folder = tmp_path / "people"
    for at, name in enumerate(NAMES):
        colour = (40 * at, 250 - 40 * at, 128 if at % 2 else 10)
        for number in range(4):
            deeper = "2019" if (name, number) == ("Ada", 3) else ""
            toy.photo(folder / name / deeper / f"{number}.png", colour, number=10 * at + number)
    return folder


def measure(folder: Path, **more: Any) -> Any:
    options = EvaluationOptions(
        detector="toy-detector", embedder="toy-embedder", device="cpu", bootstrap_samples=20
    )
    return evaluate_folder(folder, options=options, **more)


def test_the_whole_path(toys: Toys, people: Path):
    (people / "groups.csv").write_text("Name, Group\nAda,north\nBo,north\n\nCy,south\n")
    toy.photo(people / "loose.png", toy.RED)
    (people / "Bo" / "broken.jpg").write_bytes(b"broken")
    toy.photo(people / "Cy" / "nobody.png", number=99)
    result = measure(people)
    assert (result.run.photos, result.run.people) == (26, 6)
    assert (result.run.no_face, result.run.unreadable) == (1, 1)
    assert "1 photos lie in no subfolder" in result.run.warnings[0]
    # four of Bo's ten pairs and four of Cy's have a photo without a face
    assert result.verification.genuine.failed == 8
    assert result.verification.points[0].fnmr.value == pytest.approx(8 / 44)
    assert result.closed_set.rank1.value == pytest.approx(24 / 26)
    assert "1e-06" in json.dumps(result.to_json(), allow_nan=False)
    north, south = result.groups.groups
    assert (north.group, north.people, north.genuine_pairs) == ("north", 2, 16)
    assert north.fnmr.value == pytest.approx(4 / 16)
    assert (south.impostor_pairs, south.fmr) == (0, None)
    assert result.groups.people_without_group == 3
    assert result.discard.fnmr[0] == pytest.approx(8 / 44)
    assert "0.01 and below cannot be seen" in result.notes[0]


def test_groups_may_lie_elsewhere_or_nowhere(toys: Toys, people: Path, tmp_path: Path):
    assert measure(people).groups is None
    (tmp_path / "list.csv").write_text("name,group\nAda,a\nBo,b\n", encoding="utf-8-sig")
    assert [g.group for g in measure(people, groups=tmp_path / "list.csv").groups.groups] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("person,kind\nAda,x\n", 1, 'must be "name,group"'),
        ("name,group\nAda,x\nZoe,x\n", 3, "no folder 'Zoe'"),
        ("name,group\nAda\n", 2, "a comma"),
        ("name,group\nAda,\n", 2, "a comma"),
        ("name,group\nAda,x\n\nAda,y\n", 4, "twice"),
        ('name,group\n"Ada,x\n', 2, "CSV"),
        ("name,group\n", None, "names nobody"),
        (b"name,group\nAd\xff,x\n", None, "UTF-8"),
    ],
)
def test_slips_in_groups_are_named_with_their_line(
    people: Path, text: str | bytes, line: int | None, words: str
):
    content = text if isinstance(text, bytes) else text.encode()
    (people / "groups.csv").write_bytes(content)
    with pytest.raises(InvalidDataset, match=words) as error:
        evaluate_folder(people)
    assert error.value.line == line


def test_folders_that_tell_nothing_are_refused(people: Path, tmp_path: Path):
    with pytest.raises(PhotoNotFound):
        evaluate_folder(tmp_path / "nowhere")
    with pytest.raises(InvalidDataset, match="no photos in subfolders"):
        evaluate_folder(people / "Ada" / "2019")
    for name in NAMES[1:]:
        for photo in (people / name).iterdir():
            photo.unlink()
    with pytest.raises(InvalidDataset, match="one person only, Ada"):
        evaluate_folder(people)
    for name in NAMES:
        for photo in (people / name).glob("*.png"):
            photo.unlink()
        toy.photo(people / name / "only.png", toy.RED)
    (people / "Ada" / "2019" / "3.png").unlink()
    with pytest.raises(InvalidDataset, match="6 people with one photo each"):
        evaluate_folder(people)


def test_real_photos(portraits: Any, strangers: Any, tmp_path: Path):
    """One person many times among strangers, through the real networks."""
    for name, picture in portraits.items():
        (tmp_path / "Eileen").mkdir(exist_ok=True)
        picture.save(tmp_path / "Eileen" / f"{name}.jpg")
    for number, picture in enumerate(strangers):
        (tmp_path / f"stranger {number:02}").mkdir()
        picture.save(tmp_path / f"stranger {number:02}" / "only.png")
    result = evaluate_folder(tmp_path, options=EvaluationOptions(bootstrap_samples=20))
    assert result.closed_set is not None
    assert (result.closed_set.probes, result.closed_set.rank1.value) == (6, 1)
    assert result.verification.genuine_pairs == 15
    assert result.verification.auc > 0.99


def test_people_all_of_whose_photos_fail_still_count(toys: Toys, people: Path):
    for photo in people.rglob("*.png"):
        photo.write_bytes(b"broken")
    result = measure(people)
    assert result.verification.points[0].fnmr.value == 1
    assert result.closed_set.rank1.value == 0
    assert result.run.unreadable == 24
