"""Makes one virtual environment for each contender.

``python -m benchmarks setup [--envs DIR] [--only NAME ...]``. Run it again after a
change to facesearch: its environment holds a copy, as a user's would.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contenders import Contender, python_of
from benchmarks.processes import HERE

DEFAULT_ENVS = HERE / ".envs"


def set_up(contender: Contender, envs: Path) -> None:
    """Create or refresh a contender's environment.

    Raises:
        CalledProcessError: pip failed; it has said why.
    """
    folder = envs / contender.value
    python = python_of(folder)
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    # facesearch's requirement is a relative path, which pip reads from the working folder.
    subprocess.run([*pip, "-r", "requirements.txt"], cwd=contender.folder, check=True)
    without = contender.folder / "requirements-no-deps.txt"
    if without.exists():
        command = [*pip, "--no-deps", "-r", without.name]
        subprocess.run(command, cwd=contender.folder, check=True)
    if contender is Contender.FACESEARCH:
        # The version stays the same while the code changes, so pip would keep the old copy.
        command = [*pip, "--no-deps", "--force-reinstall", "../.."]
        subprocess.run(command, cwd=contender.folder, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up the environments that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks setup", description=__doc__)
    parser.add_argument("--envs", type=Path, default=DEFAULT_ENVS, help="where to make them")
    parser.add_argument("--only", nargs="+", type=Contender, metavar="NAME", default=None)
    chosen = parser.parse_args(arguments)
    for contender in chosen.only or Contender:
        print(f"setting up {contender} ...", file=sys.stderr, flush=True)
        set_up(contender, chosen.envs.resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
