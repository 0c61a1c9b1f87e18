"""What comes of adding a model.

In: what was stored, and how it did on the built-in portraits. Out: the same in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from facesearch.errors import InvalidModelFile, InvalidValue, ModelError
from facesearch.models.own.model import Embeds, OwnKind, OwnModel, space_of
from facesearch.models.sanity import DetectorReport, EmbedderReport

_Report = TypeVar("_Report", EmbedderReport, DetectorReport)


@dataclass(frozen=True, slots=True)
class AddedModel:
    """A model that was added, and how it did on the built-in portraits.

    Attributes:
        model: what was stored.
        report: what was measured.
    """

    model: OwnModel
    report: EmbedderReport | DetectorReport

    @property
    def name(self) -> str:
        """What it is called."""
        return self.model.name

    @property
    def kind(self) -> OwnKind:
        """Embedder or detector."""
        return self.model.kind

    def described(self) -> list[tuple[str, str]]:
        """What was found, as pairs of what and value, in words."""
        fed, report = self.model.preprocessing, self.report
        rows = [
            ("Input", f"{fed.width_px} x {fed.height_px} px, {fed.channels}, {fed.number}"),
            ("SHA-256", self.model.given_sha256),
        ]
        use = self.model.use
        if isinstance(use, Embeds):
            rows.append(("Space", space_of(self.model, use)))
        else:
            rows.append(("Output decoding", str(use.head)))
        if isinstance(report, EmbedderReport):
            rows += [
                ("Dimension", str(report.dimension)),
                ("Copies of a face", f"distances up to {report.same[-1]:.3f}"),
                ("Another's face", f"distances from {report.other[0]:.3f}"),
                ("Speed here", f"{report.face_ms:.1f} ms a face"),
            ]
        else:
            rows += [
                ("Faces found", " and ".join(map(str, report.faces[:-1])) + " in two portraits"),
                ("Speed here", f"{report.photo_ms:.1f} ms a photo"),
            ]
        if report.problem is not None:
            rows.append(("Problem", report.problem))
        return rows


def tried(name: str, check: Callable[[], _Report], *, force: bool) -> _Report:
    """How a model does on the built-in portraits.

    Args:
        check: loads and runs it.
        force: let a model pass that runs, and does badly.

    Raises:
        InvalidModelFile: it cannot serve, or does badly.
    """
    try:
        report = check()
    except (ModelError, InvalidValue) as error:
        raise InvalidModelFile(name, f"{name} was not added: {error}") from error
    if report.problem is not None and not force:
        raise InvalidModelFile(
            name,
            f"{name} was not added: {report.problem}. If it is meant to be like this, add it with "
            "--force",
        )
    return report
