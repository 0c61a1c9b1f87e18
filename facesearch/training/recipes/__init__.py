"""The networks that facesearch trains, by name.

In: a name. Out: a `Recipe`. Nothing here loads TensorFlow until a network is built.
"""

from __future__ import annotations

import difflib
import importlib

from facesearch.errors import UnknownModel
from facesearch.training.recipes.base import Recipe

NAMES = ("convnet", "mobilenet", "siamese-densenet", "deepface")


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UnknownModel: there is none; names those that are spelt alike.
    """
    if name not in NAMES:
        alike = difflib.get_close_matches(name.casefold(), NAMES, n=1, cutoff=0.5)
        meant = f"did you mean {alike[0]}? There are" if alike else "there are"
        raise UnknownModel(name, f"no recipe {name!r}: {meant} {', '.join(NAMES)}")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    found: Recipe = module.RECIPE
    return found
