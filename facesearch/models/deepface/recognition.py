"""What deepface's recognition models take, and where their weights are. Loads nothing.

Out: `RECOGNITION_MODELS`, one record a model. File names, addresses, input sizes and
thresholds are those of deepface 0.0.103; digests are pinned where they are published, and
docs/decisions/deepface-models.md says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facesearch.models.base import Engine
from facesearch.models.preprocessing import Channels, Layout, Preprocessing
from facesearch.models.templates import TemplateFamily
from facesearch.models.weights import Archive, DownloadedFile

_RELEASE = "https://github.com/serengil/deepface_models/releases/download/v1.0"
_MIRROR = "https://huggingface.co/serengil/deepface/resolve/main"
# Stands for a digest that nobody published or stated: such a file is never loaded.
UNVERIFIED = "unverified"
_UNIT = (1 / 255, 1 / 255, 1 / 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionModel:
    """One of deepface's recognition models.

    Attributes:
        name: as deepface has it, without "deepface:".
        preprocessing: what its network is fed.
        template: the family of templates its chips are cut by.
        dimension: length of a vector.
        licence: of the weights, as an SPDX identifier where there is one.
        non_commercial: whether the licence forbids commercial use.
        source: where the weights come from.
        files: the weights, by the engine that reads them, in the order engines are tried.
    """

    name: str
    preprocessing: Preprocessing
    template: TemplateFamily
    dimension: int
    licence: str
    non_commercial: bool = False
    source: str
    files: Mapping[Engine, DownloadedFile]

    @property
    def spec_name(self) -> str:
        """What users call it."""
        return f"deepface:{self.name}"


def base(width_px: int, height_px: int) -> Preprocessing:
    """What deepface feeds a network unless told otherwise ("base"): blue first, 0..1."""
    return Preprocessing(
        width_px=width_px,
        height_px=height_px,
        channels=Channels.BGR,
        layout=Layout.NHWC,
        scale=_UNIT,
    )


def released(
    name: str,
    sha256: str | None = None,
    size_bytes: int | None = None,
) -> DownloadedFile:
    """A file of deepface's own release, and its mirror."""
    return DownloadedFile(name, (f"{_RELEASE}/{name}", f"{_MIRROR}/{name}"), sha256, size_bytes)


def _files(stem: str, keras: DownloadedFile) -> dict[Engine, DownloadedFile]:
    """The three files of a model that deepface runs on every engine."""
    return {
        Engine.ONNX: released(f"{stem}.onnx"),
        Engine.TENSORFLOW: keras,
        Engine.PYTORCH: released(f"{stem}.pth"),
    }


