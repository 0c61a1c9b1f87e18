"""Measures which distances strangers' faces have, and one person's: the tables of rates.

``python -m benchmarks.impostors --data DIR`` from the top of a checkout embeds LFW with
an embedder of the catalogue, compares all photos with each other (at most 10 a person, so
that no one person dominates), and writes a table per space into facesearch/rates/tables/.
How they are compared says facesearch/rates/measuring.py, which users' own models are
measured with too.

With ``--vectors FILE.npz --space SPACE`` the vectors are taken as they are. The file holds
`people` (n names) and `vectors` (n, d). Where something in a space was learned from LFW
itself, as in the default spaces, tables must come from vectors by models that have not seen
these people: such a file holds `vectors_cv` (n, d) and `fold` (n,), photos are compared within
their fold only, and benchmarks.projection makes it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.data import Data
from facesearch.evaluation.cache import EmbeddingCache
from facesearch.evaluation.embedding import embed_photos
from facesearch.models.catalogue import DEFAULT_EMBEDDER, embedder_spec
from facesearch.rates.measuring import PHOTOS_PER_PERSON, Sample, table_of
from facesearch.rates.tables import table_name

TABLES = Path(__file__).parents[1] / "facesearch" / "rates" / "tables"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.impostors", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with lfw/")
    parser.add_argument(
        "--embedder", action="append", help="of the catalogue; several may be given"
    )
    parser.add_argument("--vectors", type=Path, help="vectors made before, as .npz")
    parser.add_argument("--space", help="the space of --vectors")
    parser.add_argument("--out", type=Path, default=TABLES, help="the folder of the tables")
    chosen = parser.parse_args(arguments)
    if chosen.vectors is not None:
        if chosen.space is None:
            parser.error("--vectors needs --space: a table is of no use without its name")
        samples: Iterable[tuple[str, Sample, str]] = [(chosen.space, *sample_of(chosen.vectors))]
    elif chosen.data is not None:
        for name in chosen.embedder or [DEFAULT_EMBEDDER]:
            if embedder_spec(name).learned_from == "LFW":
                parser.error(
                    f"{name} learned from LFW, so its distances flatter there: run "
                    "benchmarks.projection and give the NAME-crossed.npz it makes with --vectors"
                )
        samples = _embedded(chosen.data, chosen.embedder or [DEFAULT_EMBEDDER])
    else:
        parser.error("give --data DIR, or --vectors FILE.npz with --space SPACE")
    chosen.out.mkdir(parents=True, exist_ok=True)
    for space, sample, how in samples:
        table = table_of(sample, space, source="Labeled Faces in the Wild", made_by=how)
        place = chosen.out / table_name(space)
        place.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print(place.name)
        for part in table["tables"]:
            print(
                f"  probes of {part['references']}: {part['impostor_pairs']:,} impostor and "
                f"{part['genuine_pairs']:,} genuine pairs"
            )
    return 0


def sample_of(path: Path) -> tuple[Sample, str]:
    with np.load(path) as stored:
        crossed = "vectors_cv" in stored
        vectors = stored["vectors_cv"] if crossed else stored["vectors"]
        sample = Sample.of(vectors, stored["people"], stored["fold"] if crossed else None)
    detail = "vectors of ten folds, each by a model that never saw its people" if crossed else ""
    return sample, _how(detail)


def _how(detail: str = "") -> str:
    rules = [
        "benchmarks.impostors",
        datetime.now(UTC).date().isoformat(),
        f"all pairs of at most {PHOTOS_PER_PERSON} photos a person",
        "the face nearest to the middle of each photo",
    ]
    return ", ".join([*rules, detail] if detail else rules)


def _embedded(data: Path, names: Sequence[str]) -> Iterator[tuple[str, Sample, str]]:
    """The photos of LFW in each embedder's space, one after the other."""
    photos = Data(data).lfw()
    for name in names:
        with EmbeddingCache() as cache:
            seen = embed_photos(photos, embedder=name, cache=cache)
        people = [photo.parent.name for photo in photos]
        yield seen.space, Sample.of(seen.vectors, people), _how()


if __name__ == "__main__":
    sys.exit(main())
