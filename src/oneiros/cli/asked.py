"""What several commands ask for: an experiment, a device, a folder of results; and the error where it is not there."""

import difflib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from oneiros.runs.catalogue import experiment, installed

if TYPE_CHECKING:
    from oneiros.runs.experiment import Experiment

Positional = tyro.conf.Positional
Scale = Literal["smoke", "quick", "paper"]


RUN = ("matplotlib", "pandas", "pyarrow", "vl_convert")  # what the extra `run` brings


class RequestError(ValueError):
    """The command's own arguments cannot be met."""


def chosen_experiment(name: str) -> "Experiment":
    """The experiment of this name, or an error with the nearest name there is."""
    try:
        return experiment(name)
    except KeyError as error:
        raise RequestError(_with_nearest(error.args[0], name, installed())) from error


def known(names: Sequence[str], there: Sequence[str], what: str) -> None:
    """An error for the first of `names` that is not there."""
    for name in names:
        if name not in there:
            raise RequestError(
                _with_nearest(f"no {what} is called {name!r}; there are {', '.join(there)}", name, there)
            )


def _with_nearest(message: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"{message}. Did you mean {near[0]!r}?" if near else message


def extra_for_runs() -> None:
    """An error where a part of the extra `run` is not installed; told before anything runs."""
    missing = [name for name in RUN if importlib.util.find_spec(name) is None]
    if missing:
        raise RequestError(f"runs and reports need {', '.join(missing)}: pip install 'oneiros[run]'")


def at_scale(chosen: "Experiment", scale: str) -> Any:
    """The experiment's configuration at this scale, or an error with those it has: somebody's own may have one only."""
    known((scale,), tuple(chosen.scales), f"scale of {chosen.paper}/{chosen.name}")
    return chosen.scales[scale]


def device_of(name: str) -> str:
    """`auto` as what there is; an error for a GPU that there is not."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise RequestError("--device cuda: no CUDA device is visible to torch; leave it out to use the CPU")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def gpus() -> int:
    """How many GPUs there are."""
    import torch

    return torch.cuda.device_count()


def results_folder(out: Path) -> Path:
    """`out`, or an error where it holds no results."""
    if not (out / "runs").is_dir() and not (out / "sweeps").is_dir():
        raise RequestError(f"{out} holds no results (no folder {out / 'runs'}); give the --out folder of a run")
    return out


def within(command: object, limits: Mapping[str, tuple[float, float]]) -> None:
    """Refuse numbers of a command that are less or more than anybody means.

    Raises:
        RequestError: naming the option, what came and what was expected.
    """
    for name, (least, most) in limits.items():
        value, option = getattr(command, name), f"--{name.replace('_', '-')}"
        if value is not None and not least <= value <= most:
            expected = f"at least {least:g}" if value < least else f"{least:g} to {most:.15g}"
            raise RequestError(f"{option} {str(value)[:30]}: expected {expected}")


def data_folder(data: Path | None) -> Path | None:
    """Where data sets lie, once it is known that there is such a folder.

    Raises:
        RequestError: there is none.
    """
    if data is not None and not data.is_dir():
        raise RequestError(f"--data {data}: no such folder; give the one that holds the data sets' folders")
    return None if data is None else data.absolute()
