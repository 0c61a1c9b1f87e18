"""Lines that TensorFlow writes at each start do not appear; all others do."""

from __future__ import annotations

import os

import pytest

from facesearch.models import native_logs
from facesearch.models.native_logs import hide_start_up_logs, start_up_logs_hidden

NOISE = b"""WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795535926.968452   31129 cudart_stub.cc:31] Could not find cuda drivers
E0000 00:00:1795535967.923204   31268 cuda_platform.cc:52] failed call to cuInit: INTERNAL
"""
REST = b"""E0000 00:00:1795535967.923204   31268 allocator.cc:52] out of memory
facesearch: stopping
"""


@pytest.fixture(autouse=True)
def as_at_first(monkeypatch):
    monkeypatch.setattr(native_logs, "_wanted", False)


def test_a_library_leaves_stderr_alone(capfd):
    with start_up_logs_hidden():
        os.write(2, NOISE + REST)
        assert capfd.readouterr().err == (NOISE + REST).decode()


def test_a_program_keeps_the_noise_back(capfd):
    hide_start_up_logs()
    with start_up_logs_hidden():
        os.write(2, NOISE + REST)
    assert capfd.readouterr().err == REST.decode()


def test_what_was_written_before_an_error_is_shown(capfd):
    hide_start_up_logs()

    def fail():
        with start_up_logs_hidden():
            os.write(2, REST)
            raise OSError("of the library")

    with pytest.raises(OSError, match="of the library"):
        fail()
    assert capfd.readouterr().err == REST.decode()
    os.write(2, b"as before")
    assert capfd.readouterr().err == "as before"
