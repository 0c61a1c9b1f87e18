"""Falling fits: the nearest sequence that never rises.

In: a row of numbers. Out: the falling row with the smallest sum of squared differences
(pool adjacent violators).
"""

from __future__ import annotations

import numpy as np

from facesearch.rates.normal import Doubles


def falling(values: Doubles) -> Doubles:
    """The falling (never rising) sequence nearest to float64 values of shape (n,)."""
    means: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        mean, count = value, 1
        while means and means[-1] < mean:
            before, many = means.pop(), counts.pop()
            mean = (mean * count + before * many) / (count + many)
            count += many
        means.append(mean)
        counts.append(count)
    return np.repeat(np.array(means, dtype=np.float64), counts)
