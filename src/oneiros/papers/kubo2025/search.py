"""What there is to choose in a night of sleep replay consolidation; searched by `oneiros tune`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from oneiros.papers.kubo2025.config import LAYERS, Config, literal_night
from oneiros.papers.kubo2025.datasets import DatasetConfig, Learner, Tables
from oneiros.phases.night.spiking_sleep import SpikingSleep
from oneiros.runs.search import Range, Search

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


LITERAL = ("steps", "rate", "gain_hidden", "gain_output", "inc", "dec")


def place_literal_sleep(config: Config, values: Mapping[str, float | int]) -> Config:
    """`config` with the night of `src_literal` replaced."""
    rest = {name: float(values[name]) for name in LITERAL if name != "steps"}
    return replace(config, literal_sleep=literal_night(steps=int(values["steps"]), **rest))


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
    """By condition; all set out from the constants that the recipe has."""
    equal = {name: value for name, value in constants(config.equal_sleep).items() if name != "growth"}
    literal = {name: value for name, value in constants(config.literal_sleep).items() if name in LITERAL}
    few = {name: NIGHT[name] for name in LITERAL}
    return {
        "src_literal": Search(ranges=few, place=place_literal_sleep, starts=(literal,), nights_only=True),
        "src": Search(ranges=NIGHT | GROWTH, place=place_sleep, starts=(constants(config.sleep),), nights_only=True),
        "src_equal_nights": Search(ranges=NIGHT, place=place_equal_sleep, starts=(equal,), nights_only=True),
    }


# Any network's night, by factors on the constants that the recipe has; `growth` is as it is, and so is what is 0.
FACTORS = {
    "steps": Range(1 / 4, 4),
    "rate": Range(1 / 3, 3),
    "gain_hidden": Range(1 / 3, 3),
    "gain_output": Range(1 / 3, 3),
    "inc": Range(1 / 20, 20),
    "dec": Range(1 / 20, 20),
    "dec_output_over_hidden": Range(1 / 8, 8),
}
FEEDBACK_FACTOR = {"feedback_over_gain": Range(1 / 3, 3)}
LOOP_FACTORS = {"loop_over_gain": Range(1 / 5, 5), "dec_loop_over_hidden": Range(1 / 30, 5)}


def scaled(sleep: SpikingSleep, values: Mapping[str, float | int]) -> SpikingSleep:
    """`sleep` with its constants multiplied: step sizes of all layers together, then the output layer's alone."""
    gain, dec, loops = values["gain_hidden"], values["dec"], len(sleep.loops)
    hidden_layers = len(sleep.layers) - 1
    # Step sizes are of each layer, then of each loop.
    decs = [dec] * hidden_layers + [dec * values["dec_output_over_hidden"]]
    decs += [dec * values["dec_loop_over_hidden"]] * loops if loops else []
    return replace(
        sleep,
        steps=max(1, round(sleep.steps * values["steps"])),
        growth=values["growth"],
        rate=sleep.rate * values["rate"],
        gains=(*(g * gain for g in sleep.gains[:-1]), sleep.gains[-1] * values["gain_output"]),
        feedback=tuple(f * gain * values["feedback_over_gain"] for f in sleep.feedback),
        inc=tuple(i * values["inc"] for i in sleep.inc),
        dec=tuple(d * factor for d, factor in zip(sleep.dec, decs, strict=True)),
        loop_gains=tuple(g * gain * values["loop_over_gain"] for g in sleep.loop_gains),
    )


@dataclass(frozen=True)
class PlaceIn:
    """Puts a night into one cell of the tables."""

    subject: str
    network: str

    def learner(self, config: Tables) -> Learner:
        """The cell's network."""
        return getattr(getattr(config, self.subject), self.network)

    def __call__(self, config: Tables, values: Mapping[str, float | int]) -> Tables:
        """`config` with the cell's night multiplied by `values`."""
        learner = self.learner(config)
        subject: DatasetConfig = getattr(config, self.subject)
        slept = replace(learner, sleep=scaled(learner.sleep, values))
        return replace(config, **{self.subject: replace(subject, **{self.network: slept})})


def cell_search(config: Tables, subject: str, network: str) -> Search:
    """How the night of one cell of the tables is chosen: around what the recipe has, then from stronger nights on."""
    place = PlaceIn(subject, network)
    sleep = place.learner(config).sleep
    ranges = FACTORS | (FEEDBACK_FACTOR if sleep.feedback else {}) | (LOOP_FACTORS if sleep.loops else {})
    same = dict.fromkeys(ranges, 1.0) | {"growth": sleep.growth}
    starts = [same] + [{**same, "dec": factor, "inc": factor} for factor in (0.25, 4.0, 10.0)]
    return Search(ranges=ranges | GROWTH, place=place, starts=tuple(starts), nights_only=True)
