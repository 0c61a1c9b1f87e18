"""Runs one contender's functions in the contender's own interpreter, one call at a time.

Comes in: ``python worker.py RUNNER.py``, then requests on standard input, one JSON
object a line: ``{"call": NAME, "args": {...}}``. Goes out: one JSON object a line,
``{"value": ...}`` or ``{"error": TRACEBACK}``. RUNNER.py is any file with functions.
Standard library only: it runs in every contender's environment. What the contender's
packages print goes to standard error, so that it cannot mix with the answers.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any


def load(runner: Path) -> ModuleType:
    """Import a file that is in no package."""
    spec = importlib.util.spec_from_file_location(f"runner_{runner.stem}", runner)
    if spec is None or spec.loader is None:
        raise ImportError(f"{runner} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# What facesearch runs on: its requirements file names no more than its folder.
FACESEARCH_PACKAGES = (
    "facesearch",
    "faiss-cpu",
    "numpy",
    "onnxruntime",
    "opencv-contrib-python-headless",
    "pillow",
    "sqlalchemy",
)


def describe(runner: Path) -> dict[str, Any]:
    """Python's version, and those of the packages that the contender's requirements name."""
    names = list(FACESEARCH_PACKAGES) if runner.parent.name == "facesearch" else []
    for requirements in sorted(runner.parent.glob("requirements*.txt")):
        for line in requirements.read_text(encoding="utf-8").splitlines():
            named = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
            names += [named.group()] if named is not None else []
    packages = {}
    for name in names:
        # A checkout on PYTHONPATH is no installed distribution.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            packages[name] = importlib.metadata.version(name)
    return {"python": platform.python_version(), "packages": packages}


def serve(runner: Path) -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Neither this folder nor the working folder may shadow the packages to be measured.
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(Path(__file__).parent))]
    module: ModuleType | None = None
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        try:
            if request["call"] == "describe":
                answer = {"value": describe(runner)}
            else:
                module = module or load(runner)
                answer = {"value": getattr(module, request["call"])(**request["args"])}
        except Exception:  # noqa: BLE001 - whatever went wrong belongs to the caller
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]).resolve())
