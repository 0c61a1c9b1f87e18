"""The wheel: what is inside, and the main job run from it, away from the sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import PIL.Image
import pytest
import skimage.data

import facesearch

ROOT = Path(__file__).resolve().parents[1]
BIN = "Scripts" if os.name == "nt" else "bin"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the source distribution, built as `pip` builds them."""
    folder = tmp_path_factory.mktemp("dist")
    ended = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    """The wheel. It is made from the source distribution, so that one is whole too."""
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A fresh environment with the wheel in it. It borrows its dependencies from this one."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / BIN / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([str(python), "-c", asked], text=True).strip())
    subprocess.run(
        [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python),
            "install", "--quiet", "--no-deps", "--no-index", str(wheel),
        ],
        check=True,
    )  # fmt: skip
    ours = [path for path in sys.path if path.endswith("site-packages")]
    assert ours
    # Behind its own packages, and without what .pth files would add: no editable facesearch.
    (site / "borrowed.pth").write_text("\n".join(ours) + "\n")
    return folder / "env" / BIN


@pytest.fixture(scope="module")
def run(installed, tmp_path_factory) -> Run:
    """Run a program of the fresh environment, somewhere else than in the sources."""
    place = tmp_path_factory.mktemp("place")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def started(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(installed / program), *map(str, arguments)],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return started


def test_what_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(
            next(name for name in names if name.endswith("entry_points.txt"))
        ).decode()
        metadata = Parser().parsestr(
            archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
        )
    assert "facesearch/_migrations/env.py" in names
    shipped = {name for name in names if name.startswith("facesearch/_migrations/versions/")}
    versions = (ROOT / "migrations" / "versions").glob("*.py")
    assert {Path(name).name for name in shipped} == {path.name for path in versions}
    assert "facesearch/py.typed" in names
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "facesearch").rglob("*.py")}
    assert sources <= names
    assert {name.partition("/")[0] for name in names} == {
        "facesearch",
        f"facesearch-{facesearch.__version__}.dist-info",
    }
    assert not [name for name in names if "__pycache__" in name]
    assert "facesearch = facesearch.cli.app:main" in entry_points
    assert metadata["Version"] == facesearch.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    needed = " ".join(metadata.get_all("Requires-Dist"))
    for dependency in ("deepface", "faiss-cpu", "onnxruntime", "sqlalchemy", "alembic", "typer"):
        assert dependency in needed


def test_what_is_in_the_source_distribution(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "migrations/env.py", "tests/test_package.py"} <= names
    assert not [name for name in names if name.startswith(("benchmarks/results", ".venv"))]


def test_the_main_job_from_the_wheel(run, tmp_path, installed):
    where = run("python", "-c", "import facesearch; print(facesearch.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed.parent), where.stderr

    photos, library = tmp_path / "photos", tmp_path / "family.faces"
    photos.mkdir()
    astronaut = PIL.Image.fromarray(skimage.data.astronaut())
    astronaut.resize((300, 300)).save(photos / "astronaut.jpg")
    PIL.Image.fromarray(skimage.data.coffee()).resize((300, 200)).save(photos / "coffee.jpg")
    selfie = tmp_path / "selfie.png"
    astronaut.crop((80, 0, 400, 320)).resize((280, 280)).save(selfie)

    ended = run("facesearch", "--library", library, "index", photos)
    assert ended.returncode == 0, ended.stderr
    assert (library / "catalog.sqlite").is_file(), "the migrations made the library"
    ended = run("facesearch", "--library", library, "query", selfie, "--json")
    assert ended.returncode == 0, ended.stderr
    (face,) = json.loads(ended.stdout)["faces"]
    assert [Path(hit["photo"]).name for hit in face["unnamed"]] == ["astronaut.jpg"]
    ended = run("facesearch", "--library", library, "status", "--json")
    status = json.loads(ended.stdout)
    assert (status["photos"], status["faces"], status["failed"]) == (2, 1, 0)
    again = run("facesearch", "--library", library, "index", photos, "--json")
    done = json.loads(again.stdout.splitlines()[-1])
    assert (done["new"], done["unchanged"]) == (0, 2)


def test_the_library_from_the_wheel(run, tmp_path):
    program = (
        "import sys\nfrom facesearch import FaceLibrary\n"
        "with FaceLibrary.open(sys.argv[1]) as library: print(library.status().photos)"
    )
    ended = run("python", "-c", program, tmp_path / "new.faces")
    assert (ended.returncode, ended.stdout) == (0, "0\n"), ended.stderr
