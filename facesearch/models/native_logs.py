"""What libraries write to stderr past Python while they start, kept from people who run a program.

In: nothing. Out: a context in which the lines that TensorFlow writes at each start, whatever
its log level says, do not appear. Only a program of our own asks for it: file descriptor 2
belongs to the whole process, and a library must not touch it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

# absl's lines before its logging is set up: "I0000 00:00:1795535926.96 1234 port.cc:153] ...".
# Errors stay, but for the one that tells a machine without a GPU that it has none.
_NOISE = re.compile(
    rb"(WARNING: All log messages before absl::InitializeLog|[IW]0000 00:00:|"
    rb"E0000 00:00:\S+\s+\d+ cuda_\w+\.cc:\d+\] failed call to cuInit)"
)
_wanted = False


def hide_start_up_logs() -> None:
    """Let contexts work from now on; for the program `facesearch`, when it starts."""
    global _wanted
    _wanted = True


@contextmanager
def start_up_logs_hidden() -> Iterator[bool]:
    """Hold back what is written to stderr meanwhile, and write it at the end without the noise.

    Does nothing, and says so by False, unless `hide_start_up_logs` was called.
    """
    if not _wanted:
        yield False
        return
    import tempfile  # which every other start of the program can do without

    with tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield True
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            kept = b"".join(line for line in held if not _NOISE.match(line))
            while kept:
                kept = kept[os.write(2, kept) :]
