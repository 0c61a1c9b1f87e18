"""The article: source that compiles, with figures, tables and references that belong together."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from small_training import SMALL

from facesearch.errors import InvalidValue
from facesearch.evaluation.report.html import Table
from facesearch.training.config import RunConfig, parse_settings
from facesearch.training.recipes import NAMES, recipe
from facesearch.training.report import latex, papers, wording
from facesearch.training.report.article import article, check_free, write_article
from facesearch.training.report.making import Reported

PDFLATEX = shutil.which("pdflatex")


def check_source(source: str) -> None:
    """Braces and environments close in order, and all that is referred to is there once."""
    # What a backslash protects neither opens nor closes; after an unprotected % come comments.
    bare = re.sub(r"\\[^A-Za-z]", "", source)
    bare = re.sub(r"%[^\n]*", "", bare)
    depth = 0
    for sign in bare:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    open_ones: list[str] = []
    for what, name in re.findall(r"\\(begin|end)\{([^}]*)\}", bare):
        if what == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name
    assert open_ones == []
    labels = re.findall(r"\\label\{([^}]*)\}", bare)
    assert len(labels) == len(set(labels))
    assert set(re.findall(r"\\ref\{([^}]*)\}", bare)) == set(labels)
    keys = re.findall(r"\\bibitem\{([^}]*)\}", bare)
    assert set(re.findall(r"\\cite\{([^}]*)\}", bare)) == set(keys)
    assert keys
    body = bare[bare.index(r"\begin{document}") :]
    assert bare.count("$") % 2 == 0
    assert not re.search(r"[#^]|(?<!\w)_", re.sub(r"\$[^$]*\$|\\ensuremath\{.*?\}\}", "", body)
                         .replace("d^2", "").replace(")^2", ""))  # fmt: skip
    for row in re.findall(r"\\begin\{tabular\}(.*?)\\end\{tabular\}", source, re.DOTALL):
        columns = {
            len(re.findall(r"(?<!\\)&", line)) for line in row.splitlines() if "\\\\" in line
        }
        assert len(columns) == 1


def test_an_article_comes_with_its_figures(naming_report: Reported, tmp_path: Path):
    write_article(naming_report, tmp_path / "paper")
    source = (tmp_path / "paper/article.tex").read_text("utf-8")
    assert source == article(naming_report)
    figures = re.findall(r"\\includegraphics\[.*?\]\{(.*?)\}", source)
    assert figures == [f"figures/{each.name}" for each in naming_report.contents.drawings]
    for name in figures:
        assert (tmp_path / "paper" / f"{name}.pdf").read_bytes().startswith(b"%PDF-")
    with pytest.raises(InvalidValue, match="may have been worked on"):
        check_free(tmp_path / "paper")


@pytest.mark.parametrize("which", ["naming", "pairs"])
def test_an_article_is_whole(which: str, request: pytest.FixtureRequest):
    made: Reported = request.getfixturevalue(f"{which}_report")
    source = article(made)
    check_source(source)
    assert r"\documentclass[conference]{IEEEtran}" in source
    assert made.measured is not None
    accuracy = made.measured.telling[0].separation.accuracy
    assert f"{100 * accuracy:.2f}\\,\\%" in source
    # Advice for whoever trains is not for whoever reads.
    assert "-{}-fractions" not in source


def test_names_are_spelt_out(naming_report: Reported):
    source = article(naming_report)
    assert r"A\&B 50\% \#1\textbackslash{}n" in source
    assert r"José \{x\}\$y\textasciicircum{}2\textasciitilde{}\textless{}b\textgreater{}" in source
    assert r"{}[李小龙] -{}-ok" in source
    assert r"\DeclareUnicodeCharacter{674E}{\texttt{U+674E}}" in source
    assert "Łukasz 'N' é" in source


@pytest.mark.skipif(PDFLATEX is None, reason="compiling takes pdflatex")
@pytest.mark.parametrize("which", ["naming", "pairs"])
def test_an_article_compiles(which: str, request: pytest.FixtureRequest, tmp_path: Path):
    assert PDFLATEX is not None
    found = subprocess.run(["kpsewhich", "IEEEtran.cls"], capture_output=True, check=False)
    if not found.stdout:
        pytest.skip("compiling takes the class IEEEtran")
    write_article(request.getfixturevalue(f"{which}_report"), tmp_path)
    command = [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "article.tex"]
    for _ in range(2):
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert ended.returncode == 0, ended.stdout.decode("utf-8", "replace")[-3000:]
    assert b"undefined references" not in ended.stdout
    assert b"Overfull \\hbox" not in ended.stdout
    assert b"Float too large" not in ended.stdout


def test_the_article_says_what_was_found_and_of_whom(
    naming_report: Reported, pairs_report: Reported
):
    naming, pairs = naming_report.measured, pairs_report.measured
    assert naming is not None
    assert naming.naming is not None
    assert pairs is not None
    said = wording.findings(naming)
    assert f"names {100 * naming.naming.accuracy.value:.2f} % of 12 test pictures" in said
    assert wording.title(naming_report).startswith("Face Identification with convnet")
    assert wording.title(pairs_report).startswith("Face Verification with siamese-densenet")
    assert "pictures of other people" in wording.conclusion(pairs_report)
    assert wording.findings(None) == "The network was not measured."
    vain = replace(naming.naming, named=(0,) * len(naming.naming.named))
    nothing = replace(naming_report, measured=replace(naming, naming=vain))
    assert wording.conclusion(nothing).endswith("no more than naming always the same person would.")


def test_random_weights_and_frozen_bases_are_told():
    def told(*settings: str) -> str:
        return papers.method(RunConfig.of(recipe("mobilenet"), [parse_settings(settings)]))

    assert "start from random weights" in told("weights=random", "base=mobilenet")
    assert "fine-tuned" not in told("weights=random", "base=mobilenet")
    assert "last 2 blocks" in told("base=mobilenet")
    assert "blocks of the base" not in told("base=mobilenet", "unfrozen_blocks=0")


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_tells_its_method_and_papers(name: str):
    given = [parse_settings(SMALL[name])]
    told = papers.method(RunConfig.of(recipe(name), given))
    keys = [key for key, _ in papers.cited(told)]
    assert len(keys) >= 3
    assert set(keys) <= set(papers.PAPERS)


def test_the_base_and_semi_hard_pairs_are_told():
    base = [parse_settings(["base=dlib-resnet34"])]
    assert "king2009" in papers.method(RunConfig.of(recipe("mobilenet"), base))
    pairs = [parse_settings(["semi_hard=true", "unit_length=true"])]
    told = papers.method(RunConfig.of(recipe("siamese-densenet"), pairs))
    assert "schroff2015" in told
    assert "of unit length" in told


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a--b ,, ''", "a-{}-b ,{}, '{}'"),
        ("?`", "?{}\\textasciigrave{}"),
        ("x\ny", "x\\textbackslash{}ny"),
        ("\0\1", "\\textbackslash{}x00\\textbackslash{}x01"),
        ('"a|b"', "\\textquotedbl{}a\\textbar{}b\\textquotedbl{}"),
        ("e\u0301", "é"),
        ("41 %, 2 min 5 s, 64 px", "41\\,\\%, 2\\,min 5\\,s, 64\\,px"),
        ("100 % 7 people", "100\\,\\% 7 people"),
    ],
)
def test_texts_print_just_what_they_are(text: str, source: str):
    assert latex.escaped(text) == source


def test_letters_without_a_font_are_declared():
    declared = latex.declarations("Māori ﬁ 李 \U0001f600 x\u0306 a\u200db Łé–")
    assert dict(re.findall(r"\\DeclareUnicodeCharacter\{(.*?)\}\{(.*)\}", declared)) == {
        "0101": "a",
        "FB01": "fi",
        "674E": r"\texttt{U+674E}",
        "1F600": r"\texttt{U+1F600}",
        "0306": "",
        "200D": "",
    }


def test_long_tables_go_on():
    rows = tuple((str(number), "1") for number in range(100))
    floats = list(latex.tables(Table("Many", ("one", "two"), rows, "A note."), "many"))
    assert len(floats) == 3
    assert [each.count("\\label") for each in floats] == [1, 0, 0]
    assert ["A note" in each for each in floats] == [False, False, True]
    assert "(continued)" in floats[1]


def test_references_are_told_by_kind():
    assert latex.references(["fig:a"]) == r"Fig.~\ref{fig:a}"
    assert latex.references(["tab:a", "tab:b"]) == r"Tables~\ref{tab:a} and \ref{tab:b}"
    assert latex.references(["fig:a", "fig:b", "fig:c"]).startswith(r"Figs.~\ref{fig:a}, \ref")


def test_digests_break():
    (only,) = latex.tables(Table("T", ("a", "b"), (("digest", "0123456789abcdef" * 3),)), "t")
    assert "0123456789abcdef\\allowbreak{}0123456789abcdef\\allowbreak{}" in only
