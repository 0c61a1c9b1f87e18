"""From a run to a model that searches: the same embeddings, framed alike, its rates measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_training import make_chips, small

from facesearch.errors import InvalidDataset, InvalidModelFile, InvalidValue, ModelError
from facesearch.models.base import Device
from facesearch.models.catalogue import embedder_spec
from facesearch.models.onnx import Runtime
from facesearch.models.templates import TemplateFamily
from facesearch.rates import measured_rates
from facesearch.training.dataset import ChipDataset
from facesearch.training.export import add_trained, export_run
from facesearch.training.folder import RunFolder
from facesearch.training.run import train

pytest.importorskip("tf2onnx", reason="exports take TensorFlow and tf2onnx")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models of the test's own."""
    monkeypatch.setenv("FACESEARCH_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(scope="module")
def pairs_run(by_person: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the siamese network, judged by strangers."""
    out = tmp_path_factory.mktemp("pairs") / "run"
    train(small("siamese-densenet", "epochs=1"), by_person, out, device=Device.CPU)
    return out


@pytest.fixture(scope="module")
def people_run(by_photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of deepface, of two outputs and layers of our own, in mixed precision."""
    out = tmp_path_factory.mktemp("people") / "run"
    config = small("deepface", "epochs=1", "batch_size=16", "mixed_precision=true")
    train(config, by_photo, out, device=Device.CPU)
    return out


def embedded(run: Path, chips: Any) -> Any:
    """What the network of a run says of chips, of unit length, by Keras itself."""
    import tf_keras

    from facesearch.training.recipes import layers  # noqa: F401  (registers them with Keras)

    model = tf_keras.models.load_model(str(run / "best.keras"), compile=False)
    found = model.predict(chips, verbose=0)
    vectors = found[-1] if isinstance(found, list) else found
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("which", ["pairs", "people"])
def test_an_added_network_embeds_as_it_was_trained(which: str, request: pytest.FixtureRequest):
    run: Path = request.getfixturevalue(f"{which}_run")
    dataset = ChipDataset.open(RunFolder.open(run).standing().dataset)
    chips, _ = dataset.arrays("validation", 8)
    told: list[str] = []

    added = add_trained("mine", run, licence="ours", on_progress=lambda what, *_: told.append(what))

    spec = embedder_spec("mine")
    embedder = spec.load(Runtime.on(Device.CPU))
    assert np.abs(embedder.embed(chips[:, None]) - embedded(run, chips)).max() < 1e-4
    assert added.export.max_difference < 1e-4
    assert added.export.chips == min(64, dataset.count("validation"))
    assert (spec.licence, embedder.template.name) == ("ours", "arcface-32")
    assert told[0] == "exporting to ONNX"


def test_rates_are_measured_on_strangers(pairs_run: Path):
    added = add_trained("mine", pairs_run)

    assert added.rates is not None
    assert added.why_no_rates == ""
    rates = measured_rates(embedder_spec("mine").space)
    assert rates.provenance == added.rates.rates.provenance
    assert rates.provenance.people == 8
    assert "was not trained on" in rates.provenance.source
    assert any("rates measured with 8 people may be off" in warning for warning in added.warnings)


def test_rates_of_people_who_were_trained_on_are_marked(tmp_path: Path):
    chips = make_chips(tmp_path, people=8, photos=12)
    config = small("siamese-densenet", "epochs=1")
    report = train(config, chips, tmp_path / "run", device=Device.CPU)
    assert "were trained on" in report.warnings[0]

    added = add_trained("mine", tmp_path / "run")

    assert added.rates is not None
    assert "rates for strangers are higher" in added.rates.rates.provenance.source
    assert any("flatter it" in warning for warning in added.warnings)


def test_too_few_people_give_no_rates_and_a_reason(people_run: Path):
    added = add_trained("mine", people_run)

    assert added.rates is None
    assert "too few photos to measure rates with" in added.why_no_rates
    assert embedder_spec("mine").dimension == 41


def test_chips_that_the_network_says_nothing_of_are_told(tmp_path: Path):
    """Rectified units may all be 0: here those of chips that give small numbers before them."""
    import tf_keras

    place, run = make_chips(tmp_path, people=8, photos=12), tmp_path / "run"
    train(small("convnet", "epochs=1"), place, run, device=Device.CPU)
    model = tf_keras.models.load_model(str(run / "best.keras"), compile=False)
    chips, _ = ChipDataset.open(place).arrays("validation")
    before = tf_keras.Model(model.input, model.get_layer("flat").output)
    hidden = model.get_layer("hidden")
    kernel = np.random.default_rng(1).uniform(0.5, 1.5, hidden.get_weights()[0].shape)
    given = before.predict(chips, verbose=0) @ kernel
    line = np.quantile(given, 0.1, axis=0)
    hidden.set_weights([kernel, -line])
    model.save(str(run / "best.keras"), save_format="keras")
    silent = int((given <= line).all(axis=1).sum())
    assert 0 < silent < len(chips)

    added = add_trained("mine", run)

    assert added.export.silent == silent
    assert any(f"it says nothing of {silent} of 48 chips" in each for each in added.warnings)
    assert "too few photos to measure rates with" in added.why_no_rates  # of these none were taken


def test_a_run_whose_dataset_is_gone_is_added_without_rates(
    pairs_run: Path, by_person: Path, by_photo: Path, tmp_path: Path
):
    run = Path(shutil.copytree(pairs_run, tmp_path / "run"))
    state = run / "state.json"
    state.write_text(state.read_text().replace(str(by_person), str(tmp_path / "gone")))

    added = add_trained("mine", run)
    assert added.rates is None
    assert f"which is not at {tmp_path / 'gone'} any more" in added.why_no_rates
    assert "name its place with --dataset" in added.why_no_rates
    assert added.export.chips == 10

    with pytest.raises(ModelError, match="there is a model 'mine' already"):
        add_trained("mine", run)
    with pytest.raises(InvalidDataset, match="is another dataset"):
        add_trained("mine", run, replace=True, dataset=by_photo)
    assert add_trained("mine", run, replace=True, dataset=by_person).rates is not None


def test_files_take_chips_as_they_are(pairs_run: Path, by_person: Path, tmp_path: Path):
    import tf_keras

    chips, _ = ChipDataset.open(by_person).arrays("validation", 3)
    expected = embedded(pairs_run, chips)
    report = export_run(pairs_run, tmp_path / "mine.onnx")
    (found,) = Runtime.on(Device.CPU).load("mine", report.path.read_bytes()).run(chips)
    written = export_run(pairs_run, tmp_path / "mine.keras")
    model = tf_keras.models.load_model(str(written.path), compile=False)

    for vectors in (found, model.predict(chips, verbose=0)):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        assert np.abs(unit - expected).max() < 1e-4
    assert report.dimension == written.dimension == 4
    with pytest.raises(InvalidValue, match=r"ends in \.onnx or \.keras"):
        export_run(pairs_run, tmp_path / "mine.h5")


def test_what_has_no_network_yet_cannot_be_added(by_photo: Path, people_run: Path, tmp_path: Path):
    with pytest.raises(InvalidValue, match="holds no run"):
        add_trained("mine", tmp_path)
    run = Path(shutil.copytree(people_run, tmp_path / "run"))
    state = run / "state.json"
    finished = json.loads(state.read_text())

    def stands(**parts: Any) -> None:
        state.write_text(json.dumps(finished | parts))

    stands(status="stopped")
    with pytest.raises(InvalidModelFile, match="scaled at its end: go on with it by --resume"):
        add_trained("mine", run)
    (run / "best.keras").unlink()
    stands(status="stopped", best=None)
    with pytest.raises(InvalidModelFile, match=r"no epoch of .* is finished: go on with it by"):
        add_trained("mine", run)
    stands(status="failed", best=None, why="the loss became NaN")
    with pytest.raises(InvalidModelFile, match="the run failed, since the loss became NaN"):
        add_trained("mine", run)


def test_a_network_that_was_deleted_is_put_back(people_run: Path, by_photo: Path, tmp_path: Path):
    run = Path(shutil.copytree(people_run, tmp_path / "run"))
    (run / "best.keras").unlink()
    with pytest.raises(InvalidModelFile, match="--resume puts it back"):
        add_trained("mine", run)
    config = small("deepface", "epochs=1", "batch_size=16", "mixed_precision=true")
    train(config, by_photo, run, resume=True, device=Device.CPU)
    assert add_trained("mine", run).export.dimension == 41


def test_chips_that_nobody_framed_ask_for_a_template(by_photo: Path, tmp_path: Path, people_run):
    run = Path(shutil.copytree(people_run, tmp_path / "run"))
    manifest = run / "dataset.json"
    text = manifest.read_text()
    start, end = text.index('"template": {'), text.index('"storage"')
    manifest.write_text(text[:start] + '"template": null,\n ' + text[end:])

    with pytest.raises(InvalidValue, match="state it with --template"):
        add_trained("mine", run)
    added = add_trained("mine", run, template=TemplateFamily.DLIB)
    assert ":dlib-32" in embedder_spec("mine").space
    assert added.export.dimension == 41


def test_a_template_other_than_that_of_the_chips_is_refused(people_run: Path):
    with pytest.raises(InvalidValue, match=r"framed as arcface has it.* leave --template dlib out"):
        add_trained("mine", people_run, template=TemplateFamily.DLIB)
    added = add_trained("mine", people_run, template=TemplateFamily.ARCFACE)
    assert added.added.report.problem is not None
    assert "more epochs" in added.added.report.problem
