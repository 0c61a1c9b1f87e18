"""Reading datasets: what is read, in which order, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter

import numpy as np
import PIL.Image
import pytest
from drawn_people import PEOPLE, chips

from facesearch.errors import InvalidDataset, InvalidValue
from facesearch.training.dataset.augmentation import Augmentation
from facesearch.training.dataset.chips import ChipDataset
from facesearch.training.dataset.making import make_dataset
from facesearch.training.dataset.manifest import digest_of
from facesearch.training.dataset.options import Split, SplitKind, Storage
from facesearch.training.dataset.records import frames
from facesearch.training.dataset.sources import FolderSource

tf = pytest.importorskip("tensorflow", reason="TFRecord files need the extra train")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The same people in both storages; several files of records."""
    from drawn_people import draw

    place = tmp_path_factory.mktemp("stored")
    people = draw(place / "people", {name: 8 * count for name, count in PEOPLE.items()}, side=64)
    for storage in Storage:
        options = chips(chip_px=64, storage=storage, shard_bytes=100_000, jpeg_quality=100)
        make_dataset(FolderSource(people), place / storage, options)
    return place


@pytest.fixture(params=[(Storage.TFRECORDS, 0), (Storage.FOLDERS, 0), (Storage.TFRECORDS, 512)])
def dataset(stored, request):
    """Read from records, from files, and kept in memory."""
    storage, kept_mb = request.param
    return ChipDataset.open(stored / storage, kept_mb=kept_mb)


@pytest.fixture
def copy(stored, tmp_path):
    """copy(storage): a dataset of one's own, to damage."""
    return lambda storage=Storage.TFRECORDS: shutil.copytree(stored / storage, tmp_path / "copy")


def epoch(dataset, split="train", batch=16, **how):
    read = [(x.numpy(), y.numpy()) for x, y in dataset.images(split, batch, **how)]
    return np.concatenate([x for x, _ in read]), np.concatenate([y for _, y in read])


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_both_storages_hold_the_same(stored):
    records, folders = (ChipDataset.open(stored / storage) for storage in Storage)
    assert len(records.manifest.files) > 3
    assert records.digest == folders.digest
    assert same(records.arrays("train"), folders.arrays("train"))
    assert records.classes == folders.classes == tuple(sorted(PEOPLE))


