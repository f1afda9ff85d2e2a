"""The callback inside Lightning itself: what it trains is what a plain loop with a Sleeper trains."""

import copy
import functools
import importlib.util
import re
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import oneiros.sleeper
from oneiros.core import Seeds
from oneiros.sleeper import Automatic, GenerativeReplay, NoSleep, Rehearsal, Sleeper

if importlib.util.find_spec("lightning") is None:
    pytest.skip("lightning is not installed", allow_module_level=True)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning.pytorch as pl

    from oneiros.sleeper.lightning import SleepCallback

pytestmark = pytest.mark.filterwarnings("ignore")
DREAMS = GenerativeReplay(hidden=(8,), latent=2, replayed=8)


def data(day: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(day)
    return torch.rand(16, 1, 8, 8, generator=rng), torch.arange(16) % 2 + 2 * day


def loader(day: int) -> DataLoader:
    return DataLoader(TensorDataset(*data(day)), batch_size=8)


class Module(pl.LightningModule):
    def __init__(self, scale: float = 1.0, answer=lambda loss: loss):
        super().__init__()
        with Seeds(0).building("net"):
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 4))
        self.scale, self.answer, self.logged = scale, answer, []

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = self.scale * cross_entropy(self.net(x), y)
        self.log("train_loss", loss, on_step=True)
        return self.answer(loss)

    def configure_optimizers(self):
        return torch.optim.SGD(self.net.parameters(), lr=0.1)


def fit(module, days, *callbacks, epochs: int = 2, folder: Path = Path("."), ckpt=None, **more) -> pl.Trainer:
    for day in days:
        trainer = pl.Trainer(
            max_epochs=epochs, callbacks=list(callbacks), accelerator="cpu", devices=1, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder,
            **more,
        )  # fmt: skip
        trainer.fit(module, loader(day), ckpt_path=ckpt)
    return trainer


def by_hand(mechanism, *, epochs: int = 2) -> Sleeper:
    """The same days in a loop of one's own."""
    sleeper = Sleeper(Module().net, mechanism, classes=4)
    for day in range(2):
        optimiser = torch.optim.SGD(sleeper.net.parameters(), lr=0.1)
        for _ in range(epochs):
            for x, y in loader(day):
                optimiser.zero_grad()
                sleeper.loss(x, y).backward()
                optimiser.step()
        sleeper.sleep()
    return sleeper


@pytest.mark.parametrize(
    "mechanism", [NoSleep(), DREAMS, Rehearsal(per_class=3, replayed=4), Automatic(filters=4, first=8, share=0.3)],
    ids=["none", "dreams", "rehearsal", "automatic"],
)  # fmt: skip
def test_a_module_learns_what_a_plain_loop_learns(mechanism):
    module = Module()
    sleeper = Sleeper(module.net, mechanism, classes=4)
    trainer = fit(module, range(2), SleepCallback(sleeper))
    expected = by_hand(mechanism)
    assert sleeper.nights == 2
    torch.testing.assert_close(module.net.state_dict(), expected.net.state_dict())
    torch.testing.assert_close(sleeper.scores(data(1)[0]), expected.scores(data(1)[0]))
    assert trainer.callback_metrics["train_loss"] > 0  # what the step logs goes on being logged


def test_a_step_may_answer_with_a_mapping_and_the_module_be_the_network():
    class Whole(Module):
        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, batch_idx):
            x, y = batch
            return {"loss": cross_entropy(self(x), y), "more": 1}

    module = Whole()
    sleeper = Sleeper(module, DREAMS, classes=4)
    fit(module, range(2), SleepCallback(sleeper))
    torch.testing.assert_close(module.net.state_dict(), by_hand(DREAMS).net.state_dict())
    assert torch.equal(sleeper.model()(data(1)[0]).argmax(1), sleeper.predict(data(1)[0]))


@pytest.mark.parametrize(("every", "nights"), [(None, 1), (1, 3), (2, 1)])
def test_nights_come_after_a_fit_or_every_so_many_epochs(every, nights):
    module = Module()
    sleeper = Sleeper(module.net, NoSleep())
    fit(module, [0], SleepCallback(sleeper, every=every), epochs=3)
    assert sleeper.nights == nights


