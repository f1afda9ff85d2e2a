"""What starts without what: libraries that take seconds are imported by what needs them."""

import subprocess
import sys

import pytest

import oneiros

HEAVY = {"torch", "torchvision", "pandas", "matplotlib", "scipy", "sklearn", "numba"}
COMMAND = "import sys; from oneiros.cli import main\ntry:\n    main({arguments})\nexcept SystemExit:\n    pass"
WORKER = """
import pickle, sys
from oneiros.runs.sweep import do
from oneiros.runs.catalogue import experiment
experiment("{name}")
"""


def loaded(code: str) -> set[str]:
    """The heavy libraries that `code` imports, in a process of its own."""
    tail = f"\nimport sys; print('loaded', *({HEAVY!r} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True).stdout
    return set(told.splitlines()[-1].split()[1:])


def test_commands_that_only_tell_start_without_torch(tmp_path):
    (tmp_path / "runs").mkdir()
    for arguments in (["--help"], ["list"], ["status", str(tmp_path)]):
        assert not loaded(COMMAND.format(arguments=arguments)), arguments


def test_faces_import_nothing_until_a_name_is_asked_for():
    faces = "data, data.streams, measure.metrics, measure.probes, memory, nets, phases, report, runs.store, sleeper"
    assert not loaded("\n".join(f"import oneiros.{face}" for face in ["runs.engines", *faces.split(", ")]))
    assert "torch" in loaded("from oneiros.phases import Nrem")


@pytest.mark.parametrize("name", ["kubo2025/mnist", "shin2017/classes", "deperrois2022/cifar10", "barry2022/locations"])
def test_a_worker_imports_nothing_that_draws_or_tabulates(name):
    found = loaded(WORKER.format(name=name))
    assert "torch" in found
    numbas = {"scipy"} if "numba" in found else set()  # which it imports itself
    assert not (found - numbas) & {"pandas", "matplotlib", "torchvision", "sklearn", "scipy"}


def test_a_report_does_without_torch():
    assert not loaded("import oneiros.report.page, oneiros.report.check") & {"torch", "torchvision", "numba"}


def test_every_name_of_the_flat_api_is_there():
    assert {"live", "Sleeper", "Brain", "Seeds", "load", "Schedule", "Nrem", "GenerativeReplay"} <= set(oneiros.__all__)
    assert [name for name in oneiros.__all__ if not hasattr(oneiros, name)] == []
    with pytest.raises(AttributeError, match="has no attribute 'Nremm'"):
        _ = oneiros.Nremm
