"""What the documentation shows is run: its commands and its Python.

In README.md and docs/guide/, each ```console block's lines that start with `$ facesearch`
are run in a fresh folder with sample photos (see `photos`), which the pages call
/home/ada. What is printed must fit what the page shows: face numbers, distances and
speeds may differ, `...` stands for anything, and so does a command shown without output.
```python blocks are run too, in the same folder and order. A block after the comment
`<!-- not run: REASON -->` is left alone.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import PIL.Image
import PIL.ImageOps
import pytest
import skimage.data

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    path for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/guide/*.md"))) if path.exists()
]

_BLOCK = re.compile(
    r"(?P<unrun><!-- not run: .+ -->\n+)?^```(?P<kind>console|python)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_RULES = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A block of a page that is to be run, and the line it starts at."""

    kind: str
    body: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command line and what the page says it prints; empty where it does not say."""

    line: str
    output: str


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for match in _BLOCK.finditer(text):
        if match["unrun"] is None:
            line = text.count("\n", 0, match.start("body")) + 1
            yield Block(match["kind"], match["body"], line)


def commands_of(block: Block) -> Iterator[Command]:
    joined = re.sub(r"\\\n(> )?", " ", block.body)
    for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Command(line, output)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """photos/, with one person, pictures of things and a damaged file; people/; selfie.jpg."""
    astronaut = PIL.Image.fromarray(skimage.data.astronaut())
    pictures = {
        "photos/nasa/astronaut.jpg": astronaut,
        "photos/nasa/portrait.jpg": PIL.ImageOps.mirror(astronaut.crop((80, 0, 400, 320))),
        "photos/kitchen/coffee.jpg": PIL.Image.fromarray(skimage.data.coffee()),
        "photos/kitchen/cat.jpg": PIL.Image.fromarray(skimage.data.chelsea()),
        "people/Eileen Collins/official.jpg": astronaut.resize((700, 700)),
        "selfie.jpg": astronaut.crop((100, 0, 360, 260)).resize((400, 400)),
    }
    for name, picture in pictures.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, quality=92)
    damaged = (tmp_path / "photos/nasa/astronaut.jpg").read_bytes()[:9000]
    (tmp_path / "photos/damaged.jpg").write_bytes(damaged)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACESEARCH_LIBRARY", str(tmp_path / "family.faces"))
    return tmp_path


def run(command: Command) -> None:
    program = f'facesearch() {{ "{sys.executable}" -m facesearch.cli "$@"; }}\n'
    ended = subprocess.run(
        ["sh", "-c", program + command.line],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, f"$ {command.line}\n{ended.stdout}"
    if command.output.strip():
        fits = doctest.OutputChecker().check_output(
            _comparable(command.output), _comparable(ended.stdout), _RULES
        )
        assert fits, f"$ {command.line}\nshown:\n{command.output}\nprinted:\n{ended.stdout}"


def _comparable(text: str) -> str:
    """Folders, speeds, numbers of faces and distances differ; the words around them do not."""
    text = text.replace(str(Path.cwd()), "/home/ada")
    text = re.sub(r"in [\d.]+ s \([\d.,]+ photos/s( on \w+)?\)", "in # s", text)
    text = re.sub(r"\bface \d+|^ *\d+ +(?=\d\.\d{3})", "face #  ", text, flags=re.MULTILINE)
    return re.sub(r"\d+\.\d+", "#.#", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
@pytest.mark.skipif(os.name == "nt", reason="the pages are written for a POSIX shell")
def test_a_page_does_what_it_says(page, photos):
    names: dict[str, object] = {"__name__": "__page__"}
    for block in blocks_of(page):
        if block.kind == "python":
            code = compile("\n" * (block.line - 1) + block.body, str(page), "exec")
            exec(code, names)
            continue
        for command in commands_of(block):
            if command.line.startswith("facesearch"):
                run(command)


def test_the_reader_of_pages_finds_what_is_to_be_run(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n```console\n$ pip install facesearch\n$ facesearch index \\\n>   photos\n"
        "3 photos ...\n$ facesearch status\n```\n\n<!-- not run: needs a graphics card -->\n"
        "```console\n$ facesearch --device cuda status\n```\n```python\nprint(1)\n```\n"
        "```sh\nfacesearch index\n```\n"
    )
    console, python = blocks_of(page)
    assert [command.line for command in commands_of(console)] == [
        "pip install facesearch",
        "facesearch index    photos",
        "facesearch status",
    ]
    assert [command.output for command in commands_of(console)] == ["", "3 photos ...\n", ""]
    assert (python.kind, python.body, python.line) == ("python", "print(1)\n", 16)


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            path, _, heading = target.partition("#")
            if "://" in path:
                continue
            linked = (page.parent / path).resolve() if path else page
            if not linked.exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
            elif heading and heading not in headings_of(linked):
                broken.append(f"{page.relative_to(ROOT)}: no heading {target}")
    assert broken == []


def headings_of(page: Path) -> set[str]:
    """The anchors that a page's headings make, the way code hosts make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
