"""What TensorFlow fails with while it trains, as errors that say what to do.

In: code that trains. Out: the same code, whose errors are facesearch's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from facesearch.errors import ModelError
from facesearch.models.tensorflow import started_tensorflow
from facesearch.training.dataset.chips import ChipDataset


@contextmanager
def explained(name: str, dataset: ChipDataset) -> Iterator[None]:
    """Put into words what fails while chips are read and computed with.

    Args:
        name: of what is trained.
        dataset: whose chips are read.

    Raises:
        InvalidDataset: chips are damaged.
        ModelError: anything else that TensorFlow fails with.
    """
    errors = started_tensorflow().errors
    try:
        yield
    except errors.OpError as error:
        problem = dataset.explain(error)
        if problem is not None:
            raise problem from error
        less = (
            ". A smaller --batch takes less memory"
            if isinstance(error, errors.ResourceExhaustedError)
            else ""
        )
        raise ModelError(name, f"training {name} failed: {_said(error.message)}{less}") from error


def _said(message: Any) -> str:
    lines = str(message).strip().splitlines()
    return lines[0] if lines else "TensorFlow does not say why"
