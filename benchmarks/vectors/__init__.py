"""Where exact search ends and fast-scan begins: the figures behind `SegmentOptions`.

From the top of a checkout, with facesearch installed and nothing else::

    python -m benchmarks.vectors                  # about three minutes; writes results/vectors.json
    python -m benchmarks.vectors --quick          # a few seconds: does it work?
    python -m benchmarks.vectors.codes            # a minute: which codes are worth their bytes

Galleries are synthetic, shaped like the default space (see `gallery.py`), so no photos are
needed. Both ways answer the same probes in turn, within one run on one machine.
"""
