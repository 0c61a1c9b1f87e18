"""What deepface's detectors need, and where their weights are. Loads nothing.

Out: `DETECTION_MODELS`, one record for each detector and engine. File names, addresses and
packages are those of deepface 0.0.103; docs/decisions/deepface-models.md says where digests
come from, and which detectors give landmarks of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from facesearch.models.base import DetectorOptions, Engine
from facesearch.models.deepface.recognition import UNVERIFIED, released
from facesearch.models.mtcnn_stages import WEIGHTS, Stage
from facesearch.models.requirements import DLIB, TENSORFLOW, TF_KERAS, TORCH, Requirement
from facesearch.models.weights import CatalogueFile, DownloadedFile, PackagedFile

# --no-deps: what these packages ask for would overwrite the OpenCV that facesearch has, or
# hold numpy and PyTorch at versions of years ago.
RETINA_FACE = Requirement("retinaface", "retina-face", "pip install --no-deps retina-face")
MEDIAPIPE = Requirement(
    "mediapipe",
    "mediapipe 0.10.21",
    "pip install absl-py attrs flatbuffers protobuf && pip install --no-deps mediapipe==0.10.21",
)
FACENET_PYTORCH = Requirement(
    "facenet_pytorch", "facenet-pytorch", "pip install --no-deps facenet-pytorch==2.6.0"
)
TORCHVISION = Requirement("torchvision", "torchvision", "pip install torchvision")
ULTRALYTICS = Requirement(
    "ultralytics",
    "ultralytics",
    "pip install polars psutil pyyaml scipy && pip install --no-deps ultralytics ultralytics-thop",
)

_YOLO = "https://github.com/{}/yolo-face/releases/download/1.0.0/{}"
_FACENET_PYTORCH_FILES = tuple(
    PackagedFile("facenet_pytorch", "facenet-pytorch==2.6.0", f"data/{name}", sha256)
    for name, sha256 in (
        ("onet.pt", "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d"),
        ("pnet.pt", "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f"),
        ("rnet.pt", "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86"),
    )
)


class Kind(StrEnum):
    """The code that runs a detector."""

    CASCADE = "opencv"
    SSD = "ssd"
    DLIB = "dlib"
    MTCNN = "mtcnn"
    FAST_MTCNN = "fastmtcnn"
    RETINA_FACE = "retinaface"
    MEDIAPIPE = "mediapipe"
    YOLO = "yolo"
    YUNET = "yunet"
    CENTER_FACE = "centerface"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionModel:
    """One of deepface's detectors on one engine.

    Attributes:
        name: as deepface has it, without "deepface:".
        kind: what runs it.
        engine: what its network runs on.
        licence: of the weights, as an SPDX identifier where there is one.
        non_commercial: whether the licence forbids commercial use.
        source: where the weights come from.
        files: the weights, the one that its key names first.
        version: names the model in its key where there is no file.
        requirements: packages it needs beyond those that facesearch always has.
        wanted_longer_px: longer side a photo needs for it.
    """

    name: str
    kind: Kind
    engine: Engine
    licence: str
    non_commercial: bool = False
    source: str
    files: tuple[CatalogueFile, ...] = ()
    version: str = ""
    requirements: tuple[Requirement, ...] = ()
    wanted_longer_px: int = 1200

    @property
    def spec_name(self) -> str:
        """What users call it."""
        return f"deepface:{self.name}"


def detector_key(model: DetectionModel, options: DetectorOptions) -> str:
    """What results are remembered under: weights, the network that scores, and options."""
    digest = model.version
    if model.files:
        first = model.files[0]
        counts = first.sha256 if isinstance(first, PackagedFile) else first.digest()
        digest = UNVERIFIED if counts is None else counts[:8]
    return f"{model.spec_name}@{digest}+{WEIGHTS[Stage.OUTPUT].sha256[:8]}:{options.key}"


def _retina_face(
    engine: Engine, file: DownloadedFile, *requirements: Requirement
) -> DetectionModel:
    return DetectionModel(
        name="retinaface",
        kind=Kind.RETINA_FACE,
        engine=engine,
        # The code is MIT; the weights descend from InsightFace's, which are not for commerce.
        licence="LicenseRef-InsightFace-non-commercial-research",
        non_commercial=True,
        source="deepface_models v1.0",
        files=(file,),
        requirements=(RETINA_FACE, *requirements),
    )


def _yolo(
    variant: str,
    address: str,
    sha256: str | None = None,
    size_bytes: int | None = None,
) -> DetectionModel:
    file = f"yolo{variant}-face.pt"
    url = address if address.startswith("https:") else _YOLO.format(address, file)
    return DetectionModel(
        name=f"yolo{variant}",
        kind=Kind.YOLO,
        engine=Engine.PYTORCH,
        licence="AGPL-3.0-only",
        source=url.partition("://")[2].rpartition("/")[0],
        files=(DownloadedFile(file, (url,), sha256, size_bytes),),
        requirements=(TORCH, TORCHVISION, ULTRALYTICS),
        wanted_longer_px=640,
    )


DETECTION_MODELS = (
    DetectionModel(
        name="opencv",
        kind=Kind.CASCADE,
        engine=Engine.NATIVE,
        licence="BSD-3-Clause",
        source="OpenCV 4.9.0 data/haarcascades",
        files=(
            DownloadedFile(
                "haarcascade_frontalface_default.xml",
                (
                    "https://github.com/opencv/opencv/raw/4.9.0/data/haarcascades/"
                    "haarcascade_frontalface_default.xml",
                ),
                "0f7d4527844eb514d4a4948e822da90fbb16a34a0bbbbc6adc6498747a5aafb0",
                930_127,
            ),
        ),
    ),
    DetectionModel(
        name="ssd",
        kind=Kind.SSD,
        engine=Engine.NATIVE,
        licence="Apache-2.0",
        source="opencv_3rdparty dnn_samples_face_detector_20170830",
        files=(
            DownloadedFile(
                "res10_300x300_ssd_iter_140000.caffemodel",
                (
                    "https://github.com/opencv/opencv_3rdparty/raw/"
                    "dnn_samples_face_detector_20170830/res10_300x300_ssd_iter_140000.caffemodel",
                ),
                "2a56a11a57a4a295956b0660b4a3d76bbdca2206c4961cea8efe7d95c7cb2f2d",
                10_666_211,
            ),
            DownloadedFile(
                "deploy.prototxt",
                (
                    "https://github.com/opencv/opencv/raw/3.4.0/samples/dnn/face_detector/"
                    "deploy.prototxt",
                ),
                "f62621cac923d6f37bd669298c428bb7ee72233b5f8c3389bb893e35ebbcf795",
                28_092,
            ),
        ),
        wanted_longer_px=640,
    ),
    DetectionModel(
        name="dlib",
        kind=Kind.DLIB,
        engine=Engine.NATIVE,
        licence="BSL-1.0",
        source="package dlib",
        version="fhog",
        requirements=(DLIB,),
    ),
    DetectionModel(
        name="mtcnn",
        kind=Kind.MTCNN,
        engine=Engine.TENSORFLOW,
        licence="MIT",
        source="package mtcnn 1.0.0",
        files=(WEIGHTS[Stage.OUTPUT], WEIGHTS[Stage.REFINE], WEIGHTS[Stage.PROPOSE]),
        requirements=(TENSORFLOW, TF_KERAS),
    ),
    DetectionModel(
        name="fastmtcnn",
        kind=Kind.FAST_MTCNN,
        engine=Engine.PYTORCH,
        licence="MIT",
        source="package facenet-pytorch 2.6.0",
        files=_FACENET_PYTORCH_FILES,
        requirements=(TORCH, TORCHVISION, FACENET_PYTORCH),
    ),
    _retina_face(Engine.ONNX, released("retinaface.onnx")),
    _retina_face(
        Engine.TENSORFLOW,
        released(
            "retinaface.h5",
            "ecb2393a89da3dd3d6796ad86660e298f62a0c8ae7578d92eb6af14e0bb93adf",
            118_667_368,
        ),
        TENSORFLOW,
        TF_KERAS,
    ),
    _retina_face(Engine.PYTORCH, released("retinaface.pth"), TORCH),
    DetectionModel(
        name="mediapipe",
        kind=Kind.MEDIAPIPE,
        engine=Engine.NATIVE,
        licence="Apache-2.0",
        source="package mediapipe 0.10.21",
        files=(
            PackagedFile(
                "mediapipe",
                "mediapipe==0.10.21",
                "modules/face_detection/face_detection_short_range.tflite",
                "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
            ),
        ),
        requirements=(MEDIAPIPE,),
        wanted_longer_px=640,
    ),
    _yolo(
        "v8n",
        "https://drive.google.com/uc?id=1qcr9DbgsX3ryrz2uU8w4Xm3cOrRywXqb",
        "d545bf1add5aa736a4febac4f4f9245a6d596cd0fe70d5d57989fe0cb9e626ca",
    ),
    _yolo("v8m", "YapaLab"),
    _yolo("v8l", "YapaLab"),
    _yolo(
        "v11n",
        "akanametov",
        "9420a9d4933940d2202f511d45df1750e3c1546dd9efc7a3985caae3bbbf7ed2",
        5_455_955,
    ),
    _yolo("v11s", "akanametov"),
    _yolo(
        "v11m",
        "akanametov",
        "6ccbe920c1fac95ed84de570519e89fbe24d326d466a7aae297960b3ecc6c661",
    ),
    _yolo(
        "v11l",
        "YapaLab",
        "ba0000a5945ef6c4b5841b06478ff9a55649073d01cf98f382dd4991100c9514",
    ),
    _yolo("v12n", "YapaLab"),
    _yolo("v12s", "YapaLab"),
    _yolo("v12m", "YapaLab"),
    _yolo("v12l", "YapaLab"),
    DetectionModel(
        name="yunet",
        kind=Kind.YUNET,
        engine=Engine.NATIVE,
        licence="MIT",
        source="opencv_zoo face_detection_yunet 2023mar",
        files=(
            DownloadedFile(
                "face_detection_yunet_2023mar.onnx",
                (
                    "https://github.com/opencv/opencv_zoo/raw/main/models/"
                    "face_detection_yunet/face_detection_yunet_2023mar.onnx",
                ),
                "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
                232_589,
            ),
        ),
        wanted_longer_px=640,
    ),
    DetectionModel(
        name="centerface",
        kind=Kind.CENTER_FACE,
        engine=Engine.NATIVE,
        licence="MIT",
        source="Star-Clouds/CenterFace",
        files=(
            DownloadedFile(
                "centerface.onnx",
                (
                    "https://github.com/Star-Clouds/CenterFace/raw/master/models/onnx/"
                    "centerface.onnx",
                ),
                "77e394b51108381b4c4f7b4baf1c64ca9f4aba73e5e803b2636419578913b5fe",
                7_532_772,
            ),
        ),
    ),
)
