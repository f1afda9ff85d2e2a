"""What there is to choose in a night of sleep replay consolidation; searched by `oneiros tune`."""

from collections.abc import Mapping
from dataclasses import replace

from oneiros.papers.kubo2025.config import LAYERS, Config
from oneiros.papers.search import Range, Search
from oneiros.phases.spiking_sleep import SpikingSleep

# Ratios are searched where two constants matter together: an output layer's step sizes relative to the hidden ones'.
NIGHT = {
    "steps": Range(80, 900, whole=True),
    "rate": Range(0.1, 1.5),
    "gain_hidden": Range(1, 12),
    "gain_output": Range(5, 80),
    "feedback_over_gain": Range(0.2, 4),
    "inc": Range(1e-7, 2e-5),
    "inc_output_over_hidden": Range(0.03, 3),
    "dec": Range(1e-6, 5e-4),
    "dec_output_over_hidden": Range(0.03, 3),
}
GROWTH = {"growth": Range(0, 0.9, log=False)}


def night(values: Mapping[str, float | int]) -> SpikingSleep:
    """The night with these constants; equally long ones where `growth` is not among them."""
    gain, inc, dec = values["gain_hidden"], values["inc"], values["dec"]
    return SpikingSleep(
        layers=LAYERS,
        steps=int(values["steps"]),
        growth=values.get("growth", 0.0),
        rate=values["rate"],
        gains=(gain, values["gain_output"]),
        feedback=(gain * values["feedback_over_gain"],),
        inc=(inc, inc * values["inc_output_over_hidden"]),
        dec=(dec, dec * values["dec_output_over_hidden"]),
    )


def constants(sleep: SpikingSleep) -> dict[str, float | int]:
    """The inverse of `night`."""
    return {
        "steps": sleep.steps,
        "growth": sleep.growth,
        "rate": sleep.rate,
        "gain_hidden": sleep.gains[0],
        "gain_output": sleep.gains[1],
        "feedback_over_gain": sleep.feedback[0] / sleep.gains[0],
        "inc": sleep.inc[0],
        "inc_output_over_hidden": sleep.inc[1] / sleep.inc[0],
        "dec": sleep.dec[0],
        "dec_output_over_hidden": sleep.dec[1] / sleep.dec[0],
    }


def place_sleep(config: Config, values: Mapping[str, float | int]) -> Config:
    """`config` with the night of its `src` conditions replaced."""
    return replace(config, sleep=night(values))


def place_equal_sleep(config: Config, values: Mapping[str, float | int]) -> Config:
    """`config` with the night of `src_equal_nights` replaced."""
    return replace(config, equal_sleep=night(values))


def searches(config: Config) -> dict[str, Search]:
    """By condition; both set out from the constants that the recipe has."""
    equal = {name: value for name, value in constants(config.equal_sleep).items() if name != "growth"}
    return {
        "src": Search(ranges=NIGHT | GROWTH, place=place_sleep, starts=(constants(config.sleep),), nights_only=True),
        "src_equal_nights": Search(ranges=NIGHT, place=place_equal_sleep, starts=(equal,), nights_only=True),
    }
