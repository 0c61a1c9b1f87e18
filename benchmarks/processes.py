"""Other people's programs: as workers that answer calls, or from their start to their end.

Comes in: an interpreter and a script, or a command. Goes out: answers, or wall time,
processor time and peak memory.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent


class BenchmarkError(Exception):
    """A measurement that cannot be made; the message says what to do."""


def surroundings(more: Mapping[str, str] | None) -> dict[str, str]:
    """The environment of a contender's process: ours and more, relative import paths made whole."""
    environment = {**os.environ, **(more or {})}
    if "PYTHONPATH" in environment:
        entries = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, filter(None, entries)))
    return environment


# Where contenders' processes run: `python -c` imports from its working folder first, and
# that must not be a checkout.
NOWHERE = HERE.anchor


class Worker:
    """One contender's runner script, loaded once, answering calls.

    Raises:
        BenchmarkError: a call failed in the contender; the message has its traceback.
    """

    def __init__(self, python: Path, runner: Path, environment: Mapping[str, str] | None = None):
        self._runner = runner
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            [str(python), str(HERE / "worker.py"), str(runner)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            text=True,
            encoding="utf-8",
            env=surroundings(environment),
            cwd=NOWHERE,
        )

    def call(self, function: str, **arguments: Any) -> Any:
        """The answer of one function of the runner script."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise BenchmarkError(f"{self._runner} has no pipes")
        request = json.dumps({"call": function, "args": arguments})
        try:
            stdin.write(request + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise BenchmarkError(f"{self._runner} ended during {function}():\n{self._said()}")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(f"{self._runner}: {function}() failed:\n{answer['error']}")
        return answer["value"]

    def _said(self) -> str:
        self._noise.seek(0)
        return self._noise.read()[-4000:].decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._noise.close()


@dataclass(frozen=True, slots=True)
class Finished:
    """A process from its start to its end.

    Attributes:
        seconds: wall time.
        cpu_seconds: time on all cores, with that of children it waited for.
        peak_bytes: largest resident memory of the process, or of a child it waited for.
        started: when, on the system's monotonic clock.
        output: what it wrote to standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    started: float
    output: str


def run_process(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 14_400,
    kill_when: Callable[[], bool] | None = None,
) -> Finished:
    """Run a program and time it.

    Args:
        kill_when: it is killed as soon as this is true, and has to be.

    Raises:
        BenchmarkError: it ended with an error, or before it was killed; the message has what it
            said.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as noise:
        began = time.monotonic()
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=noise,
            env=surroundings(environment),
            cwd=NOWHERE,
        )
        expected = 0 if kill_when is None else -signal.SIGKILL
        if kill_when is not None:
            threading.Thread(target=_kill, args=(process, kill_when), daemon=True).start()
        try:
            usage = _wait(process, began + timeout_s)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.monotonic() - began
        out.seek(0)
        noise.seek(0)
        if process.returncode != expected:
            said = noise.read()[-4000:].decode(errors="replace")
            shown = " ".join(command)
            raise BenchmarkError(f"exit code {process.returncode} from {shown}\n{said}")
        output = out.read().decode(errors="replace")
    cpu_seconds, peak_bytes = usage
    return Finished(seconds, cpu_seconds, peak_bytes, began, output)


def _kill(process: subprocess.Popen[bytes], when: Callable[[], bool]) -> None:
    while process.returncode is None:
        if when():
            process.kill()
            return
        time.sleep(0.02)


def _wait(process: subprocess.Popen[bytes], deadline: float) -> tuple[float, int]:
    """CPU seconds and peak bytes of a process, when it has ended."""
    if not hasattr(os, "wait4"):
        process.wait(timeout=deadline - time.monotonic())
        return 0.0, 0

    # A blocking wait has no time limit of its own, and polling would blur short times.
    def give_up(*_: object) -> None:
        raise BenchmarkError(f"gave up waiting for {process.args!r}")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 0.001))
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit
