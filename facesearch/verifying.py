"""Do two photos show the same person?

In: two photos, and the rates of the space they are compared in. Out: a `Verification` with
distance, false match rate and probability. Takes no library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facesearch.errors import InvalidValue
from facesearch.library_models import detector_for
from facesearch.model_loading import LoadedModels
from facesearch.models.catalogue import DEFAULT_EMBEDDER, embedder_spec
from facesearch.options import LibraryOptions, engine_named
from facesearch.probing import FaceChoice, ProbePhoto, checked_choice, look_at
from facesearch.rates import SMALLEST_FMR, VERIFY_PRIOR, SpaceRates, measured_rates
from facesearch.values import Verification

if TYPE_CHECKING:
    from facesearch.photos.source import PhotoSource

DEFAULT_MAX_FMR = 1e-3
"""Up to this share of strangers, two faces count as one person unless the user says otherwise."""


def verify(
    first: PhotoSource,
    second: PhotoSource,
    *,
    prior: float = VERIFY_PRIOR,
    max_fmr: float = DEFAULT_MAX_FMR,
    face: FaceChoice | int = FaceChoice.LARGEST,
    options: LibraryOptions | None = None,
) -> Verification:
    """Whether two photos show the same person, without any library.

    Loads the networks each time: for many pairs open a library, whose `verify` keeps them.

    Args:
        first, second, prior, max_fmr, face: as for `FaceLibrary.verify`.
        options: how photos are looked at; None for the defaults.

    Raises:
        As for `FaceLibrary.verify`.
    """
    chosen = options if options is not None else LibraryOptions()
    embedder = embedder_spec(chosen.embedder or DEFAULT_EMBEDDER, engine_named(chosen.engine))
    rates = measured_rates(embedder.space)
    models = LoadedModels(
        detector_for({}, chosen), embedder, chosen.device, chosen.detector_options
    )
    face = checked_choice(face)
    one, other = (look_at(photo, models, chosen.limits, face) for photo in (first, second))
    return verification(one, other, rates, prior=prior, max_fmr=max_fmr)


def verification(
    first: ProbePhoto, second: ProbePhoto, rates: SpaceRates, *, prior: float, max_fmr: float
) -> Verification:
    """Compare the faces of two photos; of several, the most alike pair counts.

    Args:
        first, second: each with at least one face, of the space of `rates`.
        rates: of single faces.
        prior: probability that they show the same person before looking, above 0, below 1.
        max_fmr: largest false match rate that counts as the same person, above 0, below 1.

    Raises:
        InvalidValue: `prior` or `max_fmr` out of range.
        SpaceMismatch: the photos were embedded in different spaces.
    """
    for name, value in (("a prior", prior), ("a false match rate", max_fmr)):
        if not 0 < value < 1:
            raise InvalidValue(f"{name} lies above 0 and below 1, not at {value}")
    distance, one, other = min(
        (a.embedding.distance(b.embedding), i, j)
        for i, a in enumerate(first.probes)
        for j, b in enumerate(second.probes)
    )
    # The nearest of many pairs of strangers is nearer than one pair would be: the rate is
    # that of any of them coming so close, and the prior is shared among them.
    pairs = len(first.probes) * len(second.probes)
    return Verification(
        first=first.face(one),
        second=second.face(other),
        space=rates.space,
        distance=distance,
        probability=rates.probability(distance, prior / pairs),
        prior=prior,
        fmr=min(1.0, pairs * max(SMALLEST_FMR, rates.fmr(distance))),
        max_fmr=max_fmr,
        max_distance=rates.distance_at(max_fmr / pairs),
        faces=(first.faces, second.faces),
        pairs=pairs,
        calibrated=rates.calibrated,
    )
