"""The reference pages name every command, option, exit code, key and reason there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer.main

from facesearch.catalog.records import PoorReference
from facesearch.cli import jsonout
from facesearch.cli.app import app
from facesearch.cli.exits import ExitCode
from facesearch.errors import UnreadableReason
from facesearch.values import (
    CalibrationReport,
    CalibrationStatus,
    FaceHit,
    FaceQuality,
    Failure,
    Identity,
    IndexProgress,
    IndexReport,
    LibraryStatus,
    PoorFace,
    RateChange,
)

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference"
COMMANDS = (REFERENCE / "commands.md").read_text("utf-8")
JSON = (REFERENCE / "json.md").read_text("utf-8")
PROGRAM = typer.main.get_command(app)


def sections(page: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def examples(section: str) -> list[dict]:
    """The JSON documents a section shows."""
    found = []
    for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL):
        try:
            found.append(json.loads(block))
        except json.JSONDecodeError:  # one document per line
            found += [json.loads(line) for line in block.splitlines()]
    return found


def test_every_command_is_there():
    assert set(PROGRAM.commands) < set(sections(COMMANDS))
    for name in PROGRAM.commands:
        assert f"(#{name})" in COMMANDS


@pytest.mark.parametrize("name", [None, *PROGRAM.commands])
def test_every_option_is_there(name):
    title, command = (
        ("Before the command", PROGRAM) if name is None else (name, PROGRAM.commands[name])
    )
    described = sections(COMMANDS)[title]
    parts = [command, *getattr(command, "commands", {}).values()] if name else [command]
    options = [
        option
        for part in parts
        for param in part.params
        for option in (*param.opts, *param.secondary_opts)
        if option.startswith("-")
    ]
    for option in options:
        assert f"`{option}" in described or f"[{option}]" in described, option
    documented = set(re.findall(r"^\| `(--[a-z0-9-]+)", described, re.MULTILINE))
    assert documented <= {*options, "--help"}


def test_every_exit_code_is_there():
    listed = re.findall(r"^\| (\d+) \|", sections(COMMANDS)["Exit codes"], re.MULTILINE)
    assert [int(code) for code in listed] == sorted(ExitCode)


def test_every_reason_is_there():
    listed = re.findall(r"^\| `([a-z-]+)` \|", sections(JSON)["failures"], re.MULTILINE)
    assert listed == [reason.value for reason in (*UnreadableReason, *PoorFace)]


def shape(value: object) -> object:
    """A document without its values: keys in order, and what stands in lists."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


def test_the_documents_shown_are_those_printed(make):
    match = make.match(1, "Eileen Collins", (0.1, "/p"))
    unnamed = FaceHit(make.face(2, "/q"), 0.2, 0.9)
    answer = make.answer(identities=(match,), unnamed=(unnamed,), limit=make.limit)
    quality = FaceQuality(0.1, (PoorFace.BLURRED,) * 2, 9, 1, 0.5, 0.2, 0, 0, 0, 0.9)
    status = LibraryStatus(
        *(1, 1, 1, 1, 1, "s", "exact", 1, "1", "/l", "fast", make.limit),
        CalibrationStatus("2026", 1, 2),
        {"blurred": 1},
        0,
    )
    parameters = dict.fromkeys(
        (
            "impostor_mean",
            "impostor_spread",
            "genuine_mean",
            "genuine_spread",
            "contamination",
        ),
        0.0,
    )
    rates = (RateChange(0.1, 0.2, 0.3),)
    calibrated = CalibrationReport(
        *("s", 1, 2, 3, 4, 5, parameters, rates, make.limit, make.limit, True)
    )
    printed = {
        "query": [jsonout.query_document(answer)],
        "verify": [jsonout.verification_document(make.verification())],
        "calibrate": [
            jsonout.calibration_document(calibrated),
            jsonout.reset_document("s", True),
        ],
        "status": [jsonout.status_document(status)],
        "people": [jsonout.identity_document(Identity(1, "n"), 2)],
        "failures": [
            jsonout.failure_document(Failure("/p", "empty", "it is empty")),
            jsonout.poor_reference_document(PoorReference(1, Identity(1, "n"), "/p", quality)),
            jsonout.unsearchable_document(make.face(1, "/p")),
        ],
        "index": [
            jsonout.start_event("/l", "cpu", ["/p"]),
            jsonout.progress_event(IndexProgress(1, 2, 3, 4, 5.0)),
            jsonout.warning_event("w"),
            jsonout.done_event(IndexReport(1, 2, 3, 4, 5, 6, 7, 8, 9.0)),
        ],
    }
    for title, documents in printed.items():
        shown = examples(sections(JSON)[title])
        assert json.dumps([shape(d) for d in shown]) == json.dumps([shape(d) for d in documents])
    assert "`waiting`" in sections(JSON)["index"]
    for key in jsonout.waiting_event(1):
        assert f"`{key}`" in sections(JSON)["index"] or key == "event"
