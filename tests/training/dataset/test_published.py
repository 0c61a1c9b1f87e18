"""CelebA and VGGFace2 as they are published: lists are checked line by line."""

from __future__ import annotations

import pytest
from drawn_people import chips, draw

from facesearch.errors import InvalidDataset
from facesearch.training.dataset.making import make_dataset
from facesearch.training.dataset.options import Split, SplitKind
from facesearch.training.dataset.published import CelebASource, VggFace2Source


@pytest.fixture
def celeba(tmp_path):
    """Six people with two photos each, two of them for each part."""
    folder = tmp_path / "celeba"
    draw(folder, {"img_align_celeba": 12}, side=30)
    names = [f"{number:06d}.jpg" for number in range(1, 13)]
    for number, name in enumerate(names):
        place = folder / "img_align_celeba"
        (place / f"{number}.png").rename(place / name)  # what a file is, its bytes say
    identity = [f"{name} {100 + number // 2}" for number, name in enumerate(names)]
    parts = [f"{name} {number // 4}" for number, name in enumerate(names)]
    (folder / "identity_CelebA.txt").write_text("\n".join(identity) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")
    return folder


def test_celeba_keeps_its_parts(celeba, tmp_path):
    report = make_dataset(CelebASource(celeba), tmp_path / "made", chips(split=SplitKind.PUBLISHED))
    assert report.manifest.counts == dict.fromkeys(Split, 4)
    assert report.manifest.split is SplitKind.BY_PERSON
    assert report.manifest.published
    assert set(report.manifest.classes[:2]) == {"100", "101"}  # those trained on come first
    only, _ = CelebASource(celeba, [Split.TEST]).photos()
    assert {photo.person for photo in only} == {"104", "105"}


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("identity_CelebA.txt", "000003.jpg", "identity_CelebA.txt, line 3: expected PHOTO"),
        ("identity_CelebA.txt", "../up.jpg 7", "identity_CelebA.txt, line 3: expected PHOTO"),
        ("identity_CelebA.txt", "000001.jpg 7", "line 3: 000001.jpg again"),
        ("list_eval_partition.txt", "000003.jpg 3", "line 3: expected 0, 1 or 2"),
        ("list_eval_partition.txt", "999999.jpg 0", "line 3: 999999.jpg is not in identity"),
        ("list_eval_partition.txt", "", "line 3: 000003.jpg is not in list_eval"),
    ],
)
def test_a_wrong_line_of_celebas_lists_is_named(celeba, file, line, words):
    lines = (celeba / file).read_text().splitlines()
    lines[2] = line
    (celeba / file).write_text("\n".join(lines))
    with pytest.raises(InvalidDataset, match=words):
        CelebASource(celeba).photos()


def test_missing_photos_of_celeba(celeba):
    (celeba / "img_align_celeba" / "000001.jpg").unlink()
    photos, _ = CelebASource(celeba).photos()
    assert len(photos) == 12  # cutting says which one is missing
    (celeba / "img_align_celeba").rename(celeba / "elsewhere")
    with pytest.raises(InvalidDataset, match="no photos"):
        CelebASource(celeba).photos()


@pytest.fixture
def vggface2(tmp_path):
    folder = tmp_path / "vggface2"
    draw(folder / "train", {f"n{number:06d}": 3 for number in range(8)})
    draw(folder / "test", {"n000100": 2, "n000101": 2})
    return folder


def test_vggface2_is_classified_by_its_training_people(vggface2, tmp_path):
    (vggface2 / "identity_meta.csv").write_text(
        "Class_ID, Name, Sample_Num, Flag, Gender\n"
        'n000000, "Ada, Countess", 3, 1,  f\nn000001, Bo, 3, 1,  m\nn000002, Bo, 3, 1,  m\n'
    )
    source = VggFace2Source(vggface2, [Split.TRAIN])
    manifest = make_dataset(source, tmp_path / "made", chips()).manifest
    assert len(manifest.classes) == 8
    assert {"Ada, Countess", "Bo (n000001)", "Bo (n000002)", "n000003"} <= set(manifest.classes)


def test_vggface2_tests_with_other_people(vggface2, tmp_path):
    source = VggFace2Source(vggface2)
    manifest = make_dataset(source, tmp_path / "made", chips(split=SplitKind.PUBLISHED)).manifest
    assert manifest.people == {Split.TRAIN: 6, Split.VALIDATION: 2, Split.TEST: 2}


def test_vggface2s_lists_say_which_photos_are_taken(vggface2):
    (vggface2 / "train_list.txt").write_text("n000001/0.png\nn000001/9.png\n")
    photos, _ = VggFace2Source(vggface2, [Split.TRAIN]).photos()
    assert len(photos) == 2
    (vggface2 / "train_list.txt").write_text("n000001/0.png\n../secret/0.png\n")
    with pytest.raises(InvalidDataset, match=r"train_list.txt, line 2"):
        VggFace2Source(vggface2).photos()
