"""What a measure works with: the contenders, the photos, the effort, and where to note results."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Contender, Environments
from benchmarks.data import Data
from benchmarks.figures import Figure
from benchmarks.processes import Worker
from benchmarks.records import Measured, Recorder, Sample, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured. Every number can be set with ``--set NAME=NUMBER``.

    Attributes:
        repetitions: rounds in which each contender is measured once, one after the other.
        chips: aligned faces that are embedded in one repetition.
        detection_photos: LFW photos searched for faces in one repetition.
        detection_large_photos: photos of 1024 px, likewise.
        agreement_photos: LFW photos on which the faces found are compared.
        agreement_large_photos: full-size photos, likewise.
        index_photos: LFW photos that facesearch indexes.
        index_slow_photos: of these, how many slower contenders index; the rest is extrapolated.
        index_repetitions: rounds with these photos.
        large_photos: photos of 12 megapixels that facesearch indexes.
        large_slow_photos: of these, how many slower contenders index.
        large_repetitions: rounds with photos of 12 megapixels.
        limit_photos: photos on which the pipeline is compared with its parts.
        library_photos: LFW photos of the big library; 0 means all.
        cold_repetitions: rounds of short-lived processes.
        folds: folds of LFW's View 2, of ten; at least 2.
        fold_pairs: genuine pairs of each fold, of 300, and as many impostor pairs.
        deepface_folds: folds that DeepFace judges too; it needs minutes for each.
        model_faces: chips that a DeepFace model embeds in one repetition, a multiple of 32.
        model_photos: LFW photos that are indexed with a DeepFace model.
        model_slow_photos: of these, how many DeepFace itself indexes.
        model_folds: folds that dlib's own library judges, of ten; at least 2.
        reindex_photos: LFW photos that are gone over to another model; 0 means all.
        training_seeds: how often each network is trained, and judged, from another seed.
        training_epochs: at most, of networks that would go on longer; 0 for as they say.
        search_photos: LFW photos that are searched with a network of one's own.
        search_queries: photos that are asked with.
    """

    repetitions: int = 5
    chips: int = 128
    detection_photos: int = 100
    detection_large_photos: int = 40
    agreement_photos: int = 500
    agreement_large_photos: int = 100
    index_photos: int = 2000
    index_slow_photos: int = 150
    index_repetitions: int = 3
    large_photos: int = 100
    large_slow_photos: int = 4
    large_repetitions: int = 2
    limit_photos: int = 300
    library_photos: int = 0
    cold_repetitions: int = 9
    folds: int = 10
    fold_pairs: int = 300
    deepface_folds: int = 10
    model_faces: int = 256
    model_photos: int = 500
    model_slow_photos: int = 100
    model_folds: int = 10
    reindex_photos: int = 0
    training_seeds: int = 3
    training_epochs: int = 0
    search_photos: int = 2000
    search_queries: int = 200


QUICK = Effort(
    repetitions=2,
    chips=64,
    detection_photos=10,
    detection_large_photos=3,
    agreement_photos=10,
    agreement_large_photos=3,
    index_photos=20,
    index_slow_photos=10,
    index_repetitions=2,
    large_photos=4,
    large_slow_photos=1,
    large_repetitions=1,
    limit_photos=20,
    library_photos=50,
    cold_repetitions=2,
    folds=2,
    fold_pairs=5,
    deepface_folds=2,
    model_faces=32,
    model_photos=20,
    model_slow_photos=10,
    model_folds=2,
    reindex_photos=50,
    training_seeds=1,
    training_epochs=1,
    search_photos=60,
    search_queries=5,
)


