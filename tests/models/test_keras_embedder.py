"""Any file that Keras writes as an embedder, and which files are refused and why."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="Keras networks run on TensorFlow")
pytest.importorskip("tf_keras", reason="networks of Keras 2 need tf-keras")

import h5py
import keras
import keras_nets as nets
import skimage.data
import tf_keras

from facesearch.errors import InvalidModelFile, InvalidValue, ModelError
from facesearch.models.base import Device
from facesearch.models.keras_embedder import KerasEmbedder, inspect_keras
from facesearch.models.keras_files import KerasFormat
from facesearch.models.preprocessing import Channels, Layout, Number, Preprocessing
from facesearch.models.templates import TemplateFamily, template
from facesearch.models.tensorflow import TensorFlowRuntime
from facesearch.values import Image, Landmarks, Size

SIDE = nets.SIDE_PX
FED = Preprocessing(
    width_px=SIDE,
    height_px=SIDE,
    channels=Channels.BGR,
    layout=Layout.NHWC,
    mean=(127.5, 120.0, 110.0),
    scale=(1 / 128, 1 / 127, 1 / 126),
)
FORMATS = ("two.keras", "two.h5", "two-saved", "three.keras", "three.h5", "three-saved")


@pytest.fixture(scope="module")
def runtime() -> TensorFlowRuntime:
    return TensorFlowRuntime.on(Device.CPU)


@pytest.fixture(scope="module")
def chips() -> np.ndarray:
    """Twelve pieces of a photograph, one view each."""
    photo = skimage.data.astronaut()
    return np.stack([photo[at : at + SIDE, at : at + SIDE] for at in range(40, 400, 32)])[:, None]


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {"two": nets.embedder(tf_keras), "three": nets.embedder(keras, local=False)}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, models: dict[str, Any]) -> Path:
    """The folder in which both networks lie in every format."""
    folder = tmp_path_factory.mktemp("keras")
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
    models["two"].save(folder / "two-saved", save_format="tf")
    models["three"].export(folder / "three-saved", verbose=False)
    nets.classifier(tf_keras).save(folder / "classifier.keras")
    return folder


def loaded(runtime: TensorFlowRuntime, path: Path, **changed: Any) -> KerasEmbedder:
    given: dict[str, Any] = {
        "name": "mine",
        "preprocessing": FED,
        "template": template(TemplateFamily.ARCFACE, SIDE),
        "space": "mine@1:arcface",
        "dimension": nets.DIMENSION,
    }
    return KerasEmbedder(runtime, path, **{**given, **changed})


# Files of every format


@pytest.mark.parametrize("file", FORMATS)
def test_a_file_of_any_format_embeds_as_its_model_does(
    runtime: TensorFlowRuntime, files: Path, models: dict[str, Any], chips: np.ndarray, file: str
):
    embedder = loaded(runtime, files / file)
    said = models[file.partition("-")[0].partition(".")[0]].predict_on_batch(FED.apply(chips[:, 0]))
    np.testing.assert_allclose(embedder.describe(chips[:, 0]), said, rtol=1e-4, atol=1e-5)
    found = embedder.embed(chips)
    assert found.dtype == np.float32
    expected = said / np.linalg.norm(said, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (embedder.space, embedder.dimension, embedder.views) == ("mine@1:arcface", 16, 1)


@pytest.mark.parametrize("file", FORMATS)
def test_a_file_tells_what_it_takes_and_gives(files: Path, file: str):
    facts = inspect_keras(files / file)
    saved = file.endswith("saved")
    by_suffix = {"": KerasFormat.SAVED_MODEL, ".keras": KerasFormat.KERAS, ".h5": KerasFormat.H5}
    assert facts.format is by_suffix[Path(file).suffix]
    assert facts.input_shape == (SIDE, SIDE, 3)
    assert (facts.dtype, facts.dimension, len(facts.outputs)) == ("float32", nets.DIMENSION, 1)
    assert (facts.is_classifier, facts.embedding_layer) == (False, None)
    local = ("local",) if file.startswith("two") else ()
    layers = ("pictures", "conv", "norm", "bent", *local, "flat", "embedding")
    assert facts.layers == (() if saved else layers)
    wrote = tf_keras.__version__ if file.startswith("two") else keras.__version__
    assert facts.version == (None if saved else wrote)


def test_the_format_is_told_by_the_bytes_not_the_name(
    runtime: TensorFlowRuntime, files: Path, tmp_path: Path, chips: np.ndarray
):
    renamed = shutil.copy(files / "two.h5", tmp_path / "weights.hdf5")
    expected = loaded(runtime, files / "two.h5").embed(chips)
    np.testing.assert_allclose(loaded(runtime, renamed).embed(chips), expected, atol=1e-6)


def test_dimension_and_size_may_be_left_open(
    runtime: TensorFlowRuntime, tmp_path: Path, chips: np.ndarray
):
    path = tmp_path / "open.keras"
    nets.embedder(tf_keras, local=False, side=None).save(path)
    facts = inspect_keras(path)
    assert (facts.input_shape, facts.dimension) == ((None, None, 3), nets.DIMENSION)
    embedder = loaded(runtime, path, dimension=None)
    assert embedder.dimension == nets.DIMENSION
    assert embedder.embed(chips).shape == (len(chips), nets.DIMENSION)


def test_a_face_is_cut_by_the_template(runtime: TensorFlowRuntime, files: Path):
    embedder = loaded(runtime, files / "two.keras")
    image = Image(skimage.data.astronaut(), Size(512, 512))
    points = np.array([[205, 110], [245, 110], [225, 135], [208, 155], [243, 155]], np.float32)
    chips = embedder.cut(image, Landmarks(points))
    assert (chips.shape, chips.dtype) == ((1, SIDE, SIDE, 3), np.uint8)
    np.testing.assert_array_equal(chips[0], embedder.template.cut(image, Landmarks(points)))


def test_no_faces_give_no_embeddings(runtime: TensorFlowRuntime, files: Path, chips: np.ndarray):
    assert loaded(runtime, files / "two.keras").embed(chips[:0]).shape == (0, nets.DIMENSION)


# Outputs and layers


def test_a_classifier_is_told_by_its_shares_and_its_last_layer_before_is_offered(files: Path):
    facts = inspect_keras(files / "classifier.keras")
    assert (facts.dimension, facts.is_classifier) == (nets.CLASSES, True)
    assert facts.embedding_layer == "embedding"


def test_the_layer_before_the_classes_embeds(
    runtime: TensorFlowRuntime, files: Path, chips: np.ndarray
):
    embedder = loaded(runtime, files / "classifier.keras", output="embedding")
    model = tf_keras.models.load_model(files / "classifier.keras")
    inner = tf_keras.Model(model.inputs, model.get_layer("embedding").output)
    expected = inner.predict_on_batch(FED.apply(chips[:, 0]))
    np.testing.assert_allclose(embedder.describe(chips[:, 0]), expected, rtol=1e-4, atol=1e-5)


def test_a_layer_of_keras_3_embeds(runtime: TensorFlowRuntime, tmp_path: Path, chips: np.ndarray):
    model = nets.classifier(keras)
    model.save(tmp_path / "classifier.keras")
    assert inspect_keras(tmp_path / "classifier.keras").embedding_layer == "embedding"
    embedder = loaded(runtime, tmp_path / "classifier.keras", output="embedding")
    expected = keras.Model(model.inputs, model.get_layer("embedding").output)
    said = expected.predict_on_batch(FED.apply(chips[:, 0]))
    np.testing.assert_allclose(embedder.describe(chips[:, 0]), said, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("file", ["both.keras", "both-saved"])
def test_of_several_outputs_one_is_named(
    runtime: TensorFlowRuntime, tmp_path: Path, chips: np.ndarray, file: str
):
    model = nets.two_outputs(tf_keras)
    saved = {"save_format": "tf"} if file.endswith("saved") else {}
    model.save(tmp_path / file, **saved)
    facts = inspect_keras(tmp_path / file)
    assert set(facts.outputs) == {"embedding", "classes"}
    assert (facts.dimension, facts.is_classifier) == (None, False)
    with pytest.raises(InvalidModelFile, match=r"2 outputs \(.*embedding.*\): name the one"):
        loaded(runtime, tmp_path / file)
    embedder = loaded(runtime, tmp_path / file, output="embedding")
    expected = model.predict_on_batch(FED.apply(chips[:, 0]))[0]
    np.testing.assert_allclose(embedder.describe(chips[:, 0]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("nothing", "no output or layer 'nothing', only: embedding, pictures, conv"),
        ("conv", r"'conv' of mine gives numbers of shape \(16, 16, 6\).*name the layer"),
    ],
)
def test_an_output_that_is_no_vector_is_refused(
    runtime: TensorFlowRuntime, files: Path, output: str, said: str
):
    with pytest.raises(InvalidModelFile, match=said):
        loaded(runtime, files / "two.keras", output=output)


# What does not fit together


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dimension": 128}, "gives 16 numbers a face, not 128"),
        ({"template": template(TemplateFamily.ARCFACE, 64)}, "chips of 32 px.*chips of 64 px"),
        (
            {
                "preprocessing": Preprocessing(width_px=48, height_px=48, layout=Layout.NHWC),
                "template": template(TemplateFamily.ARCFACE, 48),
            },
            r"takes pictures 32 x 32 px .*not 48 x 48 px",
        ),
        ({"preprocessing": Preprocessing(width_px=SIDE, height_px=SIDE)}, "layout nhwc"),
        (
            {
                "preprocessing": Preprocessing(
                    width_px=SIDE, height_px=SIDE, layout=Layout.NHWC, number=Number.UINT8
                )
            },
            "takes float32, not uint8",
        ),
    ],
)
def test_what_does_not_fit_the_network_is_refused(
    runtime: TensorFlowRuntime, files: Path, changed: dict[str, Any], said: str
):
    with pytest.raises(ModelError, match=said):
        loaded(runtime, files / "two.keras", **changed)


@pytest.mark.parametrize("shape", [(2, SIDE, SIDE, 3), (2, 2, SIDE, SIDE, 3), (2, 1, 9, 9, 3)])
def test_chips_of_another_embedder_are_refused(
    runtime: TensorFlowRuntime, files: Path, shape: tuple[int, ...]
):
    with pytest.raises(ModelError, match="cut them with this embedder"):
        loaded(runtime, files / "two.keras").embed(np.zeros(shape, np.uint8))


def test_chips_of_another_type_are_refused(runtime: TensorFlowRuntime, files: Path):
    with pytest.raises(InvalidValue, match="uint8"):
        loaded(runtime, files / "two.keras").embed(np.zeros((1, 1, SIDE, SIDE, 3), np.float32))


@pytest.mark.parametrize(("weight", "said"), [(np.nan, "not finite"), (0.0, "of 12 of 12 faces")])
def test_vectors_without_a_direction_are_an_error(
    runtime: TensorFlowRuntime, tmp_path: Path, chips: np.ndarray, weight: float, said: str
):
    model = nets.embedder(tf_keras)
    model.set_weights([np.full_like(w, weight) for w in model.get_weights()])
    model.save(tmp_path / "odd.h5")
    with pytest.raises(ModelError, match=said):
        loaded(runtime, tmp_path / "odd.h5").embed(chips)


def test_a_network_may_take_bytes(runtime: TensorFlowRuntime, tmp_path: Path, chips: np.ndarray):
    pictures = tf_keras.Input((SIDE, SIDE, 3), dtype="uint8")
    scaled = tf_keras.layers.Rescaling(1 / 255)(pictures)
    model = tf_keras.Model(pictures, nets.embedder(tf_keras)(scaled))
    model.save(tmp_path / "bytes.keras")
    assert inspect_keras(tmp_path / "bytes.keras").dtype == "uint8"
    plain = Preprocessing(width_px=SIDE, height_px=SIDE, layout=Layout.NHWC, number=Number.UINT8)
    embedder = loaded(runtime, tmp_path / "bytes.keras", preprocessing=plain)
    np.testing.assert_allclose(
        embedder.describe(chips[:, 0]), model.predict_on_batch(chips[:, 0]), rtol=1e-4, atol=1e-5
    )


# Files that are refused


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((SIDE, SIDE, 1), r"\(None, 32, 32, 1\).*colour pictures, channels last"),
        ((3, SIDE, SIDE), r"\(None, 3, 32, 32\).*colour pictures, channels last"),
        ((SIDE,), r"\(None, 32\).*colour pictures"),
    ],
)
def test_an_input_that_is_no_colour_picture_is_refused(
    tmp_path: Path, shape: tuple[int, ...], said: str
):
    nets.plain(tf_keras, tf_keras.layers.Flatten(), shape=shape).save(tmp_path / "odd.keras")
    with pytest.raises(InvalidModelFile, match=said):
        inspect_keras(tmp_path / "odd.keras")


@pytest.mark.parametrize("file", ["pair.keras", "pair.h5", "pair-saved"])
def test_two_inputs_are_refused(tmp_path: Path, file: str):
    saved = {"save_format": "tf"} if file.endswith("saved") else {}
    nets.two_inputs(tf_keras).save(tmp_path / file, **saved)
    with pytest.raises(InvalidModelFile, match=r"2 inputs \(left, right\).*one picture"):
        inspect_keras(tmp_path / file)


@pytest.mark.parametrize("file", ["only.h5", "only.weights.h5"])
def test_weights_without_the_network_are_refused(tmp_path: Path, file: str):
    nets.embedder(tf_keras).save_weights(tmp_path / file)
    with pytest.raises(InvalidModelFile, match=r"weights only.*model\.save"):
        inspect_keras(tmp_path / file)


@pytest.mark.parametrize("file", ["two.keras", "two.h5", "three.keras", "three.h5"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.97])
def test_a_file_that_was_cut_off_is_refused(files: Path, tmp_path: Path, file: str, kept: float):
    whole = (files / file).read_bytes()
    (tmp_path / file).write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(InvalidModelFile, match=r"damaged.*copy it again"):
        inspect_keras(tmp_path / file)


@pytest.mark.parametrize("part", ["saved_model.pb", "variables/variables.data-00000-of-00001"])
def test_a_saved_model_that_was_cut_off_is_refused(files: Path, tmp_path: Path, part: str):
    copy = shutil.copytree(files / "two-saved", tmp_path / "saved")
    whole = (copy / part).read_bytes()
    (copy / part).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidModelFile, match="damaged or cut off"):
        inspect_keras(copy)


def test_what_is_no_keras_file_is_refused(tmp_path: Path):
    (tmp_path / "photo.keras").write_bytes(b"\xff\xd8\xff\xe0 a photo")
    with pytest.raises(InvalidModelFile, match="no Keras model: it takes"):
        inspect_keras(tmp_path / "photo.keras")
    with pytest.raises(InvalidModelFile, match="no SavedModel"):
        inspect_keras(tmp_path)
    with pytest.raises(InvalidModelFile, match=r"cannot read .*No such file"):
        inspect_keras(tmp_path / "nowhere.h5")


def test_a_zip_file_without_a_network_is_refused(files: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as parts:
        parts.writestr("readme.txt", "no network")
    with pytest.raises(InvalidModelFile, match=r"damaged.*metadata\.json"):
        inspect_keras(tmp_path / "other.keras")
    shutil.copy(files / "two.keras", tmp_path / "two.zip")
    with pytest.raises(InvalidModelFile, match=r"a name that ends in \.keras"):
        inspect_keras(tmp_path / "two.zip")


def test_a_saved_model_that_cannot_be_called_is_refused(tmp_path: Path):
    import tensorflow as tf

    module = tf.Module()
    module.weight = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "mute"))
    with pytest.raises(InvalidModelFile, match="no signature 'serving_default'"):
        inspect_keras(tmp_path / "mute")


# Code in files


@pytest.mark.parametrize("library", [tf_keras, keras])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_lambda_layers_are_refused_and_never_run(tmp_path: Path, library: Any, suffix: str):
    trace = tmp_path / "it-ran"
    # In the file it is bytecode, which imports what it needs.
    evil = eval(f"lambda x: (__import__('pathlib').Path({str(trace)!r}).touch(), x)[1]")
    layers = library.layers
    nets.plain(library, layers.Lambda(evil, name="evil"), layers.Flatten()).save(
        tmp_path / f"evil.{suffix}"
    )
    trace.unlink()  # building it ran it
    with pytest.raises(InvalidModelFile, match=r"Python code \(a Lambda layer, 'evil'\)"):
        inspect_keras(tmp_path / f"evil.{suffix}")
    assert not trace.exists()


def rewritten(source: Path, target: Path, change: Any) -> Path:
    """A .keras or .h5 file with another description of its network."""
    if target.suffix == ".h5":
        shutil.copy(source.with_suffix(".h5"), target)
        with h5py.File(target, "r+") as file:
            description = json.loads(file.attrs["model_config"])
            change(description)
            file.attrs["model_config"] = json.dumps(description)
        return target
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for part in old.namelist():
            data = old.read(part)
            if part == "config.json":
                description = json.loads(data)
                change(description)
                data = json.dumps(description).encode()
            new.writestr(part, data)
    return target


def conv_of(description: dict[str, Any]) -> dict[str, Any]:
    return next(x for x in description["config"]["layers"] if x["class_name"] == "Conv2D")


FUNCTIONS = [
    {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
    {"module": "os", "class_name": "Popen", "config": {}, "registered_name": None},
    {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "exec"},
    {"module": "keras.utils", "class_name": "function", "config": "get_file"},
    {"module": "tf_keras.src.utils.data_utils", "class_name": "function", "config": "get_file"},
    {"module": "keras.layers.os", "class_name": "TFSMLayer", "config": {"filepath": "there"}},
    {"class_name": "__lambda__", "config": {"value": ["4wEAAA", None, None]}},
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("file", ["two.keras", "three.keras", "two.h5"])
def test_functions_that_are_not_for_networks_are_refused(
    files: Path, tmp_path: Path, function: dict[str, Any], file: str
):
    """Keras would import the module and call what is named."""

    def change(description: dict[str, Any]) -> None:
        conv_of(description)["config"]["activation"] = function

    path = rewritten((files / file).with_suffix(".keras"), tmp_path / file, change)
    with pytest.raises(InvalidModelFile, match=r"not Keras's|Python code"):
        inspect_keras(path)


def test_layers_of_other_modules_are_named(files: Path, tmp_path: Path):
    def change(description: dict[str, Any]) -> None:
        conv_of(description).update(
            module="mypackage.layers", class_name="Margin", registered_name="mypackage>Margin"
        )

    path = rewritten(files / "two.keras", tmp_path / "custom.keras", change)
    with pytest.raises(InvalidModelFile, match=r"not Keras's: mypackage>Margin\. Register"):
        inspect_keras(path)


def test_unknown_layers_are_named_all_of_them(files: Path, tmp_path: Path):
    def change(description: dict[str, Any]) -> None:
        for layer in description["config"]["layers"]:
            if layer["class_name"] in ("Conv2D", "PReLU"):
                layer["class_name"] = f"My{layer['class_name']}"

    path = rewritten(files / "two.keras", tmp_path / "custom.h5", change)
    with pytest.raises(InvalidModelFile, match=r"not Keras's: MyConv2D, MyPReLU\. Register"):
        inspect_keras(path)


@pytest.mark.parametrize("library", [tf_keras, keras])
def test_layers_that_the_host_program_registered_are_built(tmp_path: Path, library: Any):
    @library.saving.register_keras_serializable(package="family")
    class Doubled(library.layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    pool = library.layers.GlobalAveragePooling2D()
    nets.plain(library, Doubled(), pool).save(tmp_path / "own.keras")
    facts = inspect_keras(tmp_path / "own.keras")
    assert facts.dimension == 3


def test_functions_of_tensorflow_that_networks_are_made_of_are_built(
    runtime: TensorFlowRuntime, tmp_path: Path, chips: np.ndarray
):
    import tensorflow as tf

    pictures = tf_keras.Input((SIDE, SIDE, 3))
    x = (tf.nn.relu(pictures * 2.0) + 1.0)[:, 4:-4]
    x = tf.reshape(tf.reduce_mean(x, axis=1), (-1, SIDE * 3))
    model = tf_keras.Model(pictures, tf.nn.l2_normalize(x, axis=1))
    for path in (tmp_path / "ops.keras", tmp_path / "ops.h5"):
        model.save(path)
        embedder = loaded(runtime, path, dimension=None)
        expected = model.predict_on_batch(FED.apply(chips[:, 0]))
        np.testing.assert_allclose(embedder.embed(chips), expected, atol=1e-5)


@pytest.mark.parametrize(
    "function", ["io.write_file", "py_function", "raw_ops.ReadFile", "numpy_function", "mathx.add"]
)
def test_other_functions_of_tensorflow_are_refused(tmp_path: Path, function: str):
    pictures = tf_keras.Input((SIDE, SIDE, 3))
    model = tf_keras.Model(pictures, tf_keras.layers.Flatten()(pictures * 2.0))
    model.save(tmp_path / "plain.keras")

    def change(description: dict[str, Any]) -> None:
        for layer in description["config"]["layers"]:
            if layer["class_name"] == "TFOpLambda":
                layer["config"]["function"] = function

    path = rewritten(tmp_path / "plain.keras", tmp_path / "evil.keras", change)
    with pytest.raises(InvalidModelFile, match=f"calls tf.{function}"):
        inspect_keras(path)
