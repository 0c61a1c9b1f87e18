"""The report of a training run: curves, figures, the worst errors, and how it came about.

In: a run's folder. Out: one self-contained page, an article, plots. See `making.report`.
"""
