"""Making a dataset: whatever stops a run, the next one goes on; and what is refused."""

from __future__ import annotations

import csv
import errno
import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import drawn_people
import PIL.Image
import pytest
import toys as toy
from drawn_people import chips, draw

from facesearch.errors import (
    DeviceUnavailable,
    InvalidDataset,
    PackageMissing,
    PhotoNotFound,
    UnknownModel,
)
from facesearch.file_lock import file_lock
from facesearch.models.requirements import Requirement
from facesearch.models.templates import TemplateFamily
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.journal import Journal
from facesearch.training.dataset.making import Stage, make_dataset
from facesearch.training.dataset.options import DatasetOptions, Split, SplitKind, Storage
from facesearch.training.dataset.sources import FolderSource
from facesearch.workers import RESULTS_WAITING


@pytest.fixture
def target(tmp_path):
    return tmp_path / "dataset"


def files_in(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("dataset.json", "make.lock")
    }


def failures(folder):
    with open(folder / "failures.csv", newline="") as file:
        return {row["photo"]: row["reason"] for row in csv.DictReader(file)}


def test_folders_become_a_dataset(people, target):
    told = []
    report = make_dataset(FolderSource(people), target, chips(), on_progress=told.append)
    assert report.photos == 22
    assert report.manifest.counts == {Split.TRAIN: 15, Split.VALIDATION: 7, Split.TEST: 0}
    assert report.manifest.classes == ("Ada", "Bo", "Cy", "Di")
    assert (target / "labels.txt").read_text() == "Ada\nBo\nCy\nDi\n"
    assert len(list((target / "train").rglob("*.jpg"))) == 15
    assert {far.stage for far in told} == {Stage.CUT, Stage.STORE}
    assert (told[-1].done, told[-1].total) == (22, 22)
    assert not (target / "making").exists()


def test_the_same_again_does_nothing(people, target):
    make_dataset(FolderSource(people), target, chips())
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.jpg")}
    shutil.rmtree(people)  # not even looked at
    again = make_dataset(FolderSource(people), target, chips())
    assert again.already
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*.jpg")} == before


def test_a_finished_dataset_is_not_made_into_another(people, target):
    make_dataset(FolderSource(people), target, chips())
    with pytest.raises(InvalidDataset, match="seed was 0 and is 5"):
        make_dataset(FolderSource(people), target, chips(seed=5))
    with pytest.raises(InvalidDataset, match=r"source was folders .*people and is folders .*other"):
        make_dataset(FolderSource(people.with_name("other")), target, chips())


