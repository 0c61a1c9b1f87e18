"""How many CPUs there are to work with. Loads nothing, least of all ONNX Runtime."""

from __future__ import annotations

import os


def available_cpus() -> int:
    """CPUs this process may use, respecting its affinity mask."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