def test_a_checkpoint_holds_the_sleeper(tmp_path):
    whole, cut = Module(), Module()
    once = Sleeper(whole.net, DREAMS, classes=4)
    fit(whole, [0], SleepCallback(once, every=1), epochs=3, folder=tmp_path)
    before = fit(cut, [0], SleepCallback(Sleeper(cut.net, DREAMS, classes=4), every=1), epochs=2, folder=tmp_path)
    before.save_checkpoint(tmp_path / "dusk.ckpt")
    again = Module()
    resumed = Sleeper(again.net, DREAMS, classes=4)
    fit(again, [0], SleepCallback(resumed, every=1), epochs=3, folder=tmp_path, ckpt=tmp_path / "dusk.ckpt")
    assert resumed.nights == 3
    torch.testing.assert_close(resumed.state_dict(), once.state_dict())


def test_the_module_gets_its_own_step_back_whatever_happens():
    module = Module()
    fit(module, [0], SleepCallback(Sleeper(module.net, NoSleep())))
    assert "training_step" not in vars(module)
    broken = Module(answer=lambda loss: loss.no_such_thing)
    with pytest.raises(AttributeError):
        fit(broken, [0], SleepCallback(Sleeper(broken.net, NoSleep())))
    assert "training_step" not in vars(broken)


def test_a_step_that_is_left_out_is_no_lesson():
    module = Module(answer=lambda loss: None)
    sleeper = Sleeper(module.net, NoSleep())
    fit(module, [0], SleepCallback(sleeper))
    assert sleeper.nights == sleeper.lessons == 0


def wrong(module, sleeper, **more):
    fit(module, [0], SleepCallback(sleeper), **more)


def test_wrong_use_gets_answers_of_one_line():
    module = Module()
    with pytest.raises(TypeError, match=r"SleepCallback got a Sequential; expected Sleeper\(module.net\)"):
        SleepCallback(module.net)
    with pytest.raises(ValueError, match="every is 0; expected a whole number of at least 1, or None"):
        SleepCallback(Sleeper(module.net), every=0)
    with pytest.raises(ValueError, match=r"the Sleeper's Sequential is not in this Module: .* Sleeper\(module.net\)"):
        wrong(module, Sleeper(copy.deepcopy(module.net), NoSleep()))
    doubled = Module(scale=2.0)
    with pytest.raises(ValueError, match=r"training_step's loss is 2\..*, but cross-entropy makes 1.*criterion="):
        wrong(doubled, Sleeper(doubled.net, NoSleep()))
    manual = Module()
    manual.automatic_optimization = False
    with pytest.raises(ValueError, match=r"manual optimisation .* call sleeper.loss\(x, y\) in training_step yourself"):
        wrong(manual, Sleeper(manual.net, NoSleep()))


def test_a_step_that_asks_twice_is_refused_and_a_criterion_of_ones_own_is_not():
    class Twice(Module):
        def training_step(self, batch, batch_idx):
            self.net(batch[0])
            return super().training_step(batch, batch_idx)

    module = Twice()
    with pytest.raises(ValueError, match="training_step asked Sequential 2 times; expected once"):
        wrong(module, Sleeper(module.net, NoSleep()))
    doubled = Module(scale=2.0)
    sleeper = Sleeper(doubled.net, NoSleep(), criterion=lambda scores, y: 2 * cross_entropy(scores, y))
    wrong(doubled, sleeper)
    assert sleeper.nights == 1


def test_bfloat16_by_day():
    module = Module()
    sleeper = Sleeper(module.net, DREAMS, classes=4)
    fit(module, range(2), SleepCallback(sleeper), precision="bf16-mixed")
    assert sleeper.nights == 2
    assert all(weight.isfinite().all() for weight in module.parameters())


def test_the_guides_block_runs(capsys, monkeypatch):
    """As printed, but for the trainer's words and its folder."""
    text = (Path(__file__).parents[2] / "docs" / "your-network.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python lightning\n(.*?)```", text, flags=re.DOTALL)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    monkeypatch.setattr(pl, "Trainer", functools.partial(pl.Trainer, **quiet))
    exec(compile(block, "your-network.md", "exec"), {"module": Module(), "tasks": [loader(0), loader(1)]})
    assert "right about" in capsys.readouterr().out


def test_without_the_extra_the_package_is_whole():
    assert "SleepCallback" not in oneiros.sleeper.__all__
