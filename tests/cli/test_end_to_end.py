"""The program as people run it, on real photos with the real networks."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import PIL.Image
import PIL.ImageOps
import pytest
import skimage.data

from facesearch.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
WINDOWS = os.name == "nt"
COMMANDS = (
    "index", "query", "verify", "name", "people", "status", "failures", "calibrate", "evaluate",
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


def facesearch(*args: object, code: int = 0, **environment: str) -> Ended:
    """Run the program within this process, which saves its start, and check how it ended."""
    stdout, stderr = io.StringIO(), io.StringIO()
    clean = {"FACESEARCH_LIBRARY": "", **environment}
    with (
        mock.patch.dict(os.environ, clean),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
        pytest.raises(SystemExit) as left,
    ):
        app([str(arg) for arg in args], prog_name="facesearch")
    assert "Traceback" not in stderr.getvalue()
    assert left.value.code == code, stderr.getvalue()
    return Ended(code, stdout.getvalue(), stderr.getvalue())


def command(*args: object) -> list[str]:
    """The command line of a process of its own."""
    return [sys.executable, "-m", "facesearch.cli", *map(str, args)]


def environment(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name != "FACESEARCH_LIBRARY"}
    return {**clean, "PYTHONPATH": str(ROOT), **more}


def documents(ended: Ended) -> list[dict]:
    assert ended.stdout.isascii()
    return [json.loads(line) for line in ended.stdout.splitlines()]


def complaint(ended: Ended) -> str:
    """The one line on stderr."""
    assert ended.stderr.startswith("facesearch: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr


@pytest.fixture(scope="session")
def album(tmp_path_factory):
    """photos/: one person four times (once a copy), three things, two files that are damaged."""
    folder = tmp_path_factory.mktemp("album")
    astronaut = PIL.Image.fromarray(skimage.data.astronaut())
    pictures = {
        "photos/people/Eileen Collins/official.jpg": astronaut,
        "photos/people/Eileen Collins/mirrored.png": PIL.ImageOps.mirror(astronaut),
        "photos/more/large.jpg": astronaut.resize((1400, 1400)),
        "photos/more/coffee.jpg": PIL.Image.fromarray(skimage.data.coffee()),
        "photos/more/cat.png": PIL.Image.fromarray(skimage.data.chelsea()),
        "photos/more/rocket.jpg": PIL.Image.fromarray(skimage.data.rocket()),
        "selfie.jpg": astronaut.crop((100, 0, 360, 260)).resize((390, 390)),
        "coffee.jpg": PIL.Image.fromarray(skimage.data.coffee()),
        # Four of the same face, two larger than the others.
        "four.jpg": _side_by_side(astronaut.crop((120, 0, 360, 260)), (300, 220, 200, 180)),
    }
    for name, picture in pictures.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    (folder / "photos/more/copy.jpg").write_bytes((folder / "photos/more/large.jpg").read_bytes())
    (folder / "photos/empty.jpg").write_bytes(b"")
    (folder / "photos/text.jpg").write_text("This is no picture.\n")
    return folder


def _side_by_side(picture: PIL.Image.Image, widths: tuple[int, ...]) -> PIL.Image.Image:
    sheet = PIL.Image.new("RGB", (sum(widths) + 40, 400), "white")
    x = 20
    for width in widths:
        sheet.paste(picture.resize((width, width * picture.height // picture.width)), (x, 20))
        x += width
    return sheet


@pytest.fixture(scope="session")
def indexed(album):
    """A library with the album in it, read by the tests below; and what indexing printed."""
    library = album / "library.faces"
    ended = facesearch(
        "--library", library, "index", album / "photos/more", album / "photos/empty.jpg",
        album / "photos/text.jpg", "--json",
    )  # fmt: skip
    people = facesearch(
        "--library", library, "index", "--people-from-folders", album / "photos/people"
    )
    return library, documents(ended), people.stdout


def test_indexing_tells_programs_what_it_did(indexed, album):
    _, events, _ = indexed
    assert events[0]["event"] == "start"
    assert [event["event"] for event in events[1:-1]] == ["progress"] * (len(events) - 2)
    done = events[-1]
    seconds = done.pop("seconds")
    assert seconds > 0
    assert done == {
        "event": "done",
        "photos": 7,
        "faces": 1,
        "new": 6,
        "unchanged": 0,
        "moved": 1,  # the copy
        "removed": 0,
        "no_face": 3,
        "failed": 2,
    }


def test_indexing_tells_people_what_it_did(indexed):
    assert "2 photos, 2 faces" in indexed[2]
    assert "\x1b" not in indexed[2]


def test_status(indexed):
    library, _, _ = indexed
    (status,) = documents(facesearch("--library", library, "status", "--json"))
    assert set(status) == {
        "photos", "faces", "identities", "failed", "space", "index", "bytes", "schema",
        "accuracy", "limit", "calibration", "poor_references", "outdated",
        "embedder", "detector", "spaces",
    }  # fmt: skip
    assert (status["accuracy"], status["calibration"], status["outdated"]) == ("fast", None, 0)
    assert status["limit"]["fmr"] == 0.001, "in so small a library the largest"
    assert (status["faces"], status["identities"], status["failed"]) == (3, 1, 2)
    assert status["space"].startswith("dlib-resnet34@55533b28")
    assert status["bytes"] > 0
    shown = facesearch("--library", library, "status").stdout
    assert str(library) in shown
    assert status["space"] in shown


def test_failures(indexed, album):
    library, _, _ = indexed
    failures = documents(facesearch("--library", library, "failures", "--json"))
    assert {(Path(f["path"]).name, f["reason"]) for f in failures} == {
        ("empty.jpg", "empty"),
        ("text.jpg", "not-an-image"),
    }
    assert all(set(failure) == {"kind", "path", "reason", "detail"} for failure in failures)
    shown = facesearch("--library", library, "failures").stdout
    assert str(album / "photos/text.jpg") in shown


def test_people(indexed):
    library, _, _ = indexed
    (person,) = documents(facesearch("--library", library, "people", "--json"))
    assert set(person) == {"id", "name", "faces"}
    assert (person["name"], person["faces"]) == ("Eileen Collins", 2)
    assert "Eileen Collins" in facesearch("--library", library, "people").stdout


def test_query_answers_programs(indexed, album):
    library, _, _ = indexed
    (answer,) = documents(facesearch("--library", library, "query", album / "selfie.jpg", "--json"))
    assert set(answer) == {
        "photo", "same_person", "space", "max_distance", "gallery_faces", "false_matches", "fmr",
        "prior", "calibrated", "people", "person_max_distance", "faces", "without_embedding",
    }  # fmt: skip
    assert (answer["gallery_faces"], answer["false_matches"]) == (3, 0.1)
    assert answer["photo"] == str(album / "selfie.jpg")
    (face,) = answer["faces"]
    assert set(face) == {"box", "detection_score", "identities", "unnamed"}
    assert len(face["box"]) == 4
    (person,) = face["identities"]
    assert set(person) == {"id", "name", "distance", "probability", "faces"}
    assert person["probability"] > 0.99
    assert person["name"] == "Eileen Collins"
    assert {Path(hit["photo"]).name for hit in person["faces"]} == {"official.jpg", "mirrored.png"}
    assert person["distance"] == min(hit["distance"] for hit in person["faces"])
    for hit in [*person["faces"], *face["unnamed"]]:
        assert set(hit) == {"face", "photo", "box", "distance", "probability"}
        assert 0 <= hit["distance"] <= answer["max_distance"]
        assert Path(hit["photo"]).is_absolute()
        assert Path(hit["photo"]).exists()
    assert [Path(hit["photo"]).name for hit in face["unnamed"]] == ["copy.jpg"]  # or large.jpg


def test_query_answers_people(indexed, album):
    library, _, _ = indexed
    shown = facesearch("--library", library, "query", album / "selfie.jpg").stdout
    assert "Eileen Collins" in shown
    assert str(album / "photos/people/Eileen Collins/official.jpg") in shown
    assert "(and 1 copy)" in shown
    assert "\x1b" not in shown


def test_query_chooses_faces(indexed, album):
    library, _, _ = indexed

    def widths(*options: str) -> list[float]:
        ended = facesearch("--library", library, "query", album / "four.jpg", "--json", *options)
        return [face["box"][2] for face in documents(ended)[0]["faces"]]

    everybody = widths()
    assert len(everybody) == 4
    assert everybody == sorted(everybody, reverse=True)
    assert widths("--face", "all") == everybody
    assert widths("--face", "largest") == everybody[:1]
    assert widths("--face", "1") == everybody[:1]
    assert widths("--face", "3") == everybody[2:3]
    assert "4 faces" in complaint(
        facesearch("--library", library, "query", album / "four.jpg", "--face", "5", code=3)
    )


def test_nobody_near_is_an_answer(indexed, album):
    library, _, _ = indexed
    photo = album / "selfie.jpg"
    near = ("--max-distance", "0.000001")
    shown = facesearch("--library", library, "query", photo, *near).stdout
    assert "No match within 0.000; nearest was face" in shown
    (answer,) = documents(facesearch("--library", library, "query", photo, *near, "--json"))
    assert answer["max_distance"] == 0.000001
    (face,) = answer["faces"]
    assert (face["identities"], face["unnamed"]) == ([], [])


def test_query_writes_a_page(indexed, album, tmp_path):
    library, _, _ = indexed
    report = tmp_path / "report.html"
    facesearch("--library", library, "query", album / "selfie.jpg", "--output", report)
    page = report.read_text("utf-8")
    assert "Eileen Collins" in page
    assert page.count("data:image/jpeg;base64,") == 5  # photo, face, two named, one unnamed
    assert "cannot read" not in page


def test_photos_of_one_person_and_of_two(indexed, album, tmp_path):
    library, _, _ = indexed
    at = ("--library", library)
    mirrored = album / "photos/people/Eileen Collins/mirrored.png"
    (answer,) = documents(
        facesearch(*at, "query", album / "four.jpg", mirrored, "--same-person", "--json")
    )
    names = [Path(probe["photo"]).name for probe in answer["same_person"]]
    assert names == ["four.jpg", "mirrored.png"]
    assert answer["faces"][0]["identities"][0]["name"] == "Eileen Collins"
    stranger = tmp_path / "stranger.png"
    face = PIL.Image.fromarray((skimage.data.lfw_subset()[2] * 255).astype("uint8"))
    sheet = PIL.Image.new("RGB", (160, 160), (128, 128, 128))
    sheet.paste(face.resize((100, 100), PIL.Image.Resampling.LANCZOS).convert("RGB"), (30, 30))
    sheet.save(stranger)
    said = complaint(
        facesearch(*at, "query", album / "selfie.jpg", stranger, "--same-person", code=7)
    )
    assert "selfie.jpg" in said
    assert "stranger.png" in said
    complaint(
        facesearch(
            *at, "query", album / "selfie.jpg", album / "coffee.jpg", "--same-person", code=3
        )
    )


def test_two_photos_with_and_without_a_library(indexed, album, tmp_path):
    library, _, _ = indexed
    photos = (album / "selfie.jpg", album / "four.jpg")
    results = [
        documents(facesearch("--library", place, "verify", *photos, "--json", "--exit-code"))
        for place in (library, tmp_path / "none")
    ]
    assert results[0] == results[1]
    assert results[0][0]["same"]
    assert not (tmp_path / "none").exists()
    at = ("--library", tmp_path / "none", "verify", album / "selfie.jpg")
    assert "Same person" in facesearch(*at, album / "selfie.jpg").stdout
    complaint(facesearch(*at, album / "photos/text.jpg", code=6))
    complaint(facesearch(*at, album / "coffee.jpg", code=3))
    complaint(facesearch(*at, album, code=2))
    complaint(facesearch(*at, album / "selfie.jpg", "--prior", "1", code=2))


def test_a_library_too_small_to_calibrate(indexed):
    library, _, _ = indexed
    assert "it takes 200" in complaint(facesearch("--library", library, "calibrate", code=4))
    assert "was not" in facesearch("--library", library, "calibrate", "--reset").stdout


def test_a_library_keeps_its_accuracy(album, tmp_path):
    photo = tmp_path / "photos" / "selfie.jpg"
    photo.parent.mkdir()
    photo.write_bytes((album / "selfie.jpg").read_bytes())
    at = ("--library", tmp_path / "l")
    facesearch(*at, "index", photo.parent, "--accuracy", "best")
    assert documents(facesearch(*at, "status", "--json"))[0]["accuracy"] == "best"
    said = complaint(facesearch(*at, "index", photo.parent, "--accuracy", "fast", code=4))
    assert "accuracy best" in said
    assert "accuracy fast" in said
    assert documents(facesearch(*at, "index", "--json"))[-1]["unchanged"] == 1
    (answer,) = documents(facesearch(*at, "query", photo, "--json"))
    assert len(answer["faces"][0]["unnamed"]) == 1


def test_naming_a_face_changes_the_answer(album, tmp_path):
    library = tmp_path / "l"
    facesearch("--library", library, "index", album / "photos/more")
    facesearch("--library", library, "name", album / "photos/more/large.jpg", "Eileen [bold]")
    ((answer),) = documents(
        facesearch("--library", library, "query", album / "selfie.jpg", "--json")
    )
    (person,) = answer["faces"][0]["identities"]
    assert person["name"] == "Eileen [bold]"
    number = person["faces"][0]["face"]
    said = facesearch("--library", library, "name", number, "Eileen Collins").stdout
    assert f"face {number}" in said
    assert "Eileen Collins" in said
    said = complaint(facesearch("--library", library, "name", 999_999, "Nobody", code=4))
    assert "999999" in said.replace(",", "")
    complaint(facesearch("--library", library, "name", number, "  ", code=2))


def test_a_second_run_finds_nothing_new(album, tmp_path):
    library = tmp_path / "l"
    facesearch("--library", library, "index", album / "photos")
    done = documents(facesearch("--library", library, "index", "--json"))[-1]
    assert (done["new"], done["unchanged"], done["photos"]) == (0, 9, 9)


def test_indexing_without_folders_needs_one_run_with_them(tmp_path):
    said = complaint(facesearch("--library", tmp_path / "l", "index", code=4))
    assert "no library" in said
    assert not (tmp_path / "l").exists()


def test_exit_codes(indexed, album, tmp_path):
    library, _, _ = indexed
    at = ("--library", library)
    assert "coffee.jpg" in complaint(facesearch(*at, "query", album / "coffee.jpg", code=3))
    assert "gone.jpg" in complaint(facesearch(*at, "query", album / "gone.jpg", code=2))
    assert "is a folder" in complaint(facesearch(*at, "query", album, code=2))
    complaint(facesearch(*at, "query", album / "photos/text.jpg", code=6))
    complaint(facesearch(*at, "index", album / "gone", code=2))
    facesearch(*at, "query", code=2)
    facesearch(*at, "query", album / "selfie.jpg", "--face", "first", code=2)
    facesearch(*at, "query", album / "selfie.jpg", "--top", "0", code=2)
    facesearch(*at, "query", album / "selfie.jpg", "--max-distance", "nan", code=2)
    facesearch(*at, "query", album / "selfie.jpg", "--output", tmp_path / "x.jpg", code=2)
    facesearch("no-such-command", code=2)
    for reader in (("query", album / "selfie.jpg"), ("status",), ("failures",), ("people",)):
        complaint(facesearch("--library", tmp_path / "none", *reader, code=4))
    assert not (tmp_path / "none").exists()
    facesearch("--device", "abacus", *at, "status", code=2)


def test_a_device_that_is_not_there(indexed, album):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is a CUDA device here")
    library, _, _ = indexed
    at = ("--device", "cuda", "--library", library)
    assert "cuda" in complaint(facesearch(*at, "query", album / "selfie.jpg", code=5))
    assert "cuda" in complaint(facesearch(*at, "index", album / "photos", code=5))


def test_the_other_photos_get_their_answers(indexed, album):
    library, _, _ = indexed
    ended = facesearch(
        "--library", library, "query", "--json",
        album / "selfie.jpg", album / "coffee.jpg", album / "four.jpg", code=3,
    )  # fmt: skip
    assert [Path(d["photo"]).name for d in documents(ended)] == ["selfie.jpg", "four.jpg"]
    assert "coffee.jpg" in complaint(ended)


def test_the_library_may_be_named_in_the_environment(indexed, tmp_path):
    library, _, _ = indexed
    (status,) = documents(facesearch("status", "--json", FACESEARCH_LIBRARY=str(library)))
    assert status["faces"] == 3
    complaint(
        facesearch(
            "--library", tmp_path / "none", "status", FACESEARCH_LIBRARY=str(library), code=4
        )
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
def test_any_file_name_at_all(album, tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff\x1b[31m [red]\n\xe2\x80\xae"
    os.mkdir(folder)
    photo = folder + b"/\x80\xc5\xbd\n.jpg"
    with open(photo, "wb") as file:
        file.write((album / "selfie.jpg").read_bytes())
    library = tmp_path / "l"
    facesearch("--library", library, "index", "--people-from-folders", os.fsdecode(folder))
    ended = facesearch("--library", library, "query", os.fsdecode(photo), "--json")
    (answer,) = documents(ended)
    assert os.fsencode(answer["photo"]) == photo
    (face,) = answer["faces"]
    hits = [hit for person in face["identities"] for hit in person["faces"]] + face["unnamed"]
    assert {os.fsencode(hit["photo"]) for hit in hits} == {photo}
    report = tmp_path / "r.html"
    ended = facesearch("--library", library, "query", os.fsdecode(photo), "--output", report)
    assert "\\xff\\x1b[31m [red]\\n\\u202e/\\x80Ž\\n.jpg" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert "cannot read" not in report.read_text("utf-8")


def test_a_process_ends_with_the_code_of_its_error(indexed, album):
    library, _, _ = indexed
    for photo, code in ((album / "coffee.jpg", 3), (album / "photos/text.jpg", 6)):
        ended = subprocess.run(
            command("--library", library, "query", photo),
            env=environment(),
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert ended.returncode == code, ended.stderr
        assert ended.stderr.count("\n") == 1


@pytest.mark.skipif(WINDOWS, reason="POSIX locales")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_terminals_of_any_encoding(tmp_path, encoding):
    photos = tmp_path / "Žofie 東京"
    photos.mkdir()
    (photos / "empty.jpg").write_bytes(b"")
    library = tmp_path / "l"
    facesearch("--library", library, "index", photos)
    ended = subprocess.run(
        command("--library", library, "failures"),
        env=environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
        capture_output=True,
        timeout=300,
        check=True,
    )
    shown = ended.stdout.decode(encoding)
    assert ("Žofie 東京" if encoding == "utf-8" else "\\u6771\\u4eac") in shown


@pytest.mark.skipif(WINDOWS, reason="a pipe's end")
@pytest.mark.parametrize(
    ("args", "code"), [(("status", "--json"), 141), (("failures",), 141), (("--help",), 1)]
)
def test_a_reader_that_leaves_early_is_not_told_off(indexed, args, code):
    library, _, _ = indexed
    running = subprocess.Popen(
        command("--library", library, *args),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    running.stdout.close()
    said = running.stderr.read()
    running.stderr.close()
    assert running.wait(timeout=300) == code
    assert said == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_behind_stdout_is_said(indexed):
    library, _, _ = indexed
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            command("--library", library, "status"),
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
    assert ended.returncode == 1
    assert "No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr


MANY = 80


@pytest.fixture(scope="module")
def many_photos(tmp_path_factory):
    """Enough work to be interrupted in the middle of it."""
    folder = tmp_path_factory.mktemp("many")
    astronaut = PIL.Image.fromarray(skimage.data.astronaut())
    for number in range(MANY):
        astronaut.resize((800 + number, 800)).save(folder / f"{number}.jpg")
    return folder


def start_indexing(library: Path, photos: Path) -> subprocess.Popen[str]:
    """Start a run, and return when it has looked at some photos."""
    running = subprocess.Popen(
        # One worker, so that a machine with many processors is not done before the signal.
        command("--library", library, "index", "--json", "--workers", "1", photos),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert json.loads(running.stdout.readline())["event"] == "start"
    while json.loads(running.stdout.readline())["done"] == 0:
        pass
    return running


@pytest.mark.skipif(WINDOWS, reason="signals to one process")
def test_ctrl_c_ends_a_run_cleanly_and_the_next_goes_on(many_photos, tmp_path):
    running = start_indexing(tmp_path / "l", many_photos)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 130, err
    assert err == "facesearch: stopping after the photos at hand; Ctrl-C again stops at once\n"
    done = json.loads(out.splitlines()[-1])
    assert done["event"] == "done"
    assert 0 < done["new"] < MANY
    again = documents(facesearch("--library", tmp_path / "l", "index", "--json", many_photos))[-1]
    assert (again["unchanged"], again["new"]) == (done["new"], MANY - done["new"])


@pytest.mark.skipif(WINDOWS, reason="signals to one process")
def test_a_second_ctrl_c_ends_a_run_at_once(many_photos, tmp_path):
    running = start_indexing(tmp_path / "l", many_photos)
    running.send_signal(signal.SIGINT)
    assert "stopping" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err in ("", "facesearch: interrupted\n")  # unless it had stopped meanwhile
    facesearch("--library", tmp_path / "l", "status")


def test_help_loads_nothing_heavy():
    heavy = ("numpy", "cv2", "onnxruntime", "sqlalchemy", "faiss", "PIL", "facesearch.library")
    code = (
        "import sys\n"
        "from facesearch.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write(','.join(m for m in {heavy!r} if m in sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert ended.stderr == ""
    for name in COMMANDS:
        assert name in ended.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_help_text(name):
    assert name in facesearch(name, "--help").stdout


def test_version():
    assert facesearch("--version").stdout.startswith("facesearch 0.")
