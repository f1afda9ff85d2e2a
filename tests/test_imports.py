"""What starts without what: libraries that take seconds are imported by what needs them."""

import subprocess
import sys

import pytest

import oneiros
from oneiros.data import DataError

HEAVY = {"torch", "torchvision", "pandas", "matplotlib", "scipy", "sklearn", "numba", "numpy", "PIL"}
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
    assert not found & {"pandas", "matplotlib", "torchvision", "sklearn", "scipy", "numba"}


def test_a_report_does_without_torch():
    assert not loaded("import oneiros.report.page, oneiros.report.check") & {"torch", "torchvision", "numba"}


def test_every_name_of_the_flat_api_is_there():
    assert {"live", "Sleeper", "Brain", "Seeds", "load", "Schedule", "Nrem", "GenerativeReplay"} <= set(oneiros.__all__)
    assert [name for name in oneiros.__all__ if not hasattr(oneiros, name)] == []
    with pytest.raises(AttributeError, match="has no attribute 'Nremm'"):
        _ = oneiros.Nremm


WITHOUT = """
import sys

for name in {missing!r}:
    sys.modules[name] = None  # cannot be imported
import torch
import oneiros
from oneiros.sleeper import Automatic, GenerativeReplay, LayerReplay, SpikeReplay

layer = LayerReplay(layer="2", per_class=6, replayed=12, batch_size=6)
spikes = SpikeReplay(
    layers=("1.weight", "3.weight"), steps=5, rate=1.0, gains=(1.2, 60.0), inc=(1e-6, 1e-8), dec=(1e-4, 1e-5)
)
dreams = GenerativeReplay(hidden=(8,), latent=2, replayed=8)
digits = oneiros.load("digits").train.all()
for mechanism in (Automatic(filters=16), dreams, layer, spikes):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4))
    sleeper = oneiros.Sleeper(net, mechanism, classes=4)
    for day in range(2):
        today = (digits.y // 2 == day).nonzero().flatten()
        for rows in today[:120].split(30):
            sleeper.loss(digits.x[rows], digits.y[rows]).backward()
        sleeper.sleep()
    some = (digits.y < 4).nonzero().flatten()[:200]
    right = (sleeper.predict(digits.x[some]) == digits.y[some]).double().mean().item()
    print(type(mechanism).__name__, right, sleeper.nbytes, len(sleeper.state_dict()))
"""
# What the extra `run` brings, and numba, which makes things fast and does nothing that tensors do not.
NOT_NEEDED = ("matplotlib", "pandas", "pyarrow", "vl_convert", "numba")


def test_a_sleeper_does_without_what_draws_tabulates_and_compiles():
    """The default then learns its front and solves its heads with tensors, and knows four digits after two days."""
    code = WITHOUT.format(missing=NOT_NEEDED)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split()[0] for line in told] == ["Automatic", "GenerativeReplay", "LayerReplay", "SpikeReplay"]
    assert float(told[0].split()[1]) > 0.9


ASKED = """
import sys

for name in {missing!r}:
    sys.modules[name] = None
from oneiros.cli import main

sys.exit(main({arguments!r}))
"""


@pytest.mark.parametrize(
    ("arguments", "code", "answer"),
    [
        (["demo"], 2, "runs and reports need matplotlib, pandas, pyarrow, vl_convert: pip install 'oneiros[run]'"),
        (["list"], 0, "kubo2025/digits"),
        (["--version"], 0, oneiros.__version__),
    ],
)
def test_the_command_line_says_what_its_runs_need_before_they_run(arguments, code, answer):
    asked = [sys.executable, "-c", ASKED.format(missing=NOT_NEEDED, arguments=arguments)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert told.returncode == code
    assert answer in told.stdout + told.stderr


def test_files_that_pyarrow_reads_say_so_where_it_is_not(monkeypatch, tmp_path):
    for name in [each for each in sys.modules if each.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for module, kind in (("parquet", "parquet"), ("table", "csv")):
        monkeypatch.delitem(sys.modules, f"oneiros.data.{module}", raising=False)
        with pytest.raises(DataError, match=rf"{kind}:.* is read by pyarrow, .*: pip install 'oneiros\[run\]'"):
            oneiros.load(f"{kind}:{tmp_path}")