class Bench:
    """One run's surroundings, handed to every measure.

    Attributes:
        data: the photos.
        effort: how much to measure.
        work: a folder for whatever is made on the way; it is deleted after the run.
        cache: a folder for what is dear to make and stays true: encodings of the contenders.
    """

    def __init__(
        self,
        *,
        environments: Environments,
        data: Data,
        effort: Effort,
        recorder: Recorder,
        work: Path,
        cache: Path,
        say: Callable[[str], None],
    ) -> None:
        self.environments = environments
        self.data = data
        self.effort = effort
        self.work = work
        self.cache = cache
        self.say = say
        self._recorder = recorder
        self._described: dict[Contender, Values] = {}

    def environment(self, contender: Contender) -> dict[str, str]:
        """Variables for a contender's processes: it keeps its files in the work folder."""
        match contender:
            case Contender.FACESEARCH:
                return {
                    "FACESEARCH_CACHE": str(self.work / "facesearch-cache"),
                    "FACESEARCH_MODELS": str(self.work / "facesearch-models"),
                }
            case Contender.DEEPFACE:
                return {"DEEPFACE_HOME": str(self.work / "deepface"), "TF_CPP_MIN_LOG_LEVEL": "2"}
            case Contender.MTCNN:
                return {"TF_CPP_MIN_LOG_LEVEL": "2"}
            case _:
                return {}

    @contextlib.contextmanager
    def worker(self, contender: Contender, script: str = "runner.py") -> Iterator[Worker]:
        """A contender's runner script, ready for calls."""
        python = self.environments.python(contender)
        runner = contender.folder / script
        with Worker(python, runner, self.environment(contender)) as worker:
            yield worker

    def versions(self, contender: Contender) -> Values:
        """Python's version and those of the contender's packages; noted when first asked for."""
        if contender not in self._described:
            with self.worker(contender) as worker:
                self._described[contender] = worker.call("describe")
            self._recorder.contender(contender.value, self._described[contender])
        return self._described[contender]

    def note(
        self,
        measure: str,
        contender: str,
        values: Values,
        *,
        way: str = "",
        case: str = "",
        repetition: int = 0,
        trial: bool = False,
    ) -> None:
        """Write one repetition to the raw results."""
        self._recorder.sample(Sample(measure, contender, way, case, repetition, trial, values))

    def started(self, measure: str) -> None:
        """Note that a measure begins, and how busy the machine is."""
        self._recorder.load(measure, os.getloadavg())

    def finished(self, measure: str) -> None:
        """Note that a measure came to its end."""
        self._recorder.load(measure, os.getloadavg())
        self._recorder.done(measure)

    def folder_of(self, name: str, photos: Sequence[Path]) -> Path:
        """A folder with copies of photos, in the work folder, made once, all in the page cache."""
        folder = self.work / name
        if not folder.exists():
            folder.mkdir()
            for photo in photos:
                shutil.copyfile(photo, folder / photo.name)
        return folder


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is measured: by `run`, which notes samples, and told by `figures`.

    Attributes:
        name: for ``--only``, and in the raw results.
        title: a heading of the report.
        method: how it was measured, for the report; one paragraph of Markdown.
        contenders: whose environments it needs.
        missing: why it cannot be made with this data; "" where it can.
        run: measures.
        figures: turns the samples of a complete run into figures.
    """

    name: str
    title: str
    method: str
    contenders: tuple[Contender, ...]
    missing: Callable[[Data], str]
    run: Callable[[Bench], None]
    figures: Callable[[Measured], list[Figure]]


def needs(**parts: Callable[[Data], Sequence[object]]) -> Callable[[Data], str]:
    """A check that the named parts of the data are not empty."""

    def missing(data: Data) -> str:
        absent = [name for name, part in parts.items() if not part(data)]
        return f"no {' and no '.join(absent)} photos in the data folder" if absent else ""

    return missing


def fastest(trials: Mapping[str, float]) -> str:
    """The way with the fewest seconds."""
    return min(trials, key=lambda way: trials[way])


def paired_ratios(
    ours: Sequence[Sample], theirs: Sequence[Sample], value: str
) -> tuple[float, float]:
    """The smallest and largest ratio theirs / ours between samples of one repetition."""
    by_repetition = {sample.repetition: sample for sample in ours}
    ratios = [
        sample.values[value] / by_repetition[sample.repetition].values[value]
        for sample in theirs
        if sample.repetition in by_repetition
    ]
    return min(ratios), max(ratios)
