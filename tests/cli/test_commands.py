"""What each command asks of the library, and what it prints, on a library that is a fake."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from facesearch import errors
from facesearch.catalog.records import PoorReference
from facesearch.cli.app import app
from facesearch.cli.index import AccuracyName
from facesearch.library import FaceChoice
from facesearch.models.catalogue import Accuracy, embedder_for
from facesearch.values import (
    CalibrationReport,
    FaceQuality,
    Failure,
    Identity,
    IndexReport,
    LibraryStatus,
    MatchLimit,
    PoorFace,
    RateChange,
)

REPORT = IndexReport(
    3, 4, 2, 1, 0, 0, 1, 1, 1.5, {"damaged": 1}, ("/disk seems to be unplugged\x1b[31m",)
)


def test_accuracy_names_are_those_of_the_models():
    assert {name.value for name in AccuracyName} == {accuracy.value for accuracy in Accuracy}


# index


def test_index_hands_its_options_on(run, library, tmp_path):
    ended = run(
        "--library", tmp_path / "l", "--device", "cpu",
        "index", tmp_path, "--people-from-folders", "--hidden", "--remove-emptied",
        "--accuracy", "best", "--detector", "a-detector", "--engine", "tensorflow",
        "--smallest-face", "0.05", "--smallest-face-px", "33", "--max-megapixels", "2.5",
        "--batch-size", "7", "--workers", "3", "--wait", "1.5",
    )  # fmt: skip
    assert ended.exit_code == 0, ended.stderr
    assert library.opened["folder"] == tmp_path / "l"
    assert library.opened["create"]
    assert not library.opened["read_only"]
    options = library.opened["options"]
    assert options.device == "cpu"
    assert options.embedder == embedder_for(Accuracy.BEST)
    assert options.detector == "a-detector"
    assert options.engine == "tensorflow"
    assert options.detector_options.smallest_face_fraction == 0.05
    assert options.detector_options.smallest_face_px == 33
    assert options.limits.max_pixels == 2_500_000
    ((_, (paths,), given),) = library.calls
    assert paths == [tmp_path]
    assert given["people_from_folders"]
    assert given["hidden"]
    chosen = given["options"]
    assert (chosen.embed_batch, chosen.workers, chosen.wait_s) == (7, 3, 1.5)
    assert chosen.remove_emptied
    assert library.closed == 1


def test_index_leaves_the_defaults_to_the_library(run, library, tmp_path):
    assert run("index", tmp_path).exit_code == 0
    options = library.opened["options"]
    assert library.opened["folder"] is None
    assert options == type(options)()
    given = library.calls[0][2]
    assert given["options"] == type(given["options"])()
    assert not given["people_from_folders"]
    assert not given["hidden"]


def test_one_option_about_small_faces_leaves_the_other_alone(run, library, tmp_path):
    run("index", tmp_path, "--smallest-face", "0.1")
    options = library.opened["options"].detector_options
    assert (options.smallest_face_fraction, options.smallest_face_px) == (0.1, 20)


def test_index_without_paths_goes_over_the_earlier_ones(run, library):
    assert run("index").exit_code == 0
    assert library.calls[0][1] == (None,)
    assert not library.opened["create"]


def test_index_of_nothing_makes_no_library(run, library, tmp_path):
    ended = run("index", tmp_path, tmp_path / "gone\x1b[0m")
    assert ended.exit_code == 2
    assert ended.stderr == f"facesearch: no such file or folder: {tmp_path}/gone\\x1b[0m\n"
    assert library.opened == {}


def test_index_prints_a_summary_and_warnings(run, library, tmp_path):
    library.report = REPORT
    ended = run("index", tmp_path)
    assert ended.exit_code == 0
    assert "3 photos, 4 faces in 1.5 s (2.0 photos/s on CPU)" in ended.stdout
    assert "1 damaged" in ended.stdout
    assert ended.stderr == "facesearch: warning: /disk seems to be unplugged\\x1b[31m\n"


def test_a_device_asked_for_is_named(run, library, tmp_path):
    assert run("--device", "cpu", "index", tmp_path).stderr == "facesearch: networks run on: CPU\n"
    assert run("-v", "index", tmp_path).stderr == "facesearch: networks run on: CPU\n"


def test_index_tells_programs_all_in_order(run, library, tmp_path):
    library.report = REPORT
    ended = run("index", tmp_path, "--json")
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert events[0] == {
        "event": "start",
        "library": "/libraries/toy.faces",
        "device": "CPU",
        "paths": [str(tmp_path)],
    }
    assert events[-2:] == [
        {"event": "warning", "message": "/disk seems to be unplugged\x1b[31m"},
        {
            "event": "done", "photos": 3, "faces": 4, "new": 2, "unchanged": 1, "moved": 0,
            "removed": 0, "no_face": 1, "failed": 1, "seconds": 1.5,
        },
    ]  # fmt: skip
    assert list(events[-1]) == [
        "event", "photos", "faces", "new", "unchanged", "moved", "removed", "no_face", "failed",
        "seconds",
    ]  # fmt: skip
    assert ended.stdout.isascii()
    assert ended.stderr == ""


def test_a_stopped_run_has_its_own_exit_code_and_a_summary(run, library, tmp_path):
    library.report = IndexReport(1, 1, 1, 0, 0, 0, 0, 0, 0.5, cancelled=True)
    ended = run("index", tmp_path)
    assert ended.exit_code == 130
    assert ended.stdout.startswith("Stopped early: 1 photo, 1 face")
    ended = run("index", tmp_path, "--json")
    assert ended.exit_code == 130
    assert json.loads(ended.stdout.splitlines()[-1])["event"] == "done"


def test_waiting_for_another_process_is_said_once(run, library, tmp_path):
    library.waits = (4711, 4711, None)
    ended = run("index", tmp_path)
    assert ended.stderr == (
        "facesearch: waiting for process 4711, which is writing to this library\n"
    )
    ended = run("index", tmp_path, "--json")
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [e for e in events if e["event"] == "waiting"] == [{"event": "waiting", "process": 4711}]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.LibraryBusy("/l", "process 7 is writing"), 4),
        (errors.LibraryFull("/l", "no space left"), 4),
        (errors.DeviceUnavailable("onnxruntime", "no cuda device"), 5),
        (errors.WeightsDamaged("mtcnn", "pnet.lz4 is not the pinned file"), 5),
        (errors.Cancelled("stopped"), 130),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError(), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_index_ends_with_the_code_of_its_error(run, library, tmp_path, error, code):
    library.report = error
    ended = run("index", tmp_path)
    assert ended.exit_code == code
    assert ended.stderr.startswith("facesearch: ")
    assert ended.stderr.count("\n") == 1
    assert library.closed == 1


# query


def test_query_hands_its_options_on(run, library, selfie):
    ended = run("query", selfie, "--top", "3", "--max-distance", "0.05", "--face", "2")
    assert ended.exit_code == 0, ended.stderr
    given = {"top": 3, "max_distance": 0.05, "false_matches": None, "face": 2}
    assert library.calls == [("query", (selfie,), given)]
    assert library.opened["read_only"]
    assert not library.opened["create"]


@pytest.mark.parametrize(
    ("word", "choice"), [("all", FaceChoice.ALL), ("largest", FaceChoice.LARGEST), ("12", 12)]
)
def test_query_knows_faces_by_word_and_number(run, library, selfie, word, choice):
    assert run("query", selfie, "--face", word).exit_code == 0
    assert library.calls[0][2]["face"] == choice


@pytest.mark.parametrize(
    "options",
    [
        ("--face", "first"), ("--face", "0"), ("--face", "-1"), ("--face", "²"),
        ("--top", "0"), ("--top", "many"), ("--photos", "0"),
        ("--max-distance", "-0.1"), ("--max-distance", "2.1"),
        ("--max-distance", "0.1", "--false-matches", "0.1"),
        ("--output", "page.jpg"), ("--output", "/no/such/folder/page.html"),
    ],
)  # fmt: skip
def test_bad_usage(run, library, selfie, options):
    assert run("query", selfie, *options).exit_code == 2
    assert library.calls == []


def test_query_prints_one_document_per_photo_with_the_files_own_names(
    run, library, make, selfie, tmp_path
):
    other = tmp_path / "other\udcff.jpg"
    other.write_bytes(b"")
    match = make.match(
        1, "Ada\udc80", (0.0212345678, "/photos/\udcff\n.jpg"), probability=0.98765432
    )
    library.answers = make.answer("as the library words it", identities=(match,), limit=make.limit)
    ended = run("query", selfie, other, "--json")
    assert ended.stdout.isascii()
    documents = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [document["photo"] for document in documents] == [str(selfie), str(other)]
    assert documents[0] == {
        "photo": str(selfie),
        "space": "toy@00000000:five-point",
        "same_person": [],
        "max_distance": 0.07,
        "gallery_faces": 1000,
        "false_matches": 0.1,
        "fmr": 0.0001,
        "prior": 0.001,
        "calibrated": False,
        "people": 0,
        "person_max_distance": None,
        "faces": [
            {
                "box": [100.0, 50.0, 80.0, 90.0],
                "detection_score": 0.9877,
                "identities": [
                    {
                        "id": 1,
                        "name": "Ada\udc80",
                        "distance": 0.021235,
                        "probability": 0.987654,
                        "faces": [
                            {
                                "face": 100,
                                "photo": "/photos/\udcff\n.jpg",
                                "box": [10.0, 20.0, 30.25, 40.0],
                                "distance": 0.021235,
                                "probability": 0.987654,
                            }
                        ],
                    }
                ],
                "unnamed": [],
            }
        ],
        "without_embedding": 0,
    }


def test_nobody_near_is_an_answer(run, library, make, selfie):
    ended = run("query", selfie)
    assert ended.exit_code == 0
    assert "No match" in ended.stdout


def test_a_photo_without_a_face_does_not_keep_the_others_from_their_answers(
    run, library, make, tmp_path
):
    library.answers = {
        "a.jpg": make.answer(),
        "b.jpg": errors.NoFaceFound("b.jpg", "no face found in b.jpg"),
        "c.jpg": errors.PhotoUnreadable("c.jpg", errors.UnreadableReason.EMPTY, "it is empty"),
        "d.jpg": make.answer(),
    }
    photos = [tmp_path / name for name in library.answers]
    for photo in photos:
        photo.touch()
    ended = run("query", *photos, "--json", "--output", tmp_path / "page.html")
    assert ended.exit_code == 3  # the first trouble
    assert len(ended.stdout.splitlines()) == 2
    assert ended.stderr.splitlines() == [
        "facesearch: no face found in b.jpg",
        "facesearch: cannot read c.jpg: it is empty",
    ]
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "a.jpg" in page
    assert "b.jpg" not in page


def test_no_answer_no_page(run, library, selfie, tmp_path):
    library.answers = errors.NoFaceFound("b.jpg", "no face found in b.jpg")
    assert run("query", selfie, "--output", tmp_path / "page.html").exit_code == 3
    assert not (tmp_path / "page.html").exists()


def test_trouble_with_the_library_ends_all(run, library, selfie):
    library.answers = errors.LibraryDamaged("/l", "damaged")
    ended = run("query", selfie, selfie)
    assert ended.exit_code == 4
    assert len(library.calls) == 1


def test_a_query_photo_that_is_no_file(run, library, tmp_path):
    assert run("query", tmp_path).exit_code == 2
    assert run("query", tmp_path / "gone.jpg").exit_code == 2
    assert library.opened == {}


def test_verbose_names_the_device(run, selfie):
    assert "networks ran on: CPU" in run("-v", "query", selfie).stderr
    assert run("query", selfie).stderr == ""


# several photos of one person


def test_photos_of_one_person_give_one_answer(run, library, make, selfie, tmp_path):
    other = tmp_path / "other.jpg"
    other.touch()
    library.answers = make.answer(same_person=("as the library", "words them"), limit=make.limit)
    ended = run("query", selfie, other, "--same-person", "--false-matches", "0.5", "--json")
    given = {"top": 5, "max_distance": None, "false_matches": 0.5, "face": FaceChoice.ALL}
    assert library.calls == [("query_person", ([selfie, other],), given)]
    (document,) = map(json.loads, ended.stdout.splitlines())
    assert document["photo"] == str(selfie)
    assert [probe["photo"] for probe in document["same_person"]] == [str(selfie), str(other)]
    shown = run("query", selfie, other, "--same-person").stdout
    assert shown.startswith(f"One person in 2 photos\n  {selfie}, 80 x 90 pixels at (100, 50)\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.DifferentPeople("a", "b", "a and b do not show the same person"), 7),
        (errors.NoFaceFound("a", "no face found in a"), 3),
    ],
    ids=["different", "no face"],
)
def test_photos_of_one_person_fail_together(run, library, selfie, error, code):
    library.answers = error
    ended = run("query", selfie, selfie, "--same-person")
    assert (ended.exit_code, ended.stderr) == (code, f"facesearch: {error}\n")
    assert len(library.calls) == 1


# verify


def test_verify_hands_its_options_on(run, library, selfie, tmp_path):
    other = tmp_path / "b\udcff.jpg"
    other.touch()
    ended = run("verify", selfie, other, "--fmr", "0.01", "--prior", "0.2", "--face", "2", "--json")
    given = {"prior": 0.2, "max_fmr": 0.01, "face": 2}
    assert library.calls == [("verify", (selfie, other), given)]
    assert json.loads(ended.stdout) == {
        "same": True, "distance": 0.03, "probability": 0.9996, "prior": 0.5, "fmr": 1.234e-06,
        "max_fmr": 0.001, "max_distance": 0.07, "space": library.space, "calibrated": False,
        "pairs": 1,
        "first": {"photo": str(selfie), "box": [100.0, 50.0, 80.0, 90.0]},
        "second": {"photo": str(other), "box": [100.0, 50.0, 80.0, 90.0]},
    }  # fmt: skip


def test_verify_says_what_came_out(run, library, make, selfie):
    assert run("verify", selfie, selfie).stdout == (
        "Same person: distance 0.030, probability >99.9 % (before looking 50 %).\n"
        "Of comparisons of strangers, 1 in 810,000 come this close. Up to 1 in 1,000, distance "
        "0.070, they count as the same person (rates measured for the model).\n"
        f"{selfie} shows 3 faces; one was compared (--face)\n"
    )
    library.verified = make.verification(0.08, 0.62)
    shown = run("verify", selfie, selfie).stdout
    assert shown.startswith("Perhaps the same person, but not sure enough: distance 0.080, ")
    library.verified = make.verification(0.2, 0.003)
    ended = run("verify", selfie, selfie)
    assert ended.stdout.startswith("Different people: distance 0.200, probability <1 % ")
    assert ended.exit_code == 0
    assert run("verify", selfie, selfie, "--exit-code").exit_code == 7
    library.verified = make.verification()
    assert run("verify", selfie, selfie, "--exit-code").exit_code == 0


def test_verify_of_what_is_no_photo(run, library, selfie, tmp_path):
    assert run("verify", selfie).exit_code == 2
    assert run("verify", selfie, tmp_path).exit_code == 2
    assert run("verify", tmp_path / "gone.jpg", selfie).exit_code == 2
    assert run("verify", selfie, selfie, "--face", "first").exit_code == 2
    assert library.opened == {}
    library.verified = errors.RatesMissing("s")
    assert run("verify", selfie, selfie).exit_code == 5


# calibrate


def calibration_report(*, stored: bool) -> CalibrationReport:
    return CalibrationReport(
        space="s",
        photos=12,
        faces=40,
        people=1,
        impostor_pairs=812,
        genuine_pairs=3,
        parameters={"impostor_mean": 0.1234567},
        rates=(RateChange(0.01, 0.0891, 0.0843), RateChange(1e-5, 0.0455, 0.0411)),
        limit_before=MatchLimit(0.0567, 1000, 0.1, 1e-4, 0.001, False),
        limit_after=MatchLimit(0.0534, 1000, 0.1, 1e-4, 0.001, True),
        stored=stored,
    )


def test_calibrate_shows_what_changes(run, library):
    library.calibrated = calibration_report(stored=True)
    shown = run("calibrate").stdout
    assert shown.startswith(
        "Calibrated: from 812 pairs of different people and 3 of one person\n"
        "(40 faces together in 12 photos; 1 person with several named faces)\n\n"
    )
    rows = [line.split("  ") for line in shown.splitlines()[3:]]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["False match rate", "Distance before", "Distance now"],
        ["1 in 100", "0.089", "0.084"],
        ["1 in 100,000", "0.045", "0.041"],
        ["a query here (0.1 strangers of 1,000 faces)", "0.057", "0.053"],
    ]
    assert library.calls == [("calibrate", (), {"dry_run": False})]
    assert not library.opened["read_only"]
    document = json.loads(run("calibrate", "--json").stdout)
    assert document["parameters"] == {"impostor_mean": 0.123457}
    assert document["rates"][1] == {
        "fmr": 1e-05, "distance_before": 0.0455, "distance_after": 0.0411,
    }  # fmt: skip
    assert document["limit_after"]["calibrated"]


def test_a_dry_run_writes_nothing(run, library):
    library.calibrated = calibration_report(stored=False)
    shown = run("calibrate", "--dry-run").stdout
    assert shown.startswith("Would be calibrated: ")
    assert "Distance then" in shown
    assert library.calls == [("calibrate", (), {"dry_run": True})]
    assert library.opened["read_only"]
    assert run("calibrate", "--dry-run", "--reset").exit_code == 2


def test_a_reset_says_whether_there_was_anything(run, library):
    library.calibrated = True
    assert "is gone" in run("calibrate", "--reset").stdout
    assert json.loads(run("calibrate", "--reset", "--json").stdout) == {
        "space": library.space, "reset": True,
    }  # fmt: skip
    library.calibrated = False
    assert "was not calibrated" in run("calibrate", "--reset").stdout


def test_a_library_too_small_to_calibrate(run, library):
    library.calibrated = errors.TooFewFaces(3, 200, "it takes 200 pairs")
    ended = run("calibrate")
    assert (ended.exit_code, ended.stderr) == (4, "facesearch: it takes 200 pairs\n")


# the others


def test_name_takes_numbers_and_photos(run, library, make, tmp_path):
    library.named = (make.face(17, "/photos/a.jpg"), Identity(2, "Ada [b]"))
    ended = run("name", "17", "Ada [b]")
    assert ended.stdout == "Ada [b] is now the name of face 17 in /photos/a.jpg\n"
    run("name", "./17", "Ada")
    run("name", "photo.jpg", "Ada")
    run("name", "１７", "Ada")  # digits, but not those that number faces
    assert [call[1] for call in library.calls] == [
        (17, "Ada [b]"),
        ("./17", "Ada"),
        ("photo.jpg", "Ada"),
        ("１７", "Ada"),
    ]
    assert not library.opened["read_only"]
    assert not library.opened["create"]


def test_status_for_programs(run, library):
    library.found = LibraryStatus(9, 8, 7, 6, 5, "s", "exact", 4, "0001", "/l")
    ended = run("status", "--json")
    assert json.loads(ended.stdout) == {
        "photos": 9, "faces": 8, "identities": 7, "failed": 6, "space": "s", "index": "exact",
        "bytes": 4, "schema": "0001", "accuracy": None, "limit": None, "calibration": None,
        "poor_references": {}, "outdated": 0, "embedder": None, "detector": None, "spaces": 0,
    }  # fmt: skip
    assert "on disk" in run("status").stdout


def test_failures_for_programs(run, library):
    library.found = [Failure("/a\udcff.jpg", "empty", "it is empty")] * 2
    lines = run("failures", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"kind": "photo", "path": "/a\udcff.jpg", "reason": "empty", "detail": "it is empty"}
    ] * 2
    assert "/a\\xff.jpg" in run("failures").stdout


def test_poor_references_are_listed_with_their_reasons(run, library):
    quality = FaceQuality(
        0.1234, (PoorFace.BLURRED, PoorFace.TOO_SMALL), 9.0, 1.0, 0.5, 0.2, 0.0, 0.0, 0.0, 0.9
    )
    library.found = []
    library.poor = [PoorReference(17, Identity(1, "Ada"), "/a\udcff.jpg", quality)]
    assert json.loads(run("failures", "--json").stdout) == {
        "kind": "reference", "path": "/a\udcff.jpg", "reason": "blurred",
        "reasons": ["blurred", "too-small"], "face": 17, "name": "Ada", "quality": 0.123,
    }  # fmt: skip
    assert run("failures").stdout.endswith(
        "Reason              Face  Name  Photo\nblurred, too-small    17  Ada   /a\\xff.jpg\n"
    )


def test_faces_without_an_embedding_are_listed(run, library, make):
    library.found, library.unfound = [], [make.face(31, "/a.jpg")]
    assert json.loads(run("failures", "--json").stdout) == {
        "kind": "face", "path": "/a.jpg", "reason": "no-embedding", "face": 31,
    }  # fmt: skip
    assert "queries do not find, as the model" in run("failures").stdout


def test_a_query_says_of_how_many_faces_the_model_says_nothing(run, library, make, selfie):
    library.answers = replace(make.answer(), without_embedding=2)
    assert "2 faces more, of which the model says nothing." in run("query", selfie).stdout
    assert json.loads(run("query", selfie, "--json").stdout)["without_embedding"] == 2


def test_people_for_programs(run, library):
    library.found = [(Identity(1, "Ada"), 12)]
    assert json.loads(run("people", "--json").stdout) == {"id": 1, "name": "Ada", "faces": 12}
    assert "Ada" in run("people").stdout


@pytest.mark.parametrize("command", ["status", "failures", "people"])
def test_readers_do_not_write(run, library, command):
    library.found = errors.LibraryDamaged("/l", "damaged")
    assert run(command).exit_code == 4
    assert library.opened["read_only"]


def test_a_library_that_must_be_written_to_once_is(library):
    """Such as one of an earlier version, which is migrated."""
    library.found = [(Identity(1, "Ada"), 12)]
    opened = []

    def opener(folder, **how):
        opened.append(how["read_only"])
        if how["read_only"]:
            raise errors.LibraryReadOnly("/l", "it must be opened for writing once")
        return library(folder, **how)

    assert CliRunner().invoke(app, ["people"], obj=opener).exit_code == 0
    assert opened == [True, False]


def test_the_library_may_be_named_in_the_environment(run, library, monkeypatch, tmp_path):
    library.found = []
    monkeypatch.setenv("FACESEARCH_LIBRARY", str(tmp_path / "l"))
    run("people")
    assert library.opened["folder"] == tmp_path / "l"
    run("--library", tmp_path / "other", "people")
    assert library.opened["folder"] == tmp_path / "other"


def test_verbose_shows_where_an_error_came_from(run, library):
    library.found = ZeroDivisionError("by nothing")
    assert "Traceback" in run("--verbose", "status").stderr
    quiet = run("status")
    assert quiet.exit_code == 1
    assert "Traceback" not in quiet.stderr
