"""Workers between two bounded queues: tasks in, results with embeddings out.

In: tasks one by one, and what cuts chips for one of them. Out: results in the order they get
ready. What a task is (a file that the walk found, a photo of the library) the caller knows.

Each worker does whatever lies farthest downstream: when enough chips wait, it embeds a
batch; else it takes the next task and cuts its chips. So all cores stay busy whether photos
hold no face or forty, no core has two threads, chips from many photos share a batch, and
what waits in between stays small:

    tasks (bounded) -> cut -> chips (bounded) -> embed -> results (bounded)
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Self, TypeVar

import numpy as np

from facesearch.models.base import Embedder
from facesearch.models.embedding import embed_faces
from facesearch.values import ByteArray, Embedding

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

RESULTS_WAITING = 512
"""Results that may wait for the caller before the workers pause."""


@dataclass(slots=True, eq=False)
class Cut(Generic[_Result]):
    """The chips of one task, waiting to be embedded.

    Attributes:
        chips: uint8 (n, views, size, size, 3), n at least 1.
        finish: makes the task's result of their embeddings; None for a face that the
            embedder says nothing of.
        since: when they were cut, by `time.monotonic`.
        embeddings: fills up as batches are done.
        missing: how many are not there yet.
    """

    chips: ByteArray
    finish: Callable[[tuple[Embedding | None, ...]], _Result]
    since: float = field(default_factory=time.monotonic)
    embeddings: list[Embedding | None] = field(init=False)
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.missing = len(self.chips)
        self.embeddings = [None] * self.missing

    def result(self) -> _Result:
        """The result, once all embeddings are there."""
        return self.finish(tuple(self.embeddings))


class Budget:
    """Lets threads share a number of bytes; whoever wants more than all of it waits for all."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._changed = threading.Condition()

    def take(self, wanted: int) -> int:
        """Wait until as many are free; returns what to give back."""
        wanted = min(wanted, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        return wanted

    def give_back(self, taken: int) -> None:
        """Let others have them."""
        with self._changed:
            self._free += taken
            self._changed.notify_all()


class Workers(Generic[_Task, _Result]):
    """Works on tasks on several threads. Use in a `with`; leaving it stops the threads.

    Args:
        tasks: what to work on; consumed from a thread of its own.
        cut: turns a task into chips, or into a result where there is nothing to embed;
            called from the workers.
        embedder: called from a worker when there are chips.
        workers: threads that compute, at least 1.
        embed_batch: says how many chips are embedded at a time; asked once some wait.
        embed_after_s: chips that waited so long are embedded though they fill no batch, so
            that a run which is killed loses little where faces are few.
        tasks_ahead: tasks that may wait for the workers.
        results_waiting: results that may wait for the caller.
    """

    def __init__(
        self,
        tasks: Iterator[_Task],
        cut: Callable[[_Task], Cut[_Result] | _Result],
        *,
        embedder: Callable[[], Embedder],
        workers: int,
        embed_batch: Callable[[], int],
        embed_after_s: float = 2.0,
        tasks_ahead: int = 50_000,
        results_waiting: int = RESULTS_WAITING,
    ) -> None:
        self._tasks = tasks
        self._cut = cut
        self._embedder = embedder
        self._embed_batch = embed_batch
        self._embed_after_s = embed_after_s
        self._tasks_ahead = tasks_ahead
        self._state = threading.Condition()
        self._found: deque[_Task] = deque()
        self._walked = False
        self._found_count = 0
        self._chips: deque[tuple[Cut[_Result], int]] = deque()
        self._cutting = 0
        self._stopped = False
        self._failure: BaseException | None = None
        # The end is a mark of its own: a result may be anything.
        self._results: queue.Queue[tuple[_Result] | None] = queue.Queue(results_waiting)
        self._workers = self._active = workers
        self._threads = [threading.Thread(target=self._walk, name="facesearch-walk", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, name=f"facesearch-worker-{n}", daemon=True)
            for n in range(workers)
        ]

    def __enter__(self) -> Self:
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:  # such as no room for one more thread
            self._join()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._join()

    def _join(self) -> None:
        """Stop, and wait until all threads have ended."""
        self.stop()
        while any(thread.is_alive() for thread in self._threads):
            try:  # a worker may be waiting to hand over its last result
                self._results.get(timeout=0.05)
            except queue.Empty:
                continue

    @property
    def total(self) -> int | None:
        """Tasks in all; None while they are still being found."""
        with self._state:
            return self._found_count if self._walked else None

    def stop(self) -> None:
        """Start nothing new. Tasks whose chips were not all embedded are dropped."""
        with self._state:
            self._stopped = True
            self._state.notify_all()

    def results(self, poll: Callable[[], None], *, every_s: float = 0.1) -> Iterator[_Result]:
        """Results as they get ready, until all tasks are done or the workers are stopped.

        Args:
            poll: called about every `every_s` seconds, also while nothing gets ready.

        Raises:
            Whatever the iterator of tasks, `cut` or a model raised on its thread.
        """
        while True:
            try:
                result = self._results.get(timeout=every_s)
            except queue.Empty:
                poll()
                continue
            if result is None:
                break
            yield result[0]
            poll()
        if self._failure is not None:
            raise self._failure

    def _walk(self) -> None:
        try:
            for task in self._tasks:
                with self._state:
                    self._state.wait_for(
                        lambda: self._stopped or len(self._found) < self._tasks_ahead
                    )
                    if self._stopped:
                        break
                    self._found.append(task)
                    self._found_count += 1
                    self._state.notify()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._fail(error)
        with self._state:
            self._walked = True
            self._state.notify_all()

    def _work(self) -> None:
        try:
            while (job := self._next_job()) is not None:
                job()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._fail(error)
        with self._state:
            self._active -= 1
            last = self._active == 0
        if last:
            self._results.put(None)

    def _fail(self, error: BaseException) -> None:
        with self._state:
            if self._failure is None:
                self._failure = error
            self._stopped = True
            self._state.notify_all()

    def _next_job(self) -> Callable[[], None] | None:
        """The work farthest downstream; None when there is no more."""
        with self._state:
            while not self._stopped:
                waiting = len(self._chips)
                batch = self._embed_batch() if waiting else 1
                nothing_upstream = self._walked and not self._found and self._cutting == 0
                left_s = None
                if waiting:
                    left_s = self._chips[0][0].since + self._embed_after_s - time.monotonic()
                is_due = nothing_upstream or (left_s is not None and left_s <= 0)
                if waiting >= batch or (waiting and is_due):
                    # The last chips are shared out: nobody shall wait for one full batch.
                    share = math.ceil(waiting / self._workers) if nothing_upstream else waiting
                    chips = [self._chips.popleft() for _ in range(min(batch, share))]
                    return lambda: self._embed(chips)
                if self._found:
                    task = self._found.popleft()
                    self._cutting += 1
                    self._state.notify_all()
                    return lambda: self._begin(task)
                if nothing_upstream:
                    return None
                self._state.wait(left_s)
            return None

    def _begin(self, task: _Task) -> None:
        begun = self._cut(task)
        with self._state:
            if isinstance(begun, Cut):
                self._chips.extend((begun, row) for row in range(begun.missing))
            self._cutting -= 1
            self._state.notify_all()
        if not isinstance(begun, Cut):
            self._results.put((begun,))

    def _embed(self, chips: list[tuple[Cut[_Result], int]]) -> None:
        embedder = self._embedder()
        embedded = embed_faces(np.stack([cut.chips[row] for cut, row in chips]), embedder)
        done = []
        with self._state:
            for (cut, row), embedding in zip(chips, embedded, strict=True):
                cut.embeddings[row] = embedding
                cut.missing -= 1
                if cut.missing == 0:
                    done.append(cut)
        for cut in done:
            self._results.put((cut.result(),))
