"""What slow contenders make of photos, kept: it takes them hours and never changes.

Comes in: a contender's program and photos. Goes out: .npz files with "sizes", "boxes",
"vectors" and "owners", as `facesearch/prepare.py` reads them, one for each piece.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.programs import Script


def kept_encodings(bench: Bench, program: Script, photos: Sequence[Path]) -> Path:
    """The program's file for these photos, made now where no earlier run left it.

    The key is made of the contender's versions and the photos' names, so that a new
    release of a contender is measured anew.
    """
    contender = program.contender
    names = "\n".join([str(bench.versions(contender)), *(photo.name for photo in photos)])
    key = hashlib.sha256(names.encode()).hexdigest()[:16]
    kept = bench.cache / f"{contender}-{key}.npz"
    if not kept.exists():
        program.run(bench, photos)
        kept.parent.mkdir(parents=True, exist_ok=True)
        made = kept.with_suffix(".tmp")
        made.write_bytes((bench.work / "indexed.npz").read_bytes())
        made.replace(kept)
    return kept
