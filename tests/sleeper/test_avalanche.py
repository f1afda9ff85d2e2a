"""The plugin over a stand-in for Avalanche's protocol in the quick tests, and inside Avalanche in the slow one."""

import importlib.util
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import oneiros.sleeper
from oneiros.core import Seeds
from oneiros.sleeper import GenerativeReplay, NoSleep

DREAMS = GenerativeReplay(hidden=(16,), latent=4, replayed=16)


@pytest.fixture
def plugin(monkeypatch):
    """SleepPlugin over a stand-in of the one name that it takes from Avalanche."""
    package, core = types.ModuleType("avalanche"), types.ModuleType("avalanche.core")
    core.SupervisedPlugin = type("SupervisedPlugin", (), {})
    monkeypatch.setitem(sys.modules, "avalanche", package)
    monkeypatch.setitem(sys.modules, "avalanche.core", core)
    file = Path(oneiros.sleeper.__file__).parent / "avalanche.py"
    spec = importlib.util.spec_from_file_location("plugin_over_a_stand_in", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SleepPlugin


class Loop:
    """What Avalanche's strategies give a plugin, and the order in which they call it."""

    def __init__(self, plugin, criterion=None):
        with Seeds(0).building("net"):
            self.model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        self.plugin = plugin
        self._criterion = criterion or nn.CrossEntropyLoss()

    def criterion(self):
        return self._criterion(self.model(self.mb_x), self.mb_y)

    def experience(self, label: int):
        rng = torch.Generator().manual_seed(label)
        self.mb_x, self.mb_y = torch.rand(8, 1, 8, 8, generator=rng), torch.full((8,), label)
        self.plugin.before_training(self)
        self.loss = self.criterion() + 5.0  # another plugin's term, added before
        self.plugin.before_backward(self)
        self.loss.backward()
        self.plugin.after_training_exp(self)


def test_without_sleep_the_loss_is_the_strategys_own(plugin):
    loop = Loop(plugin(NoSleep(), classes=10))
    loop.experience(0)
    torch.testing.assert_close(loop.loss, loop.criterion() + 5.0)


def test_the_past_counts_from_the_second_experience_on(plugin):
    loop = Loop(plugin(DREAMS, classes=10))
    loop.experience(0)
    torch.testing.assert_close(loop.loss, loop.criterion() + 5.0)
    loop.experience(1)
    today = cross_entropy(loop.model(loop.mb_x), loop.mb_y)
    assert not torch.isclose(loop.loss, today + 5.0, rtol=1e-3)
    assert loop.plugin.sleeper.nights == 2


def test_nights_come_every_so_many_experiences(plugin):
    loop = Loop(plugin(DREAMS, classes=10, every=2))
    nights = []
    for label in range(4):
        loop.experience(label)
        nights.append(loop.plugin.sleeper.nights)
    assert nights == [0, 1, 1, 2]


def test_wrong_use_gets_answers(plugin):
    with pytest.raises(ValueError, match="every is 0"):
        plugin(DREAMS, classes=10, every=0)
    with pytest.raises(TypeError, match="needs a strategy with CrossEntropyLoss, got MSELoss"):
        Loop(plugin(DREAMS, classes=10), criterion=nn.MSELoss()).experience(0)
    shared = plugin(DREAMS, classes=10)
    Loop(shared).experience(0)
    with pytest.raises(ValueError, match="one plugin for each strategy"):
        Loop(shared).experience(0)


# In a process of its own: Avalanche takes a while to import, and brings warnings of its own.
INSIDE = """
import torch
from torch.utils.data import TensorDataset
from avalanche.benchmarks import nc_benchmark
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche.models import SimpleMLP
from avalanche.training.plugins import EvaluationPlugin
from avalanche.training.supervised import Naive
from oneiros.sleeper import GenerativeReplay, NoSleep
from oneiros.sleeper.avalanche import SleepPlugin
from oneiros.data import load

def dataset(examples):
    part = examples.of_classes((0, 1, 2, 3)).all()
    made = TensorDataset(part.x, part.y)
    made.targets = part.y.tolist()
    return made

torch.set_num_threads(1)
digits = load("digits")
for mechanism in (NoSleep(), GenerativeReplay(hidden=(64,), latent=8, lr=2e-3, replayed=64)):
    torch.manual_seed(0)
    benchmark = nc_benchmark(
        dataset(digits.train), dataset(digits.test), n_experiences=2, task_labels=False, fixed_class_order=[0, 1, 2, 3]
    )
    model = SimpleMLP(num_classes=4, input_size=64, hidden_size=64, drop_rate=0)
    learner = Naive(
        model=model, optimizer=torch.optim.Adam(model.parameters(), lr=2e-3), criterion=torch.nn.CrossEntropyLoss(),
        train_mb_size=16, train_epochs=15, eval_mb_size=500, plugins=[SleepPlugin(mechanism, classes=4)],
        evaluator=EvaluationPlugin(accuracy_metrics(stream=True), loggers=[]),
    )
    for experience in benchmark.train_stream:
        learner.train(experience)
    (right,) = [v for k, v in learner.eval(benchmark.test_stream).items() if k.startswith("Top1_Acc_Stream")]
    print("accuracy", right)
"""


@pytest.mark.slow
def test_inside_avalanches_own_loop_and_metrics():
    if importlib.util.find_spec("avalanche") is None:
        pytest.skip("avalanche-lib is not installed: pip install oneiros[avalanche]")
    answer = subprocess.run([sys.executable, "-W", "ignore", "-c", INSIDE], capture_output=True, text=True, check=True)
    told = [float(line.split()[1]) for line in answer.stdout.splitlines() if line.startswith("accuracy")]
    plain, sleeping = told
    assert plain < 0.6  # the two classes of the last experience
    assert sleeping > 0.85