RECOGNITION_MODELS = (
    RecognitionModel(
        name="VGG-Face",
        preprocessing=base(224, 224),
        template=TemplateFamily.FACENET,
        dimension=4096,
        licence="CC-BY-NC-4.0",
        non_commercial=True,
        source="deepface_models v1.0",
        files=_files(
            "vgg_face_weights",
            released(
                "vgg_face_weights.h5",
                "759266b9614d0fd5d65b97bf716818b746cc77ab5944c7bffc937c6ba9455d8c",
                580_085_408,
            ),
        ),
    ),
    RecognitionModel(
        name="Facenet",
        preprocessing=base(160, 160),
        template=TemplateFamily.FACENET,
        dimension=128,
        licence="MIT",
        source="deepface_models v1.0",
        files=_files(
            "facenet_weights",
            released(
                "facenet_weights.h5",
                "90659cc97bfda5999120f95d8e122f4d262cca11715a21e59ba024bcce816d5c",
                92_190_816,
            ),
        ),
    ),
    RecognitionModel(
        name="Facenet512",
        preprocessing=base(160, 160),
        template=TemplateFamily.FACENET,
        dimension=512,
        licence="MIT",
        source="deepface_models v1.0",
        files=_files(
            "facenet512_weights",
            released(
                "facenet512_weights.h5",
                "3f76b5117a9ca574d536af8199e6720089eb4ad3dc7e93534496d88265de864f",
                94_955_648,
            ),
        ),
    ),
    RecognitionModel(
        name="OpenFace",
        preprocessing=base(96, 96),
        template=TemplateFamily.FACENET,
        dimension=128,
        licence="Apache-2.0",
        source="deepface_models v1.0",
        files=_files(
            "openface_weights",
            released(
                "openface_weights.h5",
                "5b41897ec6dd762cee20575eee54ed4d719a78cb982b2080a87dc14887d88a7a",
                15_307_128,
            ),
        ),
    ),
    RecognitionModel(
        name="DeepFace",
        preprocessing=base(152, 152),
        template=TemplateFamily.FACENET,
        dimension=4096,
        licence="MIT",
        source="swghosh/DeepFace weights-vggface2-2d-aligned",
        files=_files(
            "VGGFace2_DeepFace_weights_val-0.9034",
            DownloadedFile(
                "VGGFace2_DeepFace_weights_val-0.9034.h5",
                (
                    "https://github.com/swghosh/DeepFace/releases/download/"
                    "weights-vggface2-2d-aligned/VGGFace2_DeepFace_weights_val-0.9034.h5.zip",
                ),
                None,
                archive=Archive.ZIP,
            ),
        ),
    ),
    RecognitionModel(
        name="DeepID",
        preprocessing=base(47, 55),
        template=TemplateFamily.FACENET,
        dimension=160,
        licence="MIT",
        source="deepface_models v1.0",
        files=_files("deepid_weights", released("deepid_keras_weights.h5")),
    ),
    RecognitionModel(
        name="ArcFace",
        preprocessing=base(112, 112),
        template=TemplateFamily.ARCFACE,
        dimension=512,
        licence="MIT, trained on CASIA-WebFace: non-commercial research",
        non_commercial=True,
        source="deepface_models v1.0",
        files=_files(
            "arcface_weights",
            released(
                "arcface_weights.h5",
                "6336979c0c602cae08d1122a66f4dfb862d059bbcd8ef80306aef2b2249b0c93",
                137_026_640,
            ),
        ),
    ),
    RecognitionModel(
        name="SFace",
        # As OpenCV's FaceRecognizerSF feeds it: plain pixels, red first.
        preprocessing=Preprocessing(width_px=112, height_px=112),
        template=TemplateFamily.ARCFACE,
        dimension=128,
        licence="Apache-2.0",
        source="opencv_zoo face_recognition_sface 2021dec",
        files={
            Engine.ONNX: DownloadedFile(
                "face_recognition_sface_2021dec.onnx",
                (
                    "https://github.com/opencv/opencv_zoo/raw/main/models/"
                    "face_recognition_sface/face_recognition_sface_2021dec.onnx",
                ),
                "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
                38_696_353,
            )
        },
    ),
    RecognitionModel(
        name="GhostFaceNet",
        preprocessing=base(112, 112),
        template=TemplateFamily.ARCFACE,
        dimension=512,
        licence="MIT",
        source="HamadYA/GhostFaceNets v1.2",
        files=_files(
            "ghostfacenet_v1",
            DownloadedFile(
                "ghostfacenet_v1.h5",
                (
                    "https://github.com/HamadYA/GhostFaceNets/releases/download/v1.2/"
                    "GhostFaceNet_W1.3_S1_ArcFace.h5",
                ),
                "e4182ca2470dac3eb79974f4d5d54f2abdf66d7e231c6f3df4059a90bded1271",
                17_271_840,
            ),
        ),
    ),
    RecognitionModel(
        name="Buffalo_L",
        # As insightface feeds it: red first, -1..1.
        preprocessing=Preprocessing(
            width_px=112,
            height_px=112,
            mean=(127.5, 127.5, 127.5),
            scale=(1 / 127.5, 1 / 127.5, 1 / 127.5),
        ),
        template=TemplateFamily.ARCFACE,
        dimension=512,
        licence="LicenseRef-InsightFace-non-commercial-research",
        non_commercial=True,
        source="insightface webface_r50",
        files={
            Engine.ONNX: DownloadedFile(
                "buffalo_l/webface_r50.onnx",
                (
                    "https://drive.google.com/uc?export=download&confirm=pbef"
                    "&id=1N0GL-8ehw_bz2eZQWz2b0A5XBdXdxZhg",
                ),
                None,
            )
        },
    ),
)
