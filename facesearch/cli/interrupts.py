"""Ctrl-C during a long run: once ends it cleanly, twice ends it at once.

In: nothing. Out: a flag that the run asks between batches. What was committed stays
either way; a library survives being killed at any moment.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def cancel_on_interrupt(on_first: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether the user asked to stop.

    Args:
        on_first: called once, from the signal handler, at the first Ctrl-C; it must not print.

    Raises:
        KeyboardInterrupt: at the second Ctrl-C, wherever the program is.
    """
    asked = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        on_first()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set  # signals reach the main thread only; the caller has its own ways
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
