"""`facesearch train`: a network of one's own, from a dataset to a run's folder.

Each recipe is a command, and all take the same options. A new recipe is a name in `RECIPES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facesearch.cli.exits import errors_shown
from facesearch.cli.session import DeviceOption, Session, on_device
from facesearch.cli.train_report import report

if TYPE_CHECKING:
    from facesearch.training.config import RunConfig
    from facesearch.training.recipes.base import Recipe

# `facesearch.training.recipes` is too slow to import for a help text; a test holds both together.
RECIPES = {
    "convnet": "Train a small network from nothing: for a few people with many photos each.",
    "mobilenet": "Train own layers on a trained network: with --base dlib-resnet34 the best for a "
    "few people.",
    "siamese-densenet": "Train a network that tells strangers apart, too, by the distance between "
    "their embeddings.",
    "deepface": "Train the network of the DeepFace paper: for thousands of people with many photos "
    "each.",
}

train = typer.Typer(
    no_args_is_help=True,
    help="Train a face network of your own: facesearch train RECIPE DATASET --out RUN.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def train_recipe(
    ctx: typer.Context,
    dataset: Annotated[
        Path, typer.Argument(help="The folder of a dataset, from facesearch dataset make.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="RUN", help="The run's folder; must not exist yet.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE.toml", help="Settings, such as a run's config.toml."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="One setting; may be repeated. --dry-run lists all of them.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in RUN, with its own settings."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show network, memory, steps and settings; train nothing."),
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Examples in a step.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of all random choices: one seed, one result.")
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(metavar="PX", min=1, help="What the network sees.")
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="deepface: of its filters and units, such as 0.5."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="mobilenet: what is built on, or dlib-resnet34."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="mobilenet: the base's weights, or random."),
    ] = None,
    mixed_precision: Annotated[
        bool,
        typer.Option("--mixed-precision", help="Compute in float16: faster on recent GPUs."),
    ] = False,
    device: DeviceOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document per epoch, and one at the end.")
    ] = False,
) -> None:
    session = on_device(Session.of(ctx), device)
    with errors_shown(verbose=session.verbose):
        from facesearch.training.recipes import recipe

        chosen = recipe(str(ctx.info_name))
        options = {
            "epochs": epochs,
            "batch_size": batch,
            "seed": seed,
            "image_size": image_size,
            "width": width,
            "base": base,
            "weights": weights,
            "mixed_precision": mixed_precision or None,
        }
        told = _configured(
            chosen, out if resume else None, config, settings or (), {
                name: value for name, value in options.items() if value is not None
            }
        )  # fmt: skip
        from facesearch.cli import train_output
        from facesearch.models.base import Device

        wanted = Device(session.device.value)
        if dry_run:
            train_output.show_plan(told, dataset, None if resume else out, wanted, as_json=as_json)
            return
        stopped = train_output.run(told, dataset, out, wanted, resume=resume, as_json=as_json)
        if stopped:
            raise typer.Exit(stopped)


for _name, _about in RECIPES.items():
    train.command(_name, help=_about)(train_recipe)
train.command("report")(report)


def _configured(
    recipe: Recipe,
    resumed: Path | None,
    file: Path | None,
    settings: Sequence[str],
    options: dict[str, Any],
) -> RunConfig:
    """The configuration from all that was said, the later the stronger.

    Args:
        resumed: folder of the run that is gone on with, whose settings are the first ones.
    """
    from facesearch.errors import InvalidValue
    from facesearch.training.config import (
        Given,
        RunConfig,
        parse_settings,
        read_settings,
        setting_names,
    )
    from facesearch.training.folder import CONFIG, is_run

    given = []
    if resumed is not None and is_run(resumed):
        given.append(read_settings(resumed / CONFIG, recipe))
    if file is not None:
        given.append(read_settings(file, recipe))
    given.append(parse_settings(settings))
    names = setting_names(recipe)
    for name, value in options.items():
        option = "--batch" if name == "batch_size" else f"--{name.replace('_', '-')}"
        if name not in names:
            alike = [own for own in names if own.endswith(f"_{name}")]
            instead = f": set one of {', '.join(alike)} with --set" if alike else ""
            raise InvalidValue(f"{recipe.name} has no {option}{instead}")
        given.append(Given({name: value}, option))
    return RunConfig.of(recipe, given)
