"""`facesearch reindex` and `spaces`, and which space a query says it was answered in."""

from __future__ import annotations

import json

import pytest

from facesearch.errors import UnknownSpace
from facesearch.values import IndexProgress, ReindexReport, SpaceStatus

ACTIVE = SpaceStatus("a@1:x", "a-model", 128, 1200, 0, True, 614_400)
OTHER = SpaceStatus("b@2:y", "b-model", 512, 1100, 100, False, 2_252_800)
GONE = SpaceStatus("c@3:z", None, 64, 10, 1190, False, 2_560)
REPORT = ReindexReport(
    "b@2:y", 1100, 3, 12.5, True, {"gone": 2, "damaged": 1}, ("2 photos are gone\x1b[31m",)
)


@pytest.fixture
def several(library):
    library.held = [ACTIVE, OTHER, GONE]
    return library


def test_spaces_are_listed_with_what_they_miss(run, several):
    lines = run("spaces").stdout.splitlines()
    assert lines[1].split() == ["in", "use", "a-model", "1,200", "128", "614.4", "kB", "a@1:x"]
    assert lines[2].split() == ["b-model", "1,100", "100", "512", "2.3", "MB", "b@2:y"]
    assert lines[3].startswith("        none that is here")
    assert lines[4:] == ["b-model misses faces: facesearch reindex --model b-model"]


def test_spaces_for_programs(run, several):
    first, *_ = map(json.loads, run("spaces", "--json").stdout.splitlines())
    assert first == {
        "space": "a@1:x", "model": "a-model", "active": True, "dimension": 128, "faces": 1200,
        "missing": 0, "bytes": 614_400,
    }  # fmt: skip


def test_an_empty_library_says_what_to_do(run):
    assert run("spaces").stdout == "No faces yet: facesearch index FOLDER\n"


def test_another_space_is_used_and_dropped_by_name(run, several):
    several.dropped = 1100
    assert "in use" in run("spaces", "use", "b-model").stdout
    dropped = run("spaces", "drop", "b@2:y").stdout
    assert dropped == "b@2:y: 1,100 embeddings deleted; faces and names stay.\n"
    told = [(call, args) for call, args, _ in several.calls]
    assert told == [("use_space", ("b-model",)), ("drop_space", ("b@2:y",))]
    assert not several.opened["read_only"]


def test_a_space_that_is_not_there_is_an_error_of_the_library(run, several):
    several.dropped = UnknownSpace("/l", "library /l holds no space x")
    ended = run("spaces", "drop", "x")
    assert ended.exit_code == 4
    assert ended.stderr == "facesearch: library /l holds no space x\n"


def test_reindex_hands_its_options_on(run, library):
    library.reindexed = REPORT
    ended = run(
        "reindex", "--model", "b-model", "--engine", "onnx", "--device", "cpu", "--no-switch",
        "--batch-size", "7", "--workers", "3", "--wait", "1.5",
    )  # fmt: skip
    assert ended.exit_code == 0, ended.stderr
    ((call, args, options),) = library.calls
    assert (call, args) == ("reindex", ("b-model",))
    assert (options["engine"], options["switch"]) == ("onnx", False)
    chosen = options["options"]
    assert (chosen.embed_batch, chosen.workers, chosen.wait_s) == (7, 3, 1.5)
    assert library.opened["options"].device == "cpu"


def test_reindex_tells_what_it_did(run, library):
    library.reindexed = REPORT
    ended = run("reindex", "--model", "b-model")
    assert ended.stdout.splitlines()[:4] == [
        "1,100 faces embedded in 12 s (88.0 faces/s)",
        "there before       3",
        "left out: damaged  1",
        "left out: gone     2",
    ]
    assert "works with b-model now" in ended.stdout
    assert ended.stderr == "facesearch: warning: 2 photos are gone\\x1b[31m\n"


def test_reindex_for_programs(run, library):
    library.reindexed = REPORT
    library.progress = (IndexProgress(1, 2, 3, 0, 5.0),)
    events = [
        json.loads(line) for line in run("reindex", "--model", "b", "--json").stdout.splitlines()
    ]
    assert [event["event"] for event in (events[0], events[-2], events[-1])] == [
        "start", "warning", "done",
    ]  # fmt: skip
    assert events[-1] == {
        "event": "done", "space": "b@2:y", "embedded": 1100, "already": 3,
        "left_out": {"damaged": 1, "gone": 2}, "switched": True, "cancelled": False,
        "seconds": 12.5,
    }  # fmt: skip


def test_a_stopped_reindex_says_how_to_go_on(run, library):
    library.reindexed = ReindexReport("b@2:y", 5, 0, 1.0, False, cancelled=True)
    ended = run("reindex", "--model", "b-model")
    assert ended.exit_code == 130
    assert "Run the same command again to go on." in ended.stdout


def test_reindex_without_switching_says_how_to(run, library):
    library.reindexed = ReindexReport("b@2:y", 5, 0, 1.0, False)
    assert "facesearch spaces use b-model" in run("reindex", "--model", "b-model").stdout


def test_a_query_says_which_of_several_spaces_answered(run, several, make, selfie):
    several.answers = make.answer(limit=make.limit)
    assert run("query", selfie).stdout.splitlines()[-1].startswith("Answered by a-model, space ")
    several.held = [ACTIVE]
    assert "Answered by" not in run("query", selfie).stdout


def test_a_query_may_ask_another_model(run, several, selfie):
    run("query", "--model", "b-model", "--engine", "tensorflow", selfie)
    options = several.opened["options"]
    assert (options.embedder, options.engine) == ("b-model", "tensorflow")
