"""What the global options say, and the way from them to an open library.

In: the options before the command. Out: `Session`, which every command finds in its
context, and which opens the library. The library's own modules are imported when it is
opened and not before: `facesearch --help` must not wait for networks and databases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeAlias

import typer

from facesearch.errors import LibraryReadOnly

if TYPE_CHECKING:
    from facesearch.library import FaceLibrary
    from facesearch.models.base import DetectorOptions
    from facesearch.options import LibraryOptions
    from facesearch.photos.decode import DecodeLimits


class DeviceName(StrEnum):
    """What --device may say: the names of `facesearch.models.onnx.Device`.

    That module is too slow to import for a help text; a test holds the two together.
    """

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    ROCM = "rocm"
    COREML = "coreml"
    DIRECTML = "directml"
    OPENVINO = "openvino"


class EngineName(StrEnum):
    """What --engine may say: the names of `facesearch.models.base.Engine`.

    That module loads numpy, too slow for a help text; a test holds the two together.
    """

    AUTO = "auto"
    ONNX = "onnx"
    TENSORFLOW = "tensorflow"
    PYTORCH = "pytorch"
    NATIVE = "native"


DeviceOption: TypeAlias = Annotated[
    DeviceName | None,
    typer.Option(
        "--device",
        metavar="NAME",
        show_default="as said before the command, else auto",
        help="What the network runs on; the same as --device before the command.",
    ),
]


EngineOption: TypeAlias = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What runs the network, where a model has a choice: auto, onnx, tensorflow, "
        "pytorch or native.",
    ),
]


BatchOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--batch-size", min=1, show_default="fits the device", help="Faces embedded at a time."
    ),
]
WorkersOption: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, show_default="one per processor", help="Threads that read photos."),
]
WaitOption: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0.0,
        metavar="SECONDS",
        help="How long to wait while another process writes to the library.",
    ),
]


class LibraryOpener(Protocol):
    """Opens a library; `open_face_library`, or what a test puts in its place."""

    def __call__(
        self, folder: Path | None, *, create: bool, read_only: bool, options: LibraryOptions
    ) -> FaceLibrary:
        """See `FaceLibrary.open`."""


def open_face_library(
    folder: Path | None, *, create: bool, read_only: bool, options: LibraryOptions
) -> FaceLibrary:
    """The library that programs get too."""
    from facesearch.library import FaceLibrary

    return FaceLibrary.open(folder, create=create, read_only=read_only, options=options)


@dataclass(frozen=True, slots=True)
class Session:
    """What was said before the command.

    Attributes:
        folder: the library's folder; None for the user's own.
        device: what networks run on.
        verbose: tracebacks and log lines are wanted.
        opener: opens the library.
    """

    folder: Path | None
    device: DeviceName
    verbose: bool
    opener: LibraryOpener

    @classmethod
    def of(cls, ctx: typer.Context) -> Session:
        """The session of a command's context."""
        session = ctx.find_object(cls)
        assert session is not None, "the callback of the app makes one"
        return session

    def open_for_reading(
        self, *, embedder: str | None = None, engine: EngineName = EngineName.AUTO
    ) -> FaceLibrary:
        """The library, without writing to it.

        Args:
            embedder: whose space answers; None for the one in use.
            engine: what runs the embedder, where it has a choice.

        Raises:
            LibraryError: there is none, or it cannot be read.
        """
        options = replace(self.options(), embedder=embedder, engine=engine.value)
        try:
            return self.opener(self.folder, create=False, read_only=True, options=options)
        except LibraryReadOnly:
            # An earlier facesearch wrote it, or a crash left it unfinished: it must be
            # opened for writing once. Where that cannot be done, the second error says so.
            return self.opener(self.folder, create=False, read_only=False, options=options)

    def open_for_writing(
        self,
        *,
        create: bool = False,
        embedder: str | None = None,
        engine: EngineName = EngineName.AUTO,
        detector: str | None = None,
        detector_options: DetectorOptions | None = None,
        limits: DecodeLimits | None = None,
    ) -> FaceLibrary:
        """The library, to be written to.

        Args:
            create: make it where there is none.
            embedder: what tells faces apart; None for what the library holds.
            engine: what runs the embedder, where it has a choice.
            detector: what finds faces; None for what the library was looked at with.
            detector_options: what counts as a face; None for the default.
            limits: what is refused; None for the default.

        Raises:
            LibraryError: there is none and it was not to be made, or it cannot be written to.
        """
        options = replace(self.options(), embedder=embedder, engine=engine.value, detector=detector)
        if detector_options is not None:
            options = replace(options, detector_options=detector_options)
        if limits is not None:
            options = replace(options, limits=limits)
        return self.opener(self.folder, create=create, read_only=False, options=options)

    def options(self) -> LibraryOptions:
        """What the global options say about looking at photos."""
        from facesearch.options import LibraryOptions

        return LibraryOptions(device=self.device.value)


def on_device(session: Session, device: DeviceName | None) -> Session:
    """The session with a device that was named after the command, where one was."""
    return session if device is None else replace(session, device=device)