def test_batches_are_chips_and_labels(dataset):
    chips, labels = next(iter(dataset.images("train", 16, shuffle=True, seed=1)))
    assert (chips.dtype, chips.shape) == (tf.uint8, (16, 64, 64, 3))
    assert (labels.dtype, labels.shape) == (tf.int32, (16,))
    read = dataset.images("train", 16, shuffle=True, seed=1)
    assert int(read.cardinality()) == len(list(read)) == -(-dataset.count("train") // 16)


def test_chips_are_the_pictures_they_were_made_of(stored, dataset):
    chips, labels = dataset.arrays("validation")
    for at, row in enumerate(dataset.rows("validation")):
        picture = np.asarray(PIL.Image.open(stored / "people" / row.photo), np.int64)
        assert np.abs(chips[at] - picture).mean() < 3
        assert dataset.classes[labels[at]] == row.person


def test_unshuffled_chips_come_as_they_are_stored(dataset):
    chips, labels = epoch(dataset, shuffle=False, seed=0)
    assert np.array_equal(labels, dataset.labels("train"))
    assert same((chips, labels), dataset.arrays("train"))
    assert same(dataset.arrays("train", limit=5), (chips[:5], labels[:5]))
    some = [7, 0, len(labels) - 1, 7]
    assert np.array_equal(dataset.read("train", some), chips[some])


def test_people_are_mixed_as_they_are_stored(dataset):
    labels = dataset.labels("train")
    assert len(set(labels[: len(labels) // 4])) == len(PEOPLE)


@pytest.mark.parametrize("buffer", [4096, 7])
def test_an_epochs_order_follows_from_seed_and_number(dataset, buffer):
    how = {"shuffle": True, "seed": 5, "buffer": buffer}
    first = epoch(dataset, **how)
    tf.random.set_seed(1234)  # the program around us may do so
    assert same(epoch(dataset, **how), first)
    assert not same(epoch(dataset, **how, epoch=1), first)
    assert not same(epoch(dataset, **how | {"seed": 6}), first)
    assert Counter(first[1]) == Counter(dataset.labels("train"))
    assert len({chip.tobytes() for chip in first[0]}) == dataset.count("train")


def test_epochs_in_a_row_are_the_epochs_one_by_one(dataset):
    how = {"shuffle": True, "seed": 3, "augment": Augmentation()}
    expected = [epoch(dataset, **how, epoch=number) for number in (4, 5)]
    steps = -(-dataset.count("train") // 16)
    endless = dataset.images("train", 16, repeat=True, epoch=4, **how).take(2 * steps)
    read = [(x.numpy(), y.numpy()) for x, y in endless]
    for number, one in enumerate(expected):
        part = read[number * steps : (number + 1) * steps]
        assert same([np.concatenate(half) for half in zip(*part, strict=True)], one)


def test_augmented_chips_follow_from_seed_and_epoch(dataset):
    how = {"shuffle": False, "seed": 3, "augment": Augmentation()}
    first = epoch(dataset, **how)
    assert same(epoch(dataset, **how), first)
    assert not np.array_equal(epoch(dataset, **how, epoch=1)[0], first[0])
    assert not np.array_equal(dataset.arrays("train")[0], first[0])


def test_small_splits_are_kept_in_memory(stored):
    dataset = ChipDataset.open(stored / Storage.TFRECORDS, kept_mb=1)
    size = 64 * 64 * 3
    assert dataset.kept_bytes("train") == 0
    assert dataset.kept_bytes("validation") == dataset.count("validation") * size < 1_000_000
    first, _ = epoch(dataset, "validation", shuffle=False, seed=0)
    kept, _ = dataset.arrays("validation")
    assert np.shares_memory(kept, dataset.arrays("validation")[0])
    assert np.array_equal(kept, first)
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 0


def test_order_may_be_given_up(dataset):
    read = epoch(dataset, shuffle=True, seed=1, deterministic=False)
    assert Counter(read[1]) == Counter(dataset.labels("train"))


def test_people_who_judge_have_the_last_labels(made):
    dataset = made(split=SplitKind.BY_PERSON, fractions=(0.5, 0.5))
    assert dataset.split_kind is SplitKind.BY_PERSON
    trained = set(dataset.labels("train"))
    assert trained == set(range(dataset.trained_classes)) == {0, 1}
    assert set(dataset.labels("validation")) == {2, 3}


def test_an_empty_split_and_wrong_numbers_are_said(dataset):
    with pytest.raises(InvalidDataset, match="no test chips"):
        dataset.images("test", 8, shuffle=False, seed=0)
    with pytest.raises(InvalidValue, match="a split is train, validation, test"):
        dataset.count("training")
    with pytest.raises(InvalidValue, match="at least 1 chip"):
        dataset.images("train", 0, shuffle=False, seed=0)
    assert dataset.arrays("test")[0].shape == (0, 64, 64, 3)


# What is damaged


def test_a_truncated_file_is_named_with_the_record_it_ends_in(copy):
    place = copy()
    shard = next(place.glob("train-*.tfrecord"))
    offset, length = list(frames(shard))[3]
    for cut in (offset - 5, offset + 1, offset + length):
        with open(shard, "rb+") as file:
            file.truncate(cut)
        with pytest.raises(InvalidDataset, match=rf"{shard.name}: breaks off in record 3"):
            ChipDataset.open(place)


def test_a_changed_byte_is_found_by_its_checksum(copy):
    place = copy()
    shard = next(place.glob("train-*.tfrecord"))
    offset, length = list(frames(shard))[2]
    data = bytearray(shard.read_bytes())
    data[offset + length // 2] ^= 1
    shard.write_bytes(data)
    dataset = ChipDataset.open(place, kept_mb=0)  # every file has its size
    words = rf"{shard.name}: record 2 is damaged"
    with pytest.raises(InvalidDataset, match=words):
        dataset.verify()
    with pytest.raises(InvalidDataset, match=words):
        dataset.arrays("train")
    with pytest.raises(tf.errors.OpError) as raised:
        list(dataset.images("train", 8, shuffle=True, seed=0))
    assert dataset.explain(raised.value).path == str(shard)
    with pytest.raises(InvalidDataset, match=words):
        ChipDataset.open(place).images("train", 8, shuffle=True, seed=0)
    assert dataset.explain(ValueError("something else")) is None


def test_files_that_change_places_are_found(copy):
    place = copy()
    first, second, *_ = sorted(place.glob("train-*.tfrecord"))
    sizes = json.loads((place / "dataset.json").read_text())
    content = first.read_bytes(), second.read_bytes()
    first.write_bytes(content[1])
    second.write_bytes(content[0])
    sizes["files"][first.name], sizes["files"][second.name] = len(content[1]), len(content[0])
    (place / "dataset.json").write_text(json.dumps(sizes))
    with pytest.raises(InvalidDataset, match="record 0 is not the chip it was"):
        ChipDataset.open(place).verify()


def test_a_file_that_is_gone_or_grew_is_named(copy):
    place = copy()
    shard = next(place.glob("validation-*.tfrecord"))
    shard.write_bytes(shard.read_bytes() * 2)
    with pytest.raises(InvalidDataset, match=f"{shard.name}: is .* bytes and was"):
        ChipDataset.open(place)
    shard.unlink()
    with pytest.raises(InvalidDataset, match=f"{shard.name}: it is no longer there"):
        ChipDataset.open(place)


def test_a_changed_picture_is_named(copy):
    place = copy(Storage.FOLDERS)
    picture = next(place.glob("train/*/*.jpg"))
    data = bytearray(picture.read_bytes())
    data[-10] ^= 1
    picture.write_bytes(data)
    with pytest.raises(InvalidDataset, match=f"{picture.name}: was changed"):
        ChipDataset.open(place).verify()
    picture.write_bytes(data[:-1])
    with pytest.raises(InvalidDataset, match=f"{picture.name}: is"):
        ChipDataset.open(place)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada\nBo\nCy\n", "labels.txt, line 4: .*it ends there"),
        ("Ada\nCy\nBo\nDi\n", "labels.txt, line 2: .*expected Bo, found Cy"),
        ("Ada\nBo\nCy\nDi\nEd\n", "labels.txt, line 5: .*more than its 4 classes"),
        (None, "labels.txt: cannot be read"),
    ],
)
def test_a_label_file_that_does_not_fit_is_refused(copy, text, words):
    place = copy()
    (place / "labels.txt").unlink()
    if text is not None:
        (place / "labels.txt").write_text(text)
    with pytest.raises(InvalidDataset, match=words):
        ChipDataset.open(place)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("split", "test", "was changed since"),
        ("sha256", "0" * 64, "was changed since"),
        ("label", "9", "chips.csv, line 5: label 9 is not"),
        ("label", "one", "chips.csv, line 5: malformed"),
        ("person", "Zoe", "chips.csv, line 5: label . is not Zoe"),
    ],
)
def test_a_changed_list_of_chips_is_refused(copy, column, value, words):
    place = copy()
    with open(place / "chips.csv", newline="") as file:
        rows = list(csv.reader(file))
    rows[4][rows[0].index(column)] = value
    with open(place / "chips.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    with pytest.raises(InvalidDataset, match=words):
        ChipDataset.open(place)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON"),
        ('{"format": "facesearch-dataset-9"}', "later facesearch"),
        ('{"format": "facesearch-dataset-1"}', "lacks something"),
        ("[]", "not known here"),
    ],
)
def test_a_dataset_json_that_says_something_else_is_refused(copy, text, words):
    place = copy()
    (place / "dataset.json").write_text(text)
    with pytest.raises(InvalidDataset, match=words):
        ChipDataset.open(place)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("chip_px", 32, "lacks something or was changed .*chip_px is 32"),
        ("chip_px", "64", "lacks something or was changed"),
        ("counts", {"train": 1, "validation": 2, "test": 0}, "or dataset.json was"),
        ("people", {"train": 1, "validation": 2, "test": 0}, "or dataset.json was"),
    ],
)
def test_a_changed_dataset_json_is_refused(copy, name, value, words):
    place = copy()
    document = json.loads((place / "dataset.json").read_bytes())
    (place / "dataset.json").write_text(json.dumps({**document, name: value}))
    with pytest.raises(InvalidDataset, match=words):
        ChipDataset.open(place)


def test_the_digest_is_what_it_says(dataset):
    rows = [row for split in Split for row in dataset.rows(split)]
    assert digest_of(rows) == dataset.digest
    assert digest_of(rows[::-1]) != dataset.digest