def test_where_photos_are_stored_decides_nothing(people, target, tmp_path):
    """The same people in a folder that was written in another order."""
    other = tmp_path / "other"
    for place in sorted((p.relative_to(people) for p in people.rglob("*.png")), reverse=True):
        (other / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(people / place, other / place)
    one = make_dataset(FolderSource(people), target, chips(workers=1))
    two = make_dataset(FolderSource(other), tmp_path / "second", chips(workers=3))
    assert one.manifest.digest == two.manifest.digest
    assert files_in(target) == files_in(tmp_path / "second")


def test_it_goes_on_after_being_stopped(people, target, tmp_path):
    draw(people, {"Ed": 2 * RESULTS_WAITING})  # more than are cut ahead of the one that stops it
    calls = []

    def soon():
        calls.append(1)
        return len(calls) > 6

    stopped = make_dataset(FolderSource(people), target, chips(workers=1), cancelled=soon)
    assert stopped.cancelled
    assert stopped.manifest is None
    with pytest.raises(InvalidDataset, match="no finished dataset"):
        ChipDataset.open(target)
    report = make_dataset(FolderSource(people), target, chips())
    assert 0 < report.resumed < report.photos
    whole = make_dataset(FolderSource(people), tmp_path / "whole", chips())
    assert report.manifest.digest == whole.manifest.digest


_SLOW = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from drawn_people import chips
from facesearch.training.dataset import cutting
from facesearch.training.dataset.making import make_dataset
from facesearch.training.dataset.sources import FolderSource
from facesearch.workers import RESULTS_WAITING
encoded = cutting.encoded
def slowly(chip, quality):
    time.sleep(0.02)
    return encoded(chip, quality)
cutting.encoded = slowly
make_dataset(FolderSource(sys.argv[1]), sys.argv[2], chips(workers=1),
             on_progress=lambda far: far.done > 1 and print(far.done, flush=True))
"""


def test_it_goes_on_after_kill(people, target, tmp_path):
    draw(people, {"Ed": 200})
    helpers = Path(drawn_people.__file__).parent
    command = [sys.executable, "-c", _SLOW, *map(str, (people, target, helpers))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) >= 30:
                process.kill()
                break
    assert not (target / "dataset.json").exists()
    report = make_dataset(FolderSource(people), target, chips())
    assert 0 < report.resumed < 222
    whole = make_dataset(FolderSource(people), tmp_path / "whole", chips())
    assert report.manifest.digest == whole.manifest.digest
    assert files_in(target) == files_in(tmp_path / "whole")


def test_a_kill_while_storing_costs_the_storing_only(people, target, monkeypatch):
    def pulled(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("facesearch.training.dataset.finishing.write_manifest", pulled)
        with pytest.raises(KeyboardInterrupt):
            make_dataset(FolderSource(people), target, chips())
    report = make_dataset(FolderSource(people), target, chips(seed=4))  # split as one likes now
    assert report.resumed == 22
    assert sum(report.manifest.counts.values()) == 22
    assert len(list(target.rglob("*.jpg"))) == 22  # nothing is left of the first try


def test_chips_that_were_cut_otherwise_are_not_gone_on_from(people, target):
    make_dataset(FolderSource(people), target, chips(), cancelled=lambda: True)
    with pytest.raises(InvalidDataset, match="chip_px was 24 and is 32"):
        make_dataset(FolderSource(people), target, chips(chip_px=32))


def test_a_photo_that_changed_meanwhile_is_cut_again(people, target):
    by_person = {"split": SplitKind.BY_PERSON, "fractions": (0.9, 0.1)}
    with pytest.raises(InvalidDataset, match="validation would hold 1"):
        make_dataset(FolderSource(people), target, chips(**by_person))
    path = people / "Ada" / "0.png"
    PIL.Image.new("RGB", (24, 24), (1, 2, 3)).save(path)
    os.utime(path, (1, 1))
    report = make_dataset(FolderSource(people), target, chips(min_photos=3))
    assert report.resumed == 19  # all but that one, and the two of whom there are too few


def test_two_runs_do_not_share_a_folder(people, target):
    make_dataset(FolderSource(people), target, chips(), cancelled=lambda: True)
    with (
        file_lock(target / "make.lock", 0, busy=pytest.fail, errors=nullcontext),
        pytest.raises(InvalidDataset, match=f"process {os.getpid()} is making this dataset"),
    ):
        make_dataset(FolderSource(people), target, chips())


def test_photos_that_give_no_chip_are_listed(people, target):
    (people / "Ada" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    (people / "Bo" / "empty.png").write_bytes(b"")
    shutil.copyfile(people / "Cy" / "0.png", people / "Cy" / "copy.png")
    report = make_dataset(FolderSource(people), target, chips())
    assert report.failed_by_reason == {"damaged": 1, "duplicate": 1, "empty": 1}
    found = failures(target)
    assert found[os.path.join("Ada", "broken.jpg")] == "damaged"
    assert found[os.path.join("Cy", "copy.png")] == "duplicate"
    assert report.manifest.failures == 3
    assert sum(report.manifest.counts.values()) == 22


def test_where_too_few_photos_show_a_face_the_others_are_listed(tmp_path, target):
    folder = draw(tmp_path / "few", {"Ada": 3, "Bo": 3})
    for name in ("0.png", "1.png"):
        (folder / "Bo" / name).write_bytes(b"no picture any more")
    said = r"of 2 people, 1 have at least 2 usable photos \(2 gave no chip: see failures.csv there"
    with pytest.raises(InvalidDataset, match=said):
        make_dataset(FolderSource(folder), target, chips())
    assert set(failures(target)) == {os.path.join("Bo", name) for name in ("0.png", "1.png")}
    draw(folder, {"Bo": 5})
    assert make_dataset(FolderSource(folder), target, chips()).resumed == 3


def test_what_was_asked_for_in_vain_does_not_bind_the_next_run(people, target):
    wrong = DatasetOptions(chip_px=24, detector="mtcn")
    with pytest.raises(UnknownModel, match="there is no detector 'mtcn'"):
        make_dataset(FolderSource(people), target, wrong)
    assert not target.exists()
    nowhere = DatasetOptions(chip_px=32, device="cuda")
    with pytest.raises(DeviceUnavailable):
        make_dataset(FolderSource(people), target, nowhere)
    assert make_dataset(FolderSource(people), target, chips()).manifest is not None


def test_a_folder_whose_own_list_was_changed_is_refused(people, target):
    make_dataset(FolderSource(people), target, chips(), cancelled=lambda: True)
    (target / "making/options.json").write_text("{")
    with pytest.raises(InvalidDataset, match=r"options.json: was changed; delete the folder"):
        make_dataset(FolderSource(people), target, chips())


def test_people_with_too_few_usable_photos_are_left_out(people, target):
    (people / "Di" / "1.png").write_bytes(b"no picture any more")
    report = make_dataset(FolderSource(people), target, chips())
    assert "Di" not in report.manifest.classes
    assert report.manifest.left_out == 1
    assert any("1 people had too few usable photos" in warning for warning in report.warnings)


def test_a_few_photos_are_taken_of_people_who_have_many(people, target):
    """How many somebody has to have is about the photos there are, not about those taken."""
    (people / "Bo" / "0.png").write_bytes(b"no picture any more")
    report = make_dataset(FolderSource(people), target, chips(min_photos=5, max_photos=3))
    assert report.photos == 6
    assert failures(target) == {os.path.join("Bo", "0.png"): "not-an-image"}
    assert report.manifest.classes == ("Ada", "Bo")
    assert sum(report.manifest.counts.values()) == 5


def test_people_with_one_photo_are_only_trained_on(people, target):
    draw(people, {"Ed": 1})
    report = make_dataset(FolderSource(people), target, chips(min_photos=1))
    dataset = ChipDataset.open(target)
    splits = {c.split for s in Split for c in dataset.rows(s) if c.person == "Ed"}
    assert splits == {Split.TRAIN}
    assert any("only trained on, such as Ed" in warning for warning in report.warnings)


def test_a_photo_under_two_names_is_told(people, target):
    shutil.copyfile(people / "Ada" / "0.png", people / "Bo" / "wrong.png")
    report = make_dataset(FolderSource(people), target, chips())
    assert any("under two people" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("there", "options", "words"),
    [
        ({"Ada": 5}, {}, "one person only"),
        ({"Ada": 5, "Bo": 1}, {}, "of 2 people, 1 have at least 2 photos"),
        ({"Ada": 1, "Bo": 1}, {}, "0 have at least 2"),
        ({"Ada": 2, "Bo": 2}, {"fractions": (0.7, 0.15, 0.15)}, "test would hold 0"),
        ({"Ada": 4, "Bo": 4, "Cy": 4}, {"split": SplitKind.BY_PERSON}, "validation would hold 1"),
    ],
)
def test_too_few_people_or_photos_are_refused(tmp_path, target, there, options, words):
    folder = draw(tmp_path / "few", there)
    with pytest.raises(InvalidDataset, match=words):
        make_dataset(FolderSource(folder), target, chips(**options))


def test_a_wrong_source_leaves_no_folder(tmp_path, target):
    with pytest.raises(PhotoNotFound):
        make_dataset(FolderSource(tmp_path / "nowhere"), target, chips())
    assert not target.exists()


def test_folders_of_others_are_left_alone(people, target):
    target.mkdir()
    (target / "diary.txt").write_text("mine")
    with pytest.raises(InvalidDataset, match="holds other files"):
        make_dataset(FolderSource(people), target, chips())
    assert os.listdir(target) == ["diary.txt"]
    with pytest.raises(InvalidDataset, match="what the photos come from"):
        make_dataset(FolderSource(people), people / "dataset", chips())
    with pytest.raises(InvalidDataset, match="is a file"):
        make_dataset(FolderSource(people), target / "diary.txt", chips())


def test_a_full_disk_is_said_and_what_is_there_is_gone_on_from(people, target, monkeypatch):
    add, written = Journal.add, []

    def until_full(self, cut):
        if len(written) == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(cut)
        add(self, cut)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", until_full)
        with pytest.raises(InvalidDataset, match=r"no space is left .* goes on"):
            make_dataset(FolderSource(people), target, chips())
    assert make_dataset(FolderSource(people), target, chips()).resumed == 5


def test_names_of_people_become_folders_that_any_file_system_takes(tmp_path, target):
    odd = {"con": 2, "Ada?": 2, "ada_": 2, "Émile": 2}
    report = make_dataset(FolderSource(draw(tmp_path / "odd", odd)), target, chips())
    assert set(report.manifest.classes) == set(odd)
    folders = {path.name for path in (target / "train").iterdir()}
    assert len({name.casefold() for name in folders}) == 4
    assert not folders & {"con", "Ada?"}
    assert ChipDataset.open(target).classes == report.manifest.classes


def test_tfrecords_need_tensorflow_before_the_long_work(people, target, monkeypatch):
    monkeypatch.setattr(Requirement, "is_installed", lambda self: False)
    with pytest.raises(PackageMissing, match="train"):
        make_dataset(FolderSource(people), target, chips(storage=Storage.TFRECORDS))
    assert not target.exists()


def test_faces_are_found_in_photos(tmp_path, target, toys):
    for number in range(4):
        toy.photo(tmp_path / "p" / "Red" / f"{number}.png", (250, 10, 7 * number), number=number)
        toy.photo(tmp_path / "p" / "Blue" / f"{number}.png", (7 * number, 10, 250), number=number)
    toy.photo(tmp_path / "p" / "Red" / "nobody.png")
    options = chips(
        already_aligned=False,
        detector="toy-detector",
        template=TemplateFamily.DLIB,
    )
    report = make_dataset(FolderSource(tmp_path / "p"), target, options)
    assert report.failed_by_reason == {"no-face": 1}
    template = report.manifest.template
    assert template.family == "dlib"
    assert template.name == "dlib-24"
    assert len(template.points) == 5
    before = toys.detector.seen
    assert make_dataset(FolderSource(tmp_path / "p"), target, options).already
    assert toys.detector.seen == before
