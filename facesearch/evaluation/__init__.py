"""How good the answers are: protocols, metrics and the runs that measure them.

In: photos whose people or faces are known. Out: results as plain values, with `to_json`::

    from facesearch.evaluation import evaluate_folder

    result = evaluate_folder("labelled")
    print(result.verification.at(1e-3).fnmr)

Importing this package loads nothing but itself: names are looked up when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facesearch.evaluation.cache import EmbeddingCache
    from facesearch.evaluation.clustering import Agreement, b_cubed, pairwise
    from facesearch.evaluation.compare import compare_models
    from facesearch.evaluation.comparison import Comparison
    from facesearch.evaluation.detection import evaluate_detection
    from facesearch.evaluation.embedding import EmbeddedPhotos, FaceSelection, embed_photos
    from facesearch.evaluation.folder import evaluate_folder
    from facesearch.evaluation.identification import closed_set, open_set
    from facesearch.evaluation.lfw import evaluate_lfw
    from facesearch.evaluation.model_rates import MeasuredRates, measure_rates
    from facesearch.evaluation.results import EvaluationProgress, FolderResult, LfwResult
    from facesearch.evaluation.runs import EvaluationOptions
    from facesearch.evaluation.verification import all_pairs

_HOMES = {
    "EmbeddingCache": "cache",
    "Agreement": "clustering",
    "b_cubed": "clustering",
    "pairwise": "clustering",
    "compare_models": "compare",
    "Comparison": "comparison",
    "evaluate_detection": "detection",
    "EmbeddedPhotos": "embedding",
    "FaceSelection": "embedding",
    "embed_photos": "embedding",
    "evaluate_folder": "folder",
    "closed_set": "identification",
    "open_set": "identification",
    "evaluate_lfw": "lfw",
    "MeasuredRates": "model_rates",
    "measure_rates": "model_rates",
    "EvaluationProgress": "results",
    "FolderResult": "results",
    "LfwResult": "results",
    "EvaluationOptions": "runs",
    "all_pairs": "verification",
}

__all__ = [
    "Agreement",
    "Comparison",
    "EmbeddedPhotos",
    "EmbeddingCache",
    "EvaluationOptions",
    "EvaluationProgress",
    "FaceSelection",
    "FolderResult",
    "LfwResult",
    "MeasuredRates",
    "all_pairs",
    "b_cubed",
    "closed_set",
    "compare_models",
    "embed_photos",
    "evaluate_detection",
    "evaluate_folder",
    "evaluate_lfw",
    "measure_rates",
    "open_set",
    "pairwise",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
