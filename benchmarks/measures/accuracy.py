"""Accuracy of both settings on LFW, judged by maps that never saw the people judged."""

from __future__ import annotations

from benchmarks.bench import Bench, Measure, needs
from benchmarks.contenders import Contender
from benchmarks.data import Data
from benchmarks.figures import Figure, Unit
from benchmarks.records import Measured, Values

NAME = "accuracy"
OURS = Contender.FACESEARCH
# View 2 accuracy, FNMR at FMR 1e-3 and 1e-4, rank-1.
LIMITS = {
    "fast": {"view2": 0.992, "0.001": 0.048, "0.0001": 0.165, "rank1": 0.963},
    "best": {"view2": 0.9935, "0.001": 0.042, "0.0001": 0.14, "rank1": 0.968},
}
MOST_MISSED = 1
# How far the realised false match rate may be from the asked one, as a factor.
REALISED = {"0.001": 1.5, "0.0001": 2.0}


def run(bench: Bench) -> None:
    """Look at all of LFW with each setting."""
    for setting in LIMITS:
        bench.say(f"  {setting}: all of LFW")
        with bench.worker(OURS, "accuracy.py") as worker:
            values: Values = worker.call(
                "measure_setting",
                data=str(bench.data.folder),
                accuracy=setting,
                cache=str(bench.work / "embeddings"),
            )
        bench.note(NAME, OURS, values, case=setting)
        fnmr = values["fnmr"]["0.001"][0]
        accuracy = values["view2"]["accuracy"]
        bench.say(f"  {setting}: View 2 {accuracy:.4f}, FNMR at FMR 1e-3 {fnmr:.4f}")


def figures(measured: Measured) -> list[Figure]:
    """Each figure of each setting beside its floor or ceiling."""
    found = []
    for setting in measured.cases():
        values = measured.of(OURS, case=setting)[0].values
        found += _recognition(setting, values)
        found += [_realised(setting, values, rate, factor) for rate, factor in REALISED.items()]
    return found


def _recognition(setting: str, values: Values) -> list[Figure]:
    limits, view2 = LIMITS[setting], values["view2"]
    error = view2["standard_error"]
    found = [
        Figure(
            what=f"LFW View 2 accuracy, {setting}",
            ours=f"{view2['accuracy'] * 100:.2f} ± {error * 100:.2f} %",
            value=view2["accuracy"],
            unit=Unit.PERCENT,
            limit=limits["view2"],
        )
    ]
    for rate in REALISED:
        value, low, high = values["fnmr"][rate]
        found.append(
            Figure(
                what=f"FNMR at FMR {float(rate):.0e}, {setting}",
                ours=f"{value * 100:.2f} % ({low * 100:.2f} to {high * 100:.2f})",
                value=value,
                unit=Unit.PERCENT,
                limit=limits[rate],
                at_most=True,
                note=(
                    f"{values['genuine_pairs']:,} genuine and {values['impostor_pairs']:,} "
                    f"impostor pairs. Without the map "
                    f"{values['fnmr_before_the_map'][rate][0] * 100:.2f} %."
                ),
            )
        )
    found.append(
        Figure(
            what=f"Rank-1 over all of LFW, {setting}",
            ours=Unit.PERCENT.write(values["rank1"]),
            value=values["rank1"],
            unit=Unit.PERCENT,
            limit=limits["rank1"],
            note=f"Without the map {Unit.PERCENT.write(values['rank1_before_the_map'])}.",
        )
    )
    found.append(
        Figure(
            what=f"Photos of LFW in which no face was found, {setting}",
            ours=f"{values['missed']} of {values['photos']:,}",
            value=float(values["missed"]),
            unit=Unit.COUNT,
            limit=MOST_MISSED,
            at_most=True,
        )
    )
    return found


def _realised(setting: str, values: Values, rate: str, factor: float) -> Figure:
    middle, low, high = values["realised"][rate]
    return Figure(
        what=f"Realised FMR where {float(rate):.0e} is asked for, {setting}",
        ours=f"{middle:.2f} times ({low:.2f} to {high:.2f})",
        value=max(high, 1 / low) if low > 0 else float("inf"),
        unit=Unit.FACTOR,
        limit=factor,
        at_most=True,
        note=(
            "Median, smallest and largest of ten splits of the people into halves; the figure is "
            "how far off the worst split is."
        ),
    )


MEASURE = Measure(
    name=NAME,
    title="How accurate",
    method=(
        "All photos of LFW, the face nearest the middle of each. Both settings end with a map "
        "that was learned from LFW's people, which would flatter here, so it is undone, and each "
        "of View 2's ten sets of people is judged by a map that was learned without it. FNMR: all "
        "pairs within the sets, the first ten photos of each person, intervals from resampling "
        "the people. Rank-1: each photo of a person with at least two against all others of LFW. "
        "Realised FMR: rates made from one half of the people, asked for on the other half. A "
        "photo without a face counts as an error everywhere."
    ),
    contenders=(OURS,),
    missing=needs(LFW=Data.lfw, pairs=Data.lfw_folds),
    run=run,
    figures=figures,
)
