"""The main job on sample photos or your own: `python -m facesearch.demo [FOLDER]`.

In: a folder, or nothing. Out: what `facesearch index`, `query` and `status` print. The
library of the demonstration lies in a folder "demo" here, made anew each time.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

_LIBRARY = Path("demo") / "library.faces"
_REPORT = Path("demo") / "report.html"
_KNOWN_PEOPLE = Path("..") / "shared" / "data" / "albums" / "known_people"
_QUERIES_OF_OWN_PHOTOS = 3


def main(arguments: list[str]) -> int:
    """Run the demonstration; returns the exit code."""
    shutil.rmtree(_LIBRARY, ignore_errors=True)
    _LIBRARY.parent.mkdir(exist_ok=True)
    if arguments:
        photos, extra = Path(arguments[0]).expanduser(), []
        queries: list[Path] = []
    elif _KNOWN_PEOPLE.is_dir():
        photos, extra = _KNOWN_PEOPLE / "train", ["--people-from-folders"]
        queries = sorted((_KNOWN_PEOPLE / "test").iterdir())
    else:
        photos, extra = _sample_photos(), []
        queries = [photos / "astronaut.png"]
    code = _facesearch("index", str(photos), *extra)
    if code != 0:
        return code
    queries = queries or _photos_with_faces()
    if queries:
        code = _facesearch("query", *map(str, queries), "--output", str(_REPORT))
    return max(code, _facesearch("status"))


def _facesearch(*arguments: str) -> int:
    """Run one command in a process of its own, as a user would, and show it first."""
    command = ["--library", str(_LIBRARY), *arguments]
    print(f"\n$ facesearch {shlex.join(command)}", flush=True)
    return subprocess.run(
        [sys.executable, "-m", "facesearch.cli", *command], check=False
    ).returncode


def _sample_photos() -> Path:
    """The photographs in scikit-image's wheel: one shows a face, the others show none."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("no sample photos here: name a folder, as in make demo PHOTOS=~/Pictures")
    return Path(spec.origin).parent / "data"


def _photos_with_faces() -> list[Path]:
    """Some indexed photos to ask about."""
    from facesearch import FaceLibrary

    with FaceLibrary.open(_LIBRARY, read_only=True) as library:
        return [Path(path) for path in islice(library.photos_with_faces(), _QUERIES_OF_OWN_PHOTOS)]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
